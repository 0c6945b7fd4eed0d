//! Every message of recorded traffic against gpsd's answers for it, and any bits at all for panics.

#![allow(clippy::cast_possible_truncation)]

mod by_hand;

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Bits, Object, write_addressed, write_broadcast};

/// A recorded type 6 or 8: sender, area code, function and all its bits.
struct Recorded {
    key: Key,
    bits: Vec<bool>,
}

/// Type, sender, area code, function.
type Key = (u64, u64, u64, u64);

fn data(name: &str) -> String {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    String::from_utf8_lossy(&std::fs::read(&path).expect(&path)).into_owned()
}

/// The number in some bits.
fn number(bits: &[bool]) -> u64 {
    bits.iter().fold(0, |number, &bit| number << 1 | u64::from(bit))
}

/// Plain six-bit unarmouring.
fn unarmour(payload: &str, fill: usize) -> Vec<bool> {
    let mut bits = Vec::new();
    for byte in payload.bytes() {
        let six = byte.wrapping_sub(if byte < 96 { 48 } else { 56 });
        bits.extend((0..6).rev().map(|at| six >> at & 1 == 1));
    }
    bits.truncate(bits.len().saturating_sub(fill));
    bits
}

/// The types 6 and 8 of a log. Fragments are joined as gpsd does it: by channel.
fn recorded(name: &str) -> Vec<Recorded> {
    let mut parts: HashMap<String, String> = HashMap::new();
    let mut found = Vec::new();
    for line in data(name).lines().filter(|line| line.starts_with('!')) {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, of, part, _, channel, payload, tail, ..] = fields[..] else { continue };
        let whole = parts.entry(channel.to_owned()).or_default();
        if part == "1" {
            whole.clear();
        }
        whole.push_str(payload);
        if part == of {
            let bits = unarmour(whole, tail[..1].parse().unwrap_or(0));
            if bits.len() < 56 {
                continue;
            }
            let at = if number(&bits[..6]) == 6 { 72 } else { 40 };
            if [6, 8].contains(&number(&bits[..6])) && bits.len() >= at + 16 {
                let key = (
                    number(&bits[..6]),
                    number(&bits[8..38]),
                    number(&bits[at..at + 10]),
                    number(&bits[at + 10..at + 16]),
                );
                found.push(Recorded { key, bits });
            }
        }
    }
    found
}

/// The application fields of a message as written here, or none.
fn written(kind: u64, dac: u64, fi: u64, bits: &[bool], scaled: bool) -> Option<Value> {
    let mut bytes: Vec<u8> = bits
        .chunks(8)
        .map(|chunk| number(chunk) << (8 - chunk.len()))
        .map(|byte| byte as u8)
        .collect();
    bytes.extend([0; 8]);
    let bits = Bits::new(&bytes, bits.len());
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    let write = if kind == 6 { write_addressed } else { write_broadcast };
    let known = write(dac as u16, fi as u8, bits, scaled, &mut object);
    object.close();
    if !known {
        assert_eq!(out, b"{}", "what is not known leaves nothing behind");
        return None;
    }
    Some(serde_json::from_slice(&out).expect("what is written is json"))
}

/// Whether two values are the same, with numbers compared as numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() < 1e-9)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// What gpsd says behind the header; none when it left the data raw.
fn expected(answer: &Map<String, Value>) -> Option<Value> {
    let header = [
        "class",
        "device",
        "type",
        "repeat",
        "mmsi",
        "scaled",
        "seqno",
        "dest_mmsi",
        "retransmit",
        "dac",
        "fid",
    ];
    let mut fields = answer.clone();
    fields.retain(|name, _| !header.contains(&name.as_str()));
    (!fields.contains_key("data")).then_some(Value::Object(fields))
}

/// Compares every answer with the messages of its key in their order; returns how many were structured and raw.
fn check(log: &str, answers: &str) -> (usize, usize) {
    let mut by_key: HashMap<Key, Vec<Vec<bool>>> = HashMap::new();
    for Recorded { key, bits } in recorded(log) {
        by_key.entry(key).or_default().push(bits);
    }
    let (mut structured, mut raw) = (0, 0);
    for line in data(answers).lines() {
        let Ok(Value::Object(answer)) = serde_json::from_str(line) else { continue };
        let of = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        let key = (of("type"), of("mmsi"), of("dac"), of("fid"));
        if ![6, 8].contains(&key.0) {
            continue;
        }
        let scaled = answer["scaled"] == json!(true);
        let expected = expected(&answer);
        let messages = by_key.get(&key).unwrap_or_else(|| panic!("no message for {line}"));
        let ours: Vec<_> =
            messages.iter().map(|bits| written(key.0, key.2, key.3, bits, scaled)).collect();
        let agrees = |ours: &Option<Value>| match (ours, &expected) {
            (Some(ours), Some(expected)) => same(ours, expected),
            (None, None) => true,
            _ => false,
        };
        assert!(ours.iter().any(agrees), "gpsd says {line}\nwe say {ours:?}");
        if expected.is_some() {
            structured += 1;
        } else {
            raw += 1;
        }
    }
    (structured, raw)
}

#[test]
fn samples_read_as_gpsd_reads_them_scaled() {
    assert_eq!(check("gpsd/sample.aivdm", "gpsd/sample.aivdm.js.chk"), (21, 10));
}

#[test]
fn samples_read_as_gpsd_reads_them_unscaled() {
    assert_eq!(check("gpsd/sample.aivdm", "gpsd/sample.aivdm.ju.chk"), (21, 10));
}

#[test]
fn recorded_persons_on_board_and_weather_read_as_gpsd_reads_them() {
    let counts = check("gpsd/ais-nmea-type6-fid55.log", "gpsd/ais-nmea-type6-fid55.log.chk");
    assert_eq!(counts, (117, 24));
}

#[test]
fn recorded_inland_ships_read_as_gpsd_reads_them() {
    assert_eq!(check("gpsd/ais-nmea.log", "gpsd/ais-nmea.log.chk"), (9, 0));
}

#[test]
fn every_message_of_another_decoders_vectors_is_json_or_raw() {
    let messages = recorded("libais/test.aivdm");
    let known = |scaled: bool| {
        messages
            .iter()
            .filter(|it| written(it.key.0, it.key.2, it.key.3, &it.bits, scaled).is_some())
            .count()
    };
    assert!(messages.len() > 10);
    assert!(known(true) >= 4);
    assert_eq!(known(true), known(false));
}

proptest! {
    #[test]
    fn nothing_that_arrives_can_break_it(
        bytes in proptest::collection::vec(any::<u8>(), 0..150),
        cut in 0_usize..8,
        kind in prop_oneof![Just(6_u64), Just(8)],
        (dac, fi) in prop_oneof![
            (prop_oneof![Just(1_u64), Just(200), Just(235), Just(250)], 0_u64..64),
            (0_u64..1_024, 0_u64..64),
        ],
        length in prop_oneof![
            Just(None),
            proptest::sample::select(vec![72_usize, 136, 168, 232, 248, 256]).prop_map(Some),
        ],
        scaled: bool,
    ) {
        let mut bits: Vec<bool> =
            bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1)).collect();
        bits.truncate(bits.len().saturating_sub(cut));
        if let Some(length) = length {
            bits.resize(length, true);
        }
        let _ = written(kind, dac, fi, &bits, scaled);
    }
}
