//! Plain text that belongs to another message by its linkage: DAC 1 FI 30 to one station, FI 29 to all
//! (SN.1/Circ.289).

use super::fields::{Message, text_to_the_end, unsigned};

/// FI 30.
pub static ADDRESSED: Message =
    Message::new(&[unsigned("linkage", 88, 10), text_to_the_end("text", 98)]);

/// FI 29.
pub static BROADCAST: Message =
    Message::new(&[unsigned("linkage", 56, 10), text_to_the_end("text", 66)]);
