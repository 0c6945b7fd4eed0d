//! What stands in Redis: keys, fields and lives, in each layout and format.

use aisd::config::{Format, Layout, RedisConfig};
use aisd::report::{Position, StaticData, Text};
use redis::Commands;
use serde_json::{Value, json};

use super::made::{
    NOW_US, SECOND_US, active, config, hash, moved, nothing, places, position, saying, write,
    writer,
};
use crate::support::servers::Redis;

const MMSI: u32 = 244_660_000;

/// A server that has `JSON.SET` and `JSON.GET` for documents as a whole, as RedisJSON has: a document is the field `.` of a hash.
pub fn with_json() -> Redis {
    Redis::with(&[("rename-command", "HMSET JSON.SET"), ("rename-command", "HGET JSON.GET")])
}

fn everything() -> StaticData {
    StaticData {
        msg_type: 5,
        imo: Some(9_074_729),
        callsign: Text::new(b"PBQL"),
        name: Text::new(b"ROTTERDAM \"2\""),
        ship_type: Some(70),
        dimensions: Some([120, 30, 10, 12]),
        draught: Some(85),
        destination: Text::new(b"NLRTM"),
        eta: [Some(11), Some(25), None, Some(0)],
        epfd: Some(1),
        vendor: Text::new(b"ABC"),
        mothership: Some(244_000_001),
    }
}

fn barely() -> Position {
    Position {
        place: None,
        sog: None,
        cog: None,
        heading: None,
        rot: None,
        nav_status: None,
        ..position(0, 0)
    }
}

