//! What a shard hands to the store: rows, and how far it has come.
//!
//! One [`Rows`] is what one turn of one shard decided. It holds every row for the stretch of the journal that ends
//! before `next_seq`, so committing it and moving the offsets of the shard's partitions to `next_seq` is one step.

use crate::record::{Mark, note_last};
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

impl Origin {
    /// The time at which it counts for what is known now: no later than its receipt.
    #[must_use]
    pub fn live_us(&self) -> i64 {
        self.time_us.min(self.received_us)
    }

    /// The same, at the time at which it counts for what is known now.
    #[must_use]
    pub fn live(self) -> Self {
        Self { time_us: self.live_us(), ..self }
    }
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
    /// Where it came from; its time is that at which it counts, for of two the newer is kept.
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

/// How far a file was read by the records looked at, whatever became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    /// The last of its marks.
    pub mark: Mark,
    /// The feed that read it.
    pub feed: u8,
}

impl FileMark {
    /// Puts it into a list of the last of each reading.
    pub fn note_in(self, marks: &mut Vec<Self>) {
        note_last(marks, self, |it| it.mark);
    }
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
    /// The vessel is reported from here and from somewhere else, where it cannot both be: two vessels share its MMSI, or a source has it wrong.
    pub const SHARED: u16 = 256;
    /// Its source brings again what it brought before, and nothing else.
    pub const STUCK: u16 = 512;

    /// What cannot be.
    pub const SUSPECT: u16 = JUMP | SPEED;

    /// What is held against its source.
    pub const WRONG: u16 = SUSPECT | AHEAD;

    /// Those that say how good a source is, which are counted for each.
    pub const JUDGED: [(u16, &str); 6] = [
        (JUMP, "jump"),
        (SPEED, "speed"),
        (AHEAD, "ahead"),
        (LATE, "late"),
        (SHARED, "shared"),
        (STUCK, "stuck"),
    ];

    /// All of those.
    pub const JUDGED_BITS: u16 = JUMP | SPEED | AHEAD | LATE | SHARED | STUCK;

    /// The words for all of them, as the faces write them.
    pub const NAMES: [(u16, &str); 8] = [
        (JUMP, "jump"),
        (SPEED, "speed"),
        (AHEAD, "ahead"),
        (LATE, "late"),
        (SENDER_TIME, "sender_time"),
        (OWN_SHIP, "own_ship"),
        (SHARED, "shared"),
        (STUCK, "stuck"),
    ];
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
    /// How far files were read, to be committed with the offsets that pass their records.
    pub files: Vec<FileMark>,
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
        empty(&mut self.positions);
        empty(&mut self.statics);
        empty(&mut self.messages);
        empty(&mut self.json);
        self.files.clear();
    }

    /// Cuts it in two where about so many rows are before the cut, of at least one message each; the second part, if there
    /// can be one. Rows of one message stay together.
    pub fn split_off(&mut self, rows: usize) -> Option<Self> {
        if self.len() <= rows {
            return None;
        }
        let mut seqs: Vec<u64> = self.origins().map(|origin| origin.seq).collect();
        seqs.sort_unstable();
        let first = *seqs.first()?;
        let cut = seqs.get(rows).copied().filter(|seq| *seq > first);
        let cut = cut.or_else(|| seqs.iter().copied().find(|seq| *seq > first))?;
        let (shard, next_seq, seen_us) = (self.shard, self.next_seq, self.seen_us);
        let mut rest = Self { shard, next_seq, seen_us, ..Self::default() };
        let is_rest = |origin: &Origin| origin.seq >= cut;
        rest.positions.extend(self.positions.extract_if(.., |row| is_rest(&row.origin)));
        rest.statics.extend(self.statics.extract_if(.., |row| is_rest(&row.origin)));
        for row in self.messages.extract_if(.., |row| is_rest(&row.origin)) {
            let at = row.json_at as usize;
            let json_at = u32::try_from(rest.json.len()).unwrap_or(u32::MAX);
            rest.json.extend_from_slice(&self.json[at..at + row.json_len as usize]);
            rest.messages.push(MessageRow { json_at, ..row });
        }
        // They go with the offsets that pass all of it.
        rest.files = std::mem::take(&mut self.files);
        self.next_seq = cut;
        self.seen_us = self.origins().map(|origin| origin.received_us).max().unwrap_or(seen_us);
        Some(rest)
    }

    /// Where its rows came from; a message with two rows is there twice.
    fn origins(&self) -> impl Iterator<Item = &Origin> {
        let positions = self.positions.iter().map(|row| &row.origin);
        let statics = self.statics.iter().map(|row| &row.origin);
        positions.chain(statics).chain(self.messages.iter().map(|row| &row.origin))
    }

    /// The JSON text of one of its messages.
    #[must_use]
    pub fn json_of(&self, row: &MessageRow) -> &[u8] {
        let at = row.json_at as usize;
        &self.json[at..at + row.json_len as usize]
    }
}

