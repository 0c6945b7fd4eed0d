//! The log line about batches, now and then.

use std::time::{Duration, Instant};

/// The line comes at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What was committed since the last line.
pub struct Report {
    at: Instant,
    positions: u64,
    commits: u64,
    spent: Duration,
}

impl Report {
    /// Nothing yet.
    pub const fn new(now: Instant) -> Self {
        Self { at: now, positions: 0, commits: 0, spent: Duration::ZERO }
    }

    /// Adds a commit, and says how it went when a line is due.
    pub fn committed(&mut self, positions: u64, took: Duration) {
        self.positions += positions;
        self.commits += 1;
        self.spent += took;
        if self.at.elapsed() < REPORT_EVERY {
            return;
        }
        let Self { positions, commits, spent, .. } = self;
        tracing::info!(
            "Batch inserted {positions} positions in {} ms ({commits} commits)",
            spent.as_millis()
        );
        *self = Self::new(Instant::now());
    }
}
