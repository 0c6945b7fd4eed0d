//! Where messages are accepted: appended, numbered, synced in groups, and kept until the store has them.
//!
//! In:      batches of records from the feeds
//! Out:     the same records, numbered, to every shard; from memory, or read back from segments
//! Drops:   never; when the disk or the bound is used up, feeds wait
//! Metrics: `ais_journal_*`
//!
//! The journal is a directory of preallocated segment files. Appending waits for nobody behind it: a shard that is slow
//! misses chunks and finds them in the segments ([`tail`]). The bound is the journal's size on disk, not a queue.
//!
//! A plain write survives `kill -9`, a sync survives power loss. Numbers are never used twice: each start takes a new
//! generation ([`directory`]) for their high bits before the first append.

pub mod append;
pub mod committed;
pub mod directory;
pub mod feeds;
pub mod inspect;
pub mod open;
pub mod read_back;
pub mod retention;
pub mod segment;
pub mod sync;
pub mod tail;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::disk;
use crate::partition::PARTITIONS;
use segment::Segment;

/// Bits of a sequence number that count within a generation; the bits above are the generation.
pub const COUNTER_BITS: u32 = 40;

/// Generations are below this. Every number then fits the signed columns of a store, with a bit to spare.
pub const GENERATIONS_MAX: u64 = 1 << 22;

/// The first number of a generation.
#[must_use]
pub const fn first_of(generation: u64) -> u64 {
    generation << COUNTER_BITS
}

/// A point between two records: a segment and an offset in it. Later places compare greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The segment's index.
    pub segment: u32,
    /// Bytes from the start of its file.
    pub offset: u32,
}

impl Place {
    const fn pack(self) -> u64 {
        (self.segment as u64) << 32 | self.offset as u64
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a u64")]
    const fn unpack(packed: u64) -> Self {
        Self { segment: (packed >> 32) as u32, offset: packed as u32 }
    }
}

/// Records as they were appended, on their way to the shards.
#[derive(Debug)]
pub struct Chunk {
    /// Numbered records, one after the other.
    pub bytes: Vec<u8>,
    /// Where the record before the first of these ends.
    pub follows: Place,
    /// Where the last of these ends.
    pub end: Place,
    /// The number after the last of these.
    pub next_seq: u64,
}

/// What the threads around the journal share.
#[derive(Debug)]
pub struct Shared {
    /// The directory of segments.
    pub dir: PathBuf,
    /// The segments, oldest first.
    pub segments: RwLock<Vec<Arc<Segment>>>,
    /// Everything before this place can be read.
    head: AtomicU64,
    /// The number of the next record.
    next_seq: AtomicU64,
    /// Everything below this number is on disk.
    synced_seq: AtomicU64,
    /// Somebody waits for everything below this number to be on disk.
    awaited_seq: AtomicU64,
    /// The first number of this run.
    run_from: u64,
    /// What the store has committed, by partition.
    committed: [AtomicU64; PARTITIONS],
    /// Whether it said so itself.
    told: [AtomicBool; PARTITIONS],
}

impl Shared {
    /// Shared state of a journal that was just opened.
    #[must_use]
    pub fn new(dir: PathBuf, segments: Vec<Arc<Segment>>, head: Place, next_seq: u64) -> Self {
        Self {
            dir,
            segments: RwLock::new(segments),
            head: AtomicU64::new(head.pack()),
            next_seq: AtomicU64::new(next_seq),
            synced_seq: AtomicU64::new(next_seq),
            awaited_seq: AtomicU64::new(0),
            run_from: next_seq,
            committed: std::array::from_fn(|_| AtomicU64::new(0)),
            told: std::array::from_fn(|_| AtomicBool::new(true)),
        }
    }

    /// Everything before this place can be read.
    #[must_use]
    pub fn head(&self) -> Place {
        Place::unpack(self.head.load(Ordering::Acquire))
    }

    /// Notes how far records can be read. The place first, then the number: see [`tail::Tail`].
    fn set_head(&self, head: Place, next_seq: u64) {
        self.head.store(head.pack(), Ordering::Release);
        self.next_seq.store(next_seq, Ordering::Release);
    }

    pub(crate) fn set_synced(&self, seq: u64) {
        self.synced_seq.store(seq, Ordering::Release);
    }

    /// The number of the next record.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq.load(Ordering::Acquire)
    }

    /// Everything below this number is on disk.
    #[must_use]
    pub fn synced_seq(&self) -> u64 {
        self.synced_seq.load(Ordering::Acquire)
    }

    /// Whether everything below this number is on disk; if not, the next sync does not wait for its time.
    #[must_use]
    pub fn is_synced_to(&self, seq: u64) -> bool {
        if self.synced_seq() >= seq {
            return true;
        }
        self.awaited_seq.fetch_max(seq, Ordering::AcqRel);
        false
    }

    /// Whether somebody waits for a sync.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited_seq.load(Ordering::Acquire) > self.synced_seq()
    }

    /// Notes what the store has committed for a partition.
    pub fn set_committed(&self, partition: usize, next_seq: u64) {
        self.committed[partition].store(next_seq, Ordering::Release);
        self.told[partition].store(true, Ordering::Release);
    }

    /// Notes what a copy says of a partition while the store cannot be asked. Where to read from follows from that, and
    /// nothing is deleted for it: the copy may be of another store, or newer than one that was put back.
    pub fn guess_committed(&self, partition: usize, next_seq: u64) {
        self.committed[partition].store(next_seq, Ordering::Release);
        self.told[partition].store(false, Ordering::Release);
    }

    /// Whether the store itself has told what it committed, of every partition.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told.iter().all(|told| told.load(Ordering::Acquire))
    }

    /// What is committed, by partition.
    #[must_use]
    pub fn all_committed(&self) -> [u64; PARTITIONS] {
        std::array::from_fn(|at| self.committed[at].load(Ordering::Acquire))
    }

    /// Everything below this number is committed, in every partition.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed.iter().map(|seq| seq.load(Ordering::Acquire)).min().unwrap_or(0)
    }

    /// The segment of this index.
    #[must_use]
    pub fn segment(&self, index: u32) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        let at = segments.binary_search_by_key(&index, |segment| segment.index).ok()?;
        segments.get(at).cloned()
    }

    /// The first segment after this index.
    #[must_use]
    pub fn segment_after(&self, index: u32) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        segments.iter().find(|segment| segment.index > index).cloned()
    }

    /// The segment after this index to which a record of this number may have been written again, with those before it.
    fn written_again(&self, index: u32, seq: u64) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        let mut later = segments.iter().filter(|segment| segment.index > index);
        later.find(|segment| segment.header.first_seq < seq).cloned()
    }

    /// Takes a segment out of the journal and its file off the disk.
    fn remove(&self, index: u32) -> io::Result<()> {
        // Off the list first: a reader that then misses the file looks there.
        let removed = {
            let mut segments = self.segments.write();
            let at = segments.binary_search_by_key(&index, |segment| segment.index);
            at.ok().map(|at| segments.remove(at))
        };
        let Some(removed) = removed else { return Ok(()) };
        match disk::remove(&removed.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let mut segments = self.segments.write();
                let at = segments.partition_point(|segment| segment.index < index);
                segments.insert(at, removed);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Bytes of all segment files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.read().iter().map(|segment| segment.disk_bytes()).sum()
    }
}
