//! A thread that commits: whatever gathered while the last commit ran goes into the next.
//!
//! In:      rows of its shards; with several writers each shard has one of them
//! Out:     commits; how far everything is committed, to the journal
//! Drops:   never; after a failure the same batch is tried again, and the shards go ahead without the store
//! Metrics: `ais_store_*`, `ais_messages_processed_total`, `ais_latency_*`
//!
//! When a commit fails nobody may know whether it came through. So nothing more is gathered until the store is connected again and
//! has told its offsets: they are where they were before, or where that commit was to move them.
//!
//! At high rates rows gather while the store is at those of the last commit, and are sent behind it when they are a whole batch or it has
//! looked at all of them ([`Store::send`]); their own COMMIT is asked for when that one is known to have come through. So there is never
//! more than one in doubt.
//!
//! How far a file was read is committed with the offsets that pass its records, and not before the journal has those on disk: what the
//! store says is taken is never ahead of what would be found again after a power cut.
//!
//! The blocking calls are the store's, and have deadlines of their own. Without a linger a batch is as small as the last commit was short: half a
//! millisecond at low rates, thousands of rows at high ones.

mod batch;
mod commit;
mod count;
mod report;
mod smaller;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Committed, Offsets, Store, StoreError};
use crate::clock::{self, Clock};
use crate::config::StoreConfig;
use crate::journal::Shared;
use crate::observe::counts::Counts;
use crate::observe::latency::Latency;
use crate::partition::{self, PARTITIONS};
use crate::queue::{Inlet, Outlet, Poll};
use crate::resilience::attempts::Attempts;
use crate::resilience::breaker::State;
use crate::rows::Rows;
use crate::stage::{Broken, Stage, Turn};
use batch::{Batch, Sent};
use report::Report;
use smaller::Smaller;

/// Shards' batches in one commit at most; they pile up, without a row, while commits fail.
const PARTS_MAX: usize = 1024;

/// With so many times the rows that are worth sending ahead, a server has all it can do.
const BEHIND: usize = 4;

/// Called with the store's offsets when they are known for the first time.
pub type Told = Box<dyn FnOnce(&Offsets) -> std::io::Result<()> + Send>;

/// What the writer is given at its birth.
pub struct Links {
    /// From each of its shards, its rows.
    pub shards: Vec<(usize, Inlet<Rows>)>,
    /// To each shard, in the order of those, its rows again, emptied.
    pub spare: Vec<Outlet<Rows>>,
    /// How many shards there are in all.
    pub shards_total: usize,
    /// The names of all feeds, by number.
    pub feed_names: Vec<String>,
    /// The journal, to be told what is committed.
    pub journal: Arc<Shared>,
    /// Everything that is counted.
    pub counts: Arc<Counts>,
    /// How long messages took.
    pub latency: Arc<Mutex<Latency>>,
    /// The time of day.
    pub clock: Clock,
}

/// What a writer knows of the store when it begins.
pub enum Known {
    /// It is connected and has these offsets.
    Connected(Box<Offsets>),
    /// It is away; who wants to know its offsets when it is there.
    Away(Told),
}

/// The writer stage.
pub struct Writer {
    name: String,
    store: Box<dyn Store>,
    links: Links,
    config: StoreConfig,
    /// What gathers; nothing of it is in the store.
    batch: Batch,
    /// The commit that is under way, or in doubt.
    sent: Option<Sent>,
    /// A batch that is empty, with its room.
    spare: Batch,
    /// Nothing is sent behind the next commit, for the one before failed.
    alone: bool,
    /// When the last commit was answered.
    answered: Instant,
    smaller: Smaller,
    /// How far each of its shards has come, this batch included; by number of the shard.
    decided: Vec<u64>,
    seen_us: Vec<i64>,
    /// The partitions that it owns.
    owned: [bool; PARTITIONS],
    committed: Offsets,
    connected: bool,
    told: Option<Told>,
    /// When a commit last moved the offsets of all partitions.
    progress_at: Instant,
    attempts: Attempts,
    report: Report,
}

