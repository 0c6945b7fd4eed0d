//! The time of day, as everything in the engine asks for it.
//!
//! All times are microseconds since 1970 UTC in an `i64`. Decisions never read this clock: they use the record's own
//! received time (see `shard`). It stamps what arrives, and measures how long things took.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
