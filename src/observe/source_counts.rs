//! What is known of each feed as a source: beside how much it brings, how good that is.

use super::accounting::Sums;
use super::counts::{ByReason, Counter, FeedCounts, Gauge};
use crate::clock::SECOND_US;
use crate::rows::flags;

/// Who was silent for so long says nothing of now.
const RECENT_US: i64 = 900 * SECOND_US;

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

/// What a source is worth now, 0 to 1; nothing while it has brought nothing.
///
/// Half of it is for what it brought lately (all of that at once, none after a quarter of an hour of silence), three tenths for how far it is
/// believed, and two for the part of all it brought since the start that was neither refused nor cannot be.
#[must_use]
pub fn score(feed: &FeedCounts, sums: &Sums, now_us: i64) -> Option<f64> {
    let last_us = feed.last_message_us.get();
    if last_us == 0 || sums.came() == 0 {
        return None;
    }
    let wrong = flags::JUDGED.iter().enumerate().filter(|(_, (flag, _))| flag & flags::WRONG != 0);
    let wrong: u64 = wrong.map(|(at, _)| feed.source.flagged.of(at).get()).sum();
    let bad = (sums.rejected.iter().sum::<u64>() + wrong).min(sums.came());
    let silent_us = (now_us - last_us).clamp(0, RECENT_US);
    #[expect(clippy::cast_precision_loss, reason = "shares of a sum")]
    let part = |part: u64, whole: u64| 1.0 - part as f64 / whole as f64;
    let recency = part(silent_us.unsigned_abs(), RECENT_US.unsigned_abs());
    let validity = part(bad, sums.came());
    Some(0.5 * recency + 0.3 * feed.source.weight(now_us) + 0.2 * validity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::Reject;

    const NOW: i64 = 1_700_000_000 * SECOND_US;

    #[test]
    fn a_source_is_worth_what_it_brought_lately_how_far_it_is_believed_and_what_of_it_can_be() {
        let feed = FeedCounts::default();
        feed.source.weight_percent.set(80);
        let check = |expected: Option<f64>| {
            let score = score(&feed, &Sums::read(&feed), NOW);
            let (score, expected) = (score.unwrap_or(-1.0), expected.unwrap_or(-1.0));
            assert!((score - expected).abs() < 1e-9, "{score} {expected}");
        };
        check(None);
        feed.received.add(100);
        feed.last_message_us.set(NOW + SECOND_US);
        check(Some(0.5 + 0.24 + 0.2));
        feed.last_message_us.set(NOW - 450 * SECOND_US);
        check(Some(0.25 + 0.24 + 0.2));
        feed.last_message_us.set(NOW - 9000 * SECOND_US);
        check(Some(0.24 + 0.2));
        feed.rejected.of(Reject::Checksum as usize).add(30);
        let (jump, late) = (0, 3);
        feed.source.flagged.of(jump).add(20);
        feed.source.flagged.of(late).add(20);
        check(Some(0.24 + 0.1));
        feed.source.demoted_until_us.set(NOW + 1);
        check(Some(0.09 + 0.1));
        feed.source.flagged.of(jump).add(1000);
        check(Some(0.09));
    }
}
