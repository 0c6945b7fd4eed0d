//! What stands in the picture of a vessel, in each layout and format.
//!
//! `aisd`, in the units of the HTTP face: `mmsi`, `time` (of the newest position, RFC 3339), `seq` (its number in the journal),
//! `received`, `lat`, `lon`, `sog`, `cog`, `heading`, `rot_ais`, `nav_status`, `altitude`, `msg_type`, `flags` (words with
//! commas between), `source`; and of what the vessel says of itself `static_time` (when it last did), `name`, `callsign`, `imo`,
//! `ship_type`, `to_bow`, `to_stern`, `to_port`, `to_starboard`, `draught`, `destination`, `eta`, `epfd`, `vendor`, `mothership`.
//!
//! `original`: `mmsi`, `lat`, `lon`, `ts` (milliseconds since 1970), `speed`, `course`, `heading`, `status`, `source`, `score`
//! (empty), `name`; and `time`, `seq` and `static_time`, which the guard needs. Its readers expect a place: a report without
//! one is not shown.
//!
//! What the newest position does not tell is an empty text in a hash, and not there in JSON.

use super::text;
use crate::config::Layout;
use crate::picture::{LastPosition, StaticField};
use crate::report::StaticData;

/// How a vessel is kept, once it is known what the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// As a hash.
    Hash,
    /// As JSON.
    Json,
}

impl Kept {
    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hash => "hashes",
            Self::Json => "JSON",
        }
    }
}

/// A value of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When it was received.
    Received,
    /// Degrees north.
    Lat,
    /// Degrees east.
    Lon,
    /// Event time in milliseconds since 1970.
    Milliseconds,
    /// Knots.
    Speed,
    /// Degrees over ground.
    Course,
    /// Degrees.
    Heading,
    /// Rate of turn as sent.
    RateOfTurn,
    /// Navigational status.
    Status,
    /// Metres.
    Altitude,
    /// The type of the message.
    MessageType,
    /// What is remarkable about it.
    Flags,
    /// The feed that brought it.
    Source,
    /// A score of sources against one another, which is not given.
    Score,
}

/// A name and what stands under it.
pub type Named = (&'static str, Field);

const AISD: &[Named] = &[
    ("received", Field::Received),
    ("lat", Field::Lat),
    ("lon", Field::Lon),
    ("sog", Field::Speed),
    ("cog", Field::Course),
    ("heading", Field::Heading),
    ("rot_ais", Field::RateOfTurn),
    ("nav_status", Field::Status),
    ("altitude", Field::Altitude),
    ("msg_type", Field::MessageType),
    ("flags", Field::Flags),
    ("source", Field::Source),
];
const ORIGINAL: &[Named] = &[
    ("lat", Field::Lat),
    ("lon", Field::Lon),
    ("ts", Field::Milliseconds),
    ("speed", Field::Speed),
    ("course", Field::Course),
    ("heading", Field::Heading),
    ("status", Field::Status),
    ("source", Field::Source),
    ("score", Field::Score),
];
/// What is published of a changed position, beside `mmsi`, `time` and `seq`.
pub const PUBLISHED: &[Named] = &[
    ("received", Field::Received),
    ("lat", Field::Lat),
    ("lon", Field::Lon),
    ("sog", Field::Speed),
    ("cog", Field::Course),
    ("heading", Field::Heading),
    ("nav_status", Field::Status),
    ("msg_type", Field::MessageType),
    ("source", Field::Source),
];

/// What a position tells beside `mmsi`, `time` and `seq`.
#[must_use]
pub const fn position(layout: Layout) -> &'static [Named] {
    match layout {
        Layout::Aisd => AISD,
        Layout::Original => ORIGINAL,
    }
}

/// A field that is there from the beginning, empty as long as nobody told it.
#[must_use]
pub const fn blank(layout: Layout) -> Option<&'static str> {
    match layout {
        Layout::Aisd => None,
        Layout::Original => Some("name"),
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: the position does not tell it.
    Nothing,
    /// A number.
    Number,
    /// A text.
    Text,
}