#[test]
fn a_hash_holds_everything_that_is_known() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    let place = position(-2_454_321, 31_112_223);
    write(&mut writer, saying(moved(MMSI, -1, 77, place), -60, everything()));
    let expected = [
        ("mmsi", "244660000"),
        ("time", "2026-11-24T11:59:59.000000Z"),
        ("seq", "77"),
        ("received", "2026-11-24T12:00:00.000000Z"),
        ("lat", "51.853705"),
        ("lon", "-4.090535"),
        ("sog", "12.3"),
        ("cog", "90.0"),
        ("heading", "91"),
        ("rot_ais", "-3"),
        ("nav_status", "0"),
        ("altitude", ""),
        ("msg_type", "1"),
        ("flags", ""),
        ("source", "udp"),
        ("static_time", "2026-11-24T11:59:00.000000Z"),
        ("name", "ROTTERDAM \"2\""),
        ("callsign", "PBQL"),
        ("imo", "9074729"),
        ("ship_type", "70"),
        ("to_bow", "120"),
        ("to_stern", "30"),
        ("to_port", "10"),
        ("to_starboard", "12"),
        ("draught", "8.5"),
        ("destination", "NLRTM"),
        ("eta", "11-25T??:00Z"),
        ("epfd", "1"),
        ("vendor", "ABC"),
        ("mothership", "244000001"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(hash(&mut redis, "vessel:244660000"), expected.into_iter().collect());
    // What the newest position does not tell is not what the one before told.
    write(&mut writer, moved(MMSI, 1, 78, barely()));
    let shown = hash(&mut redis, "vessel:244660000");
    for name in ["lat", "lon", "sog", "cog", "heading", "rot_ais", "nav_status"] {
        assert_eq!(shown[name], "", "{name}");
    }
    assert_eq!(shown["name"], "ROTTERDAM \"2\"");
    let places = places(&mut redis, "vessels:geo");
    assert!((places[0].1 + 4.090_535).abs() < 1e-4, "no place is no other place: {places:?}");
}

#[test]
fn a_changed_position_is_published_once_and_a_name_is_not() {
    let server = Redis::start();
    let mut listener = server.connect();
    let mut subscription = listener.as_pubsub();
    subscription.subscribe("test:positions").unwrap();
    let config = RedisConfig { prefix: "test:".to_owned(), ..config(&server) };
    let mut writer = writer(config);
    let change = moved(MMSI, -1, 1 << 62, position(-2_454_321, 31_112_223));
    write(&mut writer, change);
    write(&mut writer, change);
    write(&mut writer, saying(nothing(MMSI), 0, everything()));
    write(&mut writer, moved(MMSI, 0, 5, barely()));
    let others = [moved(1, 0, 6, position(0, 0)), moved(2, 0, 7, position(0, 0))];
    writer.write(&others, NOW_US).unwrap();
    let mut next = || -> Value {
        serde_json::from_slice(subscription.get_message().unwrap().get_payload_bytes()).unwrap()
    };
    assert_eq!(
        next(),
        json!([{
            "mmsi": MMSI, "time": "2026-11-24T11:59:59.000000Z", "seq": "4611686018427387904",
            "received": "2026-11-24T12:00:00.000000Z", "lat": 51.853_705, "lon": -4.090_535, "sog": 12.3,
            "cog": 90.0, "heading": 91, "nav_status": 0, "msg_type": 1, "source": "udp",
        }])
    );
    let both = next();
    assert_eq!((&both[0]["mmsi"], &both[1]["mmsi"]), (&json!(1), &json!(2)));
}

#[test]
fn the_original_layout_is_what_its_readers_know() {
    let server = Redis::start();
    let mut redis = server.connect();
    let prefix = "ais:production:".to_owned();
    let config = RedisConfig { layout: Layout::Original, prefix, ..config(&server) };
    let mut writer = writer(config);
    write(&mut writer, moved(MMSI, -1, 77, position(-2_454_321, 31_112_223)));
    let expected = [
        ("mmsi", "244660000"),
        ("lat", "51.853705"),
        ("lon", "-4.090535"),
        ("ts", "1795521599000"),
        ("speed", "12.3"),
        ("course", "90.0"),
        ("heading", "91"),
        ("status", "0"),
        ("source", "udp"),
        ("score", ""),
        ("name", ""),
        ("time", "2026-11-24T11:59:59.000000Z"),
        ("seq", "77"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let key = "ais:production:ais:vessel:244660000";
    assert_eq!(hash(&mut redis, key), expected.into_iter().collect());
    write(&mut writer, saying(moved(MMSI, -1, 77, position(0, 0)), -60, everything()));
    assert_eq!(hash(&mut redis, key)["name"], "ROTTERDAM \"2\"");
    assert_eq!(places(&mut redis, "ais:production:ais:vessels:geo").len(), 1);
    let scores = active(&mut redis, "ais:production:ais:vessels:active");
    assert_eq!(scores, [(MMSI.to_string(), 1_795_521_599_000)]);

    // A vessel at no place, or of which only the name is known, would be shown at 0, 0.
    write(&mut writer, moved(1, 0, 78, barely()));
    write(&mut writer, saying(nothing(2), 0, everything()));
    assert_eq!(redis.exists::<_, u32>("ais:production:ais:vessel:1").unwrap(), 0);
    assert_eq!(redis.exists::<_, u32>("ais:production:ais:vessel:2").unwrap(), 0);
}

pub fn document(redis: &mut redis::Connection, key: &str) -> Value {
    let text: String = redis::cmd("JSON.GET").arg(key).arg(".").query(redis).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn where_the_server_has_json_a_vessel_is_a_document_under_the_same_guard() {
    let server = with_json();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    let place = position(-2_454_321, 31_112_223);
    write(&mut writer, moved(MMSI, -1, 1 << 62, place));
    write(&mut writer, saying(nothing(MMSI), -60, everything()));
    let shown = document(&mut redis, "vessel:244660000");
    let mut expected = json!({
        "mmsi": MMSI, "time": "2026-11-24T11:59:59.000000Z", "seq": "4611686018427387904",
        "received": "2026-11-24T12:00:00.000000Z", "lat": 51.853_705, "lon": -4.090_535, "sog": 12.3,
        "cog": 90, "heading": 91, "rot_ais": -3, "nav_status": 0, "msg_type": 1, "source": "udp",
        "static_time": "2026-11-24T11:59:00.000000Z", "name": "ROTTERDAM \"2\"", "callsign": "PBQL",
        "imo": 9_074_729, "ship_type": 70, "to_bow": 120, "to_stern": 30, "to_port": 10,
        "to_starboard": 12, "draught": 8.5, "destination": "NLRTM", "eta": "11-25T??:00Z", "epfd": 1,
        "vendor": "ABC", "mothership": 244_000_001,
    });
    assert_eq!(shown, expected);

    let older = moved(MMSI, -1, (1 << 62) - 1, barely());
    let fills = StaticData { name: Text::new(b"OLDER"), ..StaticData::default() };
    let outcome = write(&mut writer, saying(older, -61, fills));
    assert_eq!((outcome.written, outcome.refused), (0, 1));
    assert_eq!(document(&mut redis, "vessel:244660000"), expected);
    write(&mut writer, moved(MMSI, 0, 3, barely()));
    for name in ["lat", "lon", "sog", "cog", "heading", "rot_ais", "nav_status"] {
        expected.as_object_mut().unwrap().remove(name);
    }
    (expected["time"], expected["seq"]) = (json!("2026-11-24T12:00:00.000000Z"), json!("3"));
    assert_eq!(document(&mut redis, "vessel:244660000"), expected);
    assert_eq!(places(&mut redis, "vessels:geo").len(), 1);
    assert!(redis.ttl::<_, i64>("vessel:244660000").unwrap() > 1790);

    let config = RedisConfig { layout: Layout::Original, ..config(&server) };
    write(&mut self::writer(config), moved(MMSI, -1, 7, place));
    assert_eq!(
        document(&mut redis, "v2:vessel:244660000"),
        json!({
            "mmsi": MMSI, "time": "2026-11-24T11:59:59.000000Z", "seq": "7", "lat": 51.853_705,
            "lon": -4.090_535, "ts": 1_795_521_599_000_i64, "speed": 12.3, "course": 90, "heading": 91,
            "status": 0, "source": "udp",
        })
    );
}

#[test]
fn the_format_is_found_or_as_configured_and_what_is_not_there_is_named() {
    let server = Redis::start();
    let json = RedisConfig { format: Format::Json, ..config(&server) };
    let trouble = writer(json).write(&[], NOW_US).unwrap_err();
    assert!(trouble.text.contains("the server has no JSON.SET"), "{}", trouble.text);
    assert!(trouble.text.starts_with("connect to redis at 127.0.0.1:"), "{}", trouble.text);
    let server = with_json();
    let hash = RedisConfig { format: Format::Hash, ..config(&server) };
    write(&mut writer(hash), moved(MMSI, 0, 1, position(0, 0)));
    let kept: Vec<Option<String>> = redis::cmd("HMGET")
        .arg("vessel:244660000")
        .arg("seq")
        .query(&mut server.connect())
        .unwrap();
    assert_eq!(kept, [Some("1".to_owned())]);
}

#[test]
fn a_key_that_holds_something_else_is_replaced() {
    let server = Redis::start();
    let mut redis = server.connect();
    let () = redis.set("vessel:244660000", "something else").unwrap();
    let mut writer = writer(config(&server));
    assert_eq!(write(&mut writer, moved(MMSI, 0, 1, position(0, 0))).written, 1);
    assert_eq!(hash(&mut redis, "vessel:244660000")["seq"], "1");
}

#[test]
fn a_vessel_near_a_pole_is_shown_but_has_no_place_in_geo() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(config(&server));
    let at = |seq, lat| moved(MMSI, 0, seq, position(0, lat));
    for (seq, lat, is_placed) in [
        (1, 51_030_677, true),
        (2, 51_030_678, false),
        (3, -51_030_677, true),
        (4, -51_030_678, false),
        (5, 54_000_000, false),
        (6, 0, true),
    ] {
        assert_eq!(write(&mut writer, at(seq, lat)).written, 1, "{lat}");
        assert_eq!(places(&mut redis, "vessels:geo").len(), usize::from(is_placed), "{lat}");
        assert_eq!(hash(&mut redis, "vessel:244660000")["seq"], seq.to_string());
        assert_eq!(active(&mut redis, "vessels:active").len(), 1);
    }
}

#[test]
fn a_vessel_stays_as_long_as_configured_after_it_was_last_heard_of() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(RedisConfig { ttl_seconds: 600, ..config(&server) });
    let heard = |mmsi, before_s: i64| {
        let mut change = moved(mmsi, -before_s, 1, position(0, 0));
        change.view.last_seen_us = NOW_US - before_s * SECOND_US;
        change
    };
    let changes = [heard(1, 0), heard(2, 500), heard(3, 600), heard(4, 10_000)];
    assert_eq!(writer.write(&changes, NOW_US).unwrap().written, 2);
    let mut ttl = |mmsi| redis.ttl::<_, i64>(format!("vessel:{mmsi}")).unwrap();
    assert!((598..=600).contains(&ttl(1)) && (98..=100).contains(&ttl(2)));
    assert_eq!((ttl(3), ttl(4)), (-2, -2));
    // A report that is older than that, but was just heard, is shown; it is not among the active ones, who would never know.
    write(&mut writer, moved(5, -700, 1, position(0, 0)));
    assert!(redis.ttl::<_, i64>("vessel:5").unwrap() > 590);
    assert_eq!(places(&mut redis, "vessels:geo").len(), 2);
    // An older position does not prolong a life.
    let later = NOW_US + 300 * SECOND_US;
    let () = redis.expire("vessel:1", 300).unwrap();
    let mut older = moved(1, -1, 1, position(0, 0));
    older.view.last_seen_us = later;
    assert_eq!(writer.write(&[older], later).unwrap().refused, 1);
    assert!(redis.ttl::<_, i64>("vessel:1").unwrap() <= 300);
}

#[test]
fn who_was_not_heard_of_for_long_is_taken_out_of_active_and_geo() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writer = writer(RedisConfig { ttl_seconds: 600, ..config(&server) });
    let changes: Vec<_> =
        (0..2500).map(|n| moved(n, -i64::from(n % 500), 1, position(0, 0))).collect();
    writer.write(&changes, NOW_US).unwrap();
    assert!(!writer.trim(NOW_US).unwrap());
    assert_eq!(active(&mut redis, "vessels:active").len(), 2500);
    // A hundred seconds later everybody of 500 to 400 seconds has gone.
    let later = NOW_US + 300 * SECOND_US;
    assert!(!writer.trim(later).unwrap());
    let left = |redis: &mut _| {
        let active = active(redis, "vessels:active");
        assert_eq!(active.len(), places(redis, "vessels:geo").len());
        assert!(active.iter().all(|(_, ms)| *ms >= (later - 600 * SECOND_US) / 1000));
        active.len()
    };
    assert_eq!(left(&mut redis), 5 * 301);
    // More than a thousand at once take more than one turn.
    let end = NOW_US + 1000 * SECOND_US;
    assert!(writer.trim(end).unwrap());
    assert!(!writer.trim(end).unwrap());
    assert_eq!(redis.exists::<_, u32>(&["vessels:geo", "vessels:active"]).unwrap(), 0);
}

#[test]
fn an_emptied_server_is_noticed_by_all_who_write_to_it() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut writers = [writer(config(&server)), writer(config(&server))];
    for writer in &mut writers {
        assert!(writer.is_whole().unwrap() && writer.is_whole().unwrap());
    }
    let () = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
    for writer in &mut writers {
        assert_eq!((writer.is_whole(), writer.is_whole()), (Ok(false), Ok(true)));
    }
}
