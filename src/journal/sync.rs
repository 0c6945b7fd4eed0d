//! Makes what was appended durable, in groups: at once when somebody waits for it, and as soon as one `fdatasync` is done the next
//! covers what came meanwhile; when nobody waits, not more often than each `journal.sync_interval_ms`.
//!
//! In:      the files written to, and up to which number each
//! Out:     the number below which everything is on disk; receipts to the feeds that answer their senders
//! Drops:   never
//! Metrics: `ais_journal_syncs_total`, `ais_journal_sync_seconds_total`, `ais_journal_failures_total`
//!
//! The blocking call is `fdatasync`; it has no deadline, since a disk that hangs hangs every writer. A file whose sync failed is
//! never synced again: the kernel may have forgotten what it could not write. The appender is told, and writes the records
//! that nobody was promised yet to a new segment.
//!
//! Why not always at once: at 10 000 datagrams a second, whose senders wait for nothing, that is 700 syncs a second, 7 % of a core,
//! and each of them stands in the way of the store's own on the same disk.
//!
//! The same thread deletes segments that nobody needs any more ([`super::retention`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Shared;
use super::retention::Retention;
use super::segment::Segment;
use crate::clock;
use crate::disk::{self, File};
use crate::observe::counts::Counts;
use crate::record::Receipt;
use crate::stage::{Broken, IDLE_PARK, Stage, Turn};

/// The shortest wait for a sync that is due.
const SOON: Duration = Duration::from_millis(1);

/// A file with records that are not yet on disk.
#[derive(Clone, Debug)]
struct Dirty {
    file: Arc<File>,
    index: u32,
    next_seq: u64,
    /// Its directory entry is not yet on disk either.
    new: bool,
}

/// A file that was cut behind its last record.
#[derive(Clone, Debug)]
struct Cut {
    file: Arc<File>,
    segment: Arc<Segment>,
    end: u32,
    /// Its records are below this.
    next_seq: u64,
}

/// What the appender and the sync thread say to each other.
#[derive(Debug, Default)]
pub struct SyncQueue {
    dirty: Mutex<Vec<Dirty>>,
    /// Receipts, each for everything below a number, in the order of the numbers.
    owed: Mutex<VecDeque<(u64, Receipt)>>,
    /// So much waits for its sync that feeds would soon have to.
    hurried: AtomicBool,
    /// The sync thread knows, or has been told, that there is something to sync.
    told: AtomicBool,
    /// Never more than one for each segment.
    cuts: Mutex<Vec<Cut>>,
    failed: AtomicBool,
    /// Nothing more will be appended.
    closed: AtomicBool,
}

impl SyncQueue {
    /// Notes that everything below `next_seq` has been written, the last of it to this file.
    pub fn written(&self, file: &Arc<File>, index: u32, next_seq: u64) {
        let mut dirty = self.dirty.lock();
        match dirty.last_mut() {
            Some(last) if last.index == index => last.next_seq = next_seq,
            _ => dirty.push(Dirty { file: Arc::clone(file), index, next_seq, new: true }),
        }
    }

    /// Owes a receipt for everything below `next_seq`, before [`SyncQueue::written`] tells of the last of it. There are no more of them
    /// than there are batches in what waits for its sync.
    pub fn owe(&self, next_seq: u64, receipt: Receipt) {
        self.owed.lock().push_back((next_seq, receipt));
    }

    /// Has the next sync come at once.
    pub fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
    }

    /// Whether the sync thread must be woken for what was written.
    #[must_use]
    pub fn needs_waking(&self) -> bool {
        // Told first: whoever is not the first to tell has told of what it wrote all the same.
        !self.told.swap(true, Ordering::AcqRel) || self.is_awaited()
    }

    /// Whether somebody waits for the next sync.
    fn is_awaited(&self) -> bool {
        self.hurried.load(Ordering::Acquire) || !self.owed.lock().is_empty()
    }

    /// Gives the receipts for what is on disk.
    fn give(&self, synced: u64) {
        let mut owed = self.owed.lock();
        while owed.front().is_some_and(|(next_seq, _)| *next_seq <= synced) {
            if let Some((_, receipt)) = owed.pop_front() {
                receipt.give();
            }
        }
    }

    /// Notes that a file was cut at `end`, all of its records being below `next_seq`.
    pub fn cut(&self, file: &Arc<File>, segment: &Arc<Segment>, end: u32, next_seq: u64) {
        let (file, segment) = (Arc::clone(file), Arc::clone(segment));
        self.cuts.lock().push(Cut { file, segment, end, next_seq });
    }

    /// Whether a sync failed; the appender then owes a new segment.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Notes that a sync failed.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// Forgets the files of before; what they held unsynced is about to be written to a new one. Any of them may be the one whose
    /// sync failed, so none is synced again for its cut. Nothing is synced until all is written: a new file that cannot be finished is
    /// removed, and must not have been promised.
    pub fn start_over(&self) {
        let old = std::mem::take(&mut *self.dirty.lock());
        let is_old = |cut: &Cut| old.iter().any(|dirty| dirty.index == cut.segment.index);
        self.cuts.lock().retain(|cut| !is_old(cut));
    }

    /// Notes that everything is written again.
    pub fn go_on(&self) {
        self.failed.store(false, Ordering::Release);
    }

    /// Notes that nothing more will be appended.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// The sync thread.
