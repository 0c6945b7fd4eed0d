//! One dead letter: a row that the store refused, in the names of the store's columns, and why.

use serde_json::{Map, Value, json};

use crate::partition;
use crate::report::Place;
use crate::resilience::words::one_line;
use crate::rows::{MessageRow, Origin, PositionRow, Rows, StaticRow};

/// Characters of a reason that are kept.
pub const REASON_MAX: usize = 500;

/// Which table the row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `positions`.
    Position,
    /// `vessels`.
    Vessel,
    /// `messages`.
    Message,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Position, Self::Vessel, Self::Message];

    /// As it stands in the file and in answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Vessel => "vessel",
            Self::Message => "message",
        }
    }
}

/// Why the store refused a row.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The SQLSTATE.
    pub sqlstate: &'a str,
    /// What the server said.
    pub reason: &'a str,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// A row that could not be delivered. The number and the kind name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The number of the message in the journal.
    pub seq: u64,
    /// The table.
    pub kind: Kind,
    /// Who sent it.
    pub mmsi: u32,
    /// The feed that brought it.
    pub feed: u8,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// The row as a JSON object of columns; without those that are absent, and without `instance`, which the store knows.
    pub row: String,
    /// The SQLSTATE of the last refusal.
    pub sqlstate: String,
    /// What the server said then.
    pub reason: String,
    /// How often it was refused.
    pub attempts: u32,
    /// When it was refused first, microseconds since 1970.
    pub first_failed_us: i64,
    /// When it was refused last, microseconds since 1970.
    pub last_failed_us: i64,
    /// How often it was tried again.
    pub retries: u32,
    /// When it is tried next, microseconds since 1970; 0 for at once.
    pub next_try_us: i64,
    /// Whether it is not tried again by itself.
    pub is_dead: bool,
}

impl Letter {
    /// A refused row of `positions`.
    #[must_use]
    pub fn of_position(row: &PositionRow, refusal: &Refusal<'_>) -> Self {
        let PositionRow { origin, position, flags } = row;
        let columns = [
            ("lat", json!(position.place.map(Place::lat_degrees))),
            ("lon", json!(position.place.map(Place::lon_degrees))),
            ("sog", json!(position.sog.map(tenths))),
            ("cog", json!(position.cog.map(tenths))),
            ("heading", json!(position.heading)),
            ("rot", json!(position.rot)),
            ("altitude", json!(position.altitude)),
            ("nav_status", json!(position.nav_status)),
            ("msg_type", json!(position.msg_type)),
            ("flags", json!(flags)),
        ];
        let row = object(reported(origin).into_iter().chain(columns));
        Self::new(Kind::Position, origin, row, refusal)
    }

    /// A refused row for `vessels`.
    #[must_use]
    pub fn of_static(row: &StaticRow, refusal: &Refusal<'_>) -> Self {
        let StaticRow { origin, data, .. } = row;
        let [bow, stern, port, starboard] = data.dimensions.map_or([None; 4], |it| it.map(Some));
        let columns = [
            ("mmsi", json!(origin.mmsi)),
            ("name", json!(data.name.as_ref().map(|text| text.as_str()))),
            ("callsign", json!(data.callsign.as_ref().map(|text| text.as_str()))),
            ("imo", json!(data.imo)),
            ("ship_type", json!(data.ship_type)),
            ("to_bow", json!(bow)),
            ("to_stern", json!(stern)),
            ("to_port", json!(port)),
            ("to_starboard", json!(starboard)),
            ("draught", json!(data.draught.map(|it| tenths(u16::from(it))))),
            ("destination", json!(data.destination.as_ref().map(|text| text.as_str()))),
            ("eta", json!(data.eta_text())),
            ("epfd", json!(data.epfd)),
            ("vendor", json!(data.vendor.as_ref().map(|text| text.as_str()))),
            ("mothership", json!(data.mothership)),
            ("source", json!(origin.feed)),
            ("updated_at", time(origin.time_us)),
            ("updated_seq", json!(origin.seq)),
            ("static_reports", json!(1)),
        ];
        Self::new(Kind::Vessel, origin, object(columns), refusal)
    }

