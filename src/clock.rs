//! The time of day, as everything in the engine asks for it.
//!
//! All times are microseconds since 1970 UTC in an `i64`. Decisions never read this clock: they use the record's own
//! received time (see `shard`). It stamps what arrives, and measures how long things took.
//!
//! How long to wait is measured by another clock, which nobody sets: [`now`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's time of day.
    #[default]
    System,
    /// A time that moves only when a test says so.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now_us` until it is set.
    #[must_use]
    pub fn manual(now_us: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now_us)))
    }

    /// Microseconds since 1970 UTC; 0 on a machine whose clock stands before that.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Self::Manual(now) => now.load(Ordering::Acquire),
        }
    }

    /// Moves a manual clock; the system's is left alone.
    pub fn set_us(&self, now_us: i64) {
        if let Self::Manual(now) = self {
            now.store(now_us, Ordering::Release);
        }
    }
}

/// The moment by the clock that only goes forward. A test may stop it for its own thread: [`testing::stop_at`].
#[must_use]
pub fn now() -> Instant {
    #[cfg(test)]
    if let Some(stopped) = testing::stopped() {
        return stopped;
    }
    Instant::now()
}

/// How long ago that was.
#[must_use]
pub fn since(moment: Instant) -> Duration {
    now().saturating_duration_since(moment)
}

/// A clock for waits that moves only when a test says so.
#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;
    use std::time::Instant;

    thread_local! {
        static STOPPED: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    pub(super) fn stopped() -> Option<Instant> {
        STOPPED.get()
    }

    /// From now on it is this moment, for this thread.
    pub(crate) fn stop_at(moment: Instant) {
        STOPPED.set(Some(moment));
    }
}
