//! All counters at one moment, read with the ends of the flow first.

use std::sync::Arc;

use super::Sources;
use crate::clock::SECOND_US;
use crate::observe::accounting::Sums;
use crate::observe::counts::{Counts, FeedCounts, StageCounts};
use crate::observe::latency::LatencySnapshot;
use crate::observe::process::Process;
use crate::observe::status::State;

/// Everything that is shown, at one moment.
pub struct Seen {
    /// The sum of each feed, at the place of its number.
    pub sums: Vec<Sums>,
    /// The counters that no sum depends on.
    pub counts: Arc<Counts>,
    /// The counters of each thread.
    pub stages: Vec<Arc<StageCounts>>,
    /// Latencies.
    pub latency: LatencySnapshot,
    /// What the kernel says.
    pub process: Process,
    /// What the engine is about.
    pub state: State,
    /// Now, microseconds since 1970.
    pub now_us: i64,
    /// When the process started, microseconds since 1970.
    pub started_us: i64,
}

impl Seen {
    /// Looks once; each feed's sum is read from the store back to the feed.
    #[must_use]
    pub fn new(sources: &Sources) -> Self {
        let now_us = sources.clock.now_us();
        Self {
            sums: sources.counts.feeds.iter().map(Sums::read).collect(),
            counts: Arc::clone(&sources.counts),
            stages: sources.stages.clone(),
            latency: sources.latency.lock().snapshot(now_us),
            process: sources.process.read(),
            state: sources.status.state(),
            now_us,
            started_us: sources.status.started_us(),
        }
    }

    /// Each feed with its sum.
    pub fn feeds(&self) -> impl Iterator<Item = (&FeedCounts, &Sums)> {
        self.counts.feeds.iter().zip(&self.sums)
    }

    /// The name of the store's back end.
    #[must_use]
    pub fn store(&self) -> &str {
        self.counts.neighbours.store.name()
    }

    /// Messages stored, of all feeds.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.sums.iter().map(|sums| sums.stored).sum()
    }

    /// Messages that left without having come, of all feeds; a fault in the counting.
    #[must_use]
    pub fn imbalance(&self) -> u64 {
        self.sums.iter().map(Sums::imbalance).sum()
    }

    /// Messages on their way, of all feeds.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.sums.iter().map(Sums::in_flight).sum()
    }

    /// Seconds since the process started.
    #[must_use]
    pub fn uptime_seconds(&self) -> f64 {
        seconds(self.now_us - self.started_us)
    }

    /// Seconds that the oldest message has waited for its commit; 0 when none waits.
    #[must_use]
    pub fn oldest_unstored_seconds(&self) -> f64 {
        let waiting = self.counts.shards.iter().map(|shard| shard.unstored_us.get());
        waiting.filter(|since| *since != 0).min().map_or(0.0, |since| seconds(self.now_us - since))
    }
}

/// A counter or size as metrics have it.
#[expect(clippy::cast_precision_loss, reason = "metrics are doubles; counts below 2^53 are exact")]
#[must_use]
pub const fn float(count: u64) -> f64 {
    count as f64
}

/// A gauge as metrics have it.
#[expect(clippy::cast_precision_loss, reason = "metrics are doubles; values below 2^53 are exact")]
#[must_use]
pub const fn signed(value: i64) -> f64 {
    value as f64
}

/// Microseconds as seconds; what lies in the future counts as 0.
#[must_use]
pub fn seconds(us: i64) -> f64 {
    signed(us.max(0)) / signed(SECOND_US)
}
