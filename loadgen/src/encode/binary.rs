//! Data of applications: types 6 (to one), 8 (to all) and 17 (corrections). ITU-R M.1371-5, tables 49, 52 and 66.

use super::Bits;
use super::position::header;

/// Type 6, 88 bits and the data. `application` is the area code times 64 plus the function.
pub fn addressed(
    bits: &mut Bits,
    mmsi: u32,
    to: u32,
    sequence: u32,
    application: u32,
    data: &[u8],
) {
    header(bits, 6, mmsi);
    bits.put(u64::from(sequence), 2);
    bits.put(u64::from(to), 30);
    bits.put(0, 2);
    bits.put(u64::from(application), 16);
    bits.put_bytes(data);
}

/// Type 8, 56 bits and the data.
pub fn broadcast(bits: &mut Bits, mmsi: u32, application: u32, data: &[u8]) {
    header(bits, 8, mmsi);
    bits.put(0, 2);
    bits.put(u64::from(application), 16);
    bits.put_bytes(data);
}

/// Type 17, 80 bits and the data; the place is in 1/10 minute.
pub fn corrections(bits: &mut Bits, mmsi: u32, lon: i32, lat: i32, data: &[u8]) {
    header(bits, 17, mmsi);
    bits.put(0, 2);
    bits.put_signed(lon, 18);
    bits.put_signed(lat, 17);
    bits.put(0, 5);
    bits.put_bytes(data);
}
