//! When dead letters are tried again, and how many at once: never for more than their share of a writer's time.
//!
//! A try that took some time is followed by a rest that makes it the configured share of both together; while the rest
//! lasts all time is for what comes in. How many messages one try takes follows from how long the last one took, so that a
//! commit is not held up by more than some milliseconds, whether letters are taken or refused one by one.

use std::time::{Duration, Instant};

use crate::resilience::dead_letters::Tried;

/// Where none is due, it is looked again after this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A try that takes less lets the next one be larger.
const SHORT: Duration = Duration::from_millis(20);
/// A try that takes more makes the next one smaller.
const LONG: Duration = Duration::from_millis(40);
/// Messages of one try, at first and at most.
const MESSAGES_AT_FIRST: usize = 16;
const MESSAGES_MAX: usize = 256;
/// A line of the log comes at most this often.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The pace of one writer.
pub struct Pace {
    percent: u32,
    next: Instant,
    messages: usize,
    /// What the log has not been told.
    unsaid: Tried,
    said: Option<Instant>,
}

impl Pace {
    /// With this share of the time.
    pub fn new(percent: u32, now: Instant) -> Self {
        let percent = percent.clamp(1, 100);
        Self {
            percent,
            next: now,
            messages: MESSAGES_AT_FIRST,
            unsaid: Tried::default(),
            said: None,
        }
    }

    /// Whether it is time to try some.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    /// How many messages.
    pub const fn messages(&self) -> usize {
        self.messages
    }

    /// None was due.
    pub fn found_none(&mut self, now: Instant) {
        self.next = now + LOOK_EVERY;
        self.say(now);
    }

    /// Some were tried; the microseconds that it took.
    pub fn did(&mut self, tried: Tried, began: Instant, now: Instant) -> u64 {
        let took = now.saturating_duration_since(began);
        self.next = now + self.rest(took);
        if took > LONG {
            self.messages = (self.messages / 2).max(1);
        } else if took < SHORT {
            self.messages = (self.messages * 2).min(MESSAGES_MAX);
        }
        self.unsaid.delivered += tried.delivered;
        self.unsaid.refused += tried.refused;
        self.unsaid.died += tried.died;
        self.say(now);
        micros(took)
    }

    /// They could not be tried; the microseconds that it took.
    pub fn failed(&mut self, began: Instant, now: Instant) -> u64 {
        let took = now.saturating_duration_since(began);
        self.next = now + self.rest(took).max(LOOK_EVERY);
        self.messages = (self.messages / 2).max(1);
        micros(took)
    }

    fn rest(&self, took: Duration) -> Duration {
        took * (100 - self.percent) / self.percent
    }

    /// Tells the log, if there is something to tell and it is time.
    pub fn say(&mut self, now: Instant) {
        let Tried { delivered, refused, died } = self.unsaid;
        let lately = self.said.is_some_and(|said| now < said + SAY_EVERY);
        if delivered + refused == 0 || lately {
            return;
        }
        (self.unsaid, self.said) = (Tried::default(), Some(now));
        if died > 0 {
            tracing::warn!(
                delivered,
                refused,
                dead = died,
                "tried dead letters again; those that are dead wait for somebody: aisd dlq stats"
            );
        } else {
            tracing::info!(delivered, refused, "tried dead letters again");
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What share of a time is taken when every try takes this long.
    fn share(percent: u32, took: Duration) -> f64 {
        let start = Instant::now();
        let (mut pace, mut now, mut spent) = (Pace::new(percent, start), start, Duration::ZERO);
        while now < start + Duration::from_secs(3600) {
            if pace.is_due(now) {
                let began = now;
                now += took;
                spent += took;
                pace.did(Tried::default(), began, now);
            }
            now += Duration::from_millis(1);
        }
        spent.as_secs_f64() / (now - start).as_secs_f64()
    }

    #[test]
    fn trying_again_takes_no_more_than_its_share_however_long_one_try_takes() {
        for (percent, most) in [(10, 0.1), (1, 0.01), (50, 0.5)] {
            for milliseconds in [1, 7, 50, 10_000] {
                let share = share(percent, Duration::from_millis(milliseconds));
                assert!(share <= most * 1.01 + 0.003, "{percent} %, {milliseconds} ms: {share}");
                assert!(share > most * 0.4, "{percent} %, {milliseconds} ms: {share}");
            }
        }
    }

    #[test]
    fn a_long_try_makes_the_next_one_smaller_and_a_short_one_larger() {
        let start = Instant::now();
        let mut pace = Pace::new(10, start);
        let mut tries = |milliseconds| {
            for _ in 0..10 {
                pace.did(Tried::default(), start, start + Duration::from_millis(milliseconds));
            }
            pace.messages()
        };
        assert_eq!((tries(1), tries(30), tries(100), tries(5)), (256, 256, 1, 256));
    }

    #[test]
    fn after_a_failure_there_is_a_rest_of_a_second_at_least() {
        let start = Instant::now();
        let mut pace = Pace::new(100, start);
        pace.failed(start, start);
        assert!(!pace.is_due(start + Duration::from_millis(999)));
        assert!(pace.is_due(start + LOOK_EVERY));
    }
}
