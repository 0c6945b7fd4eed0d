//! Every message that gpsd's recorded answers hold decodes to the same fields with the same values.

use aisd::ais::{JsonMeta, Message, Scratch, decode};
use serde_json::{Map, Value};

use crate::support::compare::{differences, object};
use crate::support::lines;
use crate::support::sentences::{Payload, payloads};

type Object = Map<String, Value>;

/// Applications of types 6 and 8 (DAC, FI) that are not written yet: only the fields up to `fid` are compared.
const APPLICATIONS_TO_COME: &[(u64, u64)] =
    &[(1, 11), (1, 12), (1, 14), (1, 18), (1, 30), (1, 31), (1, 32), (200, 10), (200, 55), (235, 10)];

fn ours(payload: &Payload, scaled: bool, device: Option<&str>) -> Result<Object, String> {
    let mut scratch = Scratch::new();
    let message = decode(&payload.chars, payload.fill, &mut scratch)
        .map_err(|reason| format!("refused: {}", reason.label()))?;
    let mut out = Vec::new();
    message.write_json(scaled, &JsonMeta { device }, &mut out);
    Ok(object(&String::from_utf8_lossy(&out)))
}

fn u64_of(object: &Object, name: &str) -> u64 {
    object.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

fn name_part_of_24(object: &Object) -> bool {
    u64_of(object, "type") == 24 && object.contains_key("shipname")
}

fn application_to_come(theirs: &Object) -> bool {
    matches!(u64_of(theirs, "type"), 6 | 8)
        && APPLICATIONS_TO_COME.contains(&(u64_of(theirs, "dac"), u64_of(theirs, "fid")))
        && !theirs.contains_key("data")
}

/// Compares one message with gpsd's answer; `held` are the parts A of type 24 that gpsd has not answered yet.
fn difference(mine: &Object, theirs: &Object, held: &[Object]) -> String {
    if application_to_come(theirs) {
        let common = |object: &Object| {
            let names = ["class", "device", "type", "repeat", "mmsi", "scaled", "dac", "fid"];
            let also = ["seqno", "dest_mmsi", "retransmit"];
            let kept = names.iter().chain(&also).map(|&name| (name.to_owned(), object[name].clone()));
            kept.filter(|(_, value)| !value.is_null()).collect::<Object>()
        };
        let with_nulls = |object: &Object| {
            let mut object = object.clone();
            for name in ["device", "seqno", "dest_mmsi", "retransmit"] {
                object.entry(name).or_insert(Value::Null);
            }
            common(&object)
        };
        return differences(&with_nulls(mine), &with_nulls(theirs), &[]);
    }
    if u64_of(theirs, "type") == 24 && theirs.contains_key("shipname") {
        let mut joined = mine.clone();
        let part_a = held.iter().rev().find(|part| part["mmsi"] == theirs["mmsi"]);
        if let Some(part_a) = part_a {
            joined.insert("shipname".into(), part_a["shipname"].clone());
        }
        return differences(&joined, theirs, &[]);
    }
    differences(mine, theirs, &[])
}

/// How far our messages may run ahead of gpsd's answers.
const AHEAD_MAX: usize = 40;

/// What a comparison of two streams left over.
#[derive(Debug, Default)]
struct Left {
    /// Our messages that gpsd has no answer for, parts A of type 24 apart.
    unanswered: Vec<Object>,
    /// Answers that no message of ours has.
    foreign: Vec<Object>,
    /// What differs in those that belong together.
    differing: Vec<String>,
}

/// Walks over our messages and gpsd's answers together.
fn compare(mine: &[Object], answers: &[Object]) -> Left {
    let (mut next, mut held, mut left) = (0, Vec::new(), Left::default());
    for theirs in answers {
        let belongs = |ours: &Object| {
            ours["type"] == theirs["type"]
                && ours["mmsi"] == theirs["mmsi"]
                && (!name_part_of_24(ours) || !theirs.contains_key("shiptype"))
        };
        let Some(found) = mine[next..].iter().take(AHEAD_MAX).position(belongs) else {
            left.foreign.push(theirs.clone());
            continue;
        };
        for skipped in &mine[next..next + found] {
            if name_part_of_24(skipped) { &mut held } else { &mut left.unanswered }
                .push(skipped.clone());
        }
        let different = difference(&mine[next + found], theirs, &held);
        if !different.is_empty() {
            left.differing.push(format!("{} {}: {different}", theirs["type"], theirs["mmsi"]));
        }
        next += found + 1;
    }
    left.unanswered.extend(mine[next..].iter().filter(|object| !name_part_of_24(object)).cloned());
    left
}

fn answers(name: &str) -> Vec<Object> {
    let json = lines(name).into_iter().filter(|line| line.starts_with('{'));
    json.map(|line| object(&line)).filter(|object| object["class"] == "AIS").collect()
}

fn decoded(name: &str, scaled: bool, device: Option<&str>) -> Vec<Object> {
    let found = payloads(&lines(name));
    found.iter().filter_map(|payload| ours(payload, scaled, device).ok()).collect()
}

fn unanswered(log: &str, scaled: bool) -> Left {
    compare(&decoded(log, scaled, None), &answers(&format!("{log}.chk")))
}

#[test]
fn x() {
    for (answers_in, scaled) in [("gpsd/sample.aivdm.ju.chk", false), ("gpsd/sample.aivdm.js.chk", true)] {
        let left = compare(&decoded("gpsd/sample.aivdm", scaled, Some("stdin")), &answers(answers_in));
        eprintln!("{answers_in}: {left:#?}");
    }
}
#[test]
fn y() {
    for log in [
        "gpsd/ais-18-27.log",
        "gpsd/ais-nmea.log",
        "gpsd/ais-nmea-type6-fid55.log",
        "gpsd/ais-raw-messages.log",
        "gpsd/ais_unpack_sixbit.log",
    ] {
        let left = unanswered(log, false);
        eprintln!("{log}: {left:#?}");
    }
}
