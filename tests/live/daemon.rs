//! A daemon shows what it stores.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use aisd::clock::Clock;
use aisd::rows::flags;
use redis::Connection;
use rusqlite::OpenFlags;

use super::made::hash;
use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::{checked, lines, sentence_of};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::Redis;

pub const SHIPS: u32 = 200;

fn home(server: &Redis, more: &str) -> Home {
    Home::new(&format!("[redis]\nurl = \"{}\"\n{more}", server.url()))
}

/// Number, longitude and latitude by MMSI.
type Picture = BTreeMap<u32, (u64, f64, f64)>;

/// The newest position of every vessel, those apart that are dated ahead.
pub fn stored(data: &Path) -> Picture {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = rusqlite::Connection::open_with_flags(data.join("aisd.db"), flags).unwrap();
    store.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let sql = "SELECT mmsi, seq, lon, lat FROM positions WHERE flags & ?1 = 0 ORDER BY ts, seq";
    let mut select = store.prepare(sql).unwrap();
    let rows = select
        .query_map([flags::AHEAD], |row| {
            let seq: i64 = row.get(1)?;
            Ok((row.get(0)?, (seq.cast_unsigned(), row.get(2)?, row.get(3)?)))
        })
        .unwrap();
    // The last of each is the newest.
    rows.collect::<Result<_, _>>().unwrap()
}

/// Whether Redis has exactly that.
pub fn is_shown(redis: &mut Connection, stored: &Picture) -> bool {
    stored.iter().all(|(mmsi, (seq, lon, lat))| {
        let shown = hash(redis, &format!("vessel:{mmsi}"));
        let is_near = |name: &str, degrees: f64| {
            shown[name].parse::<f64>().is_ok_and(|shown| (shown - degrees).abs() < 1e-7)
        };
        shown.get("seq") == Some(&seq.to_string()) && is_near("lon", *lon) && is_near("lat", *lat)
    })
}

/// The sentence as one that happened so many seconds from now.
pub fn stamped(sentence: &str, after_s: i64) -> String {
    let time = Clock::System.now_us() / 1_000_000 + after_s;
    let block = checked(&format!("c:{time}"));
    format!("\\{}\\{sentence}", &block[1..])
}

/// Every ship reports some times: now, late, long ago, and some of them from an hour to come.
pub fn report(daemon: &Daemon, rounds: u32) -> u64 {
    let mut sentences = Vec::new();
    let mut line = |line: String| sentences.push(line);
    for round in 0..rounds {
        for ship in 0..SHIPS {
            let n = (round * SHIPS + ship) * 4;
            line(sentence_of(ship, n));
            line(stamped(&sentence_of(ship, n + 1), -i64::from(ship % 30)));
            if ship % 3 == 0 {
                line(stamped(&sentence_of(ship, n + 2), -3000));
            }
            if ship % 5 == 0 {
                line(stamped(&sentence_of(ship, n + 3), 3600));
            }
        }
    }
    send(daemon, &sentences)
}

/// Sends these; how many they are.
pub fn send<S: AsRef<str>>(daemon: &Daemon, sentences: &[S]) -> u64 {
    let lines = sentences.iter().flat_map(|line| [line.as_ref(), "\r\n"]);
    let text: String = lines.collect();
    TcpStream::connect(daemon.tcp()).unwrap().write_all(text.as_bytes()).unwrap();
    sentences.len() as u64
}

pub fn wait_until_stored(daemon: &Daemon, messages: u64) {
    wait_until("all is stored", || metrics(daemon.http()).feed("tcp", "stored") >= messages);
}

#[test]
fn the_picture_equals_the_newest_stored_report_of_every_vessel() {
    let server = Redis::start();
    let home = home(&server, "interval_ms = 20\n");
    let daemon = home.start();
    let sent = report(&daemon, 20);
    wait_until_stored(&daemon, sent);
    let mut redis = server.connect();
    let newest = stored(&home.data());
    assert_eq!(newest.len(), SHIPS as usize);
    for flag in [flags::AHEAD, flags::LATE] {
        let sql = format!("SELECT count(*) FROM positions WHERE flags & {flag} <> 0");
        assert!(Database::open(&home.data()).number(&sql) > 100, "reports with flag {flag}");
    }
    wait_until("all is shown", || is_shown(&mut redis, &newest));
    let metrics = metrics(daemon.http());
    assert_eq!(metrics.number("/live/older_refused"), 0);
    assert!(metrics.number("/live/written") >= u64::from(SHIPS));
    assert_eq!(hash(&mut redis, "vessel:200000000")["source"], "tcp");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(is_shown(&mut redis, &newest));
}

#[test]
fn redis_away_costs_nothing_but_freshness() {
    let mut server = Redis::start();
    server.stop();
    let home = home(&server, "interval_ms = 20\n[breakers]\nopen_ms = 100\n");
    let daemon = home.start();
    let sent = report(&daemon, 2);
    wait_until_stored(&daemon, sent);
    wait_until("attempts have failed", || metrics(daemon.http()).number("/live/failures") >= 3);
    let (status, body) = get(daemon.http(), "/readyz?verbose");
    let body = String::from_utf8(body).unwrap();
    assert!(status == 200 && body.contains("redis"), "{status} {body}");
    assert!(body.contains("connection refused"), "{body}");
    let waiting = metrics(daemon.http()).number("/live/waiting");
    assert!(waiting > 0, "{waiting} waiting");
    server.start_again();
    let newest = stored(&home.data());
    let mut redis = server.connect();
    wait_until("all is shown", || is_shown(&mut redis, &newest));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn a_daemon_that_is_stopped_leaves_the_newest_in_redis() {
    let server = Redis::start();
    let home = home(&server, "interval_ms = 60000\n");
    let daemon = home.start();
    let sent = report(&daemon, 2);
    wait_until_stored(&daemon, sent);
    let mut redis = server.connect();
    let newest = stored(&home.data());
    assert!(!is_shown(&mut redis, &newest), "the interval is a minute");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(is_shown(&mut redis, &newest), "{}", home.log());
}

#[test]
fn a_replay_is_not_live() {
    let server = Redis::start();
    let home = home(&server, "");
    let file = home.config().with_file_name("recorded.nmea");
    std::fs::write(&file, lines(0..100)).unwrap();
    let mut replay = home.command("replay");
    replay.args(["--start", "2026-01-31T12:00:00Z"]).arg(&file);
    assert!(replay.status().unwrap().success(), "{}", home.log());
    assert_eq!(stored(&home.data()).len(), 100);
    let keys: u32 = redis::cmd("DBSIZE").query(&mut server.connect()).unwrap();
    assert_eq!(keys, 0);
    assert!(home.log().contains("nothing is shown in Redis"), "{}", home.log());
}

#[test]
fn a_url_that_cannot_be_used_is_a_fault_of_the_configuration() {
    let home = Home::new("[redis]\nurl = \"rediss://:secret@cache/?sslrootcert=/nowhere\"\n");
    let status = home.command("run").args(["--http", "", "--udp", "127.0.0.1:0"]).status().unwrap();
    assert_eq!(status.code(), Some(i32::from(aisd::exit::CONFIG)));
    let log = home.log();
    assert!(log.contains("read /nowhere: ") && !log.contains("secret"), "{log}");
}