/// Writes one value of a position.
pub fn tell(field: Field, last: &LastPosition, source: &str, out: &mut String) -> Told {
    let position = &last.position;
    let number = match field {
        Field::Lat => position.place.map(|place| text::degrees(place.lat, out)),
        Field::Lon => position.place.map(|place| text::degrees(place.lon, out)),
        Field::Milliseconds => Some(last.time_us.div_euclid(1000)).map(|ms| text::whole(ms, out)),
        Field::Speed => position.sog.map(|sog| text::tenths(sog, out)),
        Field::Course => position.cog.map(|cog| text::tenths(cog, out)),
        Field::Heading => position.heading.map(|heading| text::whole(heading, out)),
        Field::RateOfTurn => position.rot.map(|rot| text::whole(rot, out)),
        Field::Status => position.nav_status.map(|status| text::whole(status, out)),
        Field::Altitude => position.altitude.map(|altitude| text::whole(altitude, out)),
        Field::MessageType => Some(position.msg_type).map(|kind| text::whole(kind, out)),
        Field::Score => None,
        Field::Received => {
            text::time(last.received_us, out);
            return Told::Text;
        }
        Field::Flags => {
            text::flag_names(last.flags, out);
            return Told::Text;
        }
        Field::Source => {
            out.push_str(source);
            return Told::Text;
        }
    };
    if number.is_some() { Told::Number } else { Told::Nothing }
}

/// Writes the members of a JSON object for these values, a comma before each.
pub fn members(names: &[Named], last: &LastPosition, source: &str, out: &mut String) {
    let mut value = String::new();
    for (name, field) in names {
        value.clear();
        let told = tell(*field, last, source, &mut value);
        if told == Told::Nothing || value.is_empty() {
            continue;
        }
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        match told {
            Told::Text => text::quoted(&value, out),
            _ => out.push_str(&value),
        }
    }
}

/// The fields of static data that a layout shows.
#[must_use]
pub const fn statics(layout: Layout) -> &'static [StaticField] {
    match layout {
        Layout::Aisd => &StaticField::ALL,
        Layout::Original => &[StaticField::Name],
    }
}

/// Hands on what a field of static data tells, as name and text or JSON.
pub fn each_static(
    field: StaticField,
    data: &StaticData,
    kept: Kept,
    value: &mut String,
    mut each: impl FnMut(&'static str, &str),
) {
    let mut put = |name, told: Told, write: &dyn Fn(&mut String)| {
        value.clear();
        write(value);
        if kept == Kept::Json && told == Told::Text {
            let plain = std::mem::take(value);
            text::quoted(&plain, value);
        }
        each(name, value);
    };
    let mut put_text = |name, it: Option<&str>| {
        if let Some(it) = it {
            put(name, Told::Text, &|out| out.push_str(it));
        }
    };
    match field {
        StaticField::Name => put_text("name", data.name.as_ref().map(|it| it.as_str())),
        StaticField::Callsign => put_text("callsign", data.callsign.as_ref().map(|it| it.as_str())),
        StaticField::Destination => {
            put_text("destination", data.destination.as_ref().map(|it| it.as_str()));
        }
        StaticField::Vendor => put_text("vendor", data.vendor.as_ref().map(|it| it.as_str())),
        StaticField::Eta => put_text("eta", data.eta_text().as_deref()),
        StaticField::Dimensions => {
            let names = ["to_bow", "to_stern", "to_port", "to_starboard"];
            for (name, metres) in names.into_iter().zip(data.dimensions.into_iter().flatten()) {
                put(name, Told::Number, &|out| text::whole(metres, out));
            }
        }
        StaticField::Draught => {
            if let Some(draught) = data.draught {
                put("draught", Told::Number, &|out| text::tenths(u16::from(draught), out));
            }
        }
        StaticField::Imo | StaticField::ShipType | StaticField::Epfd | StaticField::Mothership => {
            let (name, number) = match field {
                StaticField::Imo => ("imo", data.imo),
                StaticField::ShipType => ("ship_type", data.ship_type.map(u32::from)),
                StaticField::Epfd => ("epfd", data.epfd.map(u32::from)),
                _ => ("mothership", data.mothership),
            };
            if let Some(number) = number {
                put(name, Told::Number, &|out| text::whole(number, out));
            }
        }
    }
}
