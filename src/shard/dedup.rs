//! One transmission heard by several receivers is one report: what was heard lately is remembered by its payload.
//!
//! A report is a repeat when its payload was heard before, and both their own times and their receipts lie within the window.
//! The times matter because a moored ship sends the same payload again later, and a recording is read faster than it was
//! made; the receipts matter because a restart rebuilds this memory from one window of the journal and must come to the same
//! decisions. For the same reason what counts is when it was last *heard*, not when it was last stored: that would hang on what
//! was stored before it, and so on without end.
//!
//! It is a hash table of 16-byte entries with linear probing. Old entries are not searched for: when the table fills, it is rebuilt
//! from what is still in the window, larger or smaller. At its bound the older half of the window goes, counted.
//!
//! A sink that wants some sources alone must not lose what another source brought first: what was heard is remembered for each
//! [`Audience`](super::audience::Audience) by itself.
//!
//! What senders of fields told, and what anybody sent who waited for an answer, has a memory of its own: the same report of
//! the same time is the same report whenever it comes within the longer window of those who may send again ([`Again`]).
//!
//! Why not in the vessel cache: eviction there would forget what was heard. Why 64 bits of hash: at a million entries the chance
//! that a new report meets another's key is 5e-14; the hash is seeded with the identity of the data directory, so nobody can aim.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::audience::Audiences;
use super::prefetch::prefetch;
use crate::filter::Sinks;
use crate::record::Record;
use crate::report::packed;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 1024;

#[derive(Clone, Copy, Default)]
struct Entry {
    /// 0 for a free slot.
    key: u64,
    sent_ms: u32,
    received_ms: u32,
}

impl Entry {
    fn new(hash: u64, sent_us: i64, received_us: i64) -> Self {
        Self { key: hash.max(1), sent_ms: millis(sent_us), received_ms: millis(received_us) }
    }

    /// Whether both are one report, within this window of both its times.
    fn is_same(&self, other: &Self, window_ms: u32) -> bool {
        self.key == other.key
            && near(self.sent_ms, other.sent_ms, window_ms)
            && near(self.received_ms, other.received_ms, window_ms)
    }
}

/// Bytes of an entry.
const ENTRY_BYTES: usize = size_of::<Entry>();

/// What was heard within the window.
#[derive(Clone)]
pub struct Dedup {
    slots: Vec<Entry>,
    used: usize,
    slots_max: usize,
    window_ms: u32,
    seed: u64,
    evicted: u64,
}

impl Dedup {
    /// Remembers `window_ms` in at most `bytes_max` bytes.
    #[must_use]
    pub fn new(window_ms: u32, bytes_max: usize, seed: u64) -> Self {
        let fitting = (bytes_max / ENTRY_BYTES).max(SLOTS_MIN);
        let slots_max =
            if fitting.is_power_of_two() { fitting } else { fitting.next_power_of_two() / 2 };
        Self {
            slots: vec![Entry::default(); SLOTS_MIN],
            used: 0,
            slots_max,
            window_ms,
            seed,
            evicted: 0,
        }
    }

    /// Whether this payload was heard before within the window of its own time and of its receipt, both in microseconds; if
    /// not, it is remembered. Either way this is now when it was last heard.
    pub fn is_repeat(&mut self, payload: &[u8], sent_us: i64, received_us: i64) -> bool {
        self.is_known(xxh3_64_with_seed(payload, self.seed), sent_us, received_us)
    }

    fn is_known(&mut self, hash: u64, sent_us: i64, received_us: i64) -> bool {
        let entry = Entry::new(hash, sent_us, received_us);
        if self.used * 4 >= self.slots.len() * 3 {
            self.rebuild(entry.received_ms);
        }
        let at = self.find(entry.key);
        let found = std::mem::replace(&mut self.slots[at], entry);
        self.used += usize::from(found.key == 0);
        found.is_same(&entry, self.window_ms)
    }

    /// Whether [`Dedup::is_known`] would say so; remembers nothing.
    fn knows(&self, hash: u64, sent_us: i64, received_us: i64) -> bool {
        let entry = Entry::new(hash, sent_us, received_us);
        self.slots[self.find(entry.key)].is_same(&entry, self.window_ms)
    }

