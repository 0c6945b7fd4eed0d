//! What the writer counts and tells of a commit that worked.

use std::time::{Duration, Instant};

use super::{Writer, origins};
use crate::reject::Filtered;
use crate::rows::Rows;
use crate::store::Committed;

/// The log line about batches comes at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// What was committed since the last log line.
pub(super) struct Report {
    at: Instant,
    positions: u64,
    commits: u64,
    spent: Duration,
}

impl Report {
    pub(super) const fn since(at: Instant) -> Self {
        Self { at, positions: 0, commits: 0, spent: Duration::ZERO }
    }
}

impl Writer {
    /// Counts a commit that worked, and tells the journal.
    pub(super) fn account(&mut self, took: Duration, committed: &Committed) {
        self.attempts.succeeded();
        let now_us = self.links.clock.now_us();
        let mut stored = [0_u64; 256];
        {
            let mut latency = self.links.latency.lock();
            latency.tick(now_us);
            for origin in self.batch.iter().flat_map(origins) {
                stored[usize::from(origin.feed)] += 1;
                let took_us = now_us.saturating_sub(origin.received_us);
                latency.record(u64::try_from(took_us).unwrap_or(0), 1);
            }
        }
        self.count_feeds(stored, committed);
        let counts = &self.links.counts;
        let left_out = &committed.rows_left_out;
        let sum = |of: fn(&Rows) -> usize, left_out: u64| {
            let all = self.batch.iter().map(of).sum::<usize>() as u64;
            all.saturating_sub(left_out)
        };
        let positions = sum(|rows| rows.positions.len(), left_out.positions);
        counts.store.positions.add(positions);
        counts.store.statics.add(sum(|rows| rows.statics.len(), left_out.statics));
        counts.store.messages.add(sum(|rows| rows.messages.len(), left_out.messages));
        counts.store.commits.add(1);
        counts.store.commit_us.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        counts.store.up.set(1);
        let rows = i64::try_from(self.batch_rows).unwrap_or(i64::MAX);
        counts.store.batch_rows_max.set(counts.store.batch_rows_max.get().max(rows));
        self.tell_progress();
        self.report(positions, took);
    }

    /// What became of each feed's messages.
    fn count_feeds(&self, mut stored: [u64; 256], committed: &Committed) {
        let feeds = &self.links.counts.feeds;
        for feed in committed.expired.iter().map(|feed| usize::from(*feed)) {
            stored[feed] = stored[feed].saturating_sub(1);
            feeds[feed].filtered.of(Filtered::Expired as usize).add(1);
        }
        for feed in committed.undelivered.iter().map(|feed| usize::from(*feed)) {
            stored[feed] = stored[feed].saturating_sub(1);
        }
        for (feed, stored) in feeds.iter().zip(stored) {
            feed.stored.add(stored);
        }
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
        self.report = Report::since(Instant::now());
    }
}
