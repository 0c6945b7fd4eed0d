//! Nothing that can come in a payload makes the decoder panic, and what it says is in range.

use aisd::ais::{JsonMeta, Scratch, decode};
use aisd::report::Place;
use proptest::prelude::*;

use crate::support::lines;
use crate::support::sentences::payloads;

/// Everything that can be asked of a message.
fn ask(chars: &[u8], fill: u8, scratch: &mut Scratch) {
    let Ok(message) = decode(chars, fill, scratch) else { return };
    assert!((1..=28).contains(&message.msg_type()));
    assert!(message.mmsi() <= 999_999_999);
    if let Some(place) = message.place() {
        assert_eq!(Place::new(place.lon, place.lat), Some(place));
    }
    if let Some(position) = message.position() {
        assert!(position.sog.is_none_or(|sog| sog <= 10_220));
        assert!(position.cog.is_none_or(|cog| cog < 3600));
        assert!(position.heading.is_none_or(|heading| heading < 360));
        assert!(position.rot.is_none_or(|rot| rot != -128));
        assert!(position.nav_status.is_none_or(|status| status < 15));
        assert_eq!(position.utc_second, message.utc_second());
    }
    assert!(message.utc_second().is_none_or(|second| second < 60));
    let _ = message.static_data();
    let mut out = Vec::new();
    for scaled in [false, true] {
        out.clear();
        message.write_json(scaled, &JsonMeta { device: Some("a \"device\"") }, &mut out);
        let json = serde_json::from_slice::<serde_json::Value>(&out);
        assert!(json.is_ok(), "{json:?} {}", String::from_utf8_lossy(&out));
    }
}

/// A character of the six-bit alphabet.
fn armored() -> impl Strategy<Value = u8> {
    prop_oneof![48..=87_u8, 96..=119_u8]
}

proptest! {
    #[test]
    fn any_bytes_with_any_fill_are_decoded_or_refused(
        chars in prop::collection::vec(any::<u8>(), 0..200), fill in any::<u8>(),
    ) {
        ask(&chars, fill, &mut Scratch::new());
    }

    #[test]
    fn any_message_of_any_type_is_in_range_and_its_json_is_json(
        msg_type in 1..=28_u8,
        rest in prop::collection::vec(armored(), 6..178),
        fill in 0..6_u8,
    ) {
        let mut chars = vec![msg_type + 48];
        chars.extend(rest);
        // An MMSI that can be.
        chars[1] = b'0' + chars[1] % 4;
        ask(&chars, fill, &mut Scratch::new());
    }
}

#[test]
fn every_prefix_of_a_real_message_is_decoded_or_refused() {
    let mut scratch = Scratch::new();
    for file in ["gpsd/sample.aivdm", "libais/test.aivdm"] {
        for payload in payloads(&lines(file)) {
            for end in 0..payload.chars.len() {
                ask(&payload.chars[..end], 0, &mut scratch);
                ask(&payload.chars[..end], 5, &mut scratch);
            }
        }
    }
}

#[test]
fn a_used_scratch_gives_the_same_as_a_new_one() {
    let mut used = Scratch::new();
    for payload in payloads(&lines("libais/test.aivdm")) {
        let mut new = Scratch::new();
        let mut outs = [Vec::new(), Vec::new()];
        for (scratch, out) in [&mut used, &mut new].into_iter().zip(&mut outs) {
            match decode(&payload.chars, payload.fill, scratch) {
                Ok(message) => message.write_json(true, &JsonMeta::default(), out),
                Err(reason) => out.extend_from_slice(reason.label().as_bytes()),
            }
        }
        assert_eq!(String::from_utf8_lossy(&outs[0]), String::from_utf8_lossy(&outs[1]));
    }
}
