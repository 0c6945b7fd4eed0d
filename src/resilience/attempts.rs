//! What a thread holds that talks to a neighbour: when to try, and what to tell of how it went.
//!
//! ```text
//! if let Some(wait) = attempts.wait() {
//!     return Ok(Turn::Idle);          // or wait that long, where nothing else is to be done
//! }
//! match work() {
//!     Ok(_) => attempts.succeeded(),
//!     Err(error) => { attempts.failed(&format!("commit to {server}: {error}")); }
//! }
//! ```
//!
//! An attempt is the whole of what is wanted: who connects and cannot commit has failed. Each thread has its own `Attempts`
//! with its own backoff; the breaker is one for all who talk to the same neighbour. The log gets a line when the breaker changes, and
//! one for each cause at most every ten seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::breaker::Asker;
use crate::clock;
use crate::config::BreakerConfig;
use crate::observe::neighbours::{Line, Neighbour};

/// One thread's attempts at one neighbour.
#[derive(Debug)]
pub struct Attempts {
    neighbour: Arc<Neighbour>,
    number: Asker,
    backoff: Backoff,
    /// Failures in a row.
    failures: u32,
    next: Option<Instant>,
}

impl Attempts {
    /// At a neighbour, with these limits of its breaker and these waits between attempts. The first of them says in the log
    /// that there is a breaker, and its limits hold.
    #[must_use]
    pub fn new(neighbour: Arc<Neighbour>, config: &BreakerConfig, backoff: Backoff) -> Self {
        neighbour.begin(config);
        let number = neighbour.join();
        Self { neighbour, number, backoff, failures: 0, next: None }
    }

    /// The neighbour.
    #[must_use]
    pub const fn neighbour(&self) -> &Arc<Neighbour> {
        &self.neighbour
    }

    /// How long to wait before the next attempt; nothing when it may be made now. To be asked right before an attempt.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        let (wait, line) = self.wait_at(clock::now());
        log(line);
        wait
    }

    /// An attempt worked.
    pub fn succeeded(&mut self) {
        log(self.succeeded_at(clock::now()));
    }

    /// An attempt failed for this cause, such as `connect to postgres at db-1:5432: connection refused`; the wait before the
    /// next one.
    pub fn failed(&mut self, cause: &str) -> Duration {
        self.failed_and_rests(cause, Duration::ZERO)
    }

    /// The same, and the neighbour is to be left alone for so long at least.
    pub fn failed_and_rests(&mut self, cause: &str, rest: Duration) -> Duration {
        let (wait, line) = self.failed_at(cause, rest, clock::now());
        log(line);
        wait
    }

    fn wait_at(&self, now: Instant) -> (Option<Duration>, Option<Line>) {
        match self.next {
            Some(next) if now < next => (Some(next - now), None),
            _ => self.neighbour.ask(self.number, now),
        }
    }

    fn succeeded_at(&mut self, now: Instant) -> Option<Line> {
        if self.failures > 0 {
            self.backoff.reset();
            (self.failures, self.next) = (0, None);
        }
        self.neighbour.succeeded(self.number, now)
    }

    fn failed_at(&mut self, cause: &str, rest: Duration, now: Instant) -> (Duration, Option<Line>) {
        self.failures = self.failures.saturating_add(1);
        let wait = self.backoff.next_wait().max(rest);
        let told = (cause, self.failures);
        let (wait, line) = self.neighbour.failed(self.number, told, wait, now);
        self.next = Some(now + wait);
        (wait, line)
    }
}

impl Drop for Attempts {
    /// Another one may probe then.
    fn drop(&mut self) {
        self.neighbour.leave(self.number);
    }
}

fn log(line: Option<Line>) {
    if let Some(line) = line {
        line.log();
    }
}

#[cfg(test)]
mod tests;
