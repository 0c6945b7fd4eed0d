//! What the writer tells of a commit: counters, latencies, and how far everything is, to the journal.

use std::time::Duration;

use super::Writer;
use super::batch::{Batch, origins};
use crate::journal::COUNTER_BITS;
use crate::reject::Filtered;
use crate::rows::Rows;
use crate::store::Committed;

impl Writer {
    /// Counts a commit that worked, and tells the journal.
    pub(super) fn account(&mut self, batch: &Batch, took: Duration, committed: &Committed) {
        self.attempts.succeeded();
        let ago_us = i64::try_from(committed.ago.as_micros()).unwrap_or(0);
        let now_us = self.links.clock.now_us() - ago_us;
        let mut stored = [0_u64; 256];
        {
            let mut latency = self.links.latency.lock();
            latency.tick(now_us);
            for origin in batch.origins() {
                stored[usize::from(origin.feed)] += 1;
                let took_us = now_us.saturating_sub(origin.received_us);
                latency.record(u64::try_from(took_us).unwrap_or(0), 1);
            }
        }
        self.count_feeds(stored, committed);
        let counts = &self.links.counts;
        let left_out = &committed.rows_left_out;
        let sum = |of: fn(&Rows) -> usize, left_out: u64| {
            let all = batch.parts.iter().map(of).sum::<usize>() as u64;
            all.saturating_sub(left_out)
        };
        let positions = sum(|rows| rows.positions.len(), left_out.positions);
        counts.store.positions.add(positions);
        counts.store.statics.add(sum(|rows| rows.statics.len(), left_out.statics));
        counts.store.messages.add(sum(|rows| rows.messages.len(), left_out.messages));
        counts.store.commits.add(1);
        counts.store.commit_us.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        counts.store.up.set(1);
        let rows = i64::try_from(batch.rows).unwrap_or(i64::MAX);
        counts.store.batch_rows_max.set(counts.store.batch_rows_max.get().max(rows));
        self.tell_progress();
        self.report.committed(positions, took);
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

    pub(super) fn tell_progress(&mut self) {
        for (partition, next_seq) in self.committed.iter().enumerate() {
            if self.owned[partition] {
                self.links.journal.set_committed(partition, *next_seq);
            }
        }
        let oldest = self.links.journal.committed();
        self.links.counts.store.next_seq.set(oldest.cast_signed());
        let behind = oldest < self.links.journal.next_seq();
        for (shard, _) in &self.links.shards {
            let waiting_us = if behind { self.seen_us[*shard] } else { 0 };
            self.links.counts.shards[*shard].unstored_us.set(waiting_us);
        }
    }

    /// Tells since when messages wait that a commit did not store.
    pub(super) fn tell_waiting(&self) {
        let sent = self.sent.iter().flat_map(|sent| &sent.batch.parts);
        for rows in sent.chain(&self.batch.parts) {
            let received = origins(rows).map(|origin| origin.received_us).min();
            let gauge = &self.links.counts.shards[rows.shard].unstored_us;
            if let (Some(received), 0) = (received, gauge.get()) {
                gauge.set(received);
            }
        }
        let journal = &self.links.journal;
        let waiting = journal.next_seq().saturating_sub(journal.committed());
        // Across two runs the difference says nothing.
        let waiting = if waiting >> COUNTER_BITS == 0 { waiting } else { 0 };
        self.attempts.neighbour().waiting.set(waiting.cast_signed());
    }
}
