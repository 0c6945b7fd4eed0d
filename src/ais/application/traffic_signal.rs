//! Signals that let ships pass or hold them: DAC 1 FI 19 at sea (SN.1/Circ.289), DAC 200 FI 40 inland.

use super::fields::{Message, legend, signed, text, unsigned};

/// DAC 1 FI 19. gpsd writes its place in degrees even where all else is raw; here it is raw then, too.
pub static MARINE: Message = Message::new(&[
    unsigned("linkage", 56, 10),
    text("station", 66, 20),
    signed("lon", 186, 25).milliminutes(),
    signed("lat", 211, 24).milliminutes(),
    unsigned("status", 235, 2),
    unsigned("signal", 237, 5).meaning("signal_text", marine_signal),
    unsigned("hour", 242, 5),
    unsigned("minute", 247, 6),
    unsigned("nextsignal", 253, 5).meaning("nextsignal_text", marine_signal),
]);

/// DAC 200 FI 40.
pub static INLAND: Message = Message::new(&[
    signed("lon", 56, 28).position(),
    signed("lat", 84, 27).position(),
    unsigned("form", 111, 4),
    unsigned("facing", 115, 9),
    unsigned("direction", 124, 3).meaning("direction_text", direction),
    unsigned("status", 127, 30).meaning("status_text", lights),
])
.of_bits(168);

/// The signals of ports and narrows.
fn marine_signal(code: u64) -> &'static str {
    let known = &[
        "N/A",
        "Serious emergency - stop or divert according to instructions.",
        "Vessels shall not proceed.",
        "Vessels may proceed. One way traffic.",
        "Vessels may proceed. Two way traffic.",
        "Vessels shall proceed on specific orders only.",
        "Vessels in main channel shall not proceed.",
        "Vessels in main channel shall proceed on specific orders only.",
        "Vessels in main channel shall proceed on specific orders only.",
        "I = \"in-bound\" only acceptable.",
        "O = \"out-bound\" only acceptable.",
        "F = both \"in- and out-bound\" acceptable.",
        "XI = Code will shift to \"I\" in due time.",
        "XO = Code will shift to \"O\" in due time.",
        "X = Vessels shall proceed only on direction.",
    ];
    legend(code, known, "INVALID SIGNAL TYPE")
}

/// Whom an inland signal is for.
fn direction(code: u64) -> &'static str {
    let known = &["Unknown", "Upstream", "Downstream", "To left bank", "To right bank"];
    legend(code, known, "INVALID DIRECTION")
}

/// What an inland signal shows.
fn lights(code: u64) -> &'static str {
    let known = &[
        "Unknown",
        "No light",
        "White",
        "Yellow",
        "Green",
        "Red",
        "White flashing",
        "Yellow flashing.",
    ];
    legend(code, known, "INVALID STATUS")
}
