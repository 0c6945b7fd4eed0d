//! Any payload with any fill is decoded or refused, and what a message says is in range.
//!
//! Input: the payload, then two bytes: the fill, and how to read the rest. An even last byte makes every byte before
//! it a character of the six-bit alphabet, so that most inputs get as far as the fields.
//!
//! Holds: no panic; type, MMSI, position and static data within the ranges that `report` states; JSON of both kinds is
//! JSON without a key twice; a used scratch gives the same as a new one.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use aisd::ais::{JsonMeta, Message, Scratch, decode};
use aisd::report::{Place, Position, StaticData};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The six-bit alphabet as it is sent.
const ALPHABET: &[u8; 64] = b"0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw";

thread_local! {
    static USED: RefCell<Scratch> = RefCell::new(Scratch::new());
}

fuzz_target!(|input: &[u8]| {
    let [payload @ .., fill, how] = input else { return };
    let armored: Vec<u8>;
    let (payload, fill) = if how % 2 == 0 {
        armored = payload.iter().map(|byte| ALPHABET[usize::from(byte & 63)]).collect();
        (&armored[..], fill % 6)
    } else {
        (payload, *fill)
    };
    let first = USED.with_borrow_mut(|used| told(payload, fill, used));
    assert_eq!(first, told(payload, fill, &mut Scratch::new()), "a used scratch differs");
});

/// Everything that can be asked of a payload, checked, as text.
fn told(payload: &[u8], fill: u8, scratch: &mut Scratch) -> Result<[String; 2], &'static str> {
    let message = decode(payload, fill, scratch).map_err(aisd::reject::Reject::label)?;
    assert!((1..=28).contains(&message.msg_type()));
    assert!(message.mmsi() <= 999_999_999);
    assert!(message.repeat() <= 3);
    assert!(message.utc_second().is_none_or(|second| second < 60));
    if let Some(place) = message.place() {
        assert_eq!(Place::new(place.lon, place.lat), Some(place));
        assert!(place.lon_degrees().abs() <= 180.0 && place.lat_degrees().abs() <= 90.0);
    }
    if let Some(position) = message.position() {
        check_position(&position, &message);
    }
    if let Some(data) = message.static_data() {
        check_static(&data);
    }
    Ok([false, true].map(|scaled| json(&message, scaled)))
}

fn check_position(position: &Position, message: &Message<'_>) {
    assert_eq!(position.msg_type, message.msg_type());
    assert_eq!(position.place, message.place());
    assert_eq!(position.utc_second, message.utc_second());
    let sog_max = if position.msg_type == 9 { 10_220 } else { 1_022 };
    assert!(position.sog.is_none_or(|sog| sog <= sog_max));
    assert!(position.cog.is_none_or(|cog| cog < 3_600));
    assert!(position.heading.is_none_or(|heading| heading < 360));
    assert!(position.rot.is_none_or(|rot| rot != -128));
    assert!(position.nav_status.is_none_or(|status| status < 15));
    assert!(position.altitude.is_none_or(|metres| metres < 4_095));
}

fn check_static(data: &StaticData) {
    assert!(matches!(data.msg_type, 5 | 19 | 24));
    assert!(data.imo.is_none_or(|imo| imo > 0));
    assert!(data.ship_type.is_none_or(|kind| kind > 0));
    assert!(data.dimensions.is_none_or(|metres| metres != [0; 4]));
    assert!(data.draught.is_none_or(|draught| draught > 0));
    assert!(data.epfd.is_none_or(|epfd| (1..=15).contains(&epfd)));
    let [month, day, hour, minute] = data.eta;
    assert!(month.is_none_or(|month| (1..=12).contains(&month)));
    assert!(day.is_none_or(|day| (1..=31).contains(&day)));
    assert!(hour.is_none_or(|hour| hour < 24) && minute.is_none_or(|minute| minute < 60));
    let texts = [
        data.callsign.as_ref().map(aisd::report::Text::as_str),
        data.name.as_ref().map(aisd::report::Text::as_str),
        data.destination.as_ref().map(aisd::report::Text::as_str),
        data.vendor.as_ref().map(aisd::report::Text::as_str),
    ];
    for text in texts.into_iter().flatten() {
        assert!(!text.is_empty() && !text.ends_with(' '), "{text:?}");
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
    }
}

fn json(message: &Message<'_>, scaled: bool) -> String {
    let mut out = Vec::new();
    message.write_json(scaled, &JsonMeta { device: Some("a \"device\"") }, &mut out);
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    assert!(!text.contains('\n'), "one line: {text}");
    if let Err(error) = serde_json::from_str::<Once>(&text) {
        panic!("{error}: {text}");
    }
    text
}

/// Any JSON in which no object has a key twice.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Once;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON without a key twice")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Once, E> {
        assert!(number.is_finite());
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Once, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((key, Once)) = fields.next_entry::<String, Once>()? {
            assert!(seen.insert(key.clone()), "the key {key} stands twice");
        }
        Ok(Once)
    }
}
