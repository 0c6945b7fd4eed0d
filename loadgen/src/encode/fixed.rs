//! What stands still: types 4 (base station), 20 (its reservations) and 21 (aid to navigation).
//! ITU-R M.1371-5, tables 47, 69 and 70.

use super::Bits;
use super::position::header;
use crate::civil::Civil;
use crate::fleet::stations::Aid;

/// What every aid to navigation says of its size: metres to bow, stern, port and starboard.
pub const AID_METRES: [u16; 4] = [2, 3, 1, 4];

/// Type 4, 168 bits.
pub fn base_station(bits: &mut Bits, mmsi: u32, told: Civil, lon: i32, lat: i32, radio: u64) {
    header(bits, 4, mmsi);
    bits.put(u64::from(told.year), 14);
    bits.put(u64::from(told.month), 4);
    bits.put(u64::from(told.day), 5);
    bits.put(u64::from(told.hour), 5);
    bits.put(u64::from(told.minute), 6);
    bits.put(u64::from(told.second), 6);
    bits.put(1, 1);
    bits.put_signed(lon, 28);
    bits.put_signed(lat, 27);
    // Surveyed.
    bits.put(7, 4);
    bits.put(0, 11);
    bits.put(radio, 19);
}

/// Type 20 with one reservation, 72 bits.
pub fn link_management(bits: &mut Bits, mmsi: u32, reservation: [u32; 4]) {
    header(bits, 20, mmsi);
    bits.put(0, 2);
    let [offset, number, timeout, increment] = reservation;
    bits.put(u64::from(offset), 12);
    bits.put(u64::from(number), 4);
    bits.put(u64::from(timeout), 3);
    bits.put(u64::from(increment), 11);
    bits.put(0, 2);
}

/// Type 21 without name extension, 272 bits.
pub fn aid_to_navigation(bits: &mut Bits, aid: &Aid, lon: i32, lat: i32, second: u32) {
    header(bits, 21, aid.mmsi);
    bits.put(u64::from(aid.aid_type), 5);
    bits.put_text(aid.name.as_bytes(), 20);
    bits.put(1, 1);
    bits.put_signed(lon, 28);
    bits.put_signed(lat, 27);
    super::static_data::dimensions(bits, AID_METRES);
    bits.put(1, 4);
    bits.put(u64::from(second), 6);
    bits.put(0, 1);
    bits.put(0, 8);
    bits.put(0, 4);
}
