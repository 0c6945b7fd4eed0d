//! What a shard hands to the store: rows, and how far it has come.
//!
//! One [`Rows`] is what one turn of one shard decided. It holds every row for the stretch of the journal that ends
//! before `next_seq`, so committing it and moving the offsets of the shard's partitions to `next_seq` is one step.

use crate::report::{Position, StaticData};

/// Where a row came from: the same for all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The record's number in the journal.
    pub seq: u64,
    /// Event time, microseconds since 1970.
    pub time_us: i64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// Who sent it.
    pub mmsi: u32,
    /// The feed that brought it.
    pub feed: u8,
}

/// A row of `positions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionRow {
    /// Where it came from.
    pub origin: Origin,
    /// What was reported.
    pub position: Position,
    /// What is remarkable about it, see [`flags`].
    pub flags: u16,
}

/// A row for `vessels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticRow {
    /// Where it came from.
    pub origin: Origin,
    /// What was reported.
    pub data: StaticData,
    /// Whether the same message is also a position row (type 19), so that it is counted once.
    pub beside_position: bool,
}

/// A row of `messages`: neither position nor static data, kept as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Where it came from.
    pub origin: Origin,
    /// The message type, 1-28.
    pub msg_type: u8,
    /// Where its JSON begins in [`Rows::json`].
    pub json_at: u32,
    /// Bytes of JSON.
    pub json_len: u32,
}

/// Bits of [`PositionRow::flags`].
pub mod flags {
    /// The speed needed to come here from the last position is impossible.
    pub const JUMP: u16 = 1;
    /// The reported speed is over the limit.
    pub const SPEED: u16 = 2;
    /// The report is dated later than a moment after its receipt.
    pub const AHEAD: u16 = 4;
    /// The report is older than the newest of its vessel when it came.
    pub const LATE: u16 = 8;
    /// The event time was given by the sender (tag block, prefix or suffix).
    pub const SENDER_TIME: u16 = 16;
    /// Our own ship (VDO).
    pub const OWN_SHIP: u16 = 32;
    /// The fix is better than 10 m.
    pub const ACCURATE: u16 = 64;
    /// Receiver autonomous integrity monitoring is in use.
    pub const RAIM: u16 = 128;
}

/// What a stretch of the journal became, for the partitions of one shard.
#[derive(Debug, Default)]
pub struct Rows {
    /// The shard that decided this.
    pub shard: usize,
    /// Everything of the shard's partitions below this number is decided.
    pub next_seq: u64,
    /// Received time of the last record looked at, microseconds since 1970.
    pub seen_us: i64,
    /// Rows of `positions`.
    pub positions: Vec<PositionRow>,
    /// Rows for `vessels`.
    pub statics: Vec<StaticRow>,
    /// Rows of `messages`.
    pub messages: Vec<MessageRow>,
    /// The JSON that `messages` points into.
    pub json: Vec<u8>,
}

impl Rows {
    /// Rows of all kinds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len() + self.statics.len() + self.messages.len()
    }

    /// Whether there is no row at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes it ready to be filled again, keeping its memory.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.statics.clear();
        self.messages.clear();
        self.json.clear();
    }

    /// The JSON text of one of its messages.
    #[must_use]
    pub fn json_of(&self, row: &MessageRow) -> &[u8] {
        let at = row.json_at as usize;
        &self.json[at..at + row.json_len as usize]
    }
}
