//! What is known of each vessel, as those who ask see it.
//!
//! The shards own this knowledge; the HTTP face reads it through [`Fleet`] and never sees how it is kept. The live
//! picture takes what changed through [`Changes`].

mod said;

use crate::report::{Place, Position, StaticData};

pub use said::{SaidTimes, StaticField};

/// The newest position report of a vessel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastPosition {
    /// What was reported.
    pub position: Position,
    /// The record's number in the journal.
    pub seq: u64,
    /// Event time, microseconds since 1970.
    pub time_us: i64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// What is remarkable about it, see [`crate::rows::flags`].
    pub flags: u16,
    /// The feed that brought it; one that nobody has when another instance stored it.
    pub feed: u8,
}

/// One vessel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VesselView {
    /// Its MMSI.
    pub mmsi: u32,
    /// Its newest position report, if there was any; what that does not tell of its movement is of the reports before.
    pub last: Option<LastPosition>,
    /// Where it is reported from as well, though it cannot be at both places: two vessels share its MMSI, or a source has it wrong.
    pub elsewhere: Option<LastPosition>,
    /// What it said of itself, merged from all its static reports.
    pub statics: StaticData,
    /// When it said each of that.
    pub said: SaidTimes,
    /// When it was first heard since the start, microseconds since 1970; 0 when it is only known from the store.
    pub first_seen_us: i64,
    /// When it was last heard, microseconds since 1970.
    pub last_seen_us: i64,
}

/// A part of the globe between two meridians and two parallels, its borders included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Western border in degrees, -180 to 180.
    pub min_lon: f64,
    /// Southern border in degrees, -90 to 90.
    pub min_lat: f64,
    /// Eastern border in degrees, -180 to 180; less than the western one when the area crosses the 180th meridian.
    pub max_lon: f64,
    /// Northern border in degrees, -90 to 90.
    pub max_lat: f64,
}

impl Area {
    /// The whole globe.
    pub const WORLD: Self = Self { min_lon: -180.0, min_lat: -90.0, max_lon: 180.0, max_lat: 90.0 };

    /// The box between these degrees, as the configuration has them.
    #[must_use]
    pub const fn between([south, west, north, east]: [f64; 4]) -> Self {
        Self { min_lon: west, min_lat: south, max_lon: east, max_lat: north }
    }

    /// Whether the place lies in it.
    #[must_use]
    pub fn contains(&self, place: Place) -> bool {
        // A division rounds to the nearest double, as reading a border does: one that is written like a place meets it.
        let (lon, lat) = (place.lon_degrees(), place.lat_degrees());
        let between = if self.min_lon <= self.max_lon {
            lon >= self.min_lon && lon <= self.max_lon
        } else {
            lon >= self.min_lon || lon <= self.max_lon
        };
        between && lat >= self.min_lat && lat <= self.max_lat
    }
}

/// What can be asked of all vessels together.
pub trait Fleet: Send + Sync {
    /// One vessel.
    fn vessel(&self, mmsi: u32) -> Option<VesselView>;

    /// Vessels whose newest position lies in the area, at most `limit`, in no promised order.
    fn within(&self, area: &Area, limit: usize) -> Vec<VesselView>;

    /// How many vessels are known.
    fn len(&self) -> usize;

    /// Whether none is known.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What of a vessel changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct What {
    /// Its newest position report.
    pub position: bool,
    /// What it says of itself.
    pub statics: bool,
}

impl What {
    /// Everything.
    pub const ALL: Self = Self { position: true, statics: true };
    /// What it says of itself alone.
    pub const STATICS: Self = Self { position: false, statics: true };

    /// Whether anything did.
    #[must_use]
    pub const fn any(self) -> bool {
        self.position || self.statics
    }

    /// What changed in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self { position: self.position || other.position, statics: self.statics || other.statics }
    }
}

/// A vessel that changed, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The vessel.
    pub view: VesselView,
    /// What is to be shown of it.
    pub what: What,
}

/// Vessels that changed and were not shown yet. Each is there at most once, so this is bounded by the vessels that are known.
pub trait Changes: Send + Sync {
    /// Adds some of them, those that have waited longest first, until there are `max`; they count as shown.
    fn take(&self, max: usize, into: &mut Vec<Change>);

    /// Marks again what could not be shown. What became of a vessel meanwhile wins: the next [`Changes::take`] tells that.
    fn mark(&self, vessels: &[(u32, What)]);

    /// Marks every vessel that is known.
    fn mark_all(&self);

    /// How many wait.
    fn waiting(&self) -> usize;

    /// How many were forgotten before they were shown, since the last call.
    fn take_evicted(&self) -> u64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::UNITS_PER_DEGREE;

    #[test]
    fn an_area_may_cross_the_180th_meridian() {
        let fiji = Area { min_lon: 177.0, min_lat: -20.0, max_lon: -178.0, max_lat: -15.0 };
        let check = |lon: f64, lat: f64, expected: bool| {
            #[allow(clippy::cast_possible_truncation)]
            let unit = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
            let place = Place::new(unit(lon), unit(lat)).unwrap();
            assert_eq!(fiji.contains(place), expected, "{lon} {lat}");
            assert!(Area::WORLD.contains(place));
        };
        check(178.0, -17.0, true);
        check(-179.0, -17.0, true);
        check(180.0, -17.0, true);
        check(177.0, -15.0, true);
        check(176.9, -17.0, false);
        check(-177.9, -17.0, false);
        check(178.0, -14.9, false);
        check(0.0, -17.0, false);
    }
}
