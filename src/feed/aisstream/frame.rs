//! One frame of aisstream.io: a report, a word about the subscription, or an error.
//!
//! ```text
//! {"MessageType":"PositionReport","MetaData":{"MMSI":…,"time_utc":"2026-10-03 08:43:43.563705035 +0000 UTC",…},
//!  "Message":{"PositionReport":{"MessageID":1,"UserID":…,"Sog":12.3,…}}}
//! {"error":"Api Key Is Not Valid"}
//! ```

use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::Value;

use super::layout;
use super::payload::{Payload, mmsi};
use crate::reject::Reject;

/// The message that says that the subscription was taken.
const CONFIRMATION: &str = "SubscriptionConfirmation";

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A report; its payload is in the [`Payload`] that was given.
    Report {
        /// Who sent it.
        mmsi: u32,
        /// When aisstream.io received it, microseconds since 1970.
        sent_us: Option<i64>,
        /// Fill bits of the payload.
        fill: u8,
    },
    /// Nothing about a vessel.
    Nothing,
    /// The server cannot or will not serve, in its own words.
    Error(String),
}

/// Reads a frame.
///
/// # Errors
/// With the reason why it is no report.
pub fn read(bytes: &[u8], payload: &mut Payload) -> Result<Frame, Reject> {
    let frame: Value = serde_json::from_slice(bytes).map_err(|_| Reject::Json)?;
    if let Some(error) = frame.get("error").or_else(|| frame.get("Error")) {
        let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Ok(Frame::Error(text));
    }
    let name = frame.get("MessageType").and_then(Value::as_str).ok_or(Reject::Json)?;
    if name == CONFIRMATION {
        return Ok(Frame::Nothing);
    }
    let layout = layout::find(name).ok_or(Reject::Type)?;
    let message = frame.get("Message").and_then(|named| named.get(name));
    let message = message.filter(|it| it.is_object()).ok_or(Reject::Json)?;
    let beside = frame.get("MetaData").or_else(|| frame.get("Metadata")).unwrap_or(&Value::Null);
    let mmsi = mmsi(message, beside)?;
    let sent_us = match beside.get("time_utc") {
        None | Some(Value::Null) => None,
        Some(told) => {
            let time_us = told.as_str().and_then(time_us);
            Some(time_us.ok_or(Reject::TimeUnparsable)?)
        }
    };
    let fill = payload.make(layout, message, mmsi)?;
    Ok(Frame::Report { mmsi, sent_us, fill })
}

/// A time as Go prints it, or as RFC 3339 has it; microseconds since 1970.
fn time_us(text: &str) -> Option<i64> {
    let printed = text.strip_suffix(" UTC").unwrap_or(text);
    let parsed = strtime::parse("%Y-%m-%d %H:%M:%S%.f %z", printed);
    let time = parsed.and_then(|time| time.to_timestamp()).or_else(|_| text.parse::<Timestamp>());
    time.ok().map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests;
