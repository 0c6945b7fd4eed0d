//! Vessels as tests need them, and looks at what Redis has of them.

use std::collections::BTreeMap;

use aisd::config::{RedisConfig, Secret};
use aisd::live::writer::{Outcome, Writer};
use aisd::picture::{Change, LastPosition, SaidTimes, VesselView, What};
use aisd::report::{Place, Position, StaticData};
use redis::{Commands, Connection};

use crate::support::servers::Redis;

/// When tests of the writer play, microseconds since 1970: 2026-11-24T12:00:00Z.
pub const NOW_US: i64 = 1_795_521_600_000_000;
pub const SECOND_US: i64 = 1_000_000;

/// A configuration for this server.
pub fn config(server: &Redis) -> RedisConfig {
    RedisConfig { url: Secret::new(server.url()), ..RedisConfig::default() }
}

/// A writer that knows one feed, `udp`.
pub fn writer(config: RedisConfig) -> Writer {
    Writer::new(config, vec!["udp".to_owned()]).unwrap()
}

/// A position of which everything is told.
pub fn position(lon: i32, lat: i32) -> Position {
    Position {
        msg_type: 1,
        place: Place::new(lon, lat),
        sog: Some(123),
        cog: Some(900),
        heading: Some(91),
        rot: Some(-3),
        nav_status: Some(0),
        altitude: None,
        utc_second: None,
        accurate: true,
        raim: false,
    }
}

/// A vessel of which nothing is known.
pub fn nothing(mmsi: u32) -> Change {
    let view = VesselView {
        mmsi,
        last: None,
        elsewhere: None,
        statics: StaticData::default(),
        said: SaidTimes::default(),
        first_seen_us: NOW_US,
        last_seen_us: NOW_US,
    };
    Change { view, what: What::default() }
}

/// A vessel that moved so many seconds from now, reported under this number.
pub fn moved(mmsi: u32, after_s: i64, seq: u64, position: Position) -> Change {
    let mut change = nothing(mmsi);
    change.view.last = Some(LastPosition {
        position,
        seq,
        time_us: NOW_US + after_s * SECOND_US,
        received_us: NOW_US,
        flags: 0,
        feed: 0,
    });
    change.what.position = true;
    change
}

/// The same vessel, which also said this, so many seconds from now.
pub fn saying(mut change: Change, after_s: i64, statics: StaticData) -> Change {
    change.view.statics = statics;
    change.view.said = SaidTimes::all(NOW_US + after_s * SECOND_US);
    change.what.statics = true;
    change
}

/// Writes one vessel now.
pub fn write(writer: &mut Writer, change: Change) -> Outcome {
    writer.write(&[change], NOW_US).unwrap()
}

/// A hash.
pub type Hash = BTreeMap<String, String>;

pub fn hash(redis: &mut Connection, key: &str) -> Hash {
    redis.hgetall(key).unwrap()
}

/// The members of `geo` with the longitude and latitude of each.
pub fn places(redis: &mut Connection, key: &str) -> Vec<(String, f64, f64)> {
    let members: Vec<String> = redis.zrange(key, 0, -1).unwrap();
    let place = |member: &String| -> (f64, f64) {
        let found: Vec<Option<(f64, f64)>> =
            redis::cmd("GEOPOS").arg(key).arg(member).query(redis).unwrap();
        found[0].unwrap()
    };
    let found: Vec<_> = members.iter().map(place).collect();
    members.into_iter().zip(found).map(|(member, (lon, lat))| (member, lon, lat)).collect()
}

/// The members of `active` with their times.
pub fn active(redis: &mut Connection, key: &str) -> Vec<(String, i64)> {
    redis.zrange_withscores(key, 0, -1).unwrap()
}
