//! Port and berth: the time a ship may enter (DAC 1 FI 18) and what its berth offers (FI 20), both SN.1/Circ.289.

use super::fields::{
    MONTH_TO_MINUTE, MONTH_TO_MINUTE_BARE, Message, legend, signed, text, time, unsigned,
};

/// FI 18.
pub static CLEARANCE_TIME: Message = Message::new(&[
    unsigned("linkage", 88, 10),
    time("arrival", 98, &MONTH_TO_MINUTE),
    text("portname", 118, 20),
    text("destination", 238, 5),
    signed("lon", 268, 25).milliminutes(),
    signed("lat", 293, 24).milliminutes(),
]);

/// FI 20. Each service is 0 not available, 1 available, 2 no data.
pub static BERTHING_DATA: Message = Message::new(&[
    unsigned("linkage", 88, 10),
    unsigned("berth_length", 98, 9),
    unsigned("berth_depth", 107, 8).tenths(),
    unsigned("position", 115, 3).meaning("position_text", mooring),
    time("arrival", 118, &MONTH_TO_MINUTE_BARE),
    unsigned("availability", 138, 1),
    unsigned("agent", 139, 2),
    unsigned("fuel", 141, 2),
    unsigned("chandler", 143, 2),
    unsigned("stevedore", 145, 2),
    unsigned("electrical", 147, 2),
    unsigned("water", 149, 2),
    unsigned("customs", 151, 2),
    unsigned("cartage", 153, 2),
    unsigned("crane", 155, 2),
    unsigned("lift", 157, 2),
    unsigned("medical", 159, 2),
    unsigned("navrepair", 161, 2),
    unsigned("provisions", 163, 2),
    unsigned("shiprepair", 165, 2),
    unsigned("surveyor", 167, 2),
    unsigned("steam", 169, 2),
    unsigned("tugs", 171, 2),
    unsigned("solidwaste", 173, 2),
    unsigned("liquidwaste", 175, 2),
    unsigned("hazardouswaste", 177, 2),
    unsigned("ballast", 179, 2),
    unsigned("additional", 181, 2),
    unsigned("regional1", 183, 2),
    unsigned("regional2", 185, 2),
    unsigned("future1", 187, 2),
    unsigned("future2", 189, 2),
    text("berth_name", 191, 20),
    signed("berth_lon", 311, 25).milliminutes(),
    signed("berth_lat", 336, 24).milliminutes(),
]);

/// How the ship lies at its berth.
fn mooring(code: u64) -> &'static str {
    let known = &[
        "Not available",
        "Port-side to",
        "Starboard-side to",
        "Mediterranean (end-on) mooring",
        "Mooring buoy",
        "Anchorage",
    ];
    legend(code, known, "Reserved for future use")
}
