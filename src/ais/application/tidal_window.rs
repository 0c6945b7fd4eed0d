//! When a ship may pass places that only the tide makes deep enough: DAC 1 FI 14 (SN/Circ.236) and FI 32
//! (SN.1/Circ.289), up to three places each.

use super::fields::{List, Message, signed, unsigned};

/// FI 14. Its places are in 1/10 000 minute; gpsd scales them as if they were thousandths, and so does this.
pub static WINDOW_236: Message = Message::new(&[unsigned("month", 88, 4), unsigned("day", 92, 5)])
    .with(List::new(
        "tidals",
        97,
        93,
        3,
        &[
            signed("lat", 0, 27).milliminutes(),
            signed("lon", 27, 28).milliminutes(),
            unsigned("from_hour", 55, 5),
            unsigned("from_min", 60, 6),
            unsigned("to_hour", 66, 5),
            unsigned("to_min", 71, 6),
            unsigned("cdir", 77, 9),
            unsigned("cspeed", 86, 7).tenths(),
        ],
    ));

/// FI 32.
pub static WINDOW_289: Message = Message::new(&[unsigned("month", 88, 4), unsigned("day", 92, 5)])
    .with(List::new(
        "tidals",
        97,
        88,
        3,
        &[
            signed("lon", 0, 25).milliminutes(),
            signed("lat", 25, 24).milliminutes(),
            unsigned("from_hour", 49, 5),
            unsigned("from_min", 54, 6),
            unsigned("to_hour", 60, 5),
            unsigned("to_min", 65, 6),
            unsigned("cdir", 71, 9),
            unsigned("cspeed", 80, 8).tenths(),
        ],
    ));
