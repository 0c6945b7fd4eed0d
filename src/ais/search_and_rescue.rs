//! Type 9: position report of a search and rescue aircraft (ITU-R M.1371-5, table 56).

use super::bits::Frame;
use super::json::Object;
use super::{Header, absent, scaled};
use crate::reject::Reject;
use crate::report::{Place, Position};

/// Up to the RAIM flag; the radio status may be cut short.
const BITS_MIN: usize = 148;

/// A position report of a search and rescue aircraft, in the numbers of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchAndRescue {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Altitude in metres; 4 095 is not available, 4 094 is that or more.
    pub altitude: u16,
    /// Speed over ground in knots; 1 023 is not available, 1 022 is that or more.
    pub speed: u16,
    /// Better than 10 m.
    pub accurate: bool,
    /// Longitude in 1/10 000 minute, east positive; 108 600 000 is not available.
    pub lon: i32,
    /// Latitude in 1/10 000 minute, north positive; 54 600 000 is not available.
    pub lat: i32,
    /// Course over ground in 0.1 degree; 3 600 is not available.
    pub course: u16,
    /// UTC second; 60 is not available.
    pub second: u8,
    /// Altitude sensor (first bit) and seven spare bits.
    pub regional: u8,
    /// Data terminal *not* ready.
    pub dte: bool,
    /// Spare bits.
    pub spare: u8,
    /// In assigned mode.
    pub assigned: bool,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Communication state with its selector, 20 bits.
    pub radio: u32,
}

impl SearchAndRescue {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            altitude: frame.u16::<38, 12>(),
            speed: frame.u16::<50, 10>(),
            accurate: frame.flag::<60>(),
            lon: frame.i32::<61, 28>(),
            lat: frame.i32::<89, 27>(),
            course: frame.u16::<116, 12>(),
            second: frame.u8::<128, 6>(),
            regional: frame.u8::<134, 8>(),
            dte: frame.flag::<142>(),
            spare: frame.u8::<143, 3>(),
            assigned: frame.flag::<146>(),
            raim: frame.flag::<147>(),
            radio: frame.u32::<148, 20>(),
        })
    }

    /// The position with what is not available left out.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            msg_type: self.header.msg_type,
            place: Place::new(self.lon, self.lat),
            sog: absent::speed(self.speed).map(|knots| knots * 10),
            cog: absent::course(self.course),
            heading: None,
            rot: None,
            nav_status: None,
            altitude: (self.altitude != 4095).then_some(self.altitude),
            utc_second: absent::second(self.second),
            accurate: self.accurate,
            raim: self.raim,
        }
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        if in_units {
            scaled::altitude(object, self.altitude);
            scaled::knots(object, self.speed);
        } else {
            object.int("alt", self.altitude);
            object.int("speed", self.speed);
        }
        object.bool("accuracy", self.accurate);
        object.either(in_units, "lon", self.lon, 600_000, 7);
        object.either(in_units, "lat", self.lat, 600_000, 7);
        object.either(in_units, "course", self.course, 10, 1);
        object.int("second", self.second);
        object.int("regional", self.regional);
        object.int("dte", self.dte);
        object.bool("raim", self.raim);
        object.int("radio", self.radio);
    }
}
