//! Types 4 and 11: base station report, and UTC and date response (ITU-R M.1371-5, table 51).

use super::bits::Frame;
use super::json::{Object, write_padded};
use super::{Header, names};
use crate::reject::Reject;
use crate::report::Place;

/// Up to the RAIM flag; the radio status may be cut short.
const BITS_MIN: usize = 149;

/// Where a base station is and what its clock says, in the numbers of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseStation {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// UTC year; 0 is not available.
    pub year: u16,
    /// UTC month, 1-12; 0 is not available.
    pub month: u8,
    /// UTC day, 1-31; 0 is not available.
    pub day: u8,
    /// UTC hour, 0-23; 24 is not available.
    pub hour: u8,
    /// UTC minute, 0-59; 60 is not available.
    pub minute: u8,
    /// UTC second, 0-59; 60 is not available.
    pub second: u8,
    /// Better than 10 m.
    pub accurate: bool,
    /// Longitude in 1/10 000 minute, east positive; 108 600 000 is not available.
    pub lon: i32,
    /// Latitude in 1/10 000 minute, north positive; 54 600 000 is not available.
    pub lat: i32,
    /// Type of position-fixing device.
    pub epfd: u8,
    /// Whether type 27 shall be sent within its coverage (the standard's transmission control), then spare bits.
    pub spare: u16,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Communication state, 19 bits.
    pub radio: u32,
}

impl BaseStation {
    #[inline]
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            year: frame.u16::<38, 14>(),
            month: frame.u8::<52, 4>(),
            day: frame.u8::<56, 5>(),
            hour: frame.u8::<61, 5>(),
            minute: frame.u8::<66, 6>(),
            second: frame.u8::<72, 6>(),
            accurate: frame.flag::<78>(),
            lon: frame.i32::<79, 28>(),
            lat: frame.i32::<107, 27>(),
            epfd: frame.u8::<134, 4>(),
            spare: frame.u16::<138, 10>(),
            raim: frame.flag::<148>(),
            radio: frame.u32::<149, 19>(),
        })
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        Place::new(self.lon, self.lat)
    }

    /// What its clock says, in seconds since 1970, if all its fields are there.
    #[must_use]
    pub fn unix_seconds(&self) -> Option<i64> {
        let there = self.year > 0
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !there {
            return None;
        }
        // Days from civil: the year begins in March, so that a leap day is its last.
        let late = self.month > 2;
        let year = i64::from(self.year) - i64::from(!late);
        let month = i64::from(self.month) + if late { -3 } else { 9 };
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60;
        Some(days * 86_400 + seconds + i64::from(self.second))
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        let out = object.name("timestamp");
        out.push(b'"');
        write_padded(out, self.year, 4);
        let rest = [
            (b'-', self.month),
            (b'-', self.day),
            (b'T', self.hour),
            (b':', self.minute),
            (b':', self.second),
        ];
        for (mark, value) in rest {
            out.push(mark);
            write_padded(out, u16::from(value), 2);
        }
        out.extend_from_slice(b"Z\"");
        object.bool("accuracy", self.accurate);
        object.either(in_units, "lon", self.lon, 600_000, 7);
        object.either(in_units, "lat", self.lat, 600_000, 7);
        object.int("epfd", self.epfd);
        object.plain("epfd_text", names::epfd(self.epfd));
        object.bool("raim", self.raim);
        object.int("radio", self.radio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(year: u16, month: u8, day: u8, time: [u8; 3], expected: Option<i64>) {
        let station = BaseStation {
            header: Header { msg_type: 4, repeat: 0, mmsi: 2_190_000 },
            year,
            month,
            day,
            hour: time[0],
            minute: time[1],
            second: time[2],
            accurate: false,
            lon: 0,
            lat: 0,
            epfd: 0,
            spare: 0,
            raim: false,
            radio: 0,
        };
        assert_eq!(station.unix_seconds(), expected);
    }

    #[test]
    fn a_base_stations_clock_is_told_in_seconds_since_1970() {
        check(1970, 1, 1, [0, 0, 0], Some(0));
        check(2000, 2, 29, [23, 59, 59], Some(951_868_799));
        check(2000, 3, 1, [0, 0, 0], Some(951_868_800));
        check(2007, 5, 14, [19, 57, 39], Some(1_179_172_659));
        check(0, 1, 1, [0, 0, 0], None);
        check(2007, 0, 14, [0, 0, 0], None);
        check(2007, 5, 14, [24, 0, 0], None);
        check(2007, 5, 14, [0, 60, 0], None);
        check(2007, 5, 14, [0, 0, 60], None);
    }
}
