//! The one thread that writes to the journal.
//!
//! In:      batches of records from the feeds, one queue each, in fair turns
//! Out:     chunks of numbered records to every shard; the sync thread is told what was written
//! Drops:   never; when there is no room the batch is kept and the feeds' queues fill
//! Metrics: `ais_journal_appended_total`, `ais_journal_full_turns_total`, `ais_journal_failures_total`
//!
//! In a turn each feed has up to 256 KiB taken, whoever is noisy; where the room ran out, there the next turn begins, so that
//! under a full journal each feed has the same share of the room that comes.
//!
//! A shard whose queue is full misses the chunk and reads it back later, so nobody behind the journal can slow it. Chunks are
//! kept until they are synced: after a failed sync they are written again, to a new segment, under the same numbers ([`again`]),
//! for which room is kept ([`room`]).

mod again;
mod ahead;
mod refused;
mod room;

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::segment::Segment;
use super::sync::SyncQueue;
use super::{COUNTER_BITS, Chunk, Place, Shared, first_of};
use crate::clock::{self, Clock};
use crate::config::JournalConfig;
use crate::disk::File;
use crate::observe::counts::Counts;
use crate::queue::{Inlet, Outlet, Poll};
use crate::record::{self, Batch, Fate, Receipt};
use crate::resilience::quiet::Quiet;
use crate::stage::{Broken, Stage, Turn, Waker};
use again::{Span, note};
use ahead::Ahead;

/// Bytes taken from one feed before the next has its turn: four of the largest batches, or all small ones that its queue holds.
const BYTES_PER_FEED: usize = 256 << 10;
/// Bytes that may wait for their sync; beyond that, feeds wait.
const UNSYNCED_BYTES_MAX: usize = 32 << 20;
/// After the disk refused, the next try is not sooner than this.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// What the appender is given at its birth.
pub struct Appender {
    /// The data directory, for its identity and its generations.
    pub directory: Directory,
    /// What it shares with the readers.
    pub shared: Arc<Shared>,
    /// What it tells the sync thread.
    pub sync: Arc<SyncQueue>,
    /// Wakes the sync thread.
    pub sync_waker: Waker,
    /// One queue for each feed.
    pub feeds: Vec<Inlet<Batch>>,
    /// One queue for each shard.
    pub shards: Vec<Outlet<Arc<Chunk>>>,
    /// Bounds.
    pub config: JournalConfig,
    /// Everything that is counted.
    pub counts: Arc<Counts>,
    /// The time of day.
    pub clock: Clock,
}

/// The append stage.
pub struct Append {
    with: Appender,
    active: Option<Active>,
    next_seq: u64,
    next_index: u32,
    end: Place,
    unsynced: VecDeque<Arc<Chunk>>,
    unsynced_bytes: usize,
    /// The segments that hold them.
    unsynced_in: VecDeque<Span>,
    /// A batch, or the rest of one, that found no room.
    pending: Option<(Vec<u8>, Option<Receipt>)>,
    retry_at: Option<Instant>,
    /// The feed that has the next turn.
    next_feed: usize,
    /// The disk refused the last that was asked of it.
    is_refused: bool,
    quiet: Quiet,
}

/// The segment being written to.
struct Active {
    segment: Arc<Segment>,
    file: Arc<File>,
    offset: u32,
    ahead: Ahead,
}

impl Append {
    /// Goes on behind the last segment there is.
    #[must_use]
    pub fn new(with: Appender) -> Self {
        let next_index = with.shared.segments.read().last().map_or(0, |last| last.index) + 1;
        let (end, next_seq) = (with.shared.head(), with.shared.next_seq());
        room::note_cut_at_the_start(&with.shared, &with.sync, end);
        Self {
            with,
            active: None,
            next_seq,
            next_index,
            end,
            unsynced: VecDeque::new(),
            unsynced_bytes: 0,
            unsynced_in: VecDeque::new(),
            pending: None,
            retry_at: None,
            next_feed: 0,
            is_refused: false,
            quiet: Quiet::default(),
        }
    }

    /// What it tells the sync thread.
    #[must_use]
    pub const fn sync_queue(&self) -> &Arc<SyncQueue> {
        &self.with.sync
    }
}

impl Stage for Append {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.retry_at.is_some_and(|at| clock::now() < at) {
            return Ok(Turn::Idle);
        }
        self.retry_at = None;
        self.release_synced();
        if self.with.sync.has_failed() && !self.write_again()? {
            return Ok(Turn::Idle);
        }
        if self.unsynced_bytes > UNSYNCED_BYTES_MAX {
            return Ok(Turn::Stalled);
        }
        if let Some((pending, receipt)) = self.pending.take() {
            self.append(pending, receipt)?;
        }
        let (moved, open) = match self.pending {
            Some(_) => (0, true),
            None => self.take_turns()?,
        };
        Ok(match (moved, open) {
            _ if self.pending.is_some() => self.wait_for_room(),
            (1.., _) => Turn::Moved(moved),
            (0, true) => Turn::Idle,
            (0, false) => self.finish(),
        })
    }
}

