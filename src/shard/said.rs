//! What a record says: a message as it was on the air, or a report that was told in fields.

use super::event_time::refined;
use crate::ais::{self, Message, Scratch};
use crate::filter::Traits;
use crate::record::Record;
use crate::reject::Reject;
use crate::report::packed::{self, Told};
use crate::report::{Position, StaticData};

/// Types that are timed by their sender's clock, not by the second of a position.
const BASE_STATION_REPORTS: [u8; 2] = [4, 11];

/// What a record says.
pub enum Said<'a> {
    /// A message of AIS.
    Message(Message<'a>),
    /// A report in fields.
    Report(Told),
}

impl<'a> Said<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// Why it says nothing.
    pub fn read(record: &Record<'_>, scratch: &'a mut Scratch) -> Result<Self, Reject> {
        if record.report {
            return Told::unpack(record.payload).map(Self::Report).ok_or(Reject::Malformed);
        }
        ais::decode(record.payload, record.fill, scratch).map(Self::Message)
    }

    /// Whom a record is about, by what it begins with; the rest is not read.
    pub fn mmsi_of(record: &Record<'_>) -> Option<u32> {
        if record.report { packed::mmsi(record.payload) } else { ais::mmsi_in(record.payload) }
    }

    /// Whom it is about.
    pub fn mmsi(&self) -> u32 {
        match self {
            Self::Message(message) => message.mmsi(),
            Self::Report(told) => told.mmsi,
        }
    }

    /// Where that is, if it says so.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Message(message) => message.position(),
            Self::Report(told) => told.position,
        }
    }

    /// The type of its message, 0 when a sender of fields did not tell it.
    pub fn msg_type(&self) -> u8 {
        match self {
            Self::Message(message) => message.msg_type(),
            Self::Report(Told { position: Some(position), .. }) => position.msg_type,
            Self::Report(told) => told.data.map_or(0, |data| data.msg_type),
        }
    }

    /// What filters look at.
    pub fn traits(&self, feed: u8) -> Traits {
        let place = match self {
            Self::Message(message) => message.place(),
            Self::Report(told) => told.position.and_then(|position| position.place),
        };
        Traits { msg_type: self.msg_type(), mmsi: self.mmsi(), feed, place }
    }

    /// What that is, if it says so.
    pub fn static_data(&self) -> Option<StaticData> {
        match self {
            Self::Message(message) => message.static_data(),
            Self::Report(told) => told.data,
        }
    }

    /// When it happened: the time that was judged, refined by the second of the position unless the sender told it.
    pub fn event_time(&self, record: &Record<'_>, judged_us: i64) -> i64 {
        let second = match self {
            Self::Message(message) if !BASE_STATION_REPORTS.contains(&message.msg_type()) => {
                message.utc_second()
            }
            Self::Message(_) => None,
            Self::Report(told) => told.position.and_then(|position| position.utc_second),
        };
        match second {
            Some(second) if record.sent_us.is_none() && second < 60 => refined(judged_us, second),
            _ => judged_us,
        }
    }
}
