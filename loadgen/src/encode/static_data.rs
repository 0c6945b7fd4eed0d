//! What ships say of themselves: types 5, 24 A and 24 B. ITU-R M.1371-5, tables 48, 72 and 73.

use super::Bits;
use super::position::header;
use crate::fleet::particulars::Particulars;

/// Type 5, 424 bits. `voyage` counts the reports of this ship and shows as its time of arrival.
pub fn static_and_voyage(bits: &mut Bits, mmsi: u32, ship: &Particulars, voyage: u32) {
    header(bits, 5, mmsi);
    bits.put(0, 2);
    bits.put(u64::from(ship.imo), 30);
    bits.put_text(ship.callsign.as_bytes(), 7);
    bits.put_text(ship.name.as_bytes(), 20);
    bits.put(u64::from(ship.ship_type), 8);
    dimensions(bits, ship.dimensions);
    bits.put(1, 4);
    let [month, day, hour, minute] = arrival(voyage).map(u64::from);
    bits.put(month, 4);
    bits.put(day, 5);
    bits.put(hour, 5);
    bits.put(minute, 6);
    bits.put(u64::from(ship.draught), 8);
    bits.put_text(ship.destination.as_bytes(), 20);
    bits.put(0, 2);
}

/// The time of arrival that stands for the number of a report: month, day, hour and minute.
pub const fn arrival(voyage: u32) -> [u32; 4] {
    [voyage / 40_320 % 12 + 1, voyage / 1_440 % 28 + 1, voyage / 60 % 24, voyage % 60]
}

/// Type 24 part A, 168 bits of which the last 8 are spare; `spare` tells one report from the next.
pub fn class_b_name(bits: &mut Bits, mmsi: u32, ship: &Particulars, spare: u32) {
    header(bits, 24, mmsi);
    bits.put(0, 2);
    bits.put_text(ship.name.as_bytes(), 20);
    bits.put(u64::from(spare), 8);
}

/// Type 24 part B, 168 bits; `serial` tells one report from the next.
pub fn class_b_particulars(bits: &mut Bits, mmsi: u32, ship: &Particulars, serial: u32) {
    header(bits, 24, mmsi);
    bits.put(1, 2);
    bits.put(u64::from(ship.ship_type), 8);
    bits.put_text(b"SRT", 3);
    bits.put(1, 4);
    bits.put(u64::from(serial), 20);
    bits.put_text(ship.callsign.as_bytes(), 7);
    dimensions(bits, ship.dimensions);
    bits.put(0, 6);
}

/// Metres to bow, stern, port and starboard.
pub fn dimensions(bits: &mut Bits, [bow, stern, port, starboard]: [u16; 4]) {
    bits.put(u64::from(bow), 9);
    bits.put(u64::from(stern), 9);
    bits.put(u64::from(port), 6);
    bits.put(u64::from(starboard), 6);
}
