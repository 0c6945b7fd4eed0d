//! How many tokens let nobody in lately: from the sixth in a second on all get the same answer.

use std::time::{Duration, Instant};

use super::reply::Reply;

/// Refusals in one second that are told apart.
const FAILURES_MAX: u32 = 5;

/// Refusals of the last second.
pub struct Failures {
    since: Instant,
    count: u32,
}

impl Failures {
    /// None yet.
    pub fn new() -> Self {
        Self { since: Instant::now(), count: 0 }
    }

    /// Counts one more; whether there are too many.
    pub fn is_too_many(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count > FAILURES_MAX
    }

    /// What all of them get then.
    pub fn reply() -> Reply {
        let reply = Reply::error(429, "too many tokens that let nobody in, try again");
        reply.with_header("Retry-After", "1")
    }
}