impl Append {
    /// Some of each feed's batches; says how many, and whether any feed is still there.
    fn take_turns(&mut self) -> Result<(u32, bool), Broken> {
        let (mut moved, mut open) = (0, false);
        for _ in 0..self.with.feeds.len() {
            let feed = self.next_feed;
            self.next_feed = (feed + 1) % self.with.feeds.len();
            let mut taken = 0;
            while taken < BYTES_PER_FEED {
                match self.with.feeds[feed].poll() {
                    Poll::Item(batch) => {
                        let (bytes, receipt) = batch.into_parts();
                        taken += bytes.len();
                        self.append(bytes, receipt)?;
                        (moved, open) = (moved + 1, true);
                        if self.pending.is_some() {
                            return Ok((moved, true));
                        }
                    }
                    Poll::Empty => {
                        open = true;
                        break;
                    }
                    Poll::Closed => break,
                }
            }
        }
        Ok((moved, open))
    }

    /// Numbers records and writes them, to as many segments as they need; none of a batch that its feed took back.
    fn append(&mut self, mut bytes: Vec<u8>, mut receipt: Option<Receipt>) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if receipt.as_ref().is_some_and(|receipt| receipt.fate() == Fate::Withdrawn) {
                return Ok(());
            }
            let has_room = self.has_room(&bytes, receipt.is_some());
            if !self.may_append(has_room)
                || !(has_room || self.begin_segment(self.next_seq, false)?)
            {
                self.pending = Some((bytes, receipt));
                return Ok(());
            }
            if receipt.as_ref().is_some_and(|receipt| !receipt.begin()) {
                return Ok(());
            }
            let (fitting, count) = self.number(&mut bytes)?;
            if fitting == 0 {
                return Err(Broken("a batch holds bytes that are no record".to_owned()));
            }
            let rest = bytes.split_off(fitting);
            if !self.write(&bytes) {
                bytes.extend_from_slice(&rest);
                self.pending = Some((bytes, receipt));
                return Ok(());
            }
            if let Some(receipt) = receipt.take_if(|_| rest.is_empty()) {
                self.with.sync.owe(self.next_seq + count, receipt);
            }
            self.publish(bytes, count);
            bytes = rest;
        }
        Ok(())
    }

    /// Gives numbers to the records that fit into the segment; says how many bytes and records those are.
    fn number(&mut self, bytes: &mut [u8]) -> Result<(usize, u64), Broken> {
        let room = self.active.as_ref().map_or(0, |active| {
            usize::try_from(self.capacity().saturating_sub(u64::from(active.offset))).unwrap_or(0)
        });
        self.begin_generation_if_used_up(bytes.len())?;
        let (mut at, mut count) = (0, 0);
        while let Ok(length) = record::length(&bytes[at..]) {
            let end = at + record::aligned(length);
            if end > room {
                break;
            }
            record::number(&mut bytes[at..at + length], self.next_seq + count);
            at = end;
            count += 1;
        }
        Ok((at, count))
    }

    /// A generation has 2^40 numbers; long before they are used up the next one is begun.
    fn begin_generation_if_used_up(&mut self, bytes: usize) -> Result<(), Broken> {
        let used = self.next_seq & (first_of(1) - 1);
        if used + (bytes as u64) < first_of(1) {
            return Ok(());
        }
        let generation = self
            .with
            .directory
            .next_generation()
            .map_err(|error| Broken::because("begin a new generation", error))?;
        self.next_seq = first_of(generation);
        tracing::info!(generation, "began a new generation: 2^{COUNTER_BITS} numbers were used");
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        let capacity = self.capacity();
        let Some(active) = &mut self.active else { return false };
        let end = u64::from(active.offset) + bytes.len() as u64;
        active.ahead.reach(&active.file, end, capacity);
        match active.file.write_all_at(bytes, u64::from(active.offset)) {
            Ok(()) => {
                self.taken();
                true
            }
            Err(error) => {
                // What is behind the offset is unknown now: go on in a new segment.
                self.active = None;
                self.refused("write to the journal failed", &error);
                false
            }
        }
    }

    /// Tells everybody of records that were written.
    fn publish(&mut self, bytes: Vec<u8>, count: u64) {
        let Some(active) = &mut self.active else { return };
        let length = bytes.len();
        active.offset += u32::try_from(length).unwrap_or(u32::MAX);
        let index = active.segment.index;
        self.next_seq += count;
        let follows = self.end;
        self.end = Place { segment: index, offset: active.offset };
        self.with.sync.written(&active.file, index, self.next_seq);
        note(&mut self.unsynced_in, &active.segment, self.next_seq);
        if self.unsynced_bytes > UNSYNCED_BYTES_MAX / 2 {
            self.with.sync.hurry();
        }
        if self.with.sync.needs_waking() {
            self.with.sync_waker.wake();
        }
        let chunk = Arc::new(Chunk { bytes, follows, end: self.end, next_seq: self.next_seq });
        for shard in &self.with.shards {
            // A full queue is no loss: the shard reads the chunk back.
            let _ = shard.offer(Arc::clone(&chunk));
        }
        self.unsynced_bytes += length;
        self.unsynced.push_back(chunk);
        self.with.shared.set_head(self.end, self.next_seq);
        let counts = &self.with.counts.journal;
        counts.appended.add(count);
        counts.appended_bytes.add(length as u64);
        counts.next_seq.set(self.next_seq.cast_signed());
    }

    /// The feeds are gone: waits for the last sync, then lets go of the shards.
    fn finish(&mut self) -> Turn {
        if self.with.shared.synced_seq() < self.next_seq && !self.unsynced.is_empty() {
            self.with.sync.hurry();
            self.with.sync_waker.wake();
            return Turn::Stalled;
        }
        self.close_segment();
        self.with.sync.close();
        self.with.sync_waker.wake();
        Turn::Finished
    }
}
