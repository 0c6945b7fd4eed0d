//! Notices when somebody sets the time of day, by comparing it with the clock that nobody can set.
//!
//! Every timer of the engine runs on the latter, so a step stops and hurries nothing. But messages are stamped with the time of
//! day, so an operator who wonders about their times finds the step in the log and in `ais_clock_step_total`.

use std::time::{Duration, Instant};

use crate::clock::Clock;

/// A smaller difference between two looks is no step: a clock that is slewed moves by microseconds.
const STEP_US_MIN: i64 = 500_000;
/// When reading both clocks takes longer than this, nothing is said of them: the thread was interrupted in between.
const READING_MAX: Duration = Duration::from_millis(100);

/// Both clocks at the last look.
pub struct TimeOfDay {
    clock: Clock,
    last: Option<(Instant, i64)>,
}

impl TimeOfDay {
    /// Nothing is known before the first look.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock, last: None }
    }

    /// By how many microseconds the time of day was set since the last look, if it was.
    pub fn step(&mut self) -> Option<i64> {
        let before = Instant::now();
        let now_us = self.clock.now_us();
        if before.elapsed() > READING_MAX {
            return None;
        }
        self.step_at(before, now_us)
    }

    fn step_at(&mut self, now: Instant, now_us: i64) -> Option<i64> {
        let (last, last_us) = self.last.replace((now, now_us))?;
        let passed_us = i64::try_from((now - last).as_micros()).unwrap_or(i64::MAX);
        let step_us = now_us.saturating_sub(last_us).saturating_sub(passed_us);
        (step_us.saturating_abs() >= STEP_US_MIN).then_some(step_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once_and_one_that_runs_is_not() {
        const HOUR_US: i64 = 3_600_000_000;
        let (mut time, began) = (TimeOfDay::new(Clock::manual(0)), Instant::now());
        let mut check = |after_ms: u64, now_us: i64, expected: Option<i64>| {
            let now = began + Duration::from_millis(after_ms);
            assert_eq!(time.step_at(now, now_us), expected, "after {after_ms} ms");
        };
        check(0, HOUR_US, None);
        check(20, HOUR_US + 20_000, None);
        // Slewed.
        check(40, HOUR_US + 40_300, None);
        check(60, 60_300, Some(-HOUR_US));
        check(80, 80_300, None);
        // A supervisor that slept for a minute, and a clock that is ahead by a second.
        check(60_080, 60_080_300, None);
        check(60_100, 61_100_300, Some(1_000_000));
        check(60_120, 0, Some(-61_120_300));
    }
}
