//! The thread that commits: whatever gathered while the last commit ran goes into the next.
//!
//! In:      rows of every shard
//! Out:     commits; how far everything is committed, to the journal
//! Drops:   never; after a failure the same batch is tried again, with the shards waiting behind it
//! Metrics: `ais_store_*`, `ais_messages_processed_total`, `ais_latency_*`
//!
//! The blocking call is the store's commit. Without a linger a batch is as small as the last commit was short: half a
//! millisecond at low rates, thousands of rows at high ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Offsets, Store, StoreError};
use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::journal::Shared;
use crate::observe::counts::Counts;
use crate::observe::latency::Latency;
use crate::partition::{self, PARTITIONS};
use crate::queue::{Inlet, Outlet, Poll};
use crate::rows::{Origin, Rows};
use crate::stage::{Broken, Stage, Turn};

/// Offsets of partitions without rows are committed at least this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Shards' batches in one commit at most; they pile up, without a row, while commits fail.
const PARTS_MAX: usize = 1024;
/// First and longest wait after a failed commit.
const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// The log line about batches comes at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What the writer is given at its birth.
pub struct Links {
    /// From each shard, its rows.
    pub shards: Vec<Inlet<Rows>>,
    /// To each shard, its rows again, emptied.
    pub spare: Vec<Outlet<Rows>>,
    /// The journal, to be told what is committed.
    pub journal: Arc<Shared>,
    /// Everything that is counted.
    pub counts: Arc<Counts>,
    /// How long messages took.
    pub latency: Arc<Mutex<Latency>>,
    /// The time of day.
    pub clock: Clock,
}

/// The writer stage.
pub struct Writer {
    store: Box<dyn Store>,
    links: Links,
    config: StoreConfig,
    batch: Vec<Rows>,
    batch_rows: usize,
    batch_since: Option<Instant>,
    /// How far each shard has come, this batch included.
    decided: Vec<u64>,
    seen_us: Vec<i64>,
    committed: Offsets,
    progress_at: Instant,
    retry: Option<(Instant, Duration)>,
    report: Report,
}

/// What was committed since the last log line.
struct Report {
    at: Instant,
    positions: u64,
    commits: u64,
    spent: Duration,
}

impl Writer {
    /// A writer for a store that is connected and has these offsets.
    #[must_use]
    pub fn new(store: Box<dyn Store>, offsets: Offsets, links: Links, config: StoreConfig) -> Self {
        let shards = links.shards.len();
        let now = Instant::now();
        Self {
            store,
            config,
            batch: Vec::new(),
            batch_rows: 0,
            batch_since: None,
            decided: vec![0; shards],
            seen_us: vec![0; shards],
            committed: offsets,
            progress_at: now,
            retry: None,
            report: Report { at: now, positions: 0, commits: 0, spent: Duration::ZERO },
            links,
        }
    }
}

impl Stage for Writer {
    fn name(&self) -> &'static str {
        "store"
    }

    fn start(&mut self) -> Result<(), Broken> {
        self.links.counts.store.up.set(1);
        self.tell_progress();
        Ok(())
    }

    fn stop(&mut self) {
        self.store.close();
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.retry.is_some_and(|(at, _)| Instant::now() < at) {
            return Ok(Turn::Idle);
        }
        let open = self.gather();
        if self.lingers(open) {
            return Ok(Turn::Stalled);
        }
        let offsets = self.next_offsets(open);
        if self.batch_rows == 0 && offsets == self.committed {
            self.recycle();
            self.store.idle();
            return Ok(if open { Turn::Idle } else { Turn::Finished });
        }
        self.commit(&offsets)
    }
}

