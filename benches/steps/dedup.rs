//! What does it cost to know that a transmission was not heard before, and that it was?
//!
//! The recording, a millisecond a message: all of it is remembered within the window, so the table is as large as at 1 000
//! messages a second. Each run is an hour later. An element is a message.

use std::hint::black_box;

use aisd::shard::dedup::Dedup;

use crate::case::{Case, Prepared};
use crate::traffic::{self, HOUR_US, NOW_US};

const WINDOW_MS: u32 = 10_000;
const BYTES_MAX: usize = 64 << 20;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("dedup/first heard", || heard(1)),
        Case::new("dedup/heard by three", || heard(3)),
    ]
}

fn heard(times: usize) -> Prepared {
    let messages = traffic::messages();
    let mut dedup = Dedup::new(WINDOW_MS, BYTES_MAX, 42);
    let mut from_us = NOW_US;
    Prepared::new(messages.len() * times, move || {
        from_us += HOUR_US;
        let mut repeats = 0_u32;
        for (number, message) in (0_i64..).zip(&messages) {
            let at_us = from_us + number * 1000;
            for _ in 0..times {
                repeats += u32::from(dedup.is_repeat(&message.payload, at_us, at_us));
            }
        }
        black_box(repeats);
    })
}
