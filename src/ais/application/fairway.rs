//! A fairway is closed: DAC 1 FI 13 (SN/Circ.236).

use super::fields::{Clock, Message, text, time, unsigned};

/// FI 13.
pub static CLOSED: Message = Message::new(&[
    text("reason", 56, 20),
    text("closefrom", 176, 20),
    text("closeto", 296, 20),
    unsigned("radius", 416, 10),
    unsigned("extunit", 426, 2),
    time("from", 428, &DAY_BEFORE_MONTH),
    time("to", 448, &DAY_BEFORE_MONTH),
]);

/// Sent day first, written month first: `05-04T00:60`.
const DAY_BEFORE_MONTH: Clock =
    Clock::new(&[("", 5, 4, 0), ("-", 0, 5, 0), ("T", 9, 5, 0), (":", 14, 6, 0)]);
