//! What was written by a clock that was wrong does not keep out what is right, and no single clock opens the guard.

use aisd::clock::Clock;
use aisd::config::{RedisConfig, Secret};
use aisd::live::writer::{Outcome, Writer};
use aisd::picture::Change;
use aisd::report::{StaticData, Text};
use redis::cluster::ClusterClient;
use redis::{Commands, Connection};

use super::layouts::{document, with_json};
use super::made::{
    NOW_US, SECOND_US, active, config, hash, moved, nothing, places, position, saying, writer,
};
use crate::support::servers::{Redis, RedisCluster};

const KEY: &str = "vessel:244660000";
const MMSI: u32 = 244_660_000;
const HOUR_S: i64 = 3600;
const YEARS_S: i64 = 14 * 365 * 24 * HOUR_S;

/// Writes a vessel as a daemon does whose clock, and whose vessel, are so many seconds from the time that the servers have.
fn write(writer: &mut Writer, change: impl Fn(i64) -> Change, off_s: i64) -> Outcome {
    let now_us = Clock::System.now_us() + off_s * SECOND_US;
    let mut change = change((now_us - NOW_US) / SECOND_US);
    change.view.last_seen_us = now_us;
    writer.write(&[change], now_us).unwrap()
}

fn named(name: &str) -> StaticData {
    StaticData { msg_type: 24, name: Text::new(name.as_bytes()), ..StaticData::default() }
}

/// Its position with this number.
fn at(seq: u64) -> impl Fn(i64) -> Change {
    move |now_s| moved(MMSI, now_s, seq, position(600_000 * i32::try_from(seq).unwrap(), 0))
}

/// The number and the name that are shown.
fn shown(redis: &mut Connection, is_json: bool) -> (String, String) {
    if is_json {
        let vessel = document(redis, KEY);
        return ["seq", "name"].map(|name| vessel[name].as_str().unwrap().to_owned()).into();
    }
    let vessel = hash(redis, KEY);
    (vessel["seq"].clone(), vessel["name"].clone())
}

/// A daemon whose clock had been in 2040 left times behind that kept every writer out, itself among them, until 2040 or until the vessel was
/// silent for as long as keys live; and the static reports of the vessel renewed its life meanwhile.
#[test]
fn a_time_that_is_ahead_of_all_clocks_keeps_nobody_out() {
    for (server, is_json) in [(Redis::start(), false), (with_json(), true)] {
        let mut redis = server.connect();
        let mut writer = writer(config(&server));
        let ahead = |now_s| saying(at(1)(now_s), now_s, named("OLD"));
        let first = write(&mut writer, ahead, YEARS_S);
        assert_eq!((first.written, shown(&mut redis, is_json).1.as_str()), (1, "OLD"));
        assert_eq!(write(&mut writer, at(2), 0).written, 1);
        assert_eq!(shown(&mut redis, is_json), ("2".to_owned(), "OLD".to_owned()));
        let name = |now_s| saying(nothing(MMSI), now_s, named("NEW"));
        assert_eq!(write(&mut writer, name, 0).written, 1);
        assert_eq!(shown(&mut redis, is_json), ("2".to_owned(), "NEW".to_owned()));
        // From here on the guard is what it always was.
        let older = |now_s| saying(at(3)(now_s - 10), now_s - 60, named("OLD"));
        assert_eq!(write(&mut writer, older, 0).refused, 1);
        assert_eq!(shown(&mut redis, is_json), ("2".to_owned(), "NEW".to_owned()));
        let score = Clock::System.now_us() / 1000;
        assert!((active(&mut redis, "vessels:active")[0].1 - score).abs() < 60_000);
    }
}

#[test]
fn a_time_that_one_clock_alone_finds_wrong_stays() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    // What is there, by a clock that is right or a little ahead; who comes has one that is right, or behind.
    for (is_there_s, comes_s) in [(0, -HOUR_S), (0, -YEARS_S), (50, 0), (110, 0), (110, 50)] {
        let () = redis.del(KEY).unwrap();
        assert_eq!(write(&mut writer, at(7), is_there_s).written, 1);
        let before = hash(&mut redis, KEY);
        let outcome = write(&mut writer, at(8), comes_s);
        assert_eq!((outcome.written, outcome.refused), (0, 1), "{is_there_s} {comes_s}");
        assert_eq!(hash(&mut redis, KEY), before, "{is_there_s} {comes_s}");
    }
    // Both do.
    for (is_there_s, comes_s) in [(130, 0), (HOUR_S, 0), (HOUR_S, -50)] {
        let () = redis.del(KEY).unwrap();
        write(&mut writer, at(7), is_there_s);
        assert_eq!(write(&mut writer, at(8), comes_s).written, 1, "{is_there_s} {comes_s}");
    }
}

/// The members of a time that is yet to come were never taken out, since only what is too old was.
#[test]
fn who_was_active_in_years_to_come_is_taken_out() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    for (mmsi, off_s) in (1..).zip([-60, 0, HOUR_S - 60, HOUR_S + 60, YEARS_S]) {
        write(&mut writer, |now_s| moved(mmsi, now_s, 1, position(0, 0)), off_s);
    }
    let members = |redis: &mut Connection| {
        let (active, geo) = (active(redis, "vessels:active"), places(redis, "vessels:geo"));
        assert_eq!(active.len(), geo.len());
        active.into_iter().map(|(mmsi, _)| mmsi).collect::<Vec<_>>()
    };
    assert_eq!(members(&mut redis), ["1", "2", "3", "4", "5"]);
    // By a clock that is behind everybody is ahead, but not by the server's.
    let now_us = Clock::System.now_us();
    for behind_s in [2 * HOUR_S, 0] {
        assert!(!writer.trim(now_us - behind_s * SECOND_US).unwrap());
        assert_eq!(members(&mut redis), ["1", "2", "3"], "{behind_s}");
    }
}

/// In a cluster a score only grows, so it is the trim that makes way for the right one.
#[test]
fn in_a_cluster_a_time_that_is_ahead_of_all_clocks_keeps_nobody_out_either() {
    let cluster = RedisCluster::start();
    let url = cluster.url();
    let mut redis = ClusterClient::new(url.split(',')).unwrap().get_connection().unwrap();
    let mut writer = writer(RedisConfig { url: Secret::new(url), ..RedisConfig::default() });
    assert_eq!(write(&mut writer, at(1), YEARS_S).written, 1);
    assert_eq!(write(&mut writer, at(2), 0).written, 1);
    assert_eq!(redis.hget::<_, _, String>(KEY, "seq").unwrap(), "2");
    assert_eq!(redis.zcard::<_, u32>("vessels:active").unwrap(), 1);
    assert!(!writer.trim(Clock::System.now_us()).unwrap());
    assert_eq!(redis.zcard::<_, u32>("vessels:active").unwrap(), 0);
    assert_eq!(write(&mut writer, at(3), 0).written, 1);
    let soon = (Clock::System.now_us() + SECOND_US) / 1000;
    assert_eq!(redis.zcount::<_, _, _, u32>("vessels:active", 0, soon).unwrap(), 1);
    assert!(!writer.trim(Clock::System.now_us()).unwrap());
    assert_eq!(redis.zcard::<_, u32>("vessels:geo").unwrap(), 1);
}
