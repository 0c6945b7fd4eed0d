//! Inland waterways: arrival at a lock, bridge or terminal as a ship expects it (DAC 200 FI 21) and as it is answered
//! (FI 22), weather warnings (FI 23) and water levels (FI 24).

use super::fields::{
    Clock, List, MONTH_TO_MINUTE_BARE, Message, legend, signed, text, time, unsigned,
};

/// FI 21.
pub static ARRIVAL_ESTIMATED: Message = Message::new(&[
    text("country", 88, 2),
    text("locode", 100, 3),
    text("section", 118, 5),
    text("terminal", 148, 5),
    text("hectometre", 178, 5),
    time("eta", 208, &MONTH_TO_MINUTE_BARE),
    unsigned("tugs", 228, 3),
    unsigned("airdraught", 231, 12),
])
.of_bits(248);

/// FI 22; the recommended time goes under the same name.
pub static ARRIVAL_RECOMMENDED: Message = Message::new(&[
    text("country", 88, 2),
    text("locode", 100, 3),
    text("section", 118, 5),
    text("terminal", 148, 5),
    text("hectometre", 178, 5),
    time("eta", 208, &MONTH_TO_MINUTE_BARE),
    unsigned("status", 228, 2).meaning("status_text", operation),
])
.of_bits(232);

/// FI 23, of the European Multiservice Meteorological Awareness system (EMMA).
pub static WEATHER_WARNING: Message = Message::new(&[
    time("start", 56, &WARNING_START),
    time("end", 73, &WARNING_END),
    signed("start_lon", 112, 28).position(),
    signed("start_lat", 140, 27).position(),
    signed("end_lon", 167, 28).position(),
    signed("end_lat", 195, 27).position(),
    unsigned("type", 222, 4).meaning("type_text", warning),
    signed("min", 226, 9),
    signed("max", 235, 9),
    unsigned("class", 244, 2).meaning("class_text", strength),
    unsigned("wind", 246, 4).meaning("wind_text", wind),
])
.of_bits(256);

/// FI 24, four gauges.
pub static WATER_LEVELS: Message = Message::new(&[text("country", 56, 2)])
    .with(List::new("gauges", 68, 25, 4, &[unsigned("id", 0, 11), signed("level", 11, 14)]))
    .of_bits(168);

/// Year since 2000, month and day, of both dates before the times of both; gpsd has day, hour and minute of the start
/// in each other's places.
const WARNING_START: Clock = Clock::new(&[
    ("", 0, 8, 2_000),
    ("-", 8, 4, 0),
    ("-", 12, 5, 0),
    ("T", 34, 5, 0),
    (":", 39, 6, 0),
]);

/// As the start, 17 bits later with its date and 11 bits later with its time.
const WARNING_END: Clock = Clock::new(&[
    ("", 0, 8, 2_000),
    ("-", 8, 4, 0),
    ("-", 12, 5, 0),
    ("T", 28, 5, 0),
    (":", 33, 6, 0),
]);

/// Whether the lock, bridge or terminal works.
fn operation(code: u64) -> &'static str {
    legend(code, &["Operational", "Limited operation", "Out of order"], "N/A")
}

/// What a warning warns of.
fn warning(code: u64) -> &'static str {
    let known = &[
        "Not Available",
        "Wind",
        "Rain",
        "Snow and ice",
        "Thunderstorm",
        "Fog",
        "Low temperature",
        "High temperature",
        "Flood",
        "Forest Fire",
    ];
    legend(code, known, "INVALID EMMA TYPE")
}

/// How strong it gets.
fn strength(code: u64) -> &'static str {
    legend(code, &["Slight", "Medium", "Strong"], "INVALID EMMA TYPE")
}

/// Where the wind comes from.
fn wind(code: u64) -> &'static str {
    let known = &[
        "N/A",
        "North",
        "North East",
        "East",
        "South East",
        "South",
        "South West",
        "West",
        "North West",
    ];
    legend(code, known, "INVALID EMMA WIND DIRECTION")
}
