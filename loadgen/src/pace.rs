//! When what is due: an open loop, which asks the clock and never the target.
//!
//! A message is due when its schedule says so, however late those before it were. What is due is sent about once a
//! millisecond, so that a thread that sleeps costs nothing; a target that falls behind is sent the arrears at once.

use crate::schedule::Schedule;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The shortest sleep, and so the coarseness of the schedule.
const TICK: Duration = Duration::from_millis(1);

/// A schedule that has begun.
#[derive(Clone, Debug)]
pub struct Pace {
    schedule: Option<Arc<Schedule>>,
    until: Option<Duration>,
    started: Instant,
}

impl Pace {
    /// By a schedule from now on, or all at once (`None`), until an end.
    pub fn start(schedule: Option<Arc<Schedule>>, until: Option<Duration>) -> Self {
        Self { schedule, until, started: Instant::now() }
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When it started.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// How many messages may have been sent by now; `None` when the time is over.
    pub fn due(&self, elapsed: Duration) -> Option<u64> {
        if self.until.is_some_and(|until| elapsed >= until) {
            return None;
        }
        Some(self.schedule.as_ref().map_or(u64::MAX, |schedule| schedule.due(elapsed)))
    }

    /// When message `number` (from 0) was meant to be sent, since the start; without a schedule that is now.
    pub fn meant_at(&self, number: u64, elapsed: Duration) -> Duration {
        self.schedule.as_ref().map_or(elapsed, |schedule| schedule.at(number))
    }

    /// How late message `number` (from 0) is at this moment.
    pub fn lateness(&self, number: u64, elapsed: Duration) -> Duration {
        elapsed.saturating_sub(self.meant_at(number, elapsed))
    }

    /// Sleeps until message `number` (from 0) is due, but at least a tick.
    pub fn sleep_until(&self, number: u64, elapsed: Duration) {
        let rest = self.meant_at(number, elapsed).saturating_sub(elapsed).max(TICK);
        // A slow schedule still notices its end in time.
        thread::sleep(rest.min(Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_depend_on_what_was_sent() {
        let pace = Pace::start(Some(Arc::new(Schedule::even(10_000.0))), None);
        let check = |ms, expected| {
            assert_eq!(pace.due(Duration::from_millis(ms)), Some(expected), "after {ms} ms");
        };
        check(0, 1);
        check(1, 11);
        check(2000, 20_001);
        assert_eq!(pace.lateness(100, Duration::from_millis(12)), Duration::from_millis(2));
        let meant = pace.meant_at(100, Duration::from_millis(12));
        assert_eq!(meant, Duration::from_millis(10));
    }

    #[test]
    fn the_end_is_the_end() {
        let pace = Pace::start(None, Some(Duration::from_secs(1)));
        assert_eq!(pace.due(Duration::from_millis(999)), Some(u64::MAX));
        assert_eq!(pace.due(Duration::from_millis(1000)), None);
    }
}