pub struct Sync {
    shared: Arc<Shared>,
    queue: Arc<SyncQueue>,
    retention: Retention,
    counts: Arc<Counts>,
    interval: Duration,
    last: Option<Instant>,
}

impl Sync {
    /// A thread that syncs at once when somebody waits for it, and else not more often than each `interval`.
    #[must_use]
    pub const fn new(
        shared: Arc<Shared>,
        queue: Arc<SyncQueue>,
        retention: Retention,
        counts: Arc<Counts>,
        interval: Duration,
    ) -> Self {
        Self { shared, queue, retention, counts, interval, last: None }
    }
}

impl Stage for Sync {
    fn name(&self) -> &'static str {
        "journal-sync"
    }

    /// Until the next sync is due, if there is anything to sync.
    fn idle_for(&self) -> Duration {
        if !self.queue.told.load(Ordering::Acquire) {
            return IDLE_PARK;
        }
        let since = self.last.map_or(self.interval, clock::since);
        self.interval.saturating_sub(since).clamp(SOON, IDLE_PARK)
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        self.retention.sweep_if_due();
        let closed = self.queue.closed.load(Ordering::Acquire);
        let early = self.last.is_some_and(|last| clock::since(last) < self.interval);
        if self.queue.has_failed() || (early && !closed && !self.is_awaited()) {
            return Ok(Turn::Idle);
        }
        self.queue.hurried.store(false, Ordering::Release);
        // Forgotten first: what is written from now on is told again.
        self.queue.told.swap(false, Ordering::AcqRel);
        let dirty = self.unsynced();
        if dirty.is_empty() {
            self.sync_cuts();
            return Ok(if closed { Turn::Finished } else { Turn::Idle });
        }
        self.last = Some(clock::now());
        for file in &dirty {
            if !self.sync(file) {
                return Ok(Turn::Idle);
            }
        }
        Ok(Turn::Moved(1))
    }
}

impl Sync {
    fn is_awaited(&self) -> bool {
        self.queue.is_awaited() || self.shared.is_awaited()
    }

    fn unsynced(&self) -> Vec<Dirty> {
        let synced = self.shared.synced_seq();
        let dirty = self.queue.dirty.lock();
        dirty.iter().filter(|file| file.next_seq > synced).cloned().collect()
    }

    fn sync(&self, dirty: &Dirty) -> bool {
        let began = Instant::now();
        let entry = if dirty.new { disk::sync_directory(&self.shared.dir) } else { Ok(()) };
        let result = entry.and_then(|()| dirty.file.sync());
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counts.journal.sync_us.add(took_us);
        match result {
            Ok(()) => {
                self.shared.set_synced(dirty.next_seq);
                self.queue.give(dirty.next_seq);
                self.counts.journal.syncs.add(1);
                self.counts.journal.synced_seq.set(dirty.next_seq.cast_signed());
                self.forget(dirty);
                true
            }
            Err(error) => {
                self.counts.journal.failures.add(1);
                tracing::error!(
                    segment = dirty.index,
                    %error,
                    "sync of a journal segment failed; its unsynced records go to a new one"
                );
                self.queue.fail();
                false
            }
        }
    }

    /// Has cuts on the disk, so that their room counts as given back. A sync that fails may take what the file holds, so it waits
    /// until all of that is on the disk, or committed if it is of an earlier run, of which nobody knows what is on the disk.
    fn sync_cuts(&self) {
        let told = self.shared.is_told();
        let (synced, committed) = (self.shared.synced_seq(), self.shared.committed());
        let committed = if told { committed } else { 0 };
        let is_safe = |cut: &Cut| {
            cut.next_seq <= if cut.next_seq > self.shared.run_from { synced } else { committed }
        };
        let cuts: Vec<Cut> = self.queue.cuts.lock().extract_if(.., |cut| is_safe(cut)).collect();
        for cut in cuts {
            match cut.file.sync() {
                Ok(()) => cut.segment.note_cut(cut.end),
                Err(error) => {
                    tracing::warn!(segment = cut.segment.index, %error, "cannot sync a segment that was cut; it counts as long as before");
                }
            }
        }
    }

    /// Drops files that are wholly synced, but for the one being written to.
    fn forget(&self, synced: &Dirty) {
        let mut dirty = self.queue.dirty.lock();
        let last = dirty.last().map(|file| file.index);
        dirty.retain(|file| file.index > synced.index || Some(file.index) == last);
        if let Some(file) = dirty.iter_mut().find(|file| file.index == synced.index) {
            file.new = false;
        }
    }
}
