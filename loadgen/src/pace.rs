//! When what is due: an open loop, which asks the clock and never the target.
//!
//! Message `n` is due `n / rate` seconds after the start, however late those before it were. What is due is sent about
//! once a millisecond, so that a thread that sleeps costs nothing; a target that falls behind is sent the arrears at
//! once.

use std::thread;
use std::time::{Duration, Instant};

/// The shortest sleep, and so the coarseness of the schedule.
const TICK: Duration = Duration::from_millis(1);

/// A schedule.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    rate: Option<f64>,
    until: Option<Duration>,
    started: Instant,
}

impl Pace {
    /// So many messages a second from now on, or all at once (`None`), until an end.
    pub fn start(rate: Option<f64>, until: Option<Duration>) -> Self {
        Self { rate, until, started: Instant::now() }
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
        let due = self.rate.map_or(u64::MAX, |rate| {
            crate::stream::whole(elapsed.as_secs_f64() * rate).saturating_add(1)
        });
        Some(due)
    }

    /// When message `number` (from 0) was meant to be sent; without a rate that is now.
    pub fn meant_at(&self, number: u64, elapsed: Duration) -> Instant {
        self.started
            + self.rate.map_or(elapsed, |rate| Duration::from_secs_f64(number as f64 / rate))
    }

    /// How late message `number` (from 0) is at this moment.
    pub fn lateness(&self, number: u64, elapsed: Duration) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| {
            elapsed.saturating_sub(Duration::from_secs_f64(number as f64 / rate))
        })
    }

    /// Sleeps until message `number` (from 0) is due, but at least a tick.
    pub fn sleep_until(&self, number: u64, elapsed: Duration) {
        let Some(rate) = self.rate else { return };
        let due = Duration::from_secs_f64(number as f64 / rate);
        let rest = due.saturating_sub(elapsed).max(TICK);
        // A slow schedule still notices its end in time.
        thread::sleep(rest.min(Duration::from_millis(50)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_does_not_depend_on_what_was_sent() {
        let pace = Pace::start(Some(10_000.0), None);
        let check = |ms, expected| {
            assert_eq!(pace.due(Duration::from_millis(ms)), Some(expected), "after {ms} ms");
        };
        check(0, 1);
        check(1, 11);
        check(2000, 20_001);
        assert_eq!(pace.lateness(100, Duration::from_millis(12)), Duration::from_millis(2));
        let meant = pace.meant_at(100, Duration::from_millis(12)) - pace.started();
        assert_eq!(meant, Duration::from_millis(10));
    }

    #[test]
    fn the_end_is_the_end() {
        let pace = Pace::start(None, Some(Duration::from_secs(1)));
        assert_eq!(pace.due(Duration::from_millis(999)), Some(u64::MAX));
        assert_eq!(pace.due(Duration::from_millis(1000)), None);
    }
}
