//! The picture never goes back in time, whoever writes and in whichever order.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aisd::picture::{StaticField, What};
use aisd::report::{StaticData, Text};
use serde_json::Value;

use super::made::{
    NOW_US, SECOND_US, active, config, hash, moved, nothing, places, position, saying, write,
    writer,
};
use crate::support::random::Random;
use crate::support::servers::Redis;

const KEY: &str = "vessel:244660000";
const MMSI: u32 = 244_660_000;

fn named(name: &str) -> StaticData {
    StaticData { msg_type: 24, name: Text::new(name.as_bytes()), ..StaticData::default() }
}

#[test]
fn an_older_position_is_refused_and_changes_nothing() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    let newer = moved(MMSI, -10, 7, position(600_000, 30_600_000));
    assert_eq!(write(&mut writer, newer).written, 1);
    let look = |redis: &mut _| {
        (hash(redis, KEY), places(redis, "vessels:geo"), active(redis, "vessels:active"))
    };
    let before = look(&mut redis);
    assert_eq!((before.0["lat"].as_str(), before.0["lon"].as_str()), ("51", "1"));
    assert_eq!(before.2, [(MMSI.to_string(), (NOW_US - 10 * SECOND_US) / 1000)]);
    for (after_s, seq) in [(-11, 8), (-10, 6)] {
        let older = moved(MMSI, after_s, seq, position(1_200_000, 0));
        let outcome = write(&mut writer, older);
        assert_eq!((outcome.written, outcome.refused), (0, 1), "{after_s} {seq}");
        assert_eq!(look(&mut redis), before, "{after_s} {seq}");
    }
    // The same once more is written, and changes nothing either.
    assert_eq!(write(&mut writer, newer).written, 1);
    assert_eq!(look(&mut redis), before);
}

#[test]
fn of_the_same_time_the_higher_number_wins_however_large() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    let mut shown = 0;
    let numbers = [9, 10, 1 << 53, (1 << 53) + 1, 1 << 62, (1 << 62) + 1, (1 << 62) - 1, 11];
    for seq in numbers {
        let outcome = write(&mut writer, moved(MMSI, 0, seq, position(0, 0)));
        assert_eq!(outcome.refused, u64::from(seq < shown), "{seq} after {shown}");
        shown = shown.max(seq);
        assert_eq!(hash(&mut redis, KEY)["seq"], shown.to_string());
    }
}

#[test]
fn what_a_vessel_says_is_guarded_apart_from_where_it_is() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    write(&mut writer, moved(MMSI, 0, 5, position(0, 0)));
    let newer_name = saying(moved(MMSI, -5, 4, position(600_000, 0)), 1, named("FIRST"));
    assert_eq!(write(&mut writer, newer_name).refused, 1);
    let shown = hash(&mut redis, KEY);
    assert_eq!((shown["name"].as_str(), shown["lon"].as_str()), ("FIRST", "0"));
    assert_eq!(shown["static_time"], "2026-11-24T12:00:01.000000Z");

    let more = StaticData { imo: Some(9_074_729), ..named("OLDER") };
    write(&mut writer, saying(moved(MMSI, 2, 6, position(1_200_000, 0)), 0, more));
    let shown = hash(&mut redis, KEY);
    assert_eq!((shown["name"].as_str(), shown["imo"].as_str()), ("FIRST", "9074729"));
    assert_eq!((shown["lon"].as_str(), shown["seq"].as_str()), ("2", "6"));
    assert_eq!(shown["static_time"], "2026-11-24T12:00:01.000000Z");

    write(&mut writer, saying(nothing(MMSI), 2, named("SECOND")));
    let shown = hash(&mut redis, KEY);
    assert_eq!((shown["name"].as_str(), shown["lon"].as_str()), ("SECOND", "2"));
}

/// A daemon that started anew knows only what it heard since. When it first hears an old name late and then a new call sign, the
/// name that is shown must not become the old one because the call sign is new.
#[test]
fn an_old_name_does_not_come_along_with_a_new_call_sign() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    write(&mut writer, saying(nothing(MMSI), -10, named("NEWER")));
    let both = StaticData { callsign: Text::new(b"CALL"), ..named("OLDER") };
    let mut change = saying(nothing(MMSI), 0, both);
    change.view.said.set(StaticField::Name, NOW_US - 20 * SECOND_US);
    write(&mut writer, change);
    let shown = hash(&mut redis, KEY);
    assert_eq!((shown["name"].as_str(), shown["callsign"].as_str()), ("NEWER", "CALL"));
    assert_eq!(shown["static_time"], "2026-11-24T12:00:00.000000Z");
}

