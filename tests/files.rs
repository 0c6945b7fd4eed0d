//! What was taken of a file is not taken again, whatever moment a reading of it is killed at, in either store.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::at_full_length;
use crate::support::database::Database;
use crate::support::log::totals;
use crate::support::numbered;
use crate::support::postgres_daemon::home_of;
use crate::support::postgres_rows::PostgresRows;
use crate::support::process::{Home, wait_for, wait_until};
use crate::support::random::Random;
use crate::support::servers::Postgres;

const BEGAN_S: u32 = 1_700_000_000;

/// Numbered sentences, each with a time of its own, and every tenth with a line that is refused behind it.
fn recording(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let mut out = Vec::new();
    for n in numbers {
        let tags = format!("c:{}", BEGAN_S + n / 100);
        let sum = tags.bytes().fold(0, |sum, byte| sum ^ byte);
        writeln!(out, "\\{tags}*{sum:02X}\\{}", numbered::sentence(n)).unwrap();
        if n % 10 == 0 {
            out.extend_from_slice(b"!AIVDM,1,1,,A,15,0*00\n");
        }
    }
    out
}

fn write(home: &Home, name: &str, content: &[u8]) -> PathBuf {
    let path = home.config().with_file_name(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn begin(home: &Home, path: &Path) -> Child {
    home.command("replay").arg(path).spawn().unwrap()
}

/// Replays a file to its end; what was received of it, and of earlier runs, and the exit code.
fn replay(home: &Home, path: &Path) -> (u64, u64, Option<i32>) {
    let status = wait_for(&mut begin(home, path), &home.config().with_file_name("log"));
    let log = home.log();
    let last_run = &log[log.rfind("bytes\n").unwrap_or(0)..];
    let totals = totals(last_run);
    let of = |name: &str| totals.values().map(|total| total[name]).sum::<u64>();
    (of("received"), of("recovered"), status.code())
}

/// Messages in the embedded store; none while it has no tables yet.
fn stored_in(home: &Home) -> u64 {
    if !home.data().join("aisd.db").exists() {
        return 0;
    }
    let store = Database::open(&home.data());
    let tables = store.number("SELECT count(*) FROM sqlite_master WHERE name = 'positions'");
    if tables == 0 { 0 } else { store.messages() }
}

/// Kills readings of a file, each a while after it has brought something, until one comes to the end; how many were killed.
fn kill_again_and_again(home: &Home, path: &Path, kills: u64, stored: impl Fn() -> u64) -> u64 {
    let mut random = Random::seeded(11);
    let mut in_the_middle = 0;
    for _ in 0..kills {
        let before = stored();
        let mut child = begin(home, path);
        wait_until("more is stored, or it has ended", || {
            stored() > before || child.try_wait().unwrap().is_some()
        });
        std::thread::sleep(Duration::from_millis(random.between(0, 250)));
        in_the_middle += u64::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    in_the_middle
}

/// The same of a file of so many lines, which a last reading then brings to its end.
fn kill_and_finish(
    home: &Home,
    path: &Path,
    kills: u64,
    lines: u32,
    stored: impl Fn() -> u64 + Copy,
) {
    let kills = kill_again_and_again(home, path, kills, stored);
    let before = stored();
    assert!(
        kills >= 2 && before < u64::from(lines),
        "{kills} kills in the middle, {before} stored"
    );
    let (received, recovered, code) = replay(home, path);
    eprintln!("{kills} kills; {before} were stored, {recovered} recovered, then {received} read");
    assert_eq!(code, Some(0), "{}", home.log());
}

#[test]
fn however_often_a_replay_is_killed_each_line_of_its_file_is_stored_once() {
    let count = if at_full_length() { 2_000_000 } else { 250_000 };
    let home = Home::new("");
    let content = recording(0..count);
    let path = write(&home, "recorded.nmea.gz", &gzip(&content));
    let stored = || stored_in(&home);
    kill_and_finish(&home, &path, 6, count, stored);
    let check = |upto: u32| {
        let store = Database::open(&home.data());
        store.assert_nothing_is_twice();
        assert!(store.numbers().into_iter().eq(0..upto), "every sentence once");
    };
    check(count);

    // Once more, plain and under another name: what is behind the last that was taken is one line that is refused, if any.
    let copy = write(&home, "copy.nmea", &content);
    let (received, recovered, code) = replay(&home, &copy);
    assert!((received, recovered, code) <= (1, 0, Some(0)), "{received} {recovered} {code:?}");
    check(count);
    // It grew; then another took its name.
    write(&home, "copy.nmea", &recording(0..count + 500));
    let (received, ..) = replay(&home, &copy);
    assert!((500..=551).contains(&received), "{received}");
    check(count + 500);
    let other = recording(count + 500..count + 1000);
    write(&home, "copy.nmea", &other);
    assert_eq!(replay(&home, &copy).0, 550);
    check(count + 1000);
}

#[test]
fn the_same_holds_in_postgres_with_two_writers() {
    // So many that four readings do not come to its end.
    let count = 250_000;
    let server = Postgres::start();
    let home = home_of(&server);
    let text = std::fs::read_to_string(home.config()).unwrap();
    let text = text.replacen("[store]\n", "[store]\nwriters = 2\n", 1);
    std::fs::write(home.config(), format!("{text}\n[shards]\ncount = 2\n")).unwrap();
    let path = write(
        &home,
        "recorded.nmea.zst",
        &zstd::stream::encode_all(&recording(0..count)[..], 1).unwrap(),
    );
    let rows = "SELECT CASE WHEN to_regclass('positions') IS NULL THEN 0::int8 ELSE 1::int8 END";
    let stored = || match server.count(rows) {
        0 => 0,
        _ => server.count("SELECT count(*) FROM positions"),
    };
    kill_and_finish(&home, &path, 4, count, stored);
    let (received, recovered, _) = replay(&home, &path);
    assert!((received, recovered) <= (1, 0), "{received} {recovered}");
    assert!(PostgresRows::after_all(&server).numbers().into_iter().eq(0..count));
    assert!(server.count("SELECT count(DISTINCT writer) FROM aisd_files") == 2);
}

#[test]
fn a_daemon_that_is_killed_goes_on_with_its_file() {
    let count = 100_000;
    let home = Home::new("");
    let path = write(&home, "recorded.nmea", &recording(0..count));
    let feed = format!(
        "[[feeds]]\nkind = \"file\"\npath = \"{}\"\n[[feeds]]\nkind = \"udp\"\naddress = \"127.0.0.1:0\"\n",
        path.display()
    );
    std::fs::write(home.config(), feed).unwrap();
    let stored = || stored_in(&home);
    for least in [1, 20_000] {
        let daemon = home.spawn_as_configured();
        wait_until("some of it is stored", || stored() >= least);
        daemon.kill();
    }
    assert!(stored() < u64::from(count));
    let daemon = home.spawn_as_configured();
    wait_until("all of it is stored", || stored() == u64::from(count));
    assert_eq!(daemon.stop(), Some(0));
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    wait_until("its file is looked through", || home.log().matches("read to its end").count() == 2);
    assert_eq!(daemon.stop(), Some(0));
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    assert!(store.numbers().into_iter().eq(0..count));
}

#[test]
fn of_an_archive_that_was_cut_off_the_whole_brings_the_rest_and_the_exit_code_tells() {
    let home = Home::new("");
    let whole = gzip(&recording(0..20_000));
    let path = write(&home, "day.gz", &whole[..whole.len() / 2]);
    let (received, _, code) = replay(&home, &path);
    assert_eq!(code, Some(65), "{}", home.log());
    assert!(
        home.log().contains("the gzip archive is cut off; what was whole is kept"),
        "{}",
        home.log()
    );
    let half = Database::open(&home.data()).messages();
    assert!((5_000..15_000).contains(&half), "{received} {half}");
    write(&home, "day.gz", &whole);
    assert_eq!(replay(&home, &path).2, Some(0));
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    assert!(store.numbers().into_iter().eq(0..20_000));
}

#[test]
fn a_table_is_replayed_like_any_recording() {
    let home = Home::new("");
    let mut text = "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,SOG,Name\n".to_owned();
    for n in 0..5_000 {
        let (minute, second) = (n / 60 % 60, n % 60);
        let place = f64::from(n) / 1000.0;
        text += &format!(
            "31/12/2023 {:02}:{minute:02}:{second:02},Class A,{},{place:.3},11.5,7.5,SHIP {n}\n",
            n / 3600,
            219_000_000 + n % 50
        );
    }
    text += "31/12/2023 00:00:00,Base Station,2190064,56.7,11.5,,\n";
    let path = write(&home, "aisdk.csv", text.as_bytes());
    assert_eq!(replay(&home, &path), (5_001, 0, Some(0)), "{}", home.log());
    let store = Database::open(&home.data());
    assert_eq!(
        store.number("SELECT count(*) FROM positions WHERE sog = 7.5 AND ts >= 1703980800000000"),
        5_000
    );
    assert_eq!(store.number("SELECT count(*) FROM vessels WHERE name LIKE 'SHIP %'"), 50);
    assert_eq!(replay(&home, &path).0, 1, "the row that is refused");
}
