//! Ships that a traffic centre sees and AIS does not: DAC 1 FI 17 (SN.1/Circ.289), up to four.

use super::fields::{List, Message, own, signed, unsigned, write_text};
use crate::ais::bits::Bits;
use crate::ais::json::Object;

/// FI 17.
pub static TARGETS: Message = Message::new(&[]).with(List::new(
    "targets",
    56,
    122,
    4,
    &[
        unsigned("idtype", 0, 2).meaning("idtype_text", id_type),
        own(0, write_id),
        signed("lat", 48, 24).milliminutes(),
        signed("lon", 72, 25).milliminutes(),
        unsigned("course", 97, 9),
        unsigned("second", 106, 6),
        unsigned("speed", 112, 10),
    ],
));

/// By what the target is known; also the name under which that is written.
const fn id_type(code: u64) -> &'static str {
    match code {
        0 => "mmsi",
        1 => "imo",
        2 => "callsign",
        _ => "other",
    }
}

/// The 42 bits behind the type: a number, written in quotes as gpsd does, or seven characters.
fn write_id(bits: &Bits<'_>, start: usize, object: &mut Object<'_>) {
    let code = bits.unsigned(start, 2);
    if code < 2 {
        let mut digits = itoa::Buffer::new();
        object.text(id_type(code), digits.format(bits.unsigned(start + 2, 42)).as_bytes());
    } else {
        write_text(bits, start + 2, 7, id_type(code), object);
    }
}
