//! Real traffic that other decoders stumble over is decoded, or refused for the right reason.

use std::collections::{BTreeMap, BTreeSet};

use aisd::ais::{Message, Scratch, decode};
use aisd::reject::Reject;
use aisd::report::Position;

use crate::support::lines;
use crate::support::sentences::payloads;

/// What the messages of a file come to: type, or the reason why it is none.
fn outcomes(file: &str) -> Vec<Result<u8, Reject>> {
    let mut scratch = Scratch::new();
    let found = payloads(&lines(file));
    found
        .iter()
        .map(|payload| decode(&payload.chars, payload.fill, &mut scratch).map(|m| m.msg_type()))
        .collect()
}

fn check(case: &str, expected: &[Result<u8, Reject>]) {
    assert_eq!(outcomes(&format!("lines/{case}.nmea")), expected, "{case}");
}

fn with_first<T>(case: &str, then: impl FnOnce(Message<'_>) -> T) -> T {
    let found = payloads(&lines(&format!("lines/{case}.nmea")));
    let mut scratch = Scratch::new();
    then(decode(&found[0].chars, found[0].fill, &mut scratch).expect(case))
}

fn position_of(case: &str) -> Position {
    with_first(case, |message| message.position().expect("a position report"))
}

#[test]
fn odd_lengths_from_real_receivers_are_taken() {
    check("plain", &[Ok(1)]);
    check("type1_204bit", &[Ok(1)]);
    check("type24A_160", &[Ok(24)]);
    check("type24A_162", &[Ok(24)]);
    check("type5_426", &[Ok(5)]);
    check("empty_2nd_payload", &[Ok(8)]);
    check("type28", &[Ok(28)]);
    check("pos_na_91_181", &[Ok(1)]);
}

#[test]
fn more_than_five_fill_bits_are_refused() {
    check("fill_6", &[Err(Reject::FillBits)]);
}

#[test]
fn junk_behind_a_type_1_changes_nothing() {
    let long = position_of("type1_204bit");
    let found = payloads(&lines("lines/type1_204bit.nmea"));
    let mut scratch = Scratch::new();
    let cut = decode(&found[0].chars[..28], 0, &mut scratch).expect("168 bits");
    assert_eq!(cut.position(), Some(long));
}

/// An anchored ship whose receiver lost its position: latitude 91, longitude 181, speed 102.3, course 360.
#[test]
fn what_is_not_available_is_absent_and_the_message_stays() {
    let mut scratch = Scratch::new();
    let log = payloads(&lines("gpsd/ais-nmea-type6-fid55.log"));
    let found = log.iter().find_map(|payload| {
        let position = decode(&payload.chars, payload.fill, &mut scratch).ok()?.position()?;
        (position.place.is_none() && position.sog.is_none()).then_some(position)
    });
    let position = found.expect("one without a position");
    assert_eq!((position.cog, position.heading, position.utc_second), (None, None, None));
}

#[test]
fn a_short_name_part_has_its_whole_name() {
    for case in ["type24A_160", "type24A_162"] {
        let name = with_first(case, |message| message.static_data().and_then(|data| data.name));
        assert!(name.is_some(), "{case}");
    }
}

/// AisLib's own test: what real networks of Denmark sent, all of which must survive.
#[test]
fn every_message_of_the_danish_sample_decodes() {
    let found = outcomes("aislib/decode_encode_messages.txt");
    assert!(found.len() > 400, "{}", found.len());
    for (n, outcome) in found.iter().enumerate() {
        assert!(outcome.is_ok(), "message {n}: {outcome:?}");
    }
}

fn refusals(found: &[Result<u8, Reject>]) -> BTreeMap<&'static str, usize> {
    let mut refused = BTreeMap::new();
    for reason in found.iter().filter_map(|outcome| outcome.err()) {
        *refused.entry(reason.label()).or_insert(0) += 1;
    }
    refused
}

/// 34 009 messages with right checksums: type 6 without an application, type 8 and others cut short, four that begin
/// like a message of nobody.
#[test]
fn all_but_noise_of_an_australian_day_decodes() {
    let found = outcomes("amsa/ais.txt");
    assert_eq!(found.len(), 34_009);
    assert_eq!(refusals(&found), BTreeMap::from([("length", 23), ("mmsi", 4), ("type", 1)]));
}

/// libais' own test: every type and every application, with noise that passed for messages and some cut short.
#[test]
fn every_type_of_the_libais_sample_decodes() {
    let found = outcomes("libais/test.aivdm");
    let types: BTreeSet<u8> = found.iter().filter_map(|outcome| outcome.ok()).collect();
    assert_eq!(types, (1..=28).collect());
    assert_eq!(found.len(), 261);
    let expected = BTreeMap::from([("length", 17), ("mmsi", 11), ("too_short", 1)]);
    assert_eq!(refusals(&found), expected);
}