impl Writer {
    /// Takes what the shards have, one part of each in turn, up to one batch; says whether any shard is still there.
    fn gather(&mut self) -> bool {
        loop {
            let (mut open, mut found) = (false, false);
            for shard in 0..self.links.shards.len() {
                if self.is_full() {
                    return true;
                }
                match self.links.shards[shard].poll() {
                    Poll::Item(rows) => {
                        (open, found) = (true, true);
                        self.take(shard, rows);
                    }
                    Poll::Empty => open = true,
                    Poll::Closed => {}
                }
            }
            if !found {
                return open;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.batch_rows >= self.config.batch_rows_max || self.batch.len() >= PARTS_MAX
    }

    fn take(&mut self, shard: usize, rows: Rows) {
        self.decided[shard] = rows.next_seq;
        self.seen_us[shard] = rows.seen_us;
        self.batch_rows += rows.len();
        self.batch.push(rows);
    }

    /// Whether to wait for more rows, if so configured.
    fn lingers(&mut self, open: bool) -> bool {
        let linger = Duration::from_millis(self.config.linger_ms);
        if linger.is_zero() || !open || self.batch_rows == 0 {
            return false;
        }
        let since = *self.batch_since.get_or_insert_with(Instant::now);
        self.batch_rows < self.config.batch_rows_max && since.elapsed() < linger
    }

    /// The offsets that the next commit moves to: those of partitions with rows, and now and then all.
    fn next_offsets(&self, open: bool) -> Offsets {
        let all = !open || self.progress_at.elapsed() >= PROGRESS_EVERY;
        let mut touched = [all; PARTITIONS];
        if !all {
            for origin in self.batch.iter().flat_map(origins) {
                touched[usize::from(partition::of(origin.mmsi))] = true;
            }
        }
        let mut offsets = self.committed;
        for (partition, offset) in offsets.iter_mut().enumerate() {
            let number = u8::try_from(partition).unwrap_or(0);
            let shard = partition::owner(number, self.decided.len());
            if touched[partition] {
                *offset = self.decided[shard].max(*offset);
            }
        }
        offsets
    }

    fn commit(&mut self, offsets: &Offsets) -> Result<Turn, Broken> {
        let began = Instant::now();
        match self.store.commit(&self.batch, offsets) {
            Ok(_) => {
                self.committed = *offsets;
                let moved = u32::try_from(self.batch_rows).unwrap_or(u32::MAX).max(1);
                self.account(began.elapsed());
                self.recycle();
                Ok(Turn::Moved(moved))
            }
            Err(error @ StoreError::Fenced(_)) => Err(Broken::because("commit", error)),
            Err(error) => {
                self.links.counts.store.failures.add(1);
                self.links.counts.store.up.set(0);
                let wait =
                    self.retry.map_or(RETRY_AFTER, |(_, wait)| (wait * 2).min(RETRY_AFTER_MAX));
                if self.retry.is_none() {
                    let rows = self.batch_rows;
                    tracing::error!(%error, rows, "commit failed; trying again, nothing is lost");
                }
                self.retry = Some((Instant::now() + wait, wait));
                Ok(Turn::Idle)
            }
        }
    }

    /// Counts a commit that worked, and tells the journal.
    fn account(&mut self, took: Duration) {
        if self.retry.take().is_some() {
            tracing::info!(rows = self.batch_rows, "commits work again");
        }
        let now_us = self.links.clock.now_us();
        let mut stored = [0_u64; 256];
        {
            let mut latency = self.links.latency.lock();
            latency.tick(now_us);
            for rows in &self.batch {
                for origin in origins(rows) {
                    stored[usize::from(origin.feed)] += 1;
                    let took_us = now_us.saturating_sub(origin.received_us);
                    latency.record(u64::try_from(took_us).unwrap_or(0), 1);
                }
            }
        }
        let counts = &self.links.counts;
        for (feed, stored) in counts.feeds.iter().zip(stored) {
            feed.stored.add(stored);
        }
        let sum = |of: fn(&Rows) -> usize| self.batch.iter().map(of).sum::<usize>() as u64;
        let positions = sum(|rows| rows.positions.len());
        counts.store.positions.add(positions);
        counts.store.statics.add(sum(|rows| rows.statics.len()));
        counts.store.messages.add(sum(|rows| rows.messages.len()));
        counts.store.commits.add(1);
        counts.store.commit_us.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        counts.store.up.set(1);
        let rows = i64::try_from(self.batch_rows).unwrap_or(i64::MAX);
        counts.store.batch_rows_max.set(counts.store.batch_rows_max.get().max(rows));
        self.tell_progress();
        self.report(positions, took);
    }

    fn tell_progress(&mut self) {
        for (partition, next_seq) in self.committed.iter().enumerate() {
            self.links.journal.set_committed(partition, *next_seq);
        }
        let oldest = self.links.journal.committed();
        self.links.counts.store.next_seq.set(oldest.cast_signed());
        if self.progress_at.elapsed() >= PROGRESS_EVERY {
            self.progress_at = Instant::now();
        }
        let behind = oldest < self.links.journal.next_seq();
        let seen_us = self.seen_us.iter().copied().min().unwrap_or(0);
        self.links.counts.store.oldest_unstored_us.set(if behind { seen_us } else { 0 });
    }

    fn report(&mut self, positions: u64, took: Duration) {
        self.report.positions += positions;
        self.report.commits += 1;
        self.report.spent += took;
        if self.report.at.elapsed() < REPORT_EVERY {
            return;
        }
        let Report { positions, commits, spent, .. } = self.report;
        tracing::info!(
            "Batch inserted {positions} positions in {} ms ({commits} commits)",
            spent.as_millis()
        );
        self.report =
            Report { at: Instant::now(), positions: 0, commits: 0, spent: Duration::ZERO };
    }

    /// Gives the shards their memory back.
    fn recycle(&mut self) {
        for mut rows in self.batch.drain(..) {
            rows.clear();
            let _ = self.links.spare[rows.shard].offer(rows);
        }
        self.batch_rows = 0;
        self.batch_since = None;
    }
}

/// The origins of a batch's rows, one for each message.
fn origins(rows: &Rows) -> impl Iterator<Item = &Origin> {
    let positions = rows.positions.iter().map(|row| &row.origin);
    let statics = rows.statics.iter().filter(|row| !row.beside_position).map(|row| &row.origin);
    positions.chain(statics).chain(rows.messages.iter().map(|row| &row.origin))
}

#[cfg(test)]
mod tests;
