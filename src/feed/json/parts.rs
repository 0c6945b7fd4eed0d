//! Parts of an object that are wanted as they stand, such as the sentences that AIS-catcher puts beside its fields.

use std::fmt;

use memchr::memmem;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The sentences that one of AIS-catcher's messages holds, if it holds any.
#[must_use]
pub fn sentences(text: &str) -> Option<Vec<String>> {
    memmem::find(text.as_bytes(), b"\"nmea\"")?;
    let found = value_of(text, "nmea").ok()??;
    let sentences: Vec<String> = serde_json::from_str(found.get()).ok()?;
    (!sentences.is_empty()).then_some(sentences)
}

/// What gpsd calls its answers and reports that are no messages of AIS.
const OF_GPSD: [&str; 18] = [
    "ATT", "DEVICE", "DEVICES", "ERROR", "GST", "IMU", "LOG", "OSC", "POLL", "PPS", "RAW", "RTCM2",
    "RTCM3", "SKY", "TOFF", "TPV", "VERSION", "WATCH",
];

/// Whether an object is what gpsd says beside messages of AIS.
#[must_use]
pub fn is_of_gpsd(text: &str) -> bool {
    if text.starts_with("{\"class\":\"AIS\"")
        || memmem::find(text.as_bytes(), b"\"class\"").is_none()
    {
        return false;
    }
    let class = value_of(text, "class").ok().flatten().map_or("", RawValue::get);
    OF_GPSD.contains(&class.trim_matches('"'))
}

/// The value of one name in an object, if it is there.
///
/// # Errors
/// When the text is no object.
pub fn value_of<'a>(
    text: &'a str,
    name: &'static str,
) -> Result<Option<&'a RawValue>, serde_json::Error> {
    serde_json::Deserializer::from_str(text).deserialize_map(Named(name))
}

/// Finds the value of one name in an object.
struct Named(&'static str);

impl<'de> Visitor<'de> for Named {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
