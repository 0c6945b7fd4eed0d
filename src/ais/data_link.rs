//! Type 20: data link management, which reserves slots for base stations (ITU-R M.1371-5, table 68).

use super::Header;
use super::bits::Frame;
use super::json::Object;
use crate::reject::Reject;

/// Up to the first reservation; the spare bits may be missing.
const BITS_MIN: usize = 70;
/// Bits of a reservation.
const RESERVATION_BITS: usize = 30;

/// A data link management message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLink {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Up to four reservations; all zeros is none.
    pub reservations: [Reservation; 4],
}

/// Reserved slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Slot offset; 0 is none.
    pub offset: u16,
    /// Number of slots, 1-15.
    pub number: u8,
    /// Time-out in minutes.
    pub timeout: u8,
    /// Increment in slots after which it repeats.
    pub increment: u16,
}

impl DataLink {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        let mut reservations = [
            reservation(frame.u32::<40, 30>()),
            reservation(frame.u32::<70, 30>()),
            reservation(frame.u32::<100, 30>()),
            reservation(frame.u32::<130, 30>()),
        ];
        // What is not there whole is not there.
        let whole = (frame.len() - 40) / RESERVATION_BITS;
        for missing in reservations.iter_mut().skip(whole) {
            *missing = Reservation::default();
        }
        Ok(Self { header, reservations })
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        const NAMES: [[&str; 4]; 4] = [
            ["offset1", "number1", "timeout1", "increment1"],
            ["offset2", "number2", "timeout2", "increment2"],
            ["offset3", "number3", "timeout3", "increment3"],
            ["offset4", "number4", "timeout4", "increment4"],
        ];
        for ([offset, number, timeout, increment], slots) in NAMES.iter().zip(self.reservations) {
            object.int(offset, slots.offset);
            object.int(number, slots.number);
            object.int(timeout, slots.timeout);
            object.int(increment, slots.increment);
        }
    }
}

/// From its 30 bits: offset 12, number 4, time-out 3, increment 11.
fn reservation(bits: u32) -> Reservation {
    let low_u16 = |value: u32| {
        let [low, high, ..] = value.to_le_bytes();
        u16::from_le_bytes([low, high])
    };
    Reservation {
        offset: low_u16(bits >> 18),
        number: (bits >> 14).to_le_bytes()[0] & 15,
        timeout: (bits >> 11).to_le_bytes()[0] & 7,
        increment: low_u16(bits) & 0x7FF,
    }
}
