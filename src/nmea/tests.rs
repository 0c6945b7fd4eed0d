//! Recorded and made-up lines against what must come of them.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

mod cases;
mod lines;
mod properties;
mod recorded;

use std::collections::BTreeMap;

use super::line::Lines;
use super::{Assembler, Message, Note, Sink};
use crate::config::NmeaConfig;
use crate::record::Payload;
use crate::reject::Reject;

/// When every line of a test is received.
pub const NOW_US: i64 = 1_800_000_000_000_000;

/// A message that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Got {
    pub raw: Vec<u8>,
    pub payload: Vec<u8>,
    pub mmsi: u32,
    pub sent_us: Option<i64>,
    pub received_us: i64,
    pub fill: u8,
    pub channel: u8,
    pub parts: u8,
    pub own_ship: bool,
}

/// Keeps everything it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub messages: Vec<Got>,
    pub rejects: Vec<(&'static str, Vec<u8>)>,
    pub ignored: u64,
    pub expired: u64,
    pub tag_blocks: u64,
    pub dollars: u64,
}

impl Sink for Kept {
    fn message(&mut self, message: &Message<'_>) {
        let payload = match message.payload {
            Payload::Within(at, len) => &message.raw[at..at + len],
            Payload::Joined(payload) | Payload::Report(payload) => payload,
        };
        self.messages.push(Got {
            raw: message.raw.to_vec(),
            payload: payload.to_vec(),
            mmsi: message.mmsi,
            sent_us: message.sent_us,
            received_us: message.received_us,
            fill: message.fill,
            channel: message.channel,
            parts: message.parts,
            own_ship: message.own_ship,
        });
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.rejects.push((reason.label(), line.to_vec()));
    }

    fn note(&mut self, note: Note, count: u64) {
        match note {
            Note::Ignored => self.ignored += count,
            Note::FragmentExpired => self.expired += count,
            Note::TagBlockIgnored => self.tag_blocks += count,
            Note::DollarSentence => self.dollars += count,
        }
    }
}

impl Kept {
    /// How many were refused, by reason.
    pub fn by_reason(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (reason, _) in &self.rejects {
            *counts.entry(*reason).or_default() += 1;
        }
        counts
    }
}

/// What comes of bytes that are all from one sender.
pub fn assemble_with(config: &NmeaConfig, bytes: &[u8]) -> Kept {
    let mut kept = Kept::default();
    let mut assembler = Assembler::new(config);
    for line in Lines::new(bytes) {
        assembler.line(line, 1, NOW_US, &mut kept);
    }
    assembler.finish(&mut kept);
    kept
}

/// The same, by the rules of the shipped configuration.
pub fn assemble(bytes: &[u8]) -> Kept {
    assemble_with(&NmeaConfig::default(), bytes)
}

/// A sentence from what is between `!` and `*`.
pub fn sealed(body: &str) -> String {
    format!("!{body}*{:02X}", super::sentence::checksum(body.as_bytes()))
}

/// A tag block from its fields.
pub fn tagged(fields: &str) -> String {
    format!("\\{fields}*{:02X}\\", super::sentence::checksum(fields.as_bytes()))
}

/// A recorded file.
pub fn data(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
