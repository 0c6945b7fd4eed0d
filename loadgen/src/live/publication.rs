//! Reads what the daemon publishes: a JSON array with the vessels whose position changed.
//!
//! Names and units are taken as they come: what matters is who, where, when and which number.

use crate::civil::Civil;
use serde_json::Value;

/// A vessel of a publication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Who.
    pub mmsi: u32,
    /// Degrees east and north; absent when its newest report has no place.
    pub place: Option<(f64, f64)>,
    /// Event time in microseconds since 1970, and the number in the journal; absent when either is not told.
    pub order: Option<(i64, u64)>,
}

/// The vessels of a publication; `None` for each that cannot be read.
///
/// # Errors
/// When it is no JSON, or no list.
pub fn read(text: &[u8]) -> Result<Vec<Option<Published>>, serde_json::Error> {
    let vessels: Vec<Value> = serde_json::from_slice(text)?;
    Ok(vessels.iter().map(vessel).collect())
}

fn vessel(told: &Value) -> Option<Published> {
    let first = |names: &[&str]| names.iter().find_map(|name| told.get(name));
    let time = first(&["time_us", "time_ms", "time", "ts"]).and_then(micros);
    let seq = first(&["seq"]).and_then(whole);
    Some(Published {
        mmsi: u32::try_from(whole(told.get("mmsi")?)?).ok()?,
        place: place(told)?,
        order: time.zip(seq),
    })
}

/// Degrees east and north; `Some(None)` when neither is told, and `None` when one of them is no number.
fn place(told: &Value) -> Option<Option<(f64, f64)>> {
    let told = |name: &str| told.get(name).filter(|value| !value.is_null() && *value != "");
    match (told("lon"), told("lat")) {
        (None, None) => Some(None),
        (lon, lat) => Some(Some((number(lon?)?, number(lat?)?))),
    }
}

/// A number, or the text of one.
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Microseconds since 1970 from a date, or from a number whose size says whether it is seconds, milli- or microseconds.
fn micros(value: &Value) -> Option<i64> {
    if let Some(text) = value.as_str().filter(|text| text.contains('T')) {
        let digits = text.get(20..).unwrap_or_default().bytes();
        let fraction = digits.take_while(u8::is_ascii_digit).chain(std::iter::repeat(b'0'));
        let micros = fraction.take(6).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Some(Civil::parse(text)?.seconds() * 1_000_000 + micros);
    }
    let count = i64::try_from(whole(value)?).ok()?;
    Some(match count {
        0..100_000_000_000 => count * 1_000_000,
        100_000_000_000..100_000_000_000_000 => count * 1000,
        _ => count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_in_every_form() {
        let check = |value: Value, expected| assert_eq!(micros(&value), expected, "{value}");
        check(json!(1_179_172_659), Some(1_179_172_659_000_000));
        check(json!(1_179_172_659_123_u64), Some(1_179_172_659_123_000));
        check(json!("1179172659123456"), Some(1_179_172_659_123_456));
        check(json!("2007-05-14T19:57:39Z"), Some(1_179_172_659_000_000));
        check(json!("2007-05-14T19:57:39.25Z"), Some(1_179_172_659_250_000));
        check(json!("2007-05-14T19:57:39.1234567Z"), Some(1_179_172_659_123_456));
        check(json!("yesterday"), None);
        check(json!(-5), None);
    }

    #[test]
    fn a_publication_is_a_list_of_vessels() {
        let text =
            br#"[{"mmsi":244660000,"lat":-51.5,"lon":4.25,"time":1179172659123,"seq":7,"sog":1},
            {"mmsi":"244660000","lat":"1","lon":"2","time_us":"1179172659123456"},
            {"mmsi":1}, {"mmsi":1,"lat":null,"lon":""}, {"mmsi":1,"lat":5}, {"lat":1,"lon":2}, 5]"#;
        let order = Some((1_179_172_659_123_000, 7));
        let first = Published { mmsi: 244_660_000, place: Some((4.25, -51.5)), order };
        let second = Published { place: Some((2.0, 1.0)), order: None, ..first };
        let nowhere = Published { mmsi: 1, place: None, order: None };
        let nowhere = [Some(nowhere); 2];
        let expected = [&[Some(first), Some(second)], &nowhere[..], &[None; 3]].concat();
        assert_eq!(read(text).unwrap(), expected);
        assert!(read(b"{}").is_err() && read(b"[").is_err());
        assert_eq!(read(b"[]").unwrap(), []);
    }
}
