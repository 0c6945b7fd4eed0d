//! Types 1, 2 and 3: position report of a class A ship (ITU-R M.1371-5, table 48).

use super::bits::Frame;
use super::json::Object;
use super::{Header, absent, names, scaled};
use crate::reject::Reject;
use crate::report::{Place, Position};

/// Up to the RAIM flag; the radio status may be cut short.
const BITS_MIN: usize = 149;
/// With the whole radio status.
const WHOLE_BITS: usize = 168;

/// A position report of a class A ship, in the numbers of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionClassA {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Navigational status, 0-15; 15 is not defined.
    pub status: u8,
    /// Rate of turn (ROT_AIS); -128 is not available, -127 and 127 are faster than 5 degrees in 30 s without an indicator.
    pub turn: i8,
    /// Speed over ground in 0.1 knot; 1 023 is not available, 1 022 is that or more.
    pub speed: u16,
    /// Better than 10 m.
    pub accurate: bool,
    /// Longitude in 1/10 000 minute, east positive; 108 600 000 is not available.
    pub lon: i32,
    /// Latitude in 1/10 000 minute, north positive; 54 600 000 is not available.
    pub lat: i32,
    /// Course over ground in 0.1 degree; 3 600 is not available.
    pub course: u16,
    /// True heading in degrees; 511 is not available.
    pub heading: u16,
    /// UTC second; 60 is not available, 61 to 63 tell the state of the positioning system.
    pub second: u8,
    /// Special manoeuvre: 0 not available, 1 no, 2 yes.
    pub maneuver: u8,
    /// Spare bits.
    pub spare: u8,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Communication state, 19 bits, or those of them that are there.
    pub radio: u32,
}

impl PositionClassA {
    #[inline]
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            status: frame.u8::<38, 4>(),
            turn: frame.u8::<42, 8>().cast_signed(),
            speed: frame.u16::<50, 10>(),
            accurate: frame.flag::<60>(),
            lon: frame.i32::<61, 28>(),
            lat: frame.i32::<89, 27>(),
            course: frame.u16::<116, 12>(),
            heading: frame.u16::<128, 9>(),
            second: frame.u8::<137, 6>(),
            maneuver: frame.u8::<143, 2>(),
            spare: frame.u8::<145, 3>(),
            raim: frame.flag::<148>(),
            radio: frame.u32::<149, 19>() >> WHOLE_BITS.saturating_sub(frame.len()),
        })
    }

    /// The position with what is not available left out.
    #[must_use]
    #[inline]
    pub fn position(&self) -> Position {
        Position {
            msg_type: self.header.msg_type,
            place: Place::new(self.lon, self.lat),
            sog: absent::speed(self.speed),
            cog: absent::course(self.course),
            heading: absent::heading(self.heading),
            rot: (self.turn != -128).then_some(self.turn),
            nav_status: absent::nav_status(self.status),
            altitude: None,
            utc_second: absent::second(self.second),
            accurate: self.accurate,
            raim: self.raim,
        }
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("status", self.status);
        object.plain("status_text", names::navigational_status(self.status));
        if in_units {
            scaled::turn(object, self.turn);
            scaled::speed(object, self.speed);
        } else {
            object.int("turn", self.turn);
            object.int("speed", self.speed);
        }
        object.bool("accuracy", self.accurate);
        object.either(in_units, "lon", self.lon, 600_000, 7);
        object.either(in_units, "lat", self.lat, 600_000, 7);
        object.either(in_units, "course", self.course, 10, 1);
        object.int("heading", self.heading);
        object.int("second", self.second);
        object.int("maneuver", self.maneuver);
        object.bool("raim", self.raim);
        object.int("radio", self.radio);
    }
}
