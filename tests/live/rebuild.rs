//! `aisd redis rebuild` shows what is stored, beside a daemon or without one.

use std::collections::HashMap;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aisd::exit;
use redis::{Commands, Connection};

use super::daemon::{SHIPS, is_shown, report, send, stamped, stored, wait_until_stored};
use super::made::{active, hash};
use crate::support::http::metrics;
use crate::support::numbered::sentence_of;
use crate::support::process::{Home, aisd, wait_until};
use crate::support::servers::{Postgres, Redis};

/// What a rebuild into this Redis says.
fn rebuild(home: &Home, redis_url: &str, arguments: &[&str]) -> Output {
    let mut command = command(redis_url);
    command.arg("--config").arg(home.config()).arg("--data-dir").arg(home.data()).args(arguments);
    command.output().unwrap()
}

fn command(redis_url: &str) -> Command {
    let mut command = aisd();
    command.args(["redis", "rebuild"]).env("AISD_REDIS_URL", redis_url);
    command
}

/// Nothing is published on the channel.
fn is_silent(server: &Redis, work: impl FnOnce()) -> bool {
    let mut listener = server.connect();
    listener.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut subscription = listener.as_pubsub();
    subscription.subscribe("positions").unwrap();
    work();
    subscription.get_message().is_err()
}