#[test]
fn a_vessel_that_is_new_there_is_named_when_its_name_is_known() {
    let server = Redis::start();
    let mut writer = writer(config(&server));
    let mut change = saying(moved(MMSI, 0, 1, position(0, 0)), 0, named("NAME"));
    change.what = What { position: true, statics: false };
    assert_eq!(write(&mut writer, change).lacking, [MMSI]);
    assert_eq!(write(&mut writer, change).lacking, [0; 0]);
    let mut redis = server.connect();
    assert!(!hash(&mut redis, KEY).contains_key("name"));
}

const FLEET: u32 = 30;
const ROUNDS: u64 = 400;

/// One of two daemons, whose reports come in no order at all.
fn contend(server_url: &str, which: u64) -> (u64, HashMap<u32, (i64, u64)>) {
    let config = aisd::config::RedisConfig {
        url: aisd::config::Secret::new(server_url),
        ..aisd::config::RedisConfig::default()
    };
    let mut writer = writer(config);
    let mut random = Random::seeded(which);
    let (mut refused, mut newest) = (0, HashMap::new());
    for round in 0..ROUNDS {
        let changes: Vec<_> = (0..FLEET)
            .map(|mmsi| {
                // About as late as the picture is far, a few seconds more or less, often the same time as the other one's.
                let after_s = i64::try_from(round / 4 + random.between(0, 5)).unwrap();
                let seq = 2 * (round * 1000 + u64::from(mmsi)) + which;
                let newest = newest.entry(mmsi).or_insert((after_s, seq));
                *newest = (*newest).max((after_s, seq));
                moved(mmsi, after_s, seq, position(0, 0))
            })
            .collect();
        refused += writer.write(&changes, NOW_US).unwrap().refused;
    }
    (refused, newest)
}

/// Looks at every vessel until told to stop; how often one of them had changed.
fn observe(server: &Redis, stop: &AtomicBool) -> u64 {
    let mut redis = server.connect();
    let (mut seen, mut changes) = (HashMap::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        for mmsi in 0..FLEET {
            let key = format!("vessel:{mmsi}");
            let found: (Option<String>, Option<u64>) =
                redis::cmd("HMGET").arg(key).arg("time").arg("seq").query(&mut redis).unwrap();
            let (Some(time), Some(seq)) = found else { continue };
            let now = (time, seq);
            let before = seen.insert(mmsi, now.clone());
            assert!(before.as_ref().is_none_or(|before| *before <= now), "{before:?} then {now:?}");
            changes += u64::from(before.is_some_and(|before| before < now));
        }
    }
    changes
}

/// Reads publications until told to stop; how many vessels they told of.
fn follow(server: &Redis, stop: &AtomicBool, told: &AtomicU64) {
    let mut redis = server.connect();
    redis.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut subscription = redis.as_pubsub();
    subscription.subscribe("positions").unwrap();
    let mut seen: HashMap<u64, (String, u64)> = HashMap::new();
    told.fetch_add(1, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        let Ok(message) = subscription.get_message() else { continue };
        let news: Value = serde_json::from_slice(message.get_payload_bytes()).unwrap();
        for vessel in news.as_array().unwrap() {
            let time = vessel["time"].as_str().unwrap().to_owned();
            let now = (time, vessel["seq"].as_str().unwrap().parse().unwrap());
            let before = seen.insert(vessel["mmsi"].as_u64().unwrap(), now.clone());
            assert!(before.as_ref().is_none_or(|before| *before < now), "{before:?} then {now:?}");
            told.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn two_writers_that_contend_never_take_the_picture_back() {
    let server = Redis::start();
    let (url, stop, told) = (server.url(), Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let mut newest: HashMap<u32, (i64, u64)> = HashMap::new();
    std::thread::scope(|scope| {
        let observer = scope.spawn(|| observe(&server, &stop));
        let follower = scope.spawn(|| follow(&server, &stop, &told));
        while told.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        let writers = [0, 1].map(|which| {
            let url = &url;
            scope.spawn(move || contend(url, which))
        });
        let ends = writers.map(|it| it.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        let changes = observer.join().unwrap();
        follower.join().unwrap();
        let refused = [ends[0].0, ends[1].0];
        assert!(refused.iter().all(|refused| *refused > ROUNDS), "no contention: {refused:?}");
        assert!(changes > 100, "the observer saw {changes} changes");
        assert!(told.load(Ordering::Relaxed) > 1000, "{told:?} were published");
        for (mmsi, report) in ends.into_iter().flat_map(|(_, newest)| newest) {
            let known = newest.entry(mmsi).or_insert(report);
            *known = (*known).max(report);
        }
    });
    let mut redis = server.connect();
    for (mmsi, (after_s, seq)) in newest {
        let shown = hash(&mut redis, &format!("vessel:{mmsi}"));
        assert_eq!(shown["seq"], seq.to_string(), "{mmsi}");
        let scores = active(&mut redis, "vessels:active");
        let ms = (NOW_US + after_s * SECOND_US) / 1000;
        assert!(scores.contains(&(mmsi.to_string(), ms)), "{mmsi}: {scores:?}");
    }
}
