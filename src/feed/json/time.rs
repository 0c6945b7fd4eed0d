//! The time that a sender of JSON says it was: seconds or milliseconds since 1970, or a date in one of the forms that senders write.
//!
//! A date without an offset is UTC, never this machine's time. A date without a time of day is no time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::Offset;

use super::value::Scalar;
use crate::nmea::stamp;

/// Digits of `YYYYMMDDHHMMSS`; as milliseconds so many digits would begin in the year 2286.
const CIVIL_DIGITS: usize = 14;
/// What a second of the minute may be; 60 to 63 say why it is not known.
const SECOND_MAX: i64 = 63;

/// Whether it is the second of the minute at which a position was fixed, not a time.
pub fn is_second_of_the_minute(value: &Scalar<'_>) -> bool {
    value.whole().is_some_and(|second| (0..=SECOND_MAX).contains(&second))
}

/// Microseconds since 1970.
pub fn read(value: &Scalar<'_>) -> Option<i64> {
    match value {
        Scalar::Whole(whole) if *whole <= 0 => Some(*whole),
        Scalar::Whole(whole) => digits(&whole.to_string()),
        Scalar::Real(real) if *real <= 0.0 => Some(0),
        Scalar::Real(real) if *real < 1e18 => digits(&format!("{real:.6}")),
        Scalar::Text(text) => text_time(text.trim()),
        _ => None,
    }
}

fn digits(text: &str) -> Option<i64> {
    if text.len() == CIVIL_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return strtime::parse("%Y%m%d%H%M%S", text).ok()?.to_datetime().ok().and_then(utc);
    }
    stamp::epoch(text.as_bytes())
}

fn text_time(text: &str) -> Option<i64> {
    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if text.bytes().all(plain) {
        return digits(text);
    }
    if !text.contains(':') {
        return None;
    }
    // `Sat, 08 Nov 2025 10:00:00 GMT`, as browsers and mail write times.
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return rfc2822::parse(text).ok().map(|time| time.timestamp().as_microsecond());
    }
    let text = ["UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(text);
    // `2025-11-08 10:00:00.5 +0000 UTC`, as Go writes times.
    let text = text.trim().replace(" +", "+").replace(" -", "-").replace('/', "-");
    let zoned = text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
    zoned.or_else(|| text.parse::<DateTime>().ok().and_then(utc))
}

fn utc(time: DateTime) -> Option<i64> {
    Offset::UTC.to_timestamp(time).ok().map(Timestamp::as_microsecond)
}
