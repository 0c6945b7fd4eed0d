//! The log line about the cache of vessels, now and then.

use std::time::{Duration, Instant};

use crate::observe::counts::{Counts, ShardCounts};

/// The line comes at most this often.
const EVERY: Duration = Duration::from_secs(60);

/// Look-ups of which the last line told.
pub struct HitRate {
    at: Instant,
    hits: u64,
    misses: u64,
}

impl HitRate {
    /// Nothing was told yet.
    pub const fn new(now: Instant) -> Self {
        Self { at: now, hits: 0, misses: 0 }
    }

    /// Says how many reports found their vessel, when a line is due and there were any.
    pub fn look(&mut self, counts: &Counts, now: Instant) {
        if let Some(text) = self.line(counts, now) {
            tracing::info!("{text}");
        }
    }

    fn line(&mut self, counts: &Counts, now: Instant) -> Option<String> {
        if now.saturating_duration_since(self.at) < EVERY {
            return None;
        }
        let sum = |of: fn(&ShardCounts) -> u64| counts.shards.iter().map(of).sum::<u64>();
        let (hits, misses) =
            (sum(|shard| shard.cache_hits.get()), sum(|shard| shard.cache_misses.get()));
        let (found, missed) = (hits.saturating_sub(self.hits), misses.saturating_sub(self.misses));
        *self = Self { at: now, hits, misses };
        let looked = found + missed;
        // In tenths of a percent.
        let rate = u128::from(found) * 1000 / u128::from(looked.max(1));
        let (whole, tenth) = (rate / 10, rate % 10);
        (looked > 0).then(|| format!("Cache hit rate {whole}.{tenth} % of {looked} reports"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_with_reports_has_one_line_about_that_minute() {
        let shards = vec![ShardCounts::default(), ShardCounts::default()];
        let counts = Counts { shards, ..Counts::default() };
        let began = Instant::now();
        let mut rate = HitRate::new(began);
        let mut after = |seconds: u64, hits: u64, misses: u64| {
            counts.shards[0].cache_hits.add(hits);
            counts.shards[1].cache_misses.add(misses);
            rate.line(&counts, began + Duration::from_secs(seconds))
        };
        assert_eq!(after(30, 1990, 10), None);
        assert_eq!(after(60, 0, 0).unwrap(), "Cache hit rate 99.5 % of 2000 reports");
        assert_eq!(after(90, 1, 0), None);
        assert_eq!(after(120, 0, 3).unwrap(), "Cache hit rate 25.0 % of 4 reports");
        assert_eq!(after(180, 0, 0), None);
    }
}
