//! Shows the newest report of each vessel in Redis: the stage that is the only writer of the live picture.
//!
//! In:      vessels that changed, taken from the shards' tables (`picture::Changes`): the latest of each, however often it changed
//! Out:     a key for each vessel, `geo`, `active`, and a publication of changed positions (see [`keys`] and [`fields`])
//! Drops:   never while a vessel is known; what could not be written stays marked. A vessel put out of the shard's table
//!          before it was written is counted.
//! Metrics: `ais_live_*`, `ais_messages_failed_redis_total`
//!
//! **The picture never goes back in time.** A script in Redis compares (time, seq) of what is there and what comes and writes in the
//! same step, so this holds against anybody who writes through it: another daemon, or `aisd redis rebuild`. What a vessel says
//! of itself is guarded apart from its position, field by field (see `script/hash.lua`).
//!
//! Redis may be away for as long as it likes: the store does not wait for it, and what waits here is bounded by the vessels
//! that are known. When it comes back everything that changed is written; when what it knew may be lost (a lost connection, or
//! [`keys::Keys::marks`] that are gone) everything that is known is.
//!
//! **It shares its processors.** Redis and its subscribers may run beside the daemon, and a picture of 20 000 vessels written at once keeps
//! a processor for half a second, in which nothing is stored. So a writing goes in small parts, and after each the stage rests so long
//! that no more than `redis.busy_percent` of its time is writing; what changes meanwhile is written once.
//!
//! Blocking calls: connecting, writing and reading, each at most `redis.timeout_ms`; resolving a name has no deadline but the
//! system's.

pub mod address;
pub mod entry;
pub mod fields;
pub mod keys;
pub mod link;
pub mod script;
pub mod sink;
pub mod text;
pub mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{self, Clock};
use crate::config::RedisConfig;
use crate::observe::counts::Counts;
use crate::picture::{Change, Changes, What};
use crate::resilience::attempts::Attempts;
use crate::stage::{Broken, Stage, Turn};
use link::Trouble;
use sink::Sink;
use writer::Outcome;

/// Vessels written in one turn, by one call.
const BATCH: usize = 100;
/// The longest rest after a turn, however long that took: a server that is slow once is not left alone for long.
const REST_MAX: Duration = Duration::from_secs(1);
/// With nothing to write, Redis is looked at this often, and what is too old is taken out.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the last writing may take at shutdown.
const LAST_MAX: Duration = Duration::from_secs(2);

/// What the stage is given at its birth.
pub struct Links {
    /// Where changes come from.
    pub changes: Arc<dyn Changes>,
    /// Where they go.
    pub writer: Box<dyn Sink>,
    /// When to try.
    pub attempts: Attempts,
    /// What is counted.
    pub counts: Arc<Counts>,
    /// The time of day.
    pub clock: Clock,
    /// Set when nothing more will change.
    pub stopping: Arc<AtomicBool>,
}

/// The stage.
pub struct Live {
    links: Links,
    interval: Duration,
    /// Times as long as a turn took comes a rest.
    rest_factor: f64,
    batch: Vec<Change>,
    /// When the next writing begins.
    due: Instant,
    /// When the writing that is under way goes on.
    rests_until: Instant,
    /// When Redis was last looked at.
    looked: Option<Instant>,
    /// Vessels of this writing that are not written yet.
    left: usize,
    is_flushing: bool,
    /// Nothing of this writing is written yet.
    is_first: bool,
    /// What was written before may be gone.
    is_doubtful: bool,
    /// Since when only what is left is written.
    last_since: Option<Instant>,
}

impl Live {
    /// Writes what changed once in each interval, and in no more than its share of the time.
    #[must_use]
    pub fn new(links: Links, config: &RedisConfig) -> Self {
        let now = clock::now();
        Self {
            links,
            interval: Duration::from_millis(config.interval_ms),
            rest_factor: 100.0 / f64::from(config.busy_percent.max(1)) - 1.0,
            batch: Vec::with_capacity(BATCH),
            due: now,
            rests_until: now,
            looked: None,
            left: 0,
            is_flushing: false,
            is_first: false,
            is_doubtful: false,
            last_since: None,
        }
    }
}

