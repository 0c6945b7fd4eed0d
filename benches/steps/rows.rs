//! What does a store get of 20 000 ships?

use aisd::report::{Place, Position};
use aisd::rows::{Origin, PositionRow};

/// When it all happens, microseconds since 1970.
pub const NOW_US: i64 = 1_700_000_000_000_000;

/// A position as one of 20 000 ships reports it, another one for each number.
pub fn row(number: u64) -> PositionRow {
    let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let received_us = NOW_US + number as i64 * 2;
    PositionRow {
        origin: Origin {
            seq: 1 << 40 | number,
            time_us: received_us - (hash % 1_000_000) as i64,
            received_us,
            mmsi: 200_000_000 + (hash >> 32) as u32 % 20_000 * 1009,
            feed: 0,
        },
        position: Position {
            msg_type: 1,
            place: Place::new((hash % 100_000_000) as i32, (hash % 50_000_000) as i32),
            sog: Some((hash % 200) as u16),
            cog: Some((hash % 3600) as u16),
            heading: Some((hash % 360) as u16),
            rot: Some(0),
            nav_status: Some(0),
            altitude: None,
            utc_second: Some((number % 60) as u8),
            accurate: false,
            raim: false,
        },
        flags: 0,
    }
}
