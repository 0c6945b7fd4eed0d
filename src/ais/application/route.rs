//! A route of up to 16 waypoints, from a ship or a traffic centre: DAC 1 FI 28 to one station, FI 27 to all
//! (SN.1/Circ.289). Both are the same message behind headers of different length.

use super::fields::{Field, List, MONTH_TO_MINUTE, Message, legend, signed, time, unsigned};

/// FI 28.
pub static ADDRESSED: Message = Message::new(&route(88)).with(waypoints(88));

/// FI 27.
pub static BROADCAST: Message = Message::new(&route(56)).with(waypoints(56));

/// The fields behind a header of so many bits.
const fn route(header: usize) -> [Field; 5] {
    [
        unsigned("linkage", header, 10),
        unsigned("sender", header + 10, 3),
        unsigned("rtype", header + 13, 5).meaning("rtype_text", route_type),
        time("start", header + 18, &MONTH_TO_MINUTE),
        unsigned("duration", header + 38, 18),
    ]
}

/// The waypoints, as many as the field before them says.
const fn waypoints(header: usize) -> List {
    const PLACE: &[Field] = &[signed("lon", 0, 28).position(), signed("lat", 28, 27).position()];
    List::new("waypoints", header + 61, 55, 16, PLACE).counted_by(header + 56, 5)
}

/// What kind of route it is.
fn route_type(code: u64) -> &'static str {
    let known = &[
        "Undefined (default)",
        "Mandatory",
        "Recommended",
        "Alternative",
        "Recommended route through ice",
        "Ship route plan",
    ];
    match code {
        31 => "Cancel route identified by message linkage",
        _ => legend(code, known, "Reserved for future use."),
    }
}
