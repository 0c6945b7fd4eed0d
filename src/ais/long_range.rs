//! Type 27: position report for long-range applications (ITU-R M.1371-5, annex 4).

use super::bits::Frame;
use super::json::Object;
use super::{Header, absent, names};
use crate::reject::Reject;
use crate::report::{Place, Position};

/// Up to the position latency; some units send 168 bits instead of 96.
const BITS_MIN: usize = 95;

/// A long-range position report, in the numbers of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongRange {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Better than 10 m.
    pub accurate: bool,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Navigational status, 0-15.
    pub status: u8,
    /// Longitude in 1/10 minute, east positive; 108 600 is not available.
    pub lon: i32,
    /// Latitude in 1/10 minute, north positive; 54 600 is not available.
    pub lat: i32,
    /// Speed over ground in knots; 63 is not available.
    pub speed: u8,
    /// Course over ground in degrees; 511 is not available.
    pub course: u16,
    /// The position is older than 5 s.
    pub late: bool,
    /// Spare bit.
    pub spare: bool,
}

impl LongRange {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            accurate: frame.flag::<38>(),
            raim: frame.flag::<39>(),
            status: frame.u8::<40, 4>(),
            lon: frame.i32::<44, 18>(),
            lat: frame.i32::<62, 17>(),
            speed: frame.u8::<79, 6>(),
            course: frame.u16::<85, 9>(),
            late: frame.flag::<94>(),
            spare: frame.flag::<95>(),
        })
    }

    /// The position with what is not available left out.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            msg_type: self.header.msg_type,
            place: Place::new(self.lon * 1000, self.lat * 1000),
            sog: (self.speed != 63).then(|| u16::from(self.speed) * 10),
            cog: (self.course < 360).then(|| self.course * 10),
            heading: None,
            rot: None,
            nav_status: absent::nav_status(self.status),
            altitude: None,
            utc_second: None,
            accurate: self.accurate,
            raim: self.raim,
        }
    }

    /// As gpsd does, `status_text` is written only with scaled numbers.
    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("status", self.status);
        if in_units {
            object.plain("status_text", names::navigational_status(self.status));
        }
        object.bool("accuracy", self.accurate);
        object.either(in_units, "lon", self.lon, 600, 4);
        object.either(in_units, "lat", self.lat, 600, 4);
        object.int("speed", self.speed);
        object.int("course", self.course);
        object.bool("raim", self.raim);
        object.bool("gnss", self.late);
    }
}
