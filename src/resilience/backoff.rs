//! How long to wait before the next attempt, when the ones before it failed.
//!
//! Decorrelated jitter: a wait is drawn between the shortest and three times the last one, and is never longer than the
//! longest. Many clients of one server that went away do not come back at the same moments. See Marc Brooker,
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The waits between attempts at a neighbour, unless somebody says otherwise.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The waits between attempts.
#[derive(Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    last: Duration,
    random: u64,
}

impl Default for Backoff {
    /// Waits between 100 ms and 5 s.
    fn default() -> Self {
        Self::new(SHORTEST, LONGEST)
    }
}

impl Backoff {
    /// Waits between these bounds.
    #[must_use]
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        // The standard library's hash keys are the one source of randomness that needs no crate.
        let random = RandomState::new().hash_one(0) | 1;
        Self { shortest, longest, last: shortest, random }
    }

    /// The wait before the next attempt.
    pub fn next_wait(&mut self) -> Duration {
        let most = self.last.saturating_mul(3).min(self.longest);
        let spread = most.saturating_sub(self.shortest);
        let spread_us = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX);
        let wait = self.shortest + Duration::from_micros(self.draw() % spread_us.saturating_add(1));
        self.last = wait;
        wait
    }

    /// An attempt worked: the next wait is a short one again.
    pub const fn reset(&mut self) {
        self.last = self.shortest;
    }

    /// xorshift64, Marsaglia 2003.
    const fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut backoff: Backoff, shortest: Duration, longest: Duration) {
        let mut last = shortest;
        let mut sum = Duration::ZERO;
        for _ in 0..1000 {
            let wait = backoff.next_wait();
            assert!((shortest..=longest).contains(&wait) && wait <= last * 3, "{last:?} {wait:?}");
            last = wait;
            sum += wait;
        }
        assert!(sum / 1000 > 4 * shortest, "{sum:?}");
        backoff.reset();
        assert!(backoff.next_wait() <= shortest * 3);
    }

    #[test]
    fn waits_grow_within_their_bounds_and_differ() {
        let (shortest, longest) = (Duration::from_millis(500), Duration::from_secs(30));
        check(Backoff::new(shortest, longest), shortest, longest);
        check(Backoff::default(), SHORTEST, LONGEST);
    }

    #[test]
    fn two_that_fail_together_do_not_come_back_together() {
        let waits = || {
            let mut backoff = Backoff::default();
            (0..8).map(|_| backoff.next_wait()).collect::<Vec<_>>()
        };
        assert_ne!(waits(), waits());
    }
}
