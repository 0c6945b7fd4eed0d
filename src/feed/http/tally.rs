//! What became of the entries of one body, and how that is told.

use serde_json::{Map, Value, json};

use super::Verdict;
use crate::reject::Reject;

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its place in the body: of an array, of the objects, or of the lines; from 0.
    pub index: usize,
    /// Why it was refused, if it was.
    pub result: Result<(), Reject>,
}

/// What became of all.
#[derive(Debug, Default)]
pub struct Tally {
    /// Each entry, in order.
    pub outcomes: Vec<Outcome>,
    /// Fields that could not be used.
    pub unusable: u64,
    /// Lines that are no AIS.
    pub ignored: u64,
    /// Parts of messages whose other parts are not in the body.
    pub incomplete: u64,
}

impl Tally {
    /// Notes an entry.
    pub fn note(&mut self, index: usize, result: Result<(), Reject>) {
        self.outcomes.push(Outcome { index, result });
    }

    /// Entries that were taken.
    pub fn accepted(&self) -> u64 {
        self.outcomes.iter().filter(|outcome| outcome.result.is_ok()).count() as u64
    }

    /// 200 when all is good, 207 with a result for each when some is, 400 with the same when nothing is.
    pub fn verdict(&self) -> Verdict {
        let accepted = self.accepted();
        let rejected = self.outcomes.len() as u64 - accepted;
        let mut told = Map::new();
        told.insert("accepted".to_owned(), accepted.into());
        told.insert("rejected".to_owned(), rejected.into());
        let more = [
            ("unusable_fields", self.unusable),
            ("ignored_lines", self.ignored),
            ("incomplete_parts", self.incomplete),
        ];
        for (name, count) in more.into_iter().filter(|(_, count)| *count > 0) {
            told.insert(name.to_owned(), count.into());
        }
        let status = match (accepted, rejected + self.incomplete) {
            (0, _) => 400,
            (_, 0) => 200,
            _ => 207,
        };
        if self.incomplete > 0 {
            let hint = "all parts of a message belong into one body; these found no partner and are not taken";
            told.insert("hint".to_owned(), hint.into());
        }
        if status == 400 {
            let text = match self.outcomes.len() {
                0 => "there is nothing to take".to_owned(),
                1 => "the entry is not good".to_owned(),
                count => format!("none of {count} entries is good"),
            };
            told.insert("error".to_owned(), text.into());
        }
        if status != 200 {
            let results: Vec<Value> = self.outcomes.iter().map(result).collect();
            told.insert("results".to_owned(), results.into());
        }
        Verdict { status, body: format!("{}\n", Value::Object(told)).into_bytes() }
    }
}

fn result(outcome: &Outcome) -> Value {
    match outcome.result {
        Ok(()) => json!({ "index": outcome.index, "status": "accepted" }),
        Err(reason) => json!({
            "index": outcome.index,
            "status": "rejected",
            "reason": reason.label(),
            "detail": detail(reason),
        }),
    }
}

/// What a sender can do about it.
const fn detail(reason: Reject) -> &'static str {
    match reason {
        Reject::Json => "not an object of JSON",
        Reject::Mmsi => "mmsi must be 7 to 9 digits, neither all 0 nor all 9",
        Reject::Position => "lat must be a number from -90 to 90 and lon one from -180 to 180",
        Reject::TimeMissing => {
            "a time is wanted, such as ts: seconds or milliseconds since 1970, or 2026-01-31T12:00:00Z"
        }
        Reject::TimeUnparsable => {
            "the time must be seconds or milliseconds since 1970, or like 2026-01-31T12:00:00Z"
        }
        Reject::TimePast => "the time is not after 1970, or older than shards.age_hours_max",
        Reject::TimeFuture => "the time is further ahead than shards.ahead_hours_max",
        Reject::SentenceMissing => {
            "of this type of message the sentence is wanted, in an array named nmea"
        }
        Reject::TooLong => "the entry is too long",
        Reject::Fragment => "parts of the message are missing, or contradict each other",
        Reject::Checksum | Reject::ChecksumMissing => "the checksum of the sentence is not right",
        _ => "not a message of AIS",
    }
}
