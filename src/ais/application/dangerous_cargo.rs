//! Dangerous cargo on board, for the port that asks: DAC 1 FI 12 (SN/Circ.236) and FI 25 (SN.1/Circ.289).

use super::fields::{List, MONTH_TO_MINUTE, Message, text, time, unsigned};

/// FI 12, one kind of cargo with the ports before and behind.
pub static INDICATION_236: Message = Message::new(&[
    text("lastport", 88, 5),
    time("departure", 118, &MONTH_TO_MINUTE),
    text("nextport", 138, 5),
    time("eta", 168, &MONTH_TO_MINUTE),
    text("dangerous", 188, 20),
    text("imdcat", 308, 4),
    unsigned("unid", 332, 13),
    unsigned("amount", 345, 10),
    unsigned("unit", 355, 2),
]);

/// FI 25, up to 28 kinds of cargo.
pub static INDICATION_289: Message =
    Message::new(&[unsigned("unit", 88, 2), unsigned("amount", 90, 10)]).with(List::new(
        "cargos",
        100,
        17,
        28,
        &[unsigned("code", 0, 4), unsigned("subtype", 4, 13)],
    ));
