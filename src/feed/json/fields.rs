//! The fields that are known, and the names that each has; of several the first in the list counts that is not absent.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::time;
use super::value::Scalar;
use crate::reject::Reject;

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Whom it is about.
    Mmsi,
    /// Degrees north.
    Lat,
    /// Degrees east.
    Lon,
    /// When it was.
    Time,
    /// Knots over ground.
    Speed,
    /// Degrees over ground.
    Course,
    /// Degrees that the bow points to.
    Heading,
    /// Navigational status, as number or in words.
    Status,
    /// IMO number.
    Imo,
    /// Call sign.
    Callsign,
    /// Name.
    Name,
    /// Type of the AIS message.
    Type,
    /// Metres above the sea, of an aircraft.
    Altitude,
    /// Whether the fix is better than 10 m.
    Accuracy,
    /// Whether integrity is monitored.
    Raim,
    /// Type of ship and cargo.
    ShipType,
    /// Metres from the position reference to the bow.
    ToBow,
    /// To the stern.
    ToStern,
    /// To port.
    ToPort,
    /// To starboard.
    ToStarboard,
    /// Metres.
    Draught,
    /// Destination.
    Destination,
}

/// How many there are.
const FIELDS: usize = Field::Destination as usize + 1;

/// Every field with its names. Those of the first eleven are the replaced backend's, in its order; `shipname`, `rxuxtime` and the rest are
/// AIS-catcher's. `timestamp` is last among times, since many send the second of the minute in it.
pub const NAMES: &[(Field, &[&str])] = &[
    (Field::Mmsi, &["mmsi", "MMSI", "Mmsi", "shipMMSI", "ShipMMSI"]),
    (Field::Lat, &["lat", "latitude", "Lat", "LAT", "Latitude", "LATITUDE"]),
    (
        Field::Lon,
        &["lon", "lng", "longitude", "Lon", "LON", "LONGITUDE", "Longitude", "long", "Long"],
    ),
    (
        Field::Time,
        &[
            "ts",
            "time",
            "observedAt",
            "datetime",
            "updatetime",
            "updateTime",
            "UpdateTime",
            "lastSeen",
            "rxuxtime",
            "rxtime",
            "timestamp",
        ],
    ),
    (Field::Speed, &["speed", "SOG", "sog", "Speed", "SPEED"]),
    (Field::Course, &["course", "COG", "cog", "Course", "COURSE"]),
    (Field::Heading, &["heading", "Heading", "HEADING"]),
    (
        Field::Status,
        &["status", "nav_status", "Status", "STATUS", "navStatus", "navigationalStatus"],
    ),
    (Field::Imo, &["imo", "IMO", "Imo"]),
    (Field::Callsign, &["callsign", "CallSign", "call_sign", "CALLSIGN"]),
    (Field::Name, &["name", "Name", "shipName", "ShipName", "shipname"]),
    (Field::Type, &["type"]),
    (Field::Altitude, &["alt"]),
    (Field::Accuracy, &["accuracy"]),
    (Field::Raim, &["raim"]),
    (Field::ShipType, &["shiptype"]),
    (Field::ToBow, &["to_bow"]),
    (Field::ToStern, &["to_stern"]),
    (Field::ToPort, &["to_port"]),
    (Field::ToStarboard, &["to_starboard"]),
    (Field::Draught, &["draught"]),
    (Field::Destination, &["destination"]),
];

/// The name that is the second of the minute as often as a time.
const SECOND_OF_THE_MINUTE: &str = "timestamp";

/// The field of a name, and its place among the field's names.
fn find(name: &str) -> Option<(Field, usize)> {
    NAMES.iter().find_map(|(field, names)| {
        names.iter().position(|known| *known == name).map(|rank| (*field, rank))
    })
}

/// What was found of each field, under the first of its names that says something.
pub struct Fields<'a> {
    slots: [(usize, Scalar<'a>); FIELDS],
}

impl<'a> Fields<'a> {
    /// Nothing is said yet.
    #[must_use]
    pub fn nothing() -> Self {
        Self { slots: std::array::from_fn(|_| (usize::MAX, Scalar::Absent)) }
    }

    /// Has a field say this.
    pub fn set(&mut self, field: Field, value: Scalar<'a>) {
        self.slots[field as usize] = (0, value);
    }

    fn put(&mut self, name: &str, (field, rank): (Field, usize), value: Scalar<'a>) {
        let no_time = name == SECOND_OF_THE_MINUTE && time::is_second_of_the_minute(&value);
        let slot = &mut self.slots[field as usize];
        if !value.is_absent() && !no_time && rank < slot.0 {
            *slot = (rank, value);
        }
    }

    /// What a field says.
    pub const fn get(&self, field: Field) -> &Scalar<'a> {
        &self.slots[field as usize].1
    }

    /// When it was, microseconds since 1970.
    ///
    /// # Errors
    /// When that is not told, or cannot be read.
    pub fn time(&self) -> Result<i64, Reject> {
        match self.get(Field::Time) {
            Scalar::Absent => Err(Reject::TimeMissing),
            value => time::read(value).ok_or(Reject::TimeUnparsable),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Fields<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::nothing();
        while let Some(name) = map.next_key::<Scalar<'de>>()? {
            let Scalar::Text(name) = name else { continue };
            match find(&name) {
                Some(place) => fields.put(&name, place, map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}
