//! The bytes behind a segment's header.

use aisd::journal::first_of;
use aisd::record::{self, Batch, NewRecord, Payload, Walk};

use super::Options;

/// What each good record holds, once or many times.
pub const LINE: &[u8] = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27";
/// Good records of a body that is changed in places.
const RECORDS: u64 = 12;
/// The same, in a body that is longer than what is read at once.
const RECORDS_LONG: u64 = 160;
/// Lines in the longest of those.
const LINES_MAX: u64 = 80;
/// When the first of them was received.
pub const FIRST_US: i64 = 1_700_000_000_000_000;
/// From one to the next.
pub const STEP_US: i64 = 1_000_000;
/// Bytes behind the records, as preallocated.
const BLANK_BYTES: usize = 4096;

/// Two bytes of input reach any place of a long body; odd, so that they reach any of a short one.
const PLACE_STEP: usize = 5;

/// A body, and what good records it was made of.
pub struct Body {
    /// As it is written.
    pub bytes: Vec<u8>,
    /// The good ones.
    pub records: Vec<Vec<u8>>,
    /// Where each of them began.
    begins: Vec<usize>,
    /// Whether a piece was put in a second place.
    pub copied: bool,
}

impl Body {
    /// The good records that are still as they were.
    pub fn untouched(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.records.iter().zip(&self.begins).filter_map(|(record, &at)| {
            let now = self.bytes.get(at..at + record.len())?;
            (now == record).then_some(record)
        })
    }
}

/// The body that these bytes mean.
pub fn of(input: &[u8], options: &Options, nth: u64) -> Body {
    let mut body = if options.changes_records() {
        let mut body = good(options, nth);
        body.copied = change(&mut body.bytes, input);
        body
    } else {
        Body { bytes: input.to_vec(), records: Vec::new(), begins: Vec::new(), copied: false }
    };
    if options.seals() {
        seal(&mut body.bytes);
    }
    if options.preallocated() {
        body.bytes.resize(body.bytes.len() + BLANK_BYTES, 0);
    }
    body
}

/// The number of the first good record of a segment.
pub fn first_seq(options: &Options, nth: u64) -> u64 {
    first_of(1) + nth * count(options)
}

/// When a segment of good records was begun.
pub fn begun_us(options: &Options, nth: u64) -> i64 {
    FIRST_US + (nth * count(options)).cast_signed() * STEP_US
}

/// Good records of a segment.
pub fn count(options: &Options) -> u64 {
    if options.long() { RECORDS_LONG } else { RECORDS }
}

fn good(options: &Options, nth: u64) -> Body {
    let mut batch = Batch::default();
    for n in 0..count(options) {
        let lines = if options.long() { 1 + n % LINES_MAX } else { 1 };
        let raw = vec![LINE; lines as usize].join(&b'\n');
        let new = NewRecord {
            received_us: begun_us(options, nth) + n.cast_signed() * STEP_US,
            sent_us: None,
            partition: 5,
            feed: 0,
            channel: b'A',
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: &raw,
            payload: Payload::Within(14, 28),
        };
        batch.push(&new).expect("one line is a record");
    }
    let mut bytes = batch.into_bytes();
    let (mut begins, mut at) = (Vec::new(), 0);
    for seq in first_seq(options, nth)..first_seq(options, nth + 1) {
        let length = record::length(&bytes[at..]).expect("it was just pushed");
        record::number(&mut bytes[at..at + length], seq);
        begins.push(at);
        at += record::aligned(length);
    }
    let records = Walk::new(&bytes).map(<[u8]>::to_vec).collect();
    Body { bytes, records, begins, copied: false }
}

/// Changes bytes in place, five bytes of input for each change: what, where (two), which value or how many, from where.
/// Says whether any piece is there twice now.
fn change(bytes: &mut Vec<u8>, input: &[u8]) -> bool {
    let mut copied = false;
    for change in input.chunks_exact(5) {
        let &[what, low, high, value, from] = change else { continue };
        if bytes.is_empty() {
            break;
        }
        let at = usize::from(u16::from_le_bytes([low, high])) * PLACE_STEP % bytes.len();
        let end = (at + usize::from(value)).min(bytes.len());
        match what % 5 {
            0 => bytes[at] = value,
            1 => bytes[at] ^= value,
            2 => bytes[at..end].fill(from),
            3 => {
                copied = true;
                // A piece of the file in another place, in step with where records begin.
                let (at, from) = (at & !7, usize::from(from) * 8 % bytes.len());
                let count = (usize::from(value) * 8).min(bytes.len() - at).min(bytes.len() - from);
                bytes.copy_within(from..from + count, at);
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    copied
}

/// Gives everything that has the length of a record the checksum of one.
fn seal(bytes: &mut [u8]) {
    let mut at = 0;
    while at < bytes.len() {
        at += match record::length(&bytes[at..]) {
            Ok(length) => {
                let record = &mut bytes[at..at + length];
                let crc = crc32c::crc32c(&record[8..]);
                record[4..8].copy_from_slice(&crc.to_le_bytes());
                record::aligned(length)
            }
            Err(_) => record::ALIGNMENT,
        };
    }
}
