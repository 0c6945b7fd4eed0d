//! What is known of each feed as a source: beside how much it brings, how good that is.

use super::counts::{ByReason, Counter, Gauge};
use crate::rows::flags;

/// What is counted and told of a source.
#[derive(Debug, Default)]
pub struct SourceCounts {
    /// Messages that nobody had brought before.
    pub first: Counter,
    /// Messages that it had brought before itself.
    pub own_repeats: Counter,
    /// Positions that are remarkable, by [`flags::JUDGED`].
    pub flagged: ByReason<{ flags::JUDGED.len() }>,
    /// Messages that tell when they were made.
    pub timed: Counter,
    /// Microseconds from when those were made to their receipt, together.
    pub delay_us: Counter,
    /// How far it is believed, in hundredths.
    pub weight_percent: Gauge,
    /// Times that it was demoted, by any shard.
    pub demotions: Counter,
    /// Until when it counts for less, microseconds since 1970; 0 for never.
    pub demoted_until_us: Gauge,
    /// Until when it counts as stuck, microseconds since 1970; 0 for never.
    pub stuck_until_us: Gauge,
}

impl SourceCounts {
    /// Whether it counts for less at this time.
    #[must_use]
    pub fn is_demoted(&self, now_us: i64) -> bool {
        now_us < self.demoted_until_us.get()
    }

    /// Whether it counts as stuck at this time.
    #[must_use]
    pub fn is_stuck(&self, now_us: i64) -> bool {
        now_us < self.stuck_until_us.get()
    }

    /// How far it is believed at this time, 0 to 1.
    #[must_use]
    pub fn weight(&self, now_us: i64) -> f64 {
        let percent = self.weight_percent.get();
        let percent =
            if self.is_demoted(now_us) { percent.min(DEMOTED_PERCENT.into()) } else { percent };
        f64::from(i32::try_from(percent).unwrap_or(0)) / 100.0
    }

    /// Seconds from when its messages were made to their receipt, in the mean; nothing when none told.
    #[must_use]
    pub fn delay_seconds(&self) -> Option<f64> {
        let timed = u32::try_from(self.timed.get().min(u64::from(u32::MAX))).unwrap_or(u32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let delay_us = self.delay_us.get() as f64;
        (timed > 0).then(|| delay_us / 1e6 / f64::from(timed))
    }
}

/// What a source that is demoted counts for at most, in hundredths.
pub const DEMOTED_PERCENT: u8 = 30;
