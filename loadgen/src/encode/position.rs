//! Position reports: types 1, 2, 3 (class A), 18 and 19 (class B), 27 (long range). ITU-R M.1371-5, tables 45, 67, 68 and 77.

use super::Bits;
use crate::digest::Fix;
use crate::fleet::particulars::Particulars;

/// Types 1, 2 and 3, 168 bits.
pub fn class_a(bits: &mut Bits, fix: &Fix, accurate: bool, radio: u64) {
    header(bits, fix.msg_type, fix.mmsi);
    bits.put(u64::from(fix.nav_status), 4);
    bits.put_signed(i32::from(fix.rot), 8);
    place_and_motion(bits, fix, accurate);
    bits.put(0, 5);
    bits.put(u64::from(accurate), 1);
    bits.put(radio, 19);
}

/// Type 18, 168 bits.
pub fn class_b(bits: &mut Bits, fix: &Fix, accurate: bool, radio: u64) {
    header(bits, 18, fix.mmsi);
    bits.put(0, 8);
    place_and_motion(bits, fix, accurate);
    bits.put(0, 2);
    // Carrier sense unit, no display, DSC, whole band, message 22, autonomous.
    bits.put(0b10_1110, 6);
    bits.put(u64::from(accurate), 1);
    bits.put(radio, 20);
}

/// Type 19, 312 bits.
pub fn class_b_extended(bits: &mut Bits, fix: &Fix, accurate: bool, ship: &Particulars) {
    header(bits, 19, fix.mmsi);
    bits.put(0, 8);
    place_and_motion(bits, fix, accurate);
    bits.put(0, 4);
    bits.put_text(ship.name.as_bytes(), 20);
    bits.put(u64::from(ship.ship_type), 8);
    super::static_data::dimensions(bits, ship.dimensions);
    bits.put(1, 4);
    bits.put(u64::from(accurate), 1);
    bits.put(0, 6);
}

/// Type 27, 96 bits; places in 1/10 minute, whole knots and degrees. `flags` are accuracy, integrity and latency.
pub fn long_range(bits: &mut Bits, fix: &Fix, flags: u32) {
    header(bits, 27, fix.mmsi);
    bits.put(u64::from(flags & 3), 2);
    bits.put(u64::from(fix.nav_status), 4);
    bits.put_signed(fix.lon / 1000, 18);
    bits.put_signed(fix.lat / 1000, 17);
    bits.put(u64::from(fix.sog / 10), 6);
    bits.put(u64::from(fix.cog / 10), 9);
    bits.put(u64::from(flags >> 2 & 1), 1);
    bits.put(0, 1);
}

/// The 38 bits that every message begins with.
pub fn header(bits: &mut Bits, msg_type: u8, mmsi: u32) {
    bits.put(u64::from(msg_type), 6);
    bits.put(0, 2);
    bits.put(u64::from(mmsi), 30);
}

fn place_and_motion(bits: &mut Bits, fix: &Fix, accurate: bool) {
    bits.put(u64::from(fix.sog), 10);
    bits.put(u64::from(accurate), 1);
    bits.put_signed(fix.lon, 28);
    bits.put_signed(fix.lat, 27);
    bits.put(u64::from(fix.cog), 12);
    bits.put(u64::from(fix.heading), 9);
    bits.put(u64::from(fix.second), 6);
}
