//! Every counter of the engine, as plain atomics.
//!
//! A step counts in local integers and adds them here once a turn. Additions are releases and reads are acquires: who
//! reads the end of the pipeline first and its beginning last never sees more leaving than entering.

mod outputs;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::observe::neighbours::Neighbours;
use crate::observe::source_counts::SourceCounts;
use crate::reject::{Dropped, Filtered, Reject};
pub use outputs::OutputCounts;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Ordering::Release);
        }
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A number that is set.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Release);
    }

    /// Moves it by this much.
    pub fn add(&self, by: i64) {
        self.0.fetch_add(by, Ordering::AcqRel);
    }

    /// Raises it to this much, if it is lower.
    pub fn raise(&self, to: i64) {
        self.0.fetch_max(to, Ordering::AcqRel);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

/// One counter for each of a closed set of reasons.
#[derive(Debug)]
pub struct ByReason<const N: usize>([Counter; N]);

impl<const N: usize> Default for ByReason<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl<const N: usize> ByReason<N> {
    /// The counter of a reason, by its number (`reason as usize`).
    #[must_use]
    pub fn of(&self, reason: usize) -> &Counter {
        &self.0[reason]
    }

    /// The sum over all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

/// What is known of one feed. The terms of the sum that must come out are in messages.
#[derive(Debug, Default)]
pub struct FeedCounts {
    /// The feed's name, the `feed` label.
    pub name: String,
    /// Its kind: `udp`, `tcp`, `tcp_client`, `http`, `aisstream`, `signalr`, `file`.
    pub kind: String,
    /// Messages received: joined ones, and single sentences that were refused.
    pub received: Counter,
    /// Messages that the start found undecided in the journal, or in the dead letters.
    pub recovered: Counter,
    /// Messages committed to the store.
    pub stored: Counter,
    /// Messages heard before within the dedup window.
    pub repeats: Counter,
    /// Messages refused, by [`Reject`].
    pub rejected: ByReason<{ Reject::COUNT }>,
    /// Messages left out on purpose, by [`Filtered`].
    pub filtered: ByReason<{ Filtered::COUNT }>,
    /// Messages lost for want of room, by [`Dropped`].
    pub dropped: ByReason<{ Dropped::COUNT }>,
    /// Messages that lie in the dead letters.
    pub undelivered: Gauge,
    /// Lines that are no AIS.
    pub ignored: Counter,
    /// Parts that found no partner in time, or lost their place to newer ones.
    pub fragments_expired: Counter,
    /// Tag blocks left out because their checksum is wrong.
    pub tag_blocks_ignored: Counter,
    /// Sentences that begin with `$` instead of `!`.
    pub dollar_sentences: Counter,
    /// Bytes read.
    pub bytes: Counter,
    /// Datagrams that the kernel dropped for want of buffer.
    pub kernel_drops: Counter,
    /// Bytes of receive buffer that the kernel granted.
    pub receive_buffer_bytes: Gauge,
    /// Connections open now.
    pub connections: Gauge,
    /// Connections made since the start.
    pub connections_total: Counter,
    /// Connections refused at the bound.
    pub connections_refused: Counter,
    /// Those of them whose address had its part of the places already.
    pub connections_crowded: Counter,
    /// Connections closed because they were silent for too long.
    pub connections_idle: Counter,
    /// Attempts to connect that failed (feeds that are clients).
    pub connect_failures: Counter,
    /// When the last message came, microseconds since 1970; 0 for never.
    pub last_message_us: Gauge,
    /// How good it is as a source.
    pub source: SourceCounts,
    /// Bytes of its file, as it lies on the disk; 0 when it has none.
    pub bytes_expected: Gauge,
    /// Those of them that are read.
    pub file_read: Gauge,
    /// Archives that are cut off or damaged.
    pub damaged: Counter,
}

/// What is known of one shard.
#[derive(Debug, Default)]
pub struct ShardCounts {
    /// Records looked at, of its own partitions.
    pub records: Counter,
    /// Records read back from segments instead of handed over in memory.
    pub read_back: Counter,
    /// Vessels found in the cache.
    pub cache_hits: Counter,
    /// Vessels not found in the cache.
    pub cache_misses: Counter,
    /// Vessels put out of the cache at its bound.
    pub cache_evictions: Counter,
    /// Vessels in the cache.
    pub vessels: Gauge,
    /// Keys in the dedup ring.
    pub dedup_keys: Gauge,
    /// Keys put out of the ring before their time, at its bound.
    pub dedup_evictions: Counter,
    /// Positions flagged as implausible.
    pub suspect: Counter,
    /// Received time of its oldest record that is not yet committed, microseconds since 1970; 0 when there is none.
    pub unstored_us: Gauge,
    /// Times that it went ahead of a store that took no rows.
    pub forks: Counter,
    /// Everything below this number is looked at.
    pub next_seq: Gauge,
}

/// What is known of the journal.
#[derive(Debug, Default)]
pub struct JournalCounts {
    /// Records appended.
    pub appended: Counter,
    /// Bytes appended.
    pub appended_bytes: Counter,
    /// Calls to `fdatasync` that worked.
    pub syncs: Counter,
    /// Calls to `fdatasync` or `write` that failed.
    pub failures: Counter,
    /// What the disk refuses, and when it is asked again; none while it does not.
    pub trouble: parking_lot::Mutex<Option<String>>,
    /// Microseconds spent in `fdatasync`.
    pub sync_us: Counter,
    /// Segment files.
    pub segments: Gauge,
    /// Bytes of segment files on disk.
    pub bytes: Gauge,
    /// Bound of `bytes`.
    pub bytes_max: Gauge,
    /// Bytes of the disk that are kept for dead letters and notes.
    pub reserve_bytes: Gauge,
    /// Bytes free on the disk that the journal lies on.
    pub disk_free: Gauge,
    /// Bytes of that disk, free or not; 0 when nobody has looked yet.
    pub disk_size: Gauge,
    /// Turns in which input had to wait because the journal is full.
    pub full_turns: Counter,
    /// Records that could not be read.
    pub corrupt_records: Counter,
    /// Files moved to quarantine.
    pub quarantined: Counter,
    /// Segments deleted after everything in them was decided.
    pub deleted: Counter,
    /// The number of the next record.
    pub next_seq: Gauge,
    /// Everything below this number is on disk.
    pub synced_seq: Gauge,
}

/// What is known of the store.
#[derive(Debug, Default)]
pub struct StoreCounts {
    /// Rows of `positions` committed.
    pub positions: Counter,
    /// Static reports committed to `vessels`.
    pub statics: Counter,
    /// Rows of `messages` committed.
    pub messages: Counter,
    /// Commits that worked.
    pub commits: Counter,
    /// Microseconds spent in commits, from the first row to the answer.
    pub commit_us: Counter,
    /// Commits that failed.
    pub failures: Counter,
    /// Rows of the largest commit.
    pub batch_rows_max: Gauge,
    /// Rows that a commit may have now, once it was seen how many fit.
    pub batch_rows_limit: Gauge,
    /// Whether the store answers: 1 or 0.
    pub up: Gauge,
    /// Everything below this number is committed, in every partition.
    pub next_seq: Gauge,
    /// Calls to Postgres that were cut off at their deadline.
    pub calls_cut: Counter,
    /// Day partitions of positions.
    pub partitions: Gauge,
    /// Day partitions that were made because late reports came.
    pub partitions_late: Counter,
    /// Days without a partition of their own, as far as reports of them came.
    pub partitions_missing: Gauge,
    /// Day partitions dropped after their retention, of all tables.
    pub partitions_dropped: Counter,
    /// Attempts to make, drop or list partitions that failed and were tried again.
    pub partition_failures: Counter,
    /// Microseconds by which a call outlived its deadline, the longest of all.
    pub overrun_us_max: Gauge,
}

/// What is known of the dead letters.
#[derive(Debug, Default)]
pub struct DeadLetterCounts {
    /// Rows that lie in them.
    pub rows: Gauge,
    /// Bound of `rows`; 0 when there are no dead letters.
    pub rows_max: Gauge,
    /// Those of them that are not tried again by themselves.
    pub dead: Gauge,
    /// Whether the oldest give way at the bound: 1 or 0.
    pub gives_way: Gauge,
    /// Rows given up to them since the start.
    pub given_up: Counter,
    /// Rows that they had no room for; each is tried again.
    pub refused: Counter,
    /// Rows of them that were sent to the store again, counted at each try.
    pub retried: Counter,
    /// Rows of them that the store has taken after all.
    pub delivered: Counter,
    /// Rows of them that have used up their tries.
    pub died: Counter,
    /// Rows of them that somebody cleared away.
    pub cleared: Counter,
    /// Rows of them that gave way at the bound.
    pub dropped: Counter,
    /// Files of them that were damaged and put aside.
    pub quarantined: Counter,
    /// Microseconds that trying again has taken.
    pub retry_us: Counter,
}

/// What is known of a thread.
#[derive(Debug, Default)]
pub struct StageCounts {
    /// The thread's name.
    pub name: String,
    /// Turns that moved something.
    pub turns_busy: Counter,
    /// Turns that found nothing.
    pub turns_idle: Counter,
    /// Turns that found the next queue full.
    pub turns_stalled: Counter,
    /// Nanoseconds spent in busy turns.
    pub busy_ns: Counter,
    /// The longest turn, in microseconds.
    pub turn_us_max: Gauge,
}

impl StageCounts {
    /// For the thread of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Turns of any kind.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns_busy.get() + self.turns_idle.get() + self.turns_stalled.get()
    }
}

/// What is known of the HTTP face.
#[derive(Debug, Default)]
pub struct HttpCounts {
    /// Requests answered.
    pub requests: Counter,
    /// Requests refused: malformed, too large, too slow, or over the bound of connections.
    pub refused: Counter,
    /// Connections open now.
    pub connections: Gauge,
}

/// What is known of the live picture.
#[derive(Debug, Default)]
pub struct LiveCounts {
    /// Vessels written.
    pub written: Counter,
    /// Writings that were done.
    pub flushes: Counter,
    /// Microseconds spent in writing, attempts that failed included.
    pub flush_us: Counter,
    /// Attempts that failed.
    pub failures: Counter,
    /// Vessels whose writing failed, counted at each attempt. They are tried again.
    pub failed_vessels: Counter,
    /// Vessels that changed and are not written yet.
    pub waiting: Gauge,
    /// Vessels put out of the cache before their last change was written.
    pub evicted: Counter,
    /// Positions that were not written because a newer one was there.
    pub refused: Counter,
    /// Messages that the picture is not to have, by [`Filtered`].
    pub filtered: ByReason<{ Filtered::COUNT }>,
}

/// How often the configuration was read again.
#[derive(Debug, Default)]
pub struct ReloadCounts {
    /// Something changed and is followed.
    pub applied: Counter,
    /// Nothing had changed.
    pub unchanged: Counter,
    /// It was wrong, or what changed cannot while the daemon runs.
    pub refused: Counter,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// One for each feed, at the place of its number; feeds of earlier runs included.
    pub feeds: Vec<FeedCounts>,
    /// One for each shard.
    pub shards: Vec<ShardCounts>,
    /// One for each output.
    pub outputs: Vec<OutputCounts>,
    /// The journal.
    pub journal: JournalCounts,
    /// The store.
    pub store: StoreCounts,
    /// The live picture.
    pub live: LiveCounts,
    /// The HTTP face.
    pub http: HttpCounts,
    /// The store's server and Redis.
    pub neighbours: Neighbours,
    /// Rows that the store refused for good.
    pub dead_letters: DeadLetterCounts,
    /// How often the time of day was set.
    pub clock_steps: Counter,
    /// How often the configuration was read again.
    pub reloads: ReloadCounts,
}
