//! Both clocks of a history, moved by hand: the time of day, and the one by which waits are measured.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{self, Clock, SECOND_US};

thread_local! {
    /// One moment for all histories of a thread, so that none of them goes back behind another.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The clocks.
#[derive(Clone, Debug)]
pub struct Time {
    pub wall: Clock,
    passed_us: Arc<AtomicI64>,
}

impl Time {
    pub fn new() -> Self {
        let time = Self {
            wall: Clock::manual(1_700_000_000 * SECOND_US),
            passed_us: Arc::new(AtomicI64::new(0)),
        };
        time.pass_ms(0);
        time
    }

    /// Both go on.
    pub fn pass_ms(&self, ms: u64) {
        let us = i64::try_from(ms).unwrap() * 1000;
        self.wall.set_us(self.wall.now_us() + us);
        let passed = self.passed_us.fetch_add(us, Ordering::Relaxed) + us;
        let began = BEGAN.get().unwrap_or_else(Instant::now);
        BEGAN.set(Some(began));
        clock::testing::stop_at(began + Duration::from_micros(passed.unsigned_abs()));
    }

    /// Somebody sets the time of day.
    pub fn jump_ms(&self, ms: i64) {
        self.wall.set_us(self.wall.now_us() + ms * 1000);
    }
}
