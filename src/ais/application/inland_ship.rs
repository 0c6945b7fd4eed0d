//! Inland ships: what they are and carry (DAC 200 FI 10), and how many are on board (FI 55).

use super::fields::{Message, flag, legend, text, unsigned};

/// The highest number of blue cones, and the codes for flag B and "unknown" behind it.
const HAZARD_MAX: u64 = 5;

/// FI 10. Length, beam and draught stay as sent, in 0.1, 0.1 and 0.01 m, as gpsd leaves them.
pub static STATIC_AND_VOYAGE: Message = Message::new(&[
    text("vin", 56, 8),
    unsigned("length", 104, 13),
    unsigned("beam", 117, 10),
    unsigned("shiptype", 127, 14).meaning("shiptype_text", ship_type),
    unsigned("hazard", 141, 3).meaning("hazard_text", hazard),
    unsigned("draught", 144, 11),
    unsigned("loaded", 155, 2).meaning("loaded_text", loaded),
    flag("speed_q", 157),
    flag("course_q", 158),
    flag("heading_q", 159),
])
.of_bits(168)
.only_if(|bits| bits.unsigned(141, 3) <= HAZARD_MAX);

/// FI 55.
pub static PERSONS: Message = Message::new(&[
    unsigned("crew", 88, 8),
    unsigned("passengers", 96, 13),
    unsigned("personnel", 109, 8),
])
.of_bits(168);

/// Blue cones by day, blue lights by night.
fn hazard(code: u64) -> &'static str {
    let known = &[
        "0 blue cones/lights",
        "1 blue cone/light",
        "2 blue cones/lights",
        "3 blue cones/lights",
        "4 B-Flag",
        "Unknown",
    ];
    legend(code, known, "INVALID HAZARD TYPE")
}

/// Whether it carries anything.
fn loaded(code: u64) -> &'static str {
    legend(code, &["N/A (default)", "Unloaded", "Loaded"], "INVALID LOAD STATUS")
}

/// The type by its number in the European code for ships and convoys (ERI) or, as some send, in AIS at sea; of those
/// that share an AIS number, the first.
fn ship_type(code: u64) -> &'static str {
    SHIP_TYPES
        .iter()
        .find(|&&(eri, ais, _)| eri == code || ais == code)
        .map_or("Illegal ship type value.", |&(_, _, meaning)| meaning)
}

/// ERI code, AIS code, meaning; spelt as gpsd spells them.
const SHIP_TYPES: &[(u64, u64, &str)] = &[
    (8000, 99, "Vessel, type unknown"),
    (8010, 79, "Motor freighter"),
    (8020, 89, "Motor tanker"),
    (8021, 80, "Motor tanker, liquid cargo, type N"),
    (8022, 80, "Motor tanker, liquid cargo, type C"),
    (8023, 89, "Motor tanker, dry cargo as if liquid (e.g. cement)"),
    (8030, 79, "Container vessel"),
    (8040, 80, "Gas tanker"),
    (8050, 79, "Motor freighter, tug"),
    (8060, 89, "Motor tanker, tug"),
    (8070, 79, "Motor freighter with one or more ships alongside"),
    (8080, 89, "Motor freighter with tanker"),
    (8090, 79, "Motor freighter pushing one or more freighters"),
    (8100, 89, "Motor freighter pushing at least one tank-ship"),
    (8110, 79, "Tug, freighter"),
    (8120, 89, "Tug, tanker"),
    (8130, 31, "Tug freighter, coupled"),
    (8140, 31, "Tug, freighter/tanker, coupled"),
    (8150, 99, "Freightbarge"),
    (8160, 99, "Tankbarge"),
    (8161, 90, "Tankbarge, liquid cargo, type N"),
    (8162, 90, "Tankbarge, liquid cargo, type C"),
    (8163, 99, "Tankbarge, dry cargo as if liquid (e.g. cement)"),
    (8170, 99, "Freightbarge with containers"),
    (8180, 90, "Tankbarge, gas"),
    (8210, 79, "Pushtow, one cargo barge"),
    (8220, 79, "Pushtow, two cargo barges"),
    (8230, 79, "Pushtow, three cargo barges"),
    (8240, 79, "Pushtow, four cargo barges"),
    (8250, 79, "Pushtow, five cargo barges"),
    (8260, 79, "Pushtow, six cargo barges"),
    (8270, 79, "Pushtow, seven cargo barges"),
    (8280, 79, "Pushtow, eigth cargo barges"),
    (8290, 79, "Pushtow, nine or more barges"),
    (8310, 80, "Pushtow, one tank/gas barge"),
    (8320, 80, "Pushtow, two barges at least one tanker or gas barge"),
    (8330, 80, "Pushtow, three barges at least one tanker or gas barge"),
    (8340, 80, "Pushtow, four barges at least one tanker or gas barge"),
    (8350, 80, "Pushtow, five barges at least one tanker or gas barge"),
    (8360, 80, "Pushtow, six barges at least one tanker or gas barge"),
    (8370, 80, "Pushtow, seven barges at least one tanker or gas barg"),
];
