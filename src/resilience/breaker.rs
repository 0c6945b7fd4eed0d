//! The circuit breaker: leaves a neighbour alone that fails again and again, and tries now and then whether it is back.
//!
//! ```text
//!           failures in a row              open_ms are over, somebody asks
//!  closed ────────────────────► open ───────────────────────────────────────► half-open
//!    ▲                           ▲   the probe fails                            │  │
//!    │                           └──────────────────────────────────────────────┘  │
//!    └──────────────────────────────────────────────────────────────────────────────┘
//!                                    successes in a row
//! ```
//!
//! Beside failures in a row, the share of failures in a window of time may open it: for a neighbour that answers now and then,
//! and that is better left alone. That is off unless it is configured, since such a neighbour still takes part of the rows.
//!
//! A state machine and nothing else: no clock, no lock, no log. Whoever asks tells the time and who it is. While it is half-open
//! one of all who ask is let through, and goes on until the breaker is closed or open again. If nothing is heard
//! of that one for as long as the breaker stays open, the next who asks takes its place: a probe that is lost costs
//! time and nothing more. What those have to tell by then who are not let through decides nothing: they began before it opened.

mod window;

use std::time::{Duration, Instant};

use crate::config::BreakerConfig;
use window::Window;

/// While another one probes, it is worth looking again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything is let through.
    Closed,
    /// One at a time is let through.
    HalfOpen,
    /// Nothing is let through.
    Open,
}

impl State {
    /// As it stands in answers and in the log.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }

    /// As it stands in metrics: 0 closed, 1 half-open, 2 open.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// Who asks: a number for each that talks to the neighbour.
pub type Asker = u32;

/// The breaker of one neighbour, for all who talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    limits: BreakerConfig,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32, window: Window },
    Open { until: Instant },
    HalfOpen { successes: u32, probe: Option<Probe> },
}

/// The one that is let through, until when nobody else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    by: Asker,
    until: Instant,
}

impl Breaker {
    /// A breaker that is closed.
    #[must_use]
    pub const fn new(limits: BreakerConfig) -> Self {
        Self { limits, phase: closed() }
    }

    /// What it does now.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Whether this one may try now: nothing, or how long to wait before asking again. To be asked right before an attempt, since
    /// in a breaker that is half-open the answer keeps all others out.
    pub fn ask(&mut self, by: Asker, now: Instant) -> Option<Duration> {
        match &mut self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until } if now < *until => Some(*until - now),
            Phase::Open { .. } => {
                self.phase = self.half_open(0, by, now);
                None
            }
            Phase::HalfOpen { probe: Some(held), .. } if held.by != by && now < held.until => {
                Some(LOOK_AGAIN.min(held.until - now))
            }
            Phase::HalfOpen { successes, .. } => {
                let successes = *successes;
                self.phase = self.half_open(successes, by, now);
                None
            }
        }
    }

    /// How long it stays open, if it is.
    #[must_use]
    pub fn open_for(&self, now: Instant) -> Duration {
        match self.phase {
            Phase::Open { until } => until.saturating_duration_since(now),
            Phase::Closed { .. } | Phase::HalfOpen { .. } => Duration::ZERO,
        }
    }

    /// An attempt worked; says whether that closed it. Who tried without asking is taken for one who asked.
    pub fn succeeded(&mut self, by: Asker, now: Instant) -> bool {
        if self.ask(by, now).is_some() {
            return false;
        }
        let closes = match &mut self.phase {
            Phase::HalfOpen { successes, .. } => {
                *successes = successes.saturating_add(1);
                *successes >= self.limits.successes_to_close
            }
            Phase::Closed { failures, window } => {
                *failures = 0;
                note(window, &self.limits, false, now);
                false
            }
            Phase::Open { .. } => false,
        };
        if closes {
            self.phase = closed();
        }
        closes
    }

    /// An attempt failed; says whether that opened it. Who tried without asking is taken for one who asked.
    pub fn failed(&mut self, by: Asker, now: Instant) -> bool {
        if self.ask(by, now).is_some() {
            return false;
        }
        let opens = match &mut self.phase {
            Phase::Closed { failures, window } => {
                *failures = failures.saturating_add(1);
                note(window, &self.limits, true, now);
                *failures >= self.limits.failures_to_open || too_many(window, &self.limits)
            }
            Phase::HalfOpen { .. } | Phase::Open { .. } => true,
        };
        if opens {
            self.phase = Phase::Open { until: now + self.open_time() };
        }
        opens
    }

    /// This one will not try any more.
    pub fn leave(&mut self, by: Asker) {
        if let Phase::HalfOpen { probe, .. } = &mut self.phase
            && probe.is_some_and(|held| held.by == by)
        {
            *probe = None;
        }
    }

    fn half_open(&self, successes: u32, by: Asker, now: Instant) -> Phase {
        Phase::HalfOpen { successes, probe: Some(Probe { by, until: now + self.open_time() }) }
    }

    const fn open_time(&self) -> Duration {
        Duration::from_millis(self.limits.open_ms)
    }
}

/// Closed, and nothing is held against the neighbour.
const fn closed() -> Phase {
    Phase::Closed { failures: 0, window: Window::new() }
}

fn note(window: &mut Window, limits: &BreakerConfig, failed: bool, now: Instant) {
    if limits.window_ms > 0 {
        window.add(failed, now, Duration::from_millis(limits.window_ms));
    }
}

/// Whether enough attempts were made in the window, and enough of them failed; never while it is off, and empty.
fn too_many(window: &Window, limits: &BreakerConfig) -> bool {
    let (attempts, failures) = window.sums();
    attempts >= u64::from(limits.window_attempts_min)
        && failures * 100 >= attempts * u64::from(limits.window_failures_percent)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;