    /// A refused row of `messages`.
    #[must_use]
    pub fn of_message(rows: &Rows, row: &MessageRow, refusal: &Refusal<'_>) -> Self {
        let msg_type = [("msg_type", json!(row.msg_type))];
        let mut text = object(reported(&row.origin).into_iter().chain(msg_type));
        // As it was written, so that no number in it changes.
        let json = String::from_utf8_lossy(rows.json_of(row));
        let is_json = serde_json::from_str::<Value>(&json).is_ok();
        let json = if is_json { json.into_owned() } else { json!(json).to_string() };
        text.pop();
        text.push_str(",\"json\":");
        text.push_str(&json);
        text.push('}');
        Self::new(Kind::Message, &row.origin, text, refusal)
    }

    fn new(kind: Kind, origin: &Origin, row: String, refusal: &Refusal<'_>) -> Self {
        Self {
            seq: origin.seq,
            kind,
            mmsi: origin.mmsi,
            feed: origin.feed,
            received_us: origin.received_us,
            row,
            sqlstate: refusal.sqlstate.to_owned(),
            reason: one_line(refusal.reason, REASON_MAX),
            attempts: 1,
            first_failed_us: refusal.at_us,
            last_failed_us: refusal.at_us,
            retries: 0,
            next_try_us: refusal.at_us,
            is_dead: false,
        }
    }

    /// The partition of its vessel.
    #[must_use]
    pub fn partition(&self) -> u8 {
        partition::of(self.mmsi)
    }

    /// The row, if it is what was written once: an object, with its event time where its table has one.
    #[must_use]
    pub fn parsed(&self) -> Option<(Map<String, Value>, Option<i64>)> {
        let Ok(Value::Object(columns)) = serde_json::from_str(&self.row) else { return None };
        let time = columns.get("ts").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let time_us = time.map(jiff::Timestamp::as_microsecond);
        Some((columns, time_us))
    }

    /// All of it, for people and programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "seq": self.seq,
            "kind": self.kind.label(),
            "mmsi": self.mmsi,
            "source": self.feed,
            "received_at": time(self.received_us),
            "sqlstate": self.sqlstate,
            "reason": self.reason,
            "attempts": self.attempts,
            "first_failed_at": time(self.first_failed_us),
            "last_failed_at": time(self.last_failed_us),
            "state": if self.is_dead { "dead" } else { "pending" },
            "retries": self.retries,
            "next_try_at": (!self.is_dead).then(|| time(self.next_try_us)),
            "row": serde_json::from_str::<Value>(&self.row).unwrap_or_else(|_| json!(self.row)),
        })
    }
}

/// The columns that `positions` and `messages` have in common.
fn reported(origin: &Origin) -> [(&'static str, Value); 5] {
    [
        ("seq", json!(origin.seq)),
        ("ts", time(origin.time_us)),
        ("received_at", time(origin.received_us)),
        ("mmsi", json!(origin.mmsi)),
        ("source", json!(origin.feed)),
    ]
}

fn object(columns: impl IntoIterator<Item = (&'static str, Value)>) -> String {
    let present = columns.into_iter().filter(|(_, value)| !value.is_null());
    let columns: Map<_, _> = present.map(|(name, value)| (name.to_owned(), value)).collect();
    Value::Object(columns).to_string()
}

fn tenths(value: u16) -> f64 {
    f64::from(value) / 10.0
}

/// RFC 3339 to the microsecond; the number itself where no calendar reaches.
fn time(us: i64) -> Value {
    jiff::Timestamp::from_microsecond(us).map_or_else(|_| json!(us), |at| json!(at.to_string()))
}

#[cfg(test)]
mod tests;
