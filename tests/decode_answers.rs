//! Every message that gpsd's recorded answers hold decodes to the same fields with the same values.
//!
//! `sample.aivdm` has one answer for each message, in order, in the numbers of the standard (`.ju.chk`) and scaled
//! (`.js.chk`). The receiver logs have gpsd's whole conversation: each sentence, then what it said of it, some of it
//! said again at the end of a second.

use aisd::ais::{JsonMeta, Message, Scratch, decode};
use serde_json::{Map, Value};

use crate::support::compare::{differences, object};
use crate::support::lines;
use crate::support::sentences::{Payload, payloads};

type Object = Map<String, Value>;

fn ours(payload: &Payload, scaled: bool, device: Option<&str>) -> Result<Object, &'static str> {
    let mut scratch = Scratch::new();
    let message = decode(&payload.chars, payload.fill, &mut scratch).map_err(|why| why.label())?;
    let mut out = Vec::new();
    message.write_json(scaled, &JsonMeta { device }, &mut out);
    Ok(object(&String::from_utf8_lossy(&out)))
}

fn number(object: &Object, name: &str) -> u64 {
    object.get(name).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

fn is_part_a(object: &Object) -> bool {
    number(object, "type") == 24 && !object.contains_key("shiptype")
}

/// What gpsd answers to our messages: it holds a type 24 part A until its part B comes and answers with both in one,
/// and says nothing of a part B when none of the last eight parts A waits for it.
#[derive(Default)]
struct Pairing(Vec<Option<Object>>);

impl Pairing {
    const HELD_MAX: usize = 8;

    fn answer(&mut self, ours: Object) -> Option<Object> {
        if is_part_a(&ours) {
            self.0.push(Some(ours));
            return None;
        }
        if number(&ours, "type") != 24 {
            return Some(ours);
        }
        let last = self.0.len().saturating_sub(Self::HELD_MAX);
        let waits = |part_a: &&mut Option<Object>| {
            part_a.as_ref().is_some_and(|part_a| part_a["mmsi"] == ours["mmsi"])
        };
        let mut both = self.0[last..].iter_mut().find(waits)?.take()?;
        both.extend(ours);
        Some(both)
    }
}

fn difference(ours: &Object, theirs: &Object) -> String {
    differences(ours, theirs)
}

/// Walks over the messages of a file and its answers.
fn check_in_order(file: &str, answers: &str, scaled: bool) {
    let mut pairing = Pairing::default();
    let mine = payloads(&lines(file)).into_iter().filter_map(|payload| {
        let object = ours(&payload, scaled, Some("stdin"));
        pairing.answer(object.unwrap_or_else(|why| panic!("line {}: {why}", payload.line + 1)))
    });
    let (mine, answers): (Vec<_>, _) = (mine.collect(), lines(answers));
    for (n, (ours, theirs)) in mine.iter().zip(&answers).enumerate() {
        let different = difference(ours, &object(theirs));
        assert!(different.is_empty(), "answer {}: {different}\nours {ours:?}", n + 1);
    }
    assert_eq!(mine.len(), answers.len(), "messages and answers");
}

/// What came of a conversation.
#[derive(Debug, Default)]
struct Conversation {
    /// Answers that are the same as ours.
    same: usize,
    /// Messages that we refuse, with their first character.
    refused: Vec<(&'static str, u8)>,
    /// Our messages that gpsd did not answer, parts A apart.
    unanswered: Vec<Object>,
    /// Answers that differ from ours, or have none.
    different: Vec<String>,
}

/// Reads gpsd's side of a conversation, in which every sentence stands before what was said of it.
fn converse(log: &str) -> Conversation {
    let conversation = lines(&format!("{log}.chk"));
    let mut found = Conversation::default();
    let mut at_line = vec![None; conversation.len()];
    for payload in payloads(&conversation) {
        match ours(&payload, false, None) {
            Ok(object) => at_line[payload.line] = Some(object),
            Err(reason) => found.refused.push((reason, payload.chars[0])),
        }
    }
    let (mut latest, mut answered, mut pairing) = (None, true, Pairing::default());
    for (line, ours) in conversation.iter().zip(at_line) {
        if let Some(ours) = ours.and_then(|ours| pairing.answer(ours)) {
            let before = latest.replace(ours);
            found.unanswered.extend(before.filter(|_| !answered));
            answered = false;
        } else if line.contains(r#""class":"AIS""#) {
            let theirs = object(line);
            match latest.as_ref().map(|ours| difference(ours, &theirs)) {
                Some(nothing) if nothing.is_empty() => found.same += 1,
                other => found.different.push(format!("{other:?} {line}")),
            }
            answered = true;
        }
    }
    found
}

#[test]
fn every_type_has_the_same_fields_as_in_gpsds_unscaled_answers() {
    check_in_order("gpsd/sample.aivdm", "gpsd/sample.aivdm.ju.chk", false);
}

#[test]
fn every_type_has_the_same_fields_as_in_gpsds_scaled_answers() {
    check_in_order("gpsd/sample.aivdm", "gpsd/sample.aivdm.js.chk", true);
}

#[test]
fn a_receivers_messages_have_the_same_fields_as_in_gpsds_conversation_with_it() {
    let logs = [
        ("gpsd/ais-18-27.log", 138),
        ("gpsd/ais-nmea.log", 274),
        ("gpsd/ais-nmea-type6-fid55.log", 1265),
        ("gpsd/ais-raw-messages.log", 108),
        ("gpsd/ais_unpack_sixbit.log", 12),
    ];
    for (log, answers) in logs {
        let found = converse(log);
        assert!(found.different.is_empty(), "{log}: {:#?}", found.different);
        assert!(found.unanswered.is_empty(), "{log}: {:#?}", found.unanswered);
        assert_eq!(found.same, answers, "{log}");
    }
}

/// `ais-18-27.log` is from a gateway that numbers the parts of its type 24s 0 and 3; gpsd does not answer them either.
#[test]
fn a_type_24_with_a_part_that_does_not_exist_is_refused_as_gpsd_does() {
    let refused = converse("gpsd/ais-18-27.log").refused;
    assert_eq!(refused.len(), 69);
    assert!(refused.iter().all(|&refusal| refusal == ("type", b'H')), "{refused:?}");
}

/// One message of the sample is 163 bits long: gpsd takes the 14 bits of the radio status that are there.
#[test]
fn a_type_1_without_its_last_bits_has_the_radio_status_that_is_there() {
    let whole = Payload { chars: b"13aIkM@P00PJ@qPNL=e@0?wJ28JO".into(), fill: 0, line: 0 };
    let cut = Payload { fill: 5, ..whole.clone() };
    let radio =
        |payload: &Payload| ours(payload, false, None).map(|object| number(&object, "radio"));
    assert_eq!(radio(&whole), Ok(34463));
    assert_eq!(radio(&cut), Ok(34463 >> 5));
}

/// gpsd never reads the radio status at the end of a type 26 and writes 0; so does our JSON, but the field is there.
#[test]
fn the_radio_status_of_a_type_26_is_read_though_gpsds_json_has_none() {
    let mut statuses = Vec::new();
    for payload in payloads(&lines("gpsd/sample.aivdm")) {
        let mut scratch = Scratch::new();
        if let Ok(Message::SlotBinary(message)) = decode(&payload.chars, payload.fill, &mut scratch)
            && message.header.msg_type == 26
        {
            statuses.push(message.radio);
            assert_eq!(ours(&payload, false, None).map(|object| number(&object, "radio")), Ok(0));
        }
    }
    assert!(statuses.iter().all(Option::is_some), "{statuses:?}");
    assert!(statuses.iter().flatten().any(|&radio| radio != 0), "{statuses:?}");
}
