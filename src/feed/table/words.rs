//! Words that stand in tables, and the standard's numbers for them.

use crate::ais::names;

/// Words for nothing.
const NOTHING: &[&str] = &["unknown", "unknown value", "undefined", "n/a", "null", "nan"];

/// Whether a cell has nothing to say.
pub fn say_nothing(cell: &str) -> bool {
    cell.is_empty() || NOTHING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// Whether a mobile of this type is none: base stations and aids to navigation.
pub fn is_no_vessel(mobile: &str) -> bool {
    ["base station", "aton"].iter().any(|word| mobile.eq_ignore_ascii_case(word))
}

/// Types of ship, as the Danish Maritime Authority calls them.
const SHIP_TYPES: &[(&str, u8)] = &[
    ("wig", 20),
    ("fishing", 30),
    ("towing", 31),
    ("towing long/wide", 32),
    ("dredging", 33),
    ("diving", 34),
    ("military", 35),
    ("sailing", 36),
    ("pleasure", 37),
    ("hsc", 40),
    ("pilot", 50),
    ("sar", 51),
    ("tug", 52),
    ("port tender", 53),
    ("anti-pollution", 54),
    ("law enforcement", 55),
    ("spare 1", 56),
    ("spare 2", 57),
    ("medical", 58),
    ("not party to conflict", 59),
    ("passenger", 60),
    ("cargo", 70),
    ("tanker", 80),
    ("other", 90),
];

/// The number of a type of ship.
pub fn ship_type(cell: &str) -> Option<u8> {
    let known = SHIP_TYPES.iter().find(|(word, _)| cell.eq_ignore_ascii_case(word));
    known.map(|(_, code)| *code)
}

/// The number of a type of ship that carries this, where the type has numbers for that.
pub fn with_cargo(code: u8, cargo: &str) -> u8 {
    let category = ["category x", "category y", "category z", "category os"];
    let known = category.iter().zip(1..).find(|(word, _)| cargo.eq_ignore_ascii_case(word));
    match (code, known) {
        (20 | 40 | 60 | 70 | 80 | 90, Some((_, digit))) => code + digit,
        _ => code,
    }
}

/// The number of a type of position-fixing device; none for one that is not defined.
pub fn epfd(cell: &str) -> Option<u8> {
    (1..=15).find(|code| names::epfd(*code).eq_ignore_ascii_case(cell))
}

/// Degrees in a minute as they are sent (`ROT_AIS`); none for more than the standard has.
pub fn rate_of_turn(degrees: f64) -> Option<i8> {
    let sent = 4.733 * degrees.abs().sqrt();
    if !(0.0..126.5).contains(&sent) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "in range")]
    let sent = sent.round() as i8;
    Some(if degrees < 0.0 { -sent } else { sent })
}
