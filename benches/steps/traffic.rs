//! What do the steps read: recorded traffic, the payloads in it, and rows as they come of it?

use aisd::ais::Scratch;
use aisd::config::NmeaConfig;
use aisd::nmea::{Assembler, Message, Note, Sink, line::Lines};
use aisd::record::{Batch, NewRecord, Payload};
use aisd::reject::Reject;

pub use crate::rows::{NOW_US, row};
/// From one run to the next: nothing of one is a repeat in the next.
pub const HOUR_US: i64 = 3_600_000_000;

/// A day of the Australian coast: 44 687 lines, of which 34 009 are AIS.
pub const RECORDED: &[u8] = include_bytes!("../../tests/data/amsa/ais.txt");
/// Every type, one or more of each.
const ALL_TYPES: [&[u8]; 3] = [
    include_bytes!("../../tests/data/gpsd/sample.aivdm"),
    include_bytes!("../../tests/data/libais/test.aivdm"),
    RECORDED,
];

/// The lines that are one whole sentence: what a clean feed sends.
pub fn plain() -> Vec<u8> {
    let wanted = |line: &&[u8]| {
        let head = line.get(3..11);
        head == Some(b"VDM,1,1,") && line.len() < 60 && line[line.len() - 3] == b'*'
    };
    Lines::new(RECORDED).filter(wanted).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// A whole message: its payload and what belongs to it.
#[derive(Clone)]
pub struct Whole {
    pub raw: Vec<u8>,
    pub payload: Vec<u8>,
    /// Where it is in `raw`, if it is there.
    pub at: Option<usize>,
    pub fill: u8,
    pub mmsi: u32,
}

#[derive(Default)]
struct Wholes(Vec<Whole>);

impl Sink for Wholes {
    fn message(&mut self, message: &Message<'_>) {
        let (payload, at) = match message.payload {
            Payload::Within(at, len) => (&message.raw[at..at + len], Some(at)),
            Payload::Joined(payload) | Payload::Report(payload) => (payload, None),
        };
        let (raw, payload) = (message.raw.to_vec(), payload.to_vec());
        self.0.push(Whole { raw, payload, at, fill: message.fill, mmsi: message.mmsi });
    }

    fn reject(&mut self, _: Reject, _: &[u8]) {}
    fn note(&mut self, _: Note, _: u64) {}
}

/// All messages in some bytes.
fn wholes(bytes: &[u8]) -> Vec<Whole> {
    let mut sink = Wholes::default();
    let mut assembler = Assembler::new(&NmeaConfig::default());
    for line in Lines::new(bytes) {
        assembler.line(line, 0, NOW_US, &mut sink);
    }
    sink.0
}

/// The messages of the recording.
pub fn messages() -> Vec<Whole> {
    wholes(RECORDED)
}

/// Messages of one type that can be decoded, at most 64.
pub fn of_type(msg_type: u8) -> Vec<Whole> {
    let mut scratch = Scratch::new();
    let mut is_wanted = |it: &Whole| {
        let decoded = aisd::ais::decode(&it.payload, it.fill, &mut scratch);
        decoded.is_ok_and(|message| message.msg_type() == msg_type)
    };
    let all = ALL_TYPES.iter().flat_map(|bytes| wholes(bytes));
    all.filter(|it| is_wanted(it)).take(64).collect()
}

/// Records of these messages, a millisecond apart from a time on.
pub fn batch(messages: &[Whole], from_us: i64) -> Batch {
    let mut batch = Batch::with_capacity(messages.len() * 160);
    for (number, message) in (0_i64..).zip(messages) {
        let payload = match message.at {
            Some(at) => Payload::Within(at, message.payload.len()),
            None => Payload::Joined(&message.payload),
        };
        let record = NewRecord {
            received_us: from_us + number * 1000,
            sent_us: None,
            partition: aisd::partition::of(message.mmsi),
            feed: 0,
            channel: b'A',
            fill: message.fill,
            own_ship: false,
            recorded: false,
            raw: &message.raw,
            payload,
        };
        assert!(batch.push(&record).is_ok(), "a message of the recording is too long");
    }
    batch
}
