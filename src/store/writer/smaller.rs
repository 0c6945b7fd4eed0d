//! Smaller commits for a store that does not take a large one in time.
//!
//! A commit that does not fit a slow line within `store.commit_seconds` came back as a failure and was tried again whole, for
//! ever. Now one that took all of its time and did not come through is cut in half, down to a bound, and what was cut off waits here
//! in its order. Each full commit that takes less than half of the time lets the next be a quarter larger, until there is no
//! bound again but `store.batch_rows_max`.

use std::collections::VecDeque;
use std::time::Duration;

use super::Writer;
use crate::rows::Rows;
use crate::store::COMMIT_ROWS_MIN as ROWS_MIN;

/// What a commit may hold now, and what has to wait for the next.
#[derive(Debug, Default)]
pub struct Smaller {
    /// Rows of one commit, while that is less than what is configured.
    bound: Option<usize>,
    waiting: VecDeque<Rows>,
}

impl Smaller {
    /// Rows that the next commit may hold, if that is bound.
    #[must_use]
    pub const fn bound(&self) -> Option<usize> {
        self.bound
    }

    /// The next part that waits.
    pub fn next(&mut self) -> Option<Rows> {
        self.waiting.pop_front()
    }

    /// As much of a part as there is room for; the rest waits.
    pub fn fit(&mut self, mut part: Rows, room: usize) -> Rows {
        if let Some(rest) = part.split_off(room) {
            self.waiting.push_front(rest);
        }
        part
    }

    /// A commit of so many rows took all of its time.
    fn halve(&mut self, rows: usize) -> Option<usize> {
        let half = (rows / 2).max(ROWS_MIN);
        let is_less = self.bound.is_none_or(|bound| half < bound) && half < rows;
        is_less.then(|| *self.bound.insert(half))
    }

    /// A commit of so many rows came through.
    fn grow(&mut self, (rows, rows_max): (usize, usize), was_quick: bool) {
        let Some(bound) = self.bound else { return };
        if was_quick && rows >= bound {
            let larger = bound + bound / 4;
            self.bound = (larger < rows_max).then_some(larger);
        }
    }
}

impl Writer {
    /// Rows of the next commit at most.
    pub(super) fn rows_max(&self) -> usize {
        let max = self.config.batch_rows_max;
        self.smaller.bound().map_or(max, |bound| bound.min(max))
    }

    fn takes_all_its_time(&self, took: Duration, share: u32) -> bool {
        took * share >= Duration::from_secs(self.config.commit_seconds) * (share - 1)
    }

    /// A commit came through; the next begins behind it.
    pub(super) fn fitted(&mut self, rows: usize, took: Duration) {
        let was_quick = !self.takes_all_its_time(took, 2);
        self.smaller.grow((rows, self.config.batch_rows_max), was_quick);
        self.show_bound();
    }

    /// A commit of so many rows failed after this time: perhaps it is too large for its line.
    pub(super) fn did_not_fit(&mut self, rows: usize, took: Duration) {
        if !self.takes_all_its_time(took, 10) {
            return;
        }
        if let Some(half) = self.smaller.halve(rows) {
            tracing::warn!(
                "a commit of {rows} rows did not end within store.commit_seconds = {}: the next has {half} at most",
                self.config.commit_seconds
            );
        }
        self.show_bound();
    }

    fn show_bound(&self) {
        let rows = i64::try_from(self.rows_max()).unwrap_or(i64::MAX);
        self.links.counts.store.batch_rows_limit.set(rows);
    }

    /// Notes where the next batch begins.
    pub(super) fn begin_batch(&mut self) {
        let seen = self.seen_us.iter().copied();
        self.batch.before.clear();
        self.batch.before.extend(self.decided.iter().copied().zip(seen));
    }

    /// Nothing of the batch came through: what is over the bound waits for the next commit.
    pub(super) fn cut_batch(&mut self) {
        if self.batch.rows <= self.rows_max() {
            return;
        }
        for (shard, (decided, seen_us)) in self.batch.before.iter().enumerate() {
            (self.decided[shard], self.seen_us[shard]) = (*decided, *seen_us);
        }
        let parts = std::mem::take(&mut self.batch.parts);
        self.batch.rows = 0;
        let later: Vec<Rows> = std::mem::take(&mut self.smaller.waiting).into();
        self.smaller.waiting.extend(parts.into_iter().chain(later));
        self.gather_waiting();
    }

    /// Takes what waits from earlier, as far as there is room.
    pub(super) fn gather_waiting(&mut self) {
        while !self.is_full()
            && let Some(part) = self.smaller.next()
        {
            self.take(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_halved_down_to_its_least_and_grows_until_there_is_none() {
        let mut smaller = Smaller::default();
        smaller.grow((1000, 8000), true);
        assert_eq!(smaller.bound(), None);
        assert_eq!(smaller.halve(1000), Some(500));
        // A smaller commit that failed says more, a larger one nothing new.
        assert_eq!(smaller.halve(200), Some(100));
        assert_eq!(smaller.halve(300), None);
        assert_eq!(smaller.halve(100), Some(ROWS_MIN));
        assert_eq!(smaller.halve(ROWS_MIN), None);
        assert_eq!(smaller.bound(), Some(ROWS_MIN));
        // Neither a slow one nor one that had more room says that a larger one would fit.
        smaller.grow((ROWS_MIN, 8000), false);
        smaller.grow((ROWS_MIN - 1, 8000), true);
        assert_eq!(smaller.bound(), Some(ROWS_MIN));
        smaller.grow((ROWS_MIN, 8000), true);
        assert_eq!(smaller.bound(), Some(80));
        for _ in 0..30 {
            smaller.grow((8000, 8000), true);
        }
        assert_eq!(smaller.bound(), None);
    }
}
