//! Decides what each report becomes: the stage that turns the journal into rows, one shard of the vessels to a thread.
//!
//! In:      numbered records, in the order of the journal; of those, the shard's own partitions
//! Out:     rows, each batch with how far the shard has come
//! Drops:   what cannot be read or believed, counted by reason; repeats, counted for the feed that brought them
//! Metrics: `ais_shard_*`, `ais_cache_*`, `ais_dedup_*`, and the feeds' `repeats`, `rejected` and `recovered`
//!
//! **A shard is a function of the journal.** Every rule that depends on time uses the record's own received time, never the
//! clock, so running the same records again takes the same decisions. After a restart it begins one dedup window before what
//! the store has, looks at that for what it says, and makes rows only from there on.

pub mod decide;
pub mod dedup;
pub mod event_time;
pub mod fleet;
pub mod plausibility;
pub mod vessels;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::journal::Place;
use crate::journal::tail::{Next, Tail};
use crate::observe::counts::{Counts, ShardCounts};
use crate::queue::{Inlet, Outlet, Poll, Refused};
use crate::rows::Rows;
use crate::stage::{Broken, Stage, Turn};
use decide::Decider;

/// Rows that may wait for the store; then the shard waits, and reads back later.
const ROWS_WAITING_MAX: usize = 8192;
/// How far the shard has come is told at least this often, rows or not.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// What a shard thread is given at its birth.
pub struct Shard {
    name: String,
    index: usize,
    tail: Tail,
    decider: Decider,
    rows: Rows,
    store: Outlet<Rows>,
    /// Emptied rows that come back from the store.
    spare: Inlet<Rows>,
    counts: Arc<Counts>,
    told_seq: u64,
    told_at: Instant,
    recovery: Option<Recovery>,
}

/// What is left to be looked at of earlier runs before the daemon is ready, unless the store holds it up.
pub struct Recovery {
    /// The end of what earlier runs left.
    pub until: Place,
    /// Shards that have not yet come that far.
    pub shards_left: Arc<AtomicUsize>,
}

impl Shard {
    /// The shard of this index, at the beginning of its tail.
    #[must_use]
    pub fn new(
        (index, tail, recovery): (usize, Tail, Recovery),
        decider: Decider,
        (store, spare): (Outlet<Rows>, Inlet<Rows>),
        counts: Arc<Counts>,
    ) -> Self {
        Self {
            name: format!("shard-{index}"),
            index,
            tail,
            decider,
            rows: Rows { shard: index, ..Rows::default() },
            store,
            spare,
            counts,
            told_seq: 0,
            told_at: Instant::now(),
            recovery: Some(recovery),
        }
    }
}

impl Stage for Shard {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.rows.len() >= ROWS_WAITING_MAX && !self.hand_on() {
            // What is left of earlier runs now waits for the store, like everything else: that is no reason not to be ready.
            self.end_recovery();
            return Ok(Turn::Stalled);
        }
        match self.tail.read()? {
            Next::Records(bytes) => {
                self.decider.decide(bytes, &mut self.rows);
                self.rows.next_seq = self.tail.next_seq();
                self.count();
                self.hand_on_if_due();
                self.check_recovery();
                Ok(Turn::Moved(1))
            }
            Next::Again => Ok(Turn::Moved(0)),
            Next::Nothing => {
                self.check_recovery();
                self.rows.next_seq = self.tail.next_seq();
                self.hand_on_if_due();
                Ok(if self.rows.is_empty() { Turn::Idle } else { Turn::Stalled })
            }
            Next::End => {
                self.check_recovery();
                self.rows.next_seq = self.tail.next_seq();
                let told = self.told_seq == self.rows.next_seq && self.rows.is_empty();
                Ok(if told || self.hand_on() { Turn::Finished } else { Turn::Stalled })
            }
        }
    }
}

impl Shard {
    /// Hands rows on when there are any; when there are none, tells now and then how far it has come.
    fn hand_on_if_due(&mut self) {
        let progressed = self.rows.next_seq > self.told_seq;
        if !self.rows.is_empty() || (progressed && self.told_at.elapsed() >= PROGRESS_EVERY) {
            self.hand_on();
        }
    }

    /// Offers the rows to the store; they stay here when it has no room.
    fn hand_on(&mut self) -> bool {
        let (shard, next_seq, seen_us) = (self.index, self.rows.next_seq, self.rows.seen_us);
        let rows = std::mem::take(&mut self.rows);
        match self.store.offer(rows) {
            Ok(()) => {
                self.told_seq = next_seq;
                self.told_at = Instant::now();
                let spare = match self.spare.poll() {
                    Poll::Item(rows) => rows,
                    Poll::Empty | Poll::Closed => Rows::default(),
                };
                self.rows = Rows { shard, next_seq, seen_us, ..spare };
                true
            }
            Err(Refused::Full(rows) | Refused::Closed(rows)) => {
                self.rows = rows;
                false
            }
        }
    }

    fn shard_counts(&self) -> &ShardCounts {
        &self.counts.shards[self.index]
    }

    fn count(&mut self) {
        let read_back = self.tail.take_read_back();
        self.shard_counts().read_back.add(read_back);
        self.shard_counts().next_seq.set(self.tail.next_seq().cast_signed());
        self.decider.count(&self.counts, self.index);
    }

    /// Notes when everything that earlier runs left has been looked at.
    fn check_recovery(&mut self) {
        if self.recovery.as_ref().is_some_and(|recovery| self.tail.place() >= recovery.until) {
            self.end_recovery();
        }
    }

    fn end_recovery(&mut self) {
        if let Some(recovery) = self.recovery.take() {
            recovery.shards_left.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