impl Stage for Live {
    fn name(&self) -> &'static str {
        "live"
    }

    fn idle_for(&self) -> Duration {
        let next = if self.is_flushing { self.rests_until } else { self.due };
        next.saturating_duration_since(clock::now()).min(Duration::from_millis(50))
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        let is_last = self.links.stopping.load(Ordering::Acquire);
        if is_last && self.last_since.is_none() {
            self.last_since = Some(clock::now());
            (self.is_flushing, self.due) = (false, clock::now());
        }
        let resting = if is_last { Turn::Finished } else { Turn::Idle };
        if !self.is_flushing && !self.begin() {
            return Ok(resting);
        }
        let is_late = self.last_since.is_some_and(|since| clock::since(since) > LAST_MAX);
        if is_late || self.links.attempts.wait().is_some() {
            self.is_flushing = false;
            return Ok(resting);
        }
        if !is_last && clock::now() < self.rests_until {
            return Ok(Turn::Idle);
        }
        let began = clock::now();
        let tried = self.part();
        self.rest_after(began.elapsed());
        self.show_waiting();
        Ok(match tried {
            Ok(moved) => {
                self.links.attempts.succeeded();
                Turn::Moved(moved)
            }
            Err(trouble) => {
                self.failed(&trouble);
                resting
            }
        })
    }
}

impl Live {
    /// Begins a writing when it is due and there is something to do.
    fn begin(&mut self) -> bool {
        let now = clock::now();
        if now < self.due {
            return false;
        }
        self.due = now + self.interval;
        self.left = self.show_waiting();
        self.is_flushing = self.left > 0 || self.is_look_due(now);
        self.is_first = self.is_flushing;
        self.is_flushing
    }

    /// Rests after a turn of this length.
    fn rest_after(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.links.counts.live.flush_us.add(us);
        let rest = took.mul_f64(self.rest_factor).min(REST_MAX);
        self.rests_until = clock::now() + rest;
        self.due = self.due.max(self.rests_until);
    }

    fn is_look_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK_EVERY)
    }

    /// Writes some of what changed; how many.
    fn part(&mut self) -> Result<u32, Trouble> {
        self.batch.clear();
        self.links.changes.take(self.left.min(BATCH), &mut self.batch);
        let outcome = self.write().inspect_err(|_| self.mark_again())?;
        let Outcome { written, refused, lacking } = outcome;
        let lacking: Vec<_> = lacking.into_iter().map(|mmsi| (mmsi, What::STATICS)).collect();
        self.links.changes.mark(&lacking);
        let live = &self.links.counts.live;
        live.written.add(written);
        live.refused.add(refused);
        self.left -= self.left.min(BATCH);
        if self.left == 0 || self.batch.is_empty() {
            live.flushes.add(u64::from(!self.batch.is_empty()));
            self.is_flushing = false;
        }
        Ok(u32::try_from(self.batch.len()).unwrap_or(u32::MAX))
    }

    fn write(&mut self) -> Result<Outcome, Trouble> {
        let Links { changes, writer, clock, .. } = &mut self.links;
        let now = clock::now();
        if writer.connect()? {
            self.looked = None;
        }
        let is_look_due = self.looked.is_none_or(|at| now.duration_since(at) >= LOOK_EVERY);
        if is_look_due || std::mem::take(&mut self.is_first) {
            let is_whole = writer.is_whole()?;
            if !is_whole {
                tracing::warn!("{} was emptied: all known vessels are written", writer.shown());
            }
            if std::mem::take(&mut self.is_doubtful) || !is_whole {
                changes.mark_all();
            }
        }
        let outcome = writer.write(&self.batch, clock.now_us())?;
        if is_look_due {
            // A full trim leaves more: it goes on with the next writing.
            let is_more = writer.trim(clock.now_us())?;
            self.looked = if is_more { None } else { Some(now) };
        }
        Ok(outcome)
    }

    fn mark_again(&self) {
        let vessels: Vec<_> = self.batch.iter().map(|it| (it.view.mmsi, it.what)).collect();
        self.links.changes.mark(&vessels);
        let live = &self.links.counts.live;
        live.failed_vessels.add(u64::try_from(vessels.len()).unwrap_or(u64::MAX));
        live.failures.add(1);
    }

    fn failed(&mut self, trouble: &Trouble) {
        self.is_doubtful |= trouble.is_lost;
        self.is_flushing = false;
        self.links.attempts.failed(&trouble.text);
    }

    /// Tells how many vessels wait.
    fn show_waiting(&self) -> usize {
        let waiting = self.links.changes.waiting();
        let live = &self.links.counts.live;
        live.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        live.evicted.add(self.links.changes.take_evicted());
        waiting
    }
}