    /// The slot of a key, or the free one where it belongs.
    fn find(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = slot(key, mask);
        while self.slots[at].key != 0 && self.slots[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// Has the slot of this hash brought near.
    fn fetch(&self, hash: u64) {
        prefetch(&self.slots[slot(hash, self.slots.len() - 1)]);
    }

    /// Who has had what goes by this hash, when this feed brings it; its audience has it now.
    fn had(
        &mut self,
        hash: u64,
        (sent_us, received_us): (i64, i64),
        (audiences, feed): (&Audiences, u8),
    ) -> Had {
        let own = audiences.of(feed);
        let is_known = self.is_known(hash ^ own.salt, sent_us, received_us);
        let mut by = if is_known { own.sinks } else { Sinks::NONE };
        for other in audiences.others(feed) {
            if self.knows(hash ^ other.salt, sent_us, received_us) {
                by = by.and(other.sinks);
            }
        }
        Had { is_known, by }
    }

    /// Entries, those included that have left the window and not yet the table.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Entries put out before their time since the last call.
    pub const fn take_evicted(&mut self) -> u64 {
        std::mem::replace(&mut self.evicted, 0)
    }

    /// A table of the right size with only what is still in the window.
    fn rebuild(&mut self, now_ms: u32) {
        let in_window = |window| self.slots.iter().filter(|it| alive(it, now_ms, window)).count();
        let (mut window, mut live) = (self.window_ms, in_window(self.window_ms));
        while live * 2 > self.slots_max && window > 0 {
            window /= 2;
            let kept = in_window(window);
            self.evicted += (live - kept) as u64;
            live = kept;
        }
        let size = (live * 4).next_power_of_two().clamp(SLOTS_MIN, self.slots_max);
        let old = std::mem::replace(&mut self.slots, vec![Entry::default(); size]);
        self.used = 0;
        for entry in old {
            // With no window left even the entries of this moment are too many: none is kept.
            if alive(&entry, now_ms, window) && self.used * 2 < size {
                self.insert(entry);
            }
        }
    }

    fn insert(&mut self, entry: Entry) {
        let at = self.find(entry.key);
        self.slots[at] = entry;
        self.used += 1;
    }
}

/// Who has had a report.
#[derive(Clone, Copy)]
struct Had {
    /// Whether a source of the same audience brought it.
    is_known: bool,
    by: Sinks,
}

/// Whether a report came before.
#[derive(Clone, Copy)]
pub struct Hearing {
    /// What it goes by.
    pub hash: u64,
    /// Nobody who wants its source has not had it.
    pub is_repeat: bool,
    /// Who wants its source and has not had it.
    pub new_to: Sinks,
}

impl Hearing {
    fn new(hash: u64, wanted: Sinks, had: Had) -> Self {
        let new_to = wanted.but(had.by);
        let is_had = wanted != Sinks::NONE && new_to == Sinks::NONE;
        Self { hash, is_repeat: had.is_known || is_had, new_to }
    }
}

/// Both memories.
#[derive(Clone)]
pub struct Again {
    heard: Dedup,
    timed: Dedup,
}

impl Again {
    /// Transmissions are remembered for `window_ms`, what may be sent again for `retry_ms`, each in at most `bytes_max` bytes.
    #[must_use]
    pub fn new(window_ms: u32, retry_ms: u32, bytes_max: usize, seed: u64) -> Self {
        Self {
            heard: Dedup::new(window_ms, bytes_max, seed),
            timed: Dedup::new(retry_ms, bytes_max, seed),
        }
    }

    /// Whether this record's report came before, and to whom; remembers it either way.
    pub fn hear(&mut self, record: &Record<'_>, sent_us: i64, audiences: &Audiences) -> Hearing {
        let (times, who) = ((sent_us, record.received_us), (audiences, record.feed));
        let wanted = audiences.of(record.feed).sinks;
        let hash = self.hash(record, sent_us);
        if record.report {
            return Hearing::new(hash, wanted, self.timed.had(hash, times, who));
        }
        let mut had = self.heard.had(hash, times, who);
        if record.answered && record.sent_us.is_some() {
            let told = self.told_hash(record.payload, sent_us);
            let told = self.timed.had(told, times, who);
            had = Had { is_known: had.is_known || told.is_known, by: had.by.and(told.by) };
        }
        Hearing::new(hash, wanted, had)
    }

    /// Has what [`Again::hear`] looks at brought near.
    pub fn fetch(&self, record: &Record<'_>, audiences: &Audiences) {
        let memory = if record.report { &self.timed } else { &self.heard };
        memory.fetch(self.hash(record, record.told_us()) ^ audiences.of(record.feed).salt);
    }

    /// What a record goes by: its payload, or what it tells at its time.
    fn hash(&self, record: &Record<'_>, sent_us: i64) -> u64 {
        if record.report {
            self.told_hash(packed::key(record.payload), sent_us)
        } else {
            xxh3_64_with_seed(record.payload, self.heard.seed)
        }
    }

    /// The time is part of what is compared: to the microsecond, as it was told.
    fn told_hash(&self, key: &[u8], sent_us: i64) -> u64 {
        xxh3_64_with_seed(key, self.timed.seed ^ sent_us.cast_unsigned().rotate_left(32))
    }

    /// Entries of both.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.heard.len() + self.timed.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries put out before their time since the last call.
    pub const fn take_evicted(&mut self) -> u64 {
        self.heard.take_evicted() + self.timed.take_evicted()
    }
}

/// The low 32 bits of the milliseconds: differences are right up to 24 days.
fn millis(us: i64) -> u32 {
    let bytes = (us / 1000).to_le_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn near(one_ms: u32, other_ms: u32, window_ms: u32) -> bool {
    one_ms.wrapping_sub(other_ms).cast_signed().unsigned_abs() <= window_ms
}

fn alive(entry: &Entry, now_ms: u32, window_ms: u32) -> bool {
    entry.key != 0 && near(entry.received_ms, now_ms, window_ms)
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits of a hash")]
const fn slot(key: u64, mask: usize) -> usize {
    key as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND_US;

    const NOW: i64 = 1_700_000_000 * SECOND_US;

    fn dedup() -> Dedup {
        Dedup::new(10_000, 1 << 20, 42)
    }

    #[test]
    fn the_same_payload_is_a_repeat_only_within_the_window_of_both_times() {
        let check = |sent_s: i64, received_s: i64, expected: bool| {
            let mut dedup = dedup();
            assert!(!dedup.is_repeat(b"payload", NOW, NOW));
            let (sent, received) = (NOW + sent_s * SECOND_US, NOW + received_s * SECOND_US);
            assert_eq!(
                dedup.is_repeat(b"payload", sent, received),
                expected,
                "{sent_s} {received_s}"
            );
            assert!(!dedup.is_repeat(b"another", sent, received));
        };
        check(0, 0, true);
        check(10, 10, true);
        check(11, 11, false);
        check(-10, 0, true);
        check(60, 0, false);
        check(0, 60, false);
    }

    /// When only what was stored counted, a start that began at 10 s took the report at 16 s for a repeat of the one at 8 s,
    /// which had itself been a repeat of one it did not see.
    #[test]
    fn what_was_heard_within_one_window_alone_decides() {
        let at = |s: i64| NOW + s * SECOND_US;
        let heard = [0, 8, 16, 30, 38];
        let mut always = dedup();
        let decisions: Vec<bool> =
            heard.iter().map(|&s| always.is_repeat(b"moored", at(s), at(s))).collect();
        assert_eq!(decisions, [false, true, true, false, true]);
        for begin in 1..heard.len() {
            let mut restarted = dedup();
            let warm = heard.iter().filter(|&&s| s < heard[begin] && s >= heard[begin] - 10);
            for &s in warm {
                restarted.is_repeat(b"moored", at(s), at(s));
            }
            let s = heard[begin];
            assert_eq!(restarted.is_repeat(b"moored", at(s), at(s)), decisions[begin], "{s}");
        }
    }

    #[test]
    fn nothing_within_the_window_is_forgotten_while_the_table_grows_and_shrinks() {
        let mut dedup = Dedup::new(10_000, 16 << 20, 1);
        let payload = |n: i64| n.to_le_bytes();
        for n in 0..200_000_i64 {
            let at = NOW + n * 100;
            assert!(!dedup.is_repeat(&payload(n), at, at));
            let earlier = n - 90_000;
            if earlier >= 0 && n % 7 == 0 {
                assert!(dedup.is_repeat(&payload(earlier), at, at), "{earlier} at {n}");
            }
        }
        assert_eq!(dedup.take_evicted(), 0);
        let later = NOW + 1000 * SECOND_US;
        for n in 0..400_000_i64 {
            dedup.is_repeat(&payload(-n), later + n * 1000, later + n * 1000);
        }
        assert!(dedup.len() < 50_000, "{}", dedup.len());
    }

    #[test]
    fn at_its_bound_the_oldest_go_and_are_counted() {
        let bytes = 64 * 1024;
        let mut dedup = Dedup::new(10_000, bytes, 1);
        for n in 0..100_000_i64 {
            dedup.is_repeat(&n.to_le_bytes(), NOW + n, NOW + n);
        }
        assert!(dedup.slots.len() * ENTRY_BYTES <= bytes);
        assert!(dedup.take_evicted() > 0 || dedup.len() < 5000);
    }
}