impl Writer {
    /// A writer of this number.
    #[must_use]
    pub fn new(
        number: usize,
        (store, known, attempts): (Box<dyn Store>, Known, Attempts),
        links: Links,
        config: StoreConfig,
    ) -> Self {
        let now = clock::now();
        let owners: Vec<usize> = links.shards.iter().map(|(shard, _)| *shard).collect();
        let owned = std::array::from_fn(|partition| {
            let partition = u8::try_from(partition).unwrap_or(0);
            owners.contains(&partition::owner(partition, links.shards_total))
        });
        let (committed, connected, told) = match known {
            Known::Connected(offsets) => (*offsets, true, None),
            Known::Away(told) => ([0; PARTITIONS], false, Some(told)),
        };
        Self {
            name: if number == 0 { "store".to_owned() } else { format!("store-{number}") },
            store,
            config,
            batch: Batch::default(),
            sent: None,
            spare: Batch::default(),
            alone: false,
            answered: now,
            smaller: Smaller::default(),
            decided: vec![0; links.shards_total],
            seen_us: vec![0; links.shards_total],
            owned,
            committed,
            connected,
            told,
            progress_at: now,
            attempts,
            report: Report::new(now),
            links,
        }
    }
}

impl Stage for Writer {
    fn name(&self) -> &str {
        &self.name
    }

    fn start(&mut self) -> Result<(), Broken> {
        self.begin_batch();
        if self.connected {
            self.links.counts.store.up.set(1);
            self.tell_progress();
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.store.close();
    }

    fn is_behind(&self) -> bool {
        let rows = self.sent.as_ref().map_or(0, |sent| sent.batch.rows);
        self.store.rows_ahead().is_some_and(|ahead| rows >= BEHIND * ahead)
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if !self.connected {
            return if self.attempts.wait().is_some() { Ok(Turn::Idle) } else { self.connect() };
        }
        if self.sent.is_none()
            && let Some(turn) = self.retry()?
        {
            return Ok(turn);
        }
        // What gathers meanwhile would have to be waited for as well.
        if self.batch.rows > 0 && self.awaits_disk() {
            return self.wait();
        }
        let open = self.gather();
        if self.sent.is_some() {
            if open && !self.is_full() && self.store.is_at_rows() {
                return Ok(Turn::Stalled);
            }
            if !self.goes_ahead() {
                return self.finish();
            }
        }
        if self.lingers(open) {
            return Ok(Turn::Stalled);
        }
        let all = self.moves_all(open);
        let offsets = self.next_offsets(all);
        if self.batch.rows == 0 && offsets == self.committed {
            self.recycle_batch();
            self.store.idle();
            return Ok(if open { Turn::Idle } else { Turn::Finished });
        }
        if self.awaits_disk() {
            return self.wait();
        }
        // The breaker may have been opened by another writer.
        match self.attempts.wait() {
            Some(_) if self.sent.is_some() => self.finish(),
            Some(_) => Ok(Turn::Idle),
            None => {
                if all {
                    self.progress_at = clock::now();
                }
                self.commit(&offsets)
            }
        }
    }
}

impl Writer {
    /// Connects, and finds out what became of a commit that failed.
    fn connect(&mut self) -> Result<Turn, Broken> {
        let names = &self.links.feed_names;
        let connected = self.store.connect().and_then(|offsets| {
            self.store.name_sources(names)?;
            Ok(offsets)
        });
        let offsets = match connected {
            Ok(offsets) => offsets,
            Err(error) => return self.failed(&error),
        };
        self.connected = true;
        if let Some(told) = self.told.take() {
            self.committed = offsets;
            told(&offsets).map_err(|error| Broken::because("read the journal", error))?;
        }
        let same =
            |one: &Offsets| (0..PARTITIONS).all(|at| !self.owned[at] || one[at] == offsets[at]);
        match self.sent.take() {
            // It came through, and only its answer was lost.
            Some(sent) if same(&sent.offsets) => {
                let left_out = self.store.doubtful();
                self.came_through(sent, Duration::ZERO, &left_out);
            }
            sent if same(&self.committed) => {
                if let Some(sent) = sent {
                    self.batch.put_before(sent.batch);
                }
            }
            _ => {
                return Err(Broken(
                    "the store's offsets are not where this process left them: was it restored, or is there another owner?"
                        .to_owned(),
                ));
            }
        }
        self.cut_batch();
        self.links.counts.store.up.set(1);
        if self.batch.rows == 0 {
            self.attempts.succeeded();
        }
        self.tell_progress();
        Ok(Turn::Moved(1))
    }