#[test]
fn what_is_stored_is_shown_without_a_daemon() {
    let home = Home::new("");
    let daemon = home.start();
    // A type 5 of this vessel, and where it is.
    let named = [
        "!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E",
        "!AIVDM,2,2,3,B,1@0000000000000,2*55",
        &sentence_of(169_190_000, 7),
    ];
    let sent = report(&daemon, 5) + send(&daemon, &named) - 1;
    wait_until_stored(&daemon, sent);
    assert_eq!(daemon.stop(), Some(0));
    let newest = stored(&home.data());
    assert_eq!(newest.len(), SHIPS as usize + 1);

    let server = Redis::start();
    let mut redis = server.connect();
    assert!(is_silent(&server, || {
        let said = rebuild(&home, &server.url(), &[]);
        let text = String::from_utf8(said.stdout).unwrap();
        let expected = "of 201 vessels stored in the last 1800 s 201 are shown now, 0 were there";
        assert!(text.contains(expected), "{text} {}", String::from_utf8_lossy(&said.stderr));
    }));
    assert!(is_shown(&mut redis, &newest));
    let shown = hash(&mut redis, "vessel:369190000");
    assert_eq!((shown["name"].as_str(), shown["source"].as_str()), ("MT.MITCHELL", "tcp"));
    assert_eq!(active(&mut redis, "vessels:active").len(), newest.len());

    // Once more it is the same; what was not heard of in the last second is left out.
    let again = rebuild(&home, &server.url(), &["--since", "30m"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("201 are shown now, 0 were"));
    assert!(is_shown(&mut redis, &newest));
    wait_until("a second has passed", || {
        let none = rebuild(&home, &server.url(), &["--since", "1s"]);
        String::from_utf8_lossy(&none.stdout).contains("of 0 vessels")
    });
}

/// It showed what the daemon never would: vessels that `live_filter` does not want, what a source brought that was stuck, and a report that is
/// dated less than a minute ahead at its own time, which kept the daemon's newer ones out until then.
#[test]
fn it_shows_nothing_that_the_daemon_would_not() {
    let home = Home::new("[live_filter]\nmmsi = \"!200000001\"\ntypes = \"1,2,3\"\n");
    let daemon = home.start();
    let named = [
        "!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E".to_owned(),
        "!AIVDM,2,2,3,B,1@0000000000000,2*55".to_owned(),
    ];
    let here = [169_190_000, 1, 2].map(|ship| sentence_of(ship, 7));
    let ahead = [stamped(&sentence_of(3, 8), 50)];
    let sent = send(&daemon, &[&named[..], &here[..], &ahead[..]].concat()) - 1;
    wait_until_stored(&daemon, sent);
    let before = stored(&home.data())[&200_000_002];
    let more = send(&daemon, &[sentence_of(2, 9)]);
    wait_until_stored(&daemon, sent + more);
    assert_eq!(daemon.stop(), Some(0));
    let store = rusqlite::Connection::open(home.data().join("aisd.db")).unwrap();
    let stuck = "UPDATE positions SET flags = flags | 512 WHERE mmsi = 200000002 AND seq > ?1";
    assert_eq!(store.execute(stuck, [before.0.cast_signed()]).unwrap(), 1);
    drop(store);

    let server = Redis::start();
    let mut redis = server.connect();
    let said = rebuild(&home, &server.url(), &[]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("of 4 vessels") && text.contains(" 3 are shown now, 0 were"), "{text}");
    assert!(!redis.exists::<_, bool>("vessel:200000001").unwrap());
    assert_eq!(hash(&mut redis, "vessel:200000002")["seq"], before.0.to_string());
    let ahead = hash(&mut redis, "vessel:200000003");
    assert_eq!(ahead["time"], ahead["received"]);
    let unnamed = hash(&mut redis, "vessel:369190000");
    assert!(unnamed.contains_key("lon") && !unnamed.contains_key("name"), "{unnamed:?}");
}

#[test]
fn beside_a_daemon_it_takes_nothing_back() {
    let server = Redis::start();
    let home = Home::new(&format!("[redis]\nurl = \"{}\"\ninterval_ms = 5\n", server.url()));
    let daemon = home.start();
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let refused = std::thread::scope(|scope| {
        let observer = scope.spawn(|| observe(&mut server.connect(), &stop, &seen));
        let sender = scope.spawn(|| {
            for round in 0.. {
                let ships = (0..SHIPS).map(|ship| sentence_of(ship, round * SHIPS + ship));
                send(&daemon, &ships.collect::<Vec<_>>());
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mut refused = 0;
        for round in 1..=6 {
            wait_until("ships move", || seen.load(Ordering::Relaxed) > round * 500);
            let said = rebuild(&home, &server.url(), &[]);
            let text = String::from_utf8(said.stdout).unwrap();
            let (before, _) = text.split_once(" were there with a newer position").unwrap();
            refused += before.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        observer.join().unwrap();
        refused
    });
    // While a page was read and written ships have moved on: there a rebuild would take them back.
    assert!(refused > 0, "the rebuilds were never late");
    wait_until("all is stored", || metrics(daemon.http()).number("/accounting/in_flight") == 0);
    let newest = stored(&home.data());
    wait_until("all is shown", || is_shown(&mut server.connect(), &newest));
}

/// Looks at some vessels until told to stop, and counts how often one of them has changed.
fn observe(redis: &mut Connection, stop: &AtomicBool, seen: &AtomicU64) {
    let mut shown: HashMap<u32, (String, u64)> = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        for mmsi in 200_000_000..200_000_200 {
            let key = format!("vessel:{mmsi}");
            let (time, seq): (Option<String>, Option<u64>) =
                redis::cmd("HMGET").arg(key).arg("time").arg("seq").query(redis).unwrap();
            let (Some(time), Some(seq)) = (time, seq) else { continue };
            let before = shown.insert(mmsi, (time.clone(), seq));
            if let Some(before) = before {
                assert!(before <= (time.clone(), seq), "{mmsi}: {before:?} then {time} {seq}");
                seen.fetch_add(u64::from(before.1 < seq), Ordering::Relaxed);
            }
        }
    }
}

#[test]
fn what_is_stored_in_postgres_is_shown() {
    let postgres = Postgres::start();
    let (server, home) = (Redis::start(), Home::new(""));
    let migrated = aisd().arg("migrate").env("DATABASE_URL", postgres.url()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    postgres.execute("INSERT INTO aisd_instances (instance) VALUES (gen_random_uuid())");
    // The newest of each vessel is dated ahead (4), or of a source that was stuck (512).
    postgres.execute(
        "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, msg_type, instance, source, flags)
         SELECT n * 10 + k, now() - 10 * k * interval '1 second', now(), 0.5, n / 600000.0, n, 12.5, 90, 1,
                (SELECT min(id) FROM aisd_instances), 0, CASE WHEN k > 0 THEN 0 WHEN n % 2 = 0 THEN 4 ELSE 512 END
         FROM generate_series(1, 2500) n, generate_series(0, 2) k",
    );
    postgres.execute(
        "INSERT INTO vessels (mmsi, name, instance, source, updated_at, updated_seq, static_reports)
         VALUES (7, 'SEVEN', (SELECT min(id) FROM aisd_instances), 0, now(), 1, 1)",
    );
    let mut command = command(&server.url());
    command.env("DATABASE_URL", postgres.url()).arg("--config").arg(home.config());
    let said = command.output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("of 2500 vessels") && text.contains(" 2500 are shown"), "{text}{errors}");
    let mut redis = server.connect();
    for n in [1_u32, 7, 999, 2500] {
        let shown = hash(&mut redis, &format!("vessel:{n}"));
        assert_eq!(shown["seq"], (n * 10 + 1).to_string());
        let lon: f64 = shown["lon"].parse().unwrap();
        assert!((lon * 600_000.0 - f64::from(n)).abs() < 0.1, "{lon}");
        assert_eq!((shown["sog"].as_str(), shown["source"].as_str()), ("12.5", ""));
    }
    assert_eq!(hash(&mut redis, "vessel:7")["name"], "SEVEN");
    assert_eq!(redis.zcard::<_, u32>("vessels:active").unwrap(), 2500);
}

#[test]
fn what_is_missing_is_named() {
    let home = Home::new("");
    let check = |redis_url: &str, code: u8, expected: &str| {
        let said = rebuild(&home, redis_url, &[]);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(i32::from(code)), "{text}");
        assert!(text.contains(expected) && !text.contains("secret"), "{text}");
    };
    check("", exit::CONFIG, "redis.url is empty");
    check("redis://:secret@127.0.0.1:1/", exit::NO_INPUT, "aisd.db: ");
    let daemon = home.start();
    let sent = report(&daemon, 1);
    wait_until_stored(&daemon, sent);
    let refused = "connect to redis at 127.0.0.1:1: connection refused";
    check("redis://:secret@127.0.0.1:1/", exit::IO, refused);
    check("redis://:secret@127.0.0.1:1/x", exit::CONFIG, "redis.url redis://:***@127.0.0.1:1/x: ");
}
