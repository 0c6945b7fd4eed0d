//! A rectangle on the globe, as types 22 and 23 tell it.

use super::json::{Object, write_fixed};

/// A rectangle from its north-east to its south-west corner, in 1/10 minute, east and north positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Longitude of the north-east corner.
    pub ne_lon: i32,
    /// Latitude of the north-east corner.
    pub ne_lat: i32,
    /// Longitude of the south-west corner.
    pub sw_lon: i32,
    /// Latitude of the south-west corner.
    pub sw_lat: i32,
}

impl Area {
    /// As gpsd does, degrees are written as text.
    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        let corners = [
            ("ne_lon", self.ne_lon),
            ("ne_lat", self.ne_lat),
            ("sw_lon", self.sw_lon),
            ("sw_lat", self.sw_lat),
        ];
        for (name, value) in corners {
            if in_units {
                let out = object.name(name);
                out.push(b'"');
                write_fixed(out, i64::from(value), 600, 6);
                out.push(b'"');
            } else {
                object.int(name, value);
            }
        }
    }
}
