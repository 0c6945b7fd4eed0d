//! Positions as the load test of the backend before posted them: `{mmsi, latitude, longitude, speed, course, timestamp}`.

use crate::civil::Civil;
use crate::digest::{Fix, absent};
use std::io::Write;

/// Writes a position with a comma behind it; what is absent is left out.
pub fn position(fix: &Fix, time_ms: u64, out: &mut Vec<u8>) {
    let time = Civil::from_seconds(time_ms / 1000);
    // Writing to memory cannot fail.
    let _ = write!(out, r#"{{"mmsi":{},"latitude":"#, fix.mmsi);
    degrees(fix.lat, out);
    out.extend_from_slice(br#","longitude":"#);
    degrees(fix.lon, out);
    for (name, value, absent) in [("speed", fix.sog, absent::SOG), ("course", fix.cog, absent::COG)]
    {
        if value != absent {
            let _ = write!(out, r#","{name}":{}.{}"#, value / 10, value % 10);
        }
    }
    let text = time.to_string();
    let seconds = text.trim_end_matches('Z');
    let _ = write!(out, r#","timestamp":"{seconds}.{:03}Z"}},"#, time_ms % 1000);
}

/// 1/10 000 minute as degrees with seven digits, from which they come out again exactly.
fn degrees(units: i32, out: &mut Vec<u8>) {
    let scaled = (u64::from(units.unsigned_abs()) * 50 + 1) / 3;
    let sign = if units < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{}.{:07}", scaled / 10_000_000, scaled % 10_000_000);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_position_reads_back_exactly() {
        for units in [0, 1, -1, 2, 3, 599_999, -54_000_000, 107_999_999, -31_000_007] {
            let mut text = Vec::new();
            degrees(units, &mut text);
            let read: f64 = String::from_utf8(text).unwrap().parse().unwrap();
            assert!((read * 600_000.0 - f64::from(units)).abs() < 0.04, "{units}: {read}");
        }
        let fix = Fix {
            mmsi: 244_660_000,
            msg_type: 0,
            lon: 2_500_001,
            lat: -31_000_007,
            sog: 123,
            cog: absent::COG,
            heading: absent::HEADING,
            rot: absent::ROT,
            nav_status: absent::NAV_STATUS,
            second: 39,
        };
        let mut text = Vec::new();
        position(&fix, 1_179_172_659_007, &mut text);
        assert_eq!(text.pop(), Some(b','));
        let read: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&read["mmsi"], &read["speed"]), (&244_660_000.into(), &12.3.into()));
        assert_eq!(
            (&read["latitude"], &read["longitude"]),
            (&(-51.666_678_3).into(), &4.166_668_3.into())
        );
        assert_eq!(read["timestamp"], "2007-05-14T19:57:39.007Z");
        assert_eq!(read.get("course"), None);
    }
}