/// Room for so many is kept without a question.
const ROOM_KEPT: usize = 256;

/// Empties it. Room of which hardly any was used is halved: each of the buffers that go round grew when the store was away, until
/// all of them were as large as that ever asked for.
fn empty<T>(items: &mut Vec<T>) {
    let (used, room) = (items.len(), items.capacity());
    items.clear();
    if room > ROOM_KEPT && used < room / 8 {
        items.shrink_to((room / 2).max(ROOM_KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64, json: &mut Vec<u8>) -> MessageRow {
        let text = format!("{{\"seq\":{seq}}}");
        let json_at = u32::try_from(json.len()).unwrap();
        json.extend_from_slice(text.as_bytes());
        let origin = Origin { seq, time_us: 1, received_us: 100, mmsi: 1, feed: 0 };
        let received_us = origin.received_us + i64::try_from(seq).unwrap();
        let origin = Origin { received_us, ..origin };
        let json_len = u32::try_from(text.len()).unwrap();
        MessageRow { origin, msg_type: 4, json_at, json_len }
    }

    #[test]
    fn room_that_is_not_used_any_more_is_given_back_by_and_by() {
        let mut rows = Rows::default();
        let fill = |rows: &mut Rows, count: u64| {
            (0..count).for_each(|seq| {
                let row = message(seq, &mut rows.json);
                rows.messages.push(row);
            });
            rows.clear();
            (rows.messages.capacity(), rows.json.capacity())
        };
        let large = fill(&mut rows, 10_000);
        assert_eq!(fill(&mut rows, 5_000), large, "so much is still in use");
        let less = fill(&mut rows, 10);
        assert!(less.0 <= large.0 / 2 + 1 && less.1 <= large.1 / 2 + 1, "{less:?}");
        let least = (0..20).map(|_| fill(&mut rows, 10)).last().unwrap();
        assert!((10..=2 * ROOM_KEPT).contains(&least.0), "{least:?}");
    }

    #[test]
    fn rows_are_cut_between_two_messages_and_keep_their_texts() {
        let check = |at: usize, first: &[u64], second: &[u64]| {
            let mut rows = Rows { shard: 3, next_seq: 50, seen_us: 1_000, ..Rows::default() };
            // Two rows of one message, as a type 19 has.
            for seq in [10, 12, 12, 17, 20] {
                let row = message(seq, &mut rows.json);
                rows.messages.push(row);
            }
            let rest = rows.split_off(at);
            let seqs = |rows: &Rows| rows.origins().map(|it| it.seq).collect::<Vec<_>>();
            assert_eq!(seqs(&rows), first, "{at}");
            let Some(rest) = rest else {
                assert!(second.is_empty() && rows.next_seq == 50 && rows.seen_us == 1_000);
                return;
            };
            assert_eq!(seqs(&rest), second, "{at}");
            assert_eq!((rows.next_seq, rest.next_seq), (second[0], 50));
            assert_eq!((rows.shard, rest.shard, rest.seen_us), (3, 3, 1_000));
            let last = i64::try_from(*first.last().unwrap()).unwrap();
            assert_eq!(rows.seen_us, 100 + last);
            for part in [&rows, &rest] {
                for row in &part.messages {
                    let text = format!("{{\"seq\":{}}}", row.origin.seq);
                    assert_eq!(part.json_of(row), text.as_bytes());
                }
            }
        };
        check(5, &[10, 12, 12, 17, 20], &[]);
        check(4, &[10, 12, 12, 17], &[20]);
        check(3, &[10, 12, 12], &[17, 20]);
        check(2, &[10], &[12, 12, 17, 20]);
        check(1, &[10], &[12, 12, 17, 20]);
        // At least one message is before the cut.
        check(0, &[10], &[12, 12, 17, 20]);
    }
}
