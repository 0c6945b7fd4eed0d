//! Every message that was ever offered, and what was promised about it.

use std::collections::{BTreeMap, VecDeque};

use super::random::Random;
use crate::partition;
use crate::record::{Batch, NewRecord, Payload, Record, Walk};

/// Vessels of a history.
const VESSELS: u32 = 6;
/// Bytes of the payload of a position report.
const PAYLOAD: usize = 28;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A position that was not heard before.
    New,
    /// The same payload as that message.
    Again(usize),
    /// Nothing that can be decoded.
    Garbage,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub mmsi: u32,
    pub lon: i32,
    pub received_us: i64,
    /// Once it was appended.
    pub seq: Option<u64>,
    /// A sync has covered it.
    pub is_acknowledged: bool,
    /// It must come to the store: it was appended, and no power cut took it before its sync.
    pub is_owed: bool,
    /// A bit turned in it, or in the header of its segment.
    pub is_damaged: bool,
}

/// All messages.
#[derive(Debug, Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    pub by_seq: BTreeMap<u64, usize>,
    /// Appended in this run and not yet synced.
    unsynced: VecDeque<usize>,
    pub wrong: Vec<String>,
}

impl Ledger {
    /// A batch of messages for a feed.
    pub fn batch(&mut self, random: &mut Random, now_us: i64, feed: usize, count: usize) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..count {
            let vessel = u32::try_from(random.below(u64::from(VESSELS))).unwrap();
            let kind = match random.below(100) {
                0..10 if !self.entries.is_empty() => self.recent(random),
                10..14 => Kind::Garbage,
                _ => Kind::New,
            };
            self.push(&mut batch, kind, vessel, (now_us, feed));
        }
        batch
    }

    /// One new position of each vessel.
    pub fn last_batch(&mut self, now_us: i64, feed: usize) -> Batch {
        let mut batch = Batch::default();
        (0..VESSELS).for_each(|vessel| self.push(&mut batch, Kind::New, vessel, (now_us, feed)));
        batch
    }

    fn recent(&self, random: &mut Random) -> Kind {
        let back = 1 + random.index(self.entries.len().min(20));
        let of = self.entries.len() - back;
        match self.entries[of].kind {
            Kind::New => Kind::Again(of),
            Kind::Again(of) => Kind::Again(of),
            Kind::Garbage => Kind::Garbage,
        }
    }

    fn push(&mut self, batch: &mut Batch, kind: Kind, vessel: u32, (now_us, feed): (i64, usize)) {
        let number = self.entries.len();
        let (mmsi, lon) = match kind {
            Kind::Again(of) => (self.entries[of].mmsi, self.entries[of].lon),
            _ => (244_000_000 + vessel * 7919, i32::try_from(number).unwrap() - 50_000_000),
        };
        let mut raw = match kind {
            Kind::Garbage => vec![b'0'; PAYLOAD],
            _ => payload(mmsi, lon),
        };
        raw.extend_from_slice(&(number as u64).to_le_bytes());
        let record = NewRecord {
            received_us: now_us,
            sent_us: None,
            partition: partition::of(mmsi),
            feed: u8::try_from(feed).unwrap(),
            channel: b'A',
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: &raw,
            payload: Payload::Within(0, PAYLOAD),
        };
        batch.push(&record).unwrap();
        self.entries.push(Entry {
            kind,
            mmsi,
            lon,
            received_us: now_us,
            seq: None,
            is_acknowledged: false,
            is_owed: false,
            is_damaged: false,
        });
    }

    /// A message of this place that was offered, and of which nobody heard that it was appended.
    pub fn untold(&self, lon: Option<i32>) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.position(|entry| Some(entry.lon) == lon && entry.seq.is_none())
    }

    /// How many vessels there are.
    pub const fn vessels(&self) -> usize {
        VESSELS as usize
    }

    /// These were appended.
    pub fn appended(&mut self, bytes: &[u8]) {
        for record in Walk::new(bytes).map(Record::view) {
            let number = number(&record);
            let last = self.by_seq.last_key_value().map_or(0, |(seq, _)| *seq);
            if record.seq <= last {
                self.wrong.push(format!("number {:x} after {last:x}", record.seq));
            }
            if self.by_seq.insert(record.seq, number).is_some() {
                self.wrong.push(format!("number {:x} is used twice", record.seq));
            }
            let entry = &mut self.entries[number];
            if entry.seq.replace(record.seq).is_some() {
                self.wrong.push(format!("message {number} is appended twice"));
            }
            entry.is_owed = true;
            self.unsynced.push_back(number);
        }
    }

    /// Everything below this number is said to be on disk.
    pub fn synced(&mut self, end: u64) {
        while let Some(first) = self.unsynced.front()
            && self.entries[*first].seq.is_some_and(|seq| seq < end)
        {
            self.entries[*first].is_acknowledged = true;
            self.unsynced.pop_front();
        }
    }

    /// The process is gone, and what it had not synced with it when the power is, or when the disk forgot what it could not
    /// write.
    pub fn ended(&mut self, is_lost: bool) {
        for number in std::mem::take(&mut self.unsynced) {
            self.entries[number].is_owed &= !is_lost;
        }
        if is_lost {
            for entry in self.entries.iter_mut().filter(|entry| !entry.is_acknowledged) {
                entry.is_owed = false;
            }
        }
    }

    /// A bit turned in this record.
    pub fn damage(&mut self, seq: u64) {
        if let Some(number) = self.by_seq.get(&seq) {
            self.entries[*number].is_damaged = true;
        }
    }
}

/// Which message a record is: the last bytes of its raw ones.
fn number(record: &Record<'_>) -> usize {
    let bytes = record.raw.last_chunk::<8>().unwrap();
    usize::try_from(u64::from_le_bytes(*bytes)).unwrap()
}

/// A position report of type 1, six bits a letter.
fn payload(mmsi: u32, lon: i32) -> Vec<u8> {
    let lon = lon.cast_unsigned() & 0x0FFF_FFFF;
    // No second (60): the time is that of the receipt.
    let fields = [
        (1, 6),
        (0, 2),
        (mmsi, 30),
        (0, 12),
        (100, 10),
        (0, 1),
        (lon, 28),
        (30_000_000, 27),
        (900, 12),
        (90, 9),
        (60, 6),
        (0, 25),
    ];
    let (mut letters, mut held, mut bits) = (Vec::with_capacity(PAYLOAD), 0_u64, 0);
    for (value, width) in fields {
        held = held << width | u64::from(value);
        bits += width;
        while bits >= 6 {
            bits -= 6;
            let value = u8::try_from(held >> bits & 63).unwrap();
            letters.push(if value < 40 { value + 48 } else { value + 56 });
        }
        held &= (1 << bits) - 1;
    }
    letters
}
