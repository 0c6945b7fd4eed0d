//! Weather and water at a station: DAC 1 FI 11 (SN/Circ.236, until 2012) and FI 31 (SN.1/Circ.289).
//!
//! The newer one has its numbers signed where the older one counts from the lowest value, and longitude first.

use super::fields::{DAY_TO_MINUTE, Field, Message, flag, legend, signed, time, unsigned};

/// FI 11.
pub static WEATHER_236: Message = Message::new(&[
    signed("lat", 56, 24).milliminutes(),
    signed("lon", 80, 25).milliminutes(),
    time("timestamp", 105, &DAY_TO_MINUTE),
    unsigned("wspeed", 121, 7),
    unsigned("wgust", 128, 7),
    unsigned("wdir", 135, 9),
    unsigned("wgustdir", 144, 9),
    unsigned("airtemp", 153, 11).from(600).tenths(),
    unsigned("humidity", 164, 7),
    unsigned("dewpoint", 171, 10).from(200).tenths(),
    unsigned("pressure", 181, 9).from(-800),
    unsigned("pressuretend", 190, 2).word(trend),
    unsigned("visibility", 192, 8).tenths(),
    unsigned("waterlevel", 200, 9).from(100).tenths(),
    unsigned("leveltrend", 209, 2).word(trend),
    unsigned("cspeed", 211, 8).tenths(),
    unsigned("cdir", 219, 9),
    unsigned("cspeed2", 228, 8).tenths(),
    unsigned("cdir2", 236, 9),
    unsigned("cdepth2", 245, 5),
    unsigned("cspeed3", 250, 8).tenths(),
    unsigned("cdir3", 258, 9),
    unsigned("cdepth3", 267, 5),
    unsigned("waveheight", 272, 8).tenths(),
    unsigned("waveperiod", 280, 6),
    unsigned("wavedir", 286, 9),
    unsigned("swellheight", 295, 8).tenths(),
    unsigned("swellperiod", 303, 6),
    unsigned("swelldir", 309, 9),
    unsigned("seastate", 318, 4),
    unsigned("watertemp", 322, 10).from(100).tenths(),
    unsigned("preciptype", 332, 3).meaning("preciptype_text", precipitation),
    unsigned("salinity", 335, 9).tenths(),
    unsigned("ice", 344, 2).meaning("ice_text", ice),
]);

/// FI 31.
pub static WEATHER_289: Message = Message::new(&[
    signed("lon", 56, 25).milliminutes(),
    signed("lat", 81, 24).milliminutes(),
    flag("accuracy", 105),
    time("timestamp", 106, &DAY_TO_MINUTE),
    unsigned("wspeed", 122, 7),
    unsigned("wgust", 129, 7),
    unsigned("wdir", 136, 9),
    unsigned("wgustdir", 145, 9),
    signed("airtemp", 154, 11).tenths(),
    unsigned("humidity", 165, 7),
    signed("dewpoint", 172, 10).tenths(),
    unsigned("pressure", 182, 9).from(-799),
    unsigned("pressuretend", 191, 2).word(trend),
    flag("visgreater", 193),
    unsigned("visibility", 194, 7).tenths(),
    WATER_LEVEL_289,
    unsigned("leveltrend", 213, 2).word(trend),
    unsigned("cspeed", 215, 8).tenths(),
    unsigned("cdir", 223, 9),
    unsigned("cspeed2", 232, 8).tenths(),
    unsigned("cdir2", 240, 9),
    unsigned("cdepth2", 249, 5),
    unsigned("cspeed3", 254, 8).tenths(),
    unsigned("cdir3", 262, 9),
    unsigned("cdepth3", 271, 5),
    unsigned("waveheight", 276, 8).tenths(),
    unsigned("waveperiod", 284, 6),
    unsigned("wavedir", 290, 9),
    unsigned("swellheight", 299, 8).tenths(),
    unsigned("swellperiod", 307, 6),
    unsigned("swelldir", 313, 9),
    unsigned("seastate", 322, 4),
    signed("watertemp", 326, 10).tenths(),
    unsigned("preciptype", 336, 3).word(precipitation),
    unsigned("salinity", 339, 9).tenths(),
    unsigned("ice", 348, 2).word(ice),
]);

/// Sent in centimetres from 10 m below the datum, told in metres with one decimal, as gpsd does.
const WATER_LEVEL_289: Field = unsigned("waterlevel", 201, 12).from(1_000).over(100, 1);

/// Whether a pressure or a level rises.
fn trend(code: u64) -> &'static str {
    legend(code, &["steady", "increasing", "decreasing"], "N/A")
}

/// What falls from the sky: WMO 306, code table 4.201.
fn precipitation(code: u64) -> &'static str {
    let known =
        &["reserved", "rain", "thunderstorm", "freezing rain", "mixed/ice", "snow", "reserved"];
    legend(code, known, "N/A")
}

/// Whether there is ice on the water.
fn ice(code: u64) -> &'static str {
    legend(code, &["no", "yes", "reserved"], "N/A")
}