    /// Lets the store try dead letters again, if there are any; what the turn has come to when that failed. While the breaker
    /// is open the server is left alone.
    fn retry(&mut self) -> Result<Option<Turn>, Broken> {
        let none = self.links.counts.dead_letters.rows.get() == 0;
        if none || self.attempts.neighbour().state() == State::Open {
            return Ok(None);
        }
        match self.store.retry() {
            Ok(()) => Ok(None),
            Err(error) => {
                self.connected = false;
                self.failed(&error).map(Some)
            }
        }
    }

    /// Takes what the shards have, one part of each in turn, up to one batch; says whether any shard is still there.
    fn gather(&mut self) -> bool {
        self.gather_waiting();
        loop {
            let (mut open, mut found) = (false, false);
            for at in 0..self.links.shards.len() {
                if self.is_full() {
                    return true;
                }
                match self.links.shards[at].1.poll() {
                    Poll::Item(rows) => {
                        (open, found) = (true, true);
                        self.take(rows);
                        // What was cut off comes before the next part of its shard.
                        self.gather_waiting();
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
        self.batch.rows >= self.rows_max() || self.batch.parts.len() >= PARTS_MAX
    }

    fn take(&mut self, rows: Rows) {
        let room = self.rows_max().saturating_sub(self.batch.rows);
        let rows = self.smaller.fit(rows, room);
        self.decided[rows.shard] = rows.next_seq;
        self.seen_us[rows.shard] = rows.seen_us;
        self.batch.push(rows);
    }

    /// Whether to wait for more rows, if so configured.
    fn lingers(&mut self, open: bool) -> bool {
        let linger = Duration::from_millis(self.config.linger_ms);
        if linger.is_zero() || !open || self.batch.rows == 0 {
            return false;
        }
        let since = *self.batch.since.get_or_insert_with(clock::now);
        self.batch.rows < self.rows_max() && clock::since(since) < linger
    }

    /// Whether what has gathered is sent behind the commit that is under way. Between two commits dead letters are tried again.
    fn goes_ahead(&self) -> bool {
        let enough = self.store.rows_ahead().is_some_and(|rows| self.batch.rows >= rows);
        let letters = &self.links.counts.dead_letters;
        enough && !self.alone && letters.rows.get() <= letters.dead.get()
    }

    /// The store cannot do it now.
    fn failed(&mut self, error: &StoreError) -> Result<Turn, Broken> {
        if let StoreError::Fenced(_) = error {
            return Err(Broken::because("commit", error));
        }
        self.links.counts.store.failures.add(1);
        self.links.counts.store.up.set(0);
        self.tell_waiting();
        self.attempts.failed(&error.to_string());
        Ok(Turn::Idle)
    }

    /// Gives the shards their memory back.
    fn recycle(&mut self, mut batch: Batch) {
        for mut rows in batch.parts.drain(..) {
            rows.clear();
            let at = self.links.shards.iter().position(|(shard, _)| *shard == rows.shard);
            if let Some(spare) = at.and_then(|at| self.links.spare.get(at)) {
                // A shard that has enough lets them go.
                let _ = spare.offer(rows);
            }
        }
        (batch.rows, batch.since, batch.files_seq) = (0, None, 0);
        batch.files.clear();
        self.spare = batch;
    }

    /// The same for a batch without a row, of which nothing needs to be committed now.
    fn recycle_batch(&mut self) {
        let mut batch = std::mem::replace(&mut self.batch, std::mem::take(&mut self.spare));
        std::mem::swap(&mut batch.files, &mut self.batch.files);
        self.batch.files_seq = batch.files_seq;
        self.recycle(batch);
        self.begin_batch();
    }
}

#[cfg(test)]
mod tests;
