//! One report that was told in fields of JSON: which fields are known under which names, and what makes a report of them.
//!
//! In:      the text of one object
//! Out:     what it tells, and when its sender says that was
//! Drops:   nothing silently: what cannot be a report is refused with its reason, a field that cannot be used is counted
//!
//! A report wants an MMSI, a time, and a place or something that the vessel says of itself. Everything else may be absent, and is when it is
//! null, an empty text, the number that AIS has for "not available" (102.3 knots, 360 and 511 degrees, status 15), or nothing that the
//! field can be. Names and units are those of the backend that aisd replaces, and those that AIS-catcher writes (`fields`).

pub mod depth;
mod fields;
pub mod parts;
mod time;
mod value;

#[cfg(test)]
mod tests;

use crate::reject::Reject;
use crate::report::packed::Told;
use crate::report::{Place, Position, StaticData, UNITS_PER_DEGREE};
pub use fields::{Field, Fields};
pub use value::Scalar;

/// Whose fields they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Anybody's: `type` may mean anything.
    Any,
    /// A decoder's: `type` is the number of the AIS message that was decoded.
    Decoder,
}

/// What one object tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The report.
    pub told: Told,
    /// When its sender says it was, microseconds since 1970.
    pub sent_us: i64,
    /// Fields that were there and could not be used.
    pub unusable: u32,
}

/// Reads the text of one object. Objects in it that nobody asks for are passed over without limit of depth; who reads untrusted text
/// bounds that first.
///
/// # Errors
/// Why it is no report.
pub fn read(text: &str, dialect: Dialect) -> Result<Entry, Reject> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| Reject::Json)?;
    entry(&fields, dialect)
}

/// When the sender of an object says that it was, if it says so in a way that can be read.
#[must_use]
pub fn time(text: &str) -> Option<i64> {
    serde_json::from_str::<Fields<'_>>(text).ok()?.time().ok()
}

/// The report of fields.
///
/// # Errors
/// Why they are none.
pub fn entry(fields: &Fields<'_>, dialect: Dialect) -> Result<Entry, Reject> {
    let mmsi = fields.get(Field::Mmsi).mmsi().ok_or(Reject::Mmsi)?;
    let msg_type = msg_type(fields, dialect)?;
    let mut reader = Reader { fields, unusable: 0 };
    let data = reader.static_data(if matches!(msg_type, 5 | 19 | 24) { msg_type } else { 0 });
    let place = place(fields)?;
    if place.is_none() && data.is_none() {
        return Err(Reject::Position);
    }
    let sent_us = fields.time()?;
    let position = place.map(|place| reader.position(place, msg_type));
    let told = Told { mmsi, position, data };
    Ok(Entry { told, sent_us, unusable: reader.unusable })
}

/// The message type, or 0 when nobody tells it.
fn msg_type(fields: &Fields<'_>, dialect: Dialect) -> Result<u8, Reject> {
    if dialect == Dialect::Any {
        return Ok(0);
    }
    match fields.get(Field::Type).whole() {
        Some(kind @ (1..=3 | 5 | 9 | 18 | 19 | 24 | 27)) => Ok(u8::try_from(kind).unwrap_or(0)),
        Some(1..=28) => Err(Reject::SentenceMissing),
        _ => Ok(0),
    }
}

/// The place; none when none is told.
fn place(fields: &Fields<'_>) -> Result<Option<Place>, Reject> {
    let (lat, lon) = (fields.get(Field::Lat), fields.get(Field::Lon));
    if matches!((lat, lon), (Scalar::Absent, Scalar::Absent)) {
        return Ok(None);
    }
    let (Some(lat), Some(lon)) = (lat.number(), lon.number()) else { return Err(Reject::Position) };
    #[expect(clippy::float_cmp, reason = "what AIS says when it knows no place")]
    if lat == 91.0 || lon == 181.0 {
        return Ok(None);
    }
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return Err(Reject::Position);
    }
    let [lon, lat] = [lon, lat].map(|degrees| {
        #[expect(clippy::cast_possible_truncation, reason = "at most 108 000 000")]
        let units = (degrees * UNITS_PER_DEGREE).round() as i32;
        units
    });
    Place::new(lon, lat).map(Some).ok_or(Reject::Position)
}

