//! Type 17: differential corrections for satellite navigation (ITU-R M.1371-5, tables 64 and 65).

use super::Header;
use super::bits::{Bits, Frame};
use super::json::Object;
use crate::reject::Reject;
use crate::report::Place;

/// Up to the corrections; there may be none.
const BITS_MIN: usize = 80;
/// Up to the first satellite's correction.
const CORRECTION_HEADER_BITS: usize = 120;

/// Where a differential station is, and its corrections.
#[derive(Clone, Copy, Debug)]
pub struct Dgnss<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Longitude in 1/10 minute, east positive; 108 600 is not available.
    pub lon: i32,
    /// Latitude in 1/10 minute, north positive; 54 600 is not available.
    pub lat: i32,
    /// What the corrections begin with, if there are any.
    pub correction: Option<Correction>,
    frame: Frame<'s>,
}

/// What the corrections begin with (ITU-R M.823).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Message type of ITU-R M.823.
    pub message_type: u8,
    /// Station identifier.
    pub station: u16,
    /// Time value in 0.6 s.
    pub z_count: u16,
    /// Sequence number.
    pub sequence: u8,
    /// Words of 24 bits that follow.
    pub words: u8,
    /// Health of the station.
    pub health: u8,
}

impl<'s> Dgnss<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        let correction = (frame.len() >= CORRECTION_HEADER_BITS).then(|| Correction {
            message_type: frame.u8::<80, 6>(),
            station: frame.u16::<86, 10>(),
            z_count: frame.u16::<96, 13>(),
            sequence: frame.u8::<109, 3>(),
            words: frame.u8::<112, 5>(),
            health: frame.u8::<117, 3>(),
        });
        Ok(Self {
            header,
            lon: frame.i32::<40, 18>(),
            lat: frame.i32::<58, 17>(),
            correction,
            frame: *frame,
        })
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        Place::new(self.lon * 1000, self.lat * 1000)
    }

    /// All the message's bits; the corrections begin at 80.
    #[must_use]
    pub const fn bits(&self) -> Bits<'s> {
        self.frame.bits()
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        let bits = self.bits();
        object.either(in_units, "lon", self.lon, 600, 1);
        object.either(in_units, "lat", self.lat, 600, 1);
        object.data("data", &bits, BITS_MIN, bits.len() - BITS_MIN);
    }
}