/// Reads what may be absent, and counts what is there and cannot be used.
struct Reader<'a> {
    fields: &'a Fields<'a>,
    unusable: u32,
}

impl Reader<'_> {
    fn position(&mut self, place: Place, msg_type: u8) -> Position {
        // A static report that also has a place is one of fields.
        let msg_type = if matches!(msg_type, 5 | 24) { 0 } else { msg_type };
        let is_true = |field| matches!(self.fields.get(field), Scalar::Truth(true));
        let (accurate, raim) = (is_true(Field::Accuracy), is_true(Field::Raim));
        Position {
            msg_type,
            place: Some(place),
            sog: self.speed(msg_type),
            cog: self.course(),
            heading: self.scaled(Field::Heading, 1.0, &[511.0], 360.0).map(|it| it % 360),
            rot: None,
            nav_status: self.status(),
            altitude: self.scaled(Field::Altitude, 1.0, &[4095.0], 4094.0),
            utc_second: None,
            accurate,
            raim,
        }
    }

    /// 102.3 is what AIS says when it knows no speed, and a long-range report 63.
    fn speed(&mut self, msg_type: u8) -> Option<u16> {
        const LONG_RANGE: u8 = 27;
        let absent: &[f64] =
            if msg_type == LONG_RANGE { &[63.0, 102.3, 1023.0] } else { &[102.3, 1023.0] };
        self.tenths(Field::Speed, absent, 1022.0)
    }

    /// 360 is what AIS says when it knows no course.
    fn course(&mut self) -> Option<u16> {
        self.tenths(Field::Course, &[360.0], 359.99).map(|tenths| tenths % 3600)
    }

    fn tenths(&mut self, field: Field, absent: &[f64], max: f64) -> Option<u16> {
        self.scaled(field, 10.0, absent, max)
    }

    /// A number from 0 to `max`, in units of which `scale` are one of it.
    fn scaled(&mut self, field: Field, scale: f64, absent: &[f64], max: f64) -> Option<u16> {
        let number = self.optional(field, |value| value.number())?;
        // Some compute with single precision: 102.300003.
        if absent.iter().any(|none| (number - none).abs() < 1e-4) {
            return None;
        }
        if !(0.0..=max).contains(&number) {
            self.unusable += 1;
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        let units = (number * scale).round() as u16;
        Some(units)
    }

    fn status(&mut self) -> Option<u8> {
        let status = self.optional(Field::Status, |it| it.status())?;
        (status != 15).then_some(status)
    }

    fn static_data(&mut self, msg_type: u8) -> Option<StaticData> {
        let imo = self.optional(Field::Imo, |it| it.imo()).filter(|imo| *imo != 0);
        let sides = [Field::ToBow, Field::ToStern, Field::ToPort, Field::ToStarboard];
        let metres = sides.map(|side| self.scaled(side, 1.0, &[], 1022.0).unwrap_or(0));
        let small = |value: u16| u8::try_from(value).ok().filter(|value| *value != 0);
        let data = StaticData {
            msg_type,
            imo,
            callsign: self.optional(Field::Callsign, |it| it.text()),
            name: self.optional(Field::Name, |it| it.text()),
            ship_type: self.scaled(Field::ShipType, 1.0, &[], 255.0).and_then(small),
            dimensions: (metres != [0; 4]).then_some(metres),
            draught: self.tenths(Field::Draught, &[], 25.5).and_then(small),
            destination: self.optional(Field::Destination, |it| it.text()),
            ..StaticData::default()
        };
        (data != StaticData { msg_type, ..StaticData::default() }).then_some(data)
    }

    /// What a field that may be absent says.
    fn optional<T>(&mut self, field: Field, read: fn(&Scalar<'_>) -> Option<T>) -> Option<T> {
        match self.fields.get(field) {
            Scalar::Absent => None,
            value => {
                let read = read(value);
                self.unusable += u32::from(read.is_none());
                read
            }
        }
    }
}
