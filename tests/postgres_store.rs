//! What is stored in Postgres is what was sent: exactly, once, and the same as the embedded store holds.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aisd::ais::{Scratch, decode};
use rusqlite::Connection;

use crate::support::bits::{call_sign_of, extended_of, name_of, tagged};
use crate::support::http::metrics;
use crate::support::postgres_daemon::received;
use crate::support::process::{Home, wait_for, wait_until};
use crate::support::random::Random;
use crate::support::sentences::payloads;
use crate::support::servers::Postgres;
use crate::support::storing::{
    accepted, config, numbers, send, send_numbers, send_sentences, seqs, wait_stored,
};
use crate::support::{lines, numbered};

/// How a column is compared: both stores tell it as the same text.
enum Column {
    Plain(&'static str),
    /// Times this it is an integer.
    Scaled(&'static str, u32),
    Time(&'static str),
}
use Column::{Plain, Scaled, Time};

const POSITIONS: &[Column] = &[
    Plain("seq"),
    Time("ts"),
    Plain("mmsi"),
    Scaled("lat", 600_000),
    Scaled("lon", 600_000),
    Scaled("sog", 10),
    Scaled("cog", 10),
    Plain("heading"),
    Plain("rot"),
    Plain("nav_status"),
    Plain("altitude"),
    Plain("msg_type"),
    Plain("source"),
    Plain("flags"),
];
const VESSELS: &[Column] = &[
    Plain("mmsi"),
    Plain("name"),
    Plain("callsign"),
    Plain("imo"),
    Plain("ship_type"),
    Plain("to_bow"),
    Plain("to_stern"),
    Plain("to_port"),
    Plain("to_starboard"),
    Scaled("draught", 10),
    Plain("destination"),
    Plain("eta"),
    Plain("epfd"),
    Plain("vendor"),
    Plain("mothership"),
    Plain("source"),
    Time("updated_at"),
    Plain("updated_seq"),
    Plain("static_reports"),
];
const MESSAGES: &[Column] =
    &[Plain("seq"), Time("ts"), Plain("mmsi"), Plain("msg_type"), Plain("source"), Plain("json")];
const WRITERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aisd writer'";
const SOURCES: &[Column] = &[Plain("id"), Plain("name")];
const TABLES: &[(&str, &[Column])] =
    &[("positions", POSITIONS), ("vessels", VESSELS), ("messages", MESSAGES), ("sources", SOURCES)];

type Row = Vec<Option<String>>;

/// The query for a table, its rows in the order of its first column.
fn select(table: &str, columns: &[Column], time: fn(&str) -> String) -> String {
    let texts = columns.iter().map(|column| match column {
        Plain(name) => format!("CAST({name} AS TEXT)"),
        Scaled(name, by) => format!("CAST(CAST(round({name} * {by}) AS INTEGER) AS TEXT)"),
        Time(name) => time(name),
    });
    let texts: Vec<String> = texts.collect();
    let (Plain(first) | Scaled(first, _) | Time(first)) = columns[0];
    format!("SELECT {} FROM {table} ORDER BY {table}.{first}", texts.join(", "))
}

fn in_sqlite(store: &Connection, table: &str, columns: &[Column]) -> Vec<Row> {
    let sql = select(table, columns, |name| format!("CAST({name} AS TEXT)"));
    let mut select = store.prepare(&sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
    select.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

fn in_postgres(server: &Postgres, table: &str, columns: &[Column]) -> Vec<Row> {
    let time = |name: &str| {
        format!("CAST(CAST(round(extract(epoch FROM {name}) * 1000000) AS int8) AS TEXT)")
    };
    let rows = server.connect().query(&select(table, columns, time), &[]).unwrap();
    rows.iter().map(|row| (0..columns.len()).map(|at| row.get(at)).collect()).collect()
}

/// Recordings with messages of every type, one after the other.
fn recorded() -> String {
    let files = [
        "gpsd/ais-nmea.log",
        "gpsd/ais-18-27.log",
        "gpsd/ais-raw-messages.log",
        "gpsd/ais-nmea-type6-fid55.log",
        "gpsd/sample.aivdm",
        "lines/pos_na_91_181.nmea",
        "lines/type24A_160.nmea",
    ];
    let lines = files.iter().flat_map(|name| lines(name));
    // Each says when it was sent, some earlier than the one before: what has no time would get that of the clock.
    let timed = lines.filter(|line| line.starts_with('!')).zip(0..).map(|(line, n)| {
        let time_s = 1_704_060_000_u64 + n / 3 - (n % 7) * 40;
        tagged(time_s, &line) + "\r\n"
    });
    timed.collect()
}

/// Ship, message type, longitude and latitude in the units of the radio.
type Sighting = (i32, i16, Option<(i32, i32)>);

fn places(server: &Postgres) -> BTreeSet<Sighting> {
    let sql = "SELECT mmsi, msg_type, CAST(round(lon * 600000) AS int4) AS lon, \
               CAST(round(lat * 600000) AS int4) AS lat FROM positions";
    let rows = server.connect().query(sql, &[]).unwrap();
    let rows = rows.iter().map(|row| {
        let place = row.get::<_, Option<i32>>("lon").zip(row.get::<_, Option<i32>>("lat"));
        (row.get(0), row.get(1), place)
    });
    rows.collect()
}

/// The same as the decoder tells it, with no engine around it.
fn decoded_places() -> BTreeSet<Sighting> {
    let text = recorded();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut scratch = Scratch::default();
    let mut found = BTreeSet::new();
    for payload in payloads(&lines) {
        let Ok(message) = decode(&payload.chars, payload.fill, &mut scratch) else { continue };
        let Some(position) = message.position() else { continue };
        let place = position.place.map(|place| (place.lon, place.lat));
        found.insert((message.mmsi().cast_signed(), i16::from(position.msg_type), place));
    }
    found
}

#[test]
fn both_stores_hold_the_same_rows_of_the_same_recording() {
    let server = Postgres::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), recorded()).unwrap();
    let replay = |config: &str| {
        let home = Home::new(config);
        let mut replay = home.command("replay");
        replay.args(["--start", "2024-01-01T00:00:00Z"]).arg(file.path());
        let log = home.config().with_file_name("log");
        let status = wait_for(&mut replay.spawn().unwrap(), &log);
        assert_eq!(status.code(), Some(0), "{}", home.log());
        home
    };
    drop(replay(&config(&server.url(), "writers = 2\n[shards]\ncount = 2\n")));
    let home = replay("");
    let store = Connection::open(home.data().join("aisd.db")).unwrap();
    for (table, columns) in TABLES {
        let (ours, theirs) =
            (in_postgres(&server, table, columns), in_sqlite(&store, table, columns));
        eprintln!("{table}: {} rows", ours.len());
        let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{table}");
        assert_eq!(ours.len(), theirs.len(), "{table}");
        assert!(*table == "sources" || ours.len() > 30, "{table}: {}", ours.len());
    }
    assert_eq!(places(&server), decoded_places(), "positions, to the unit in which they were sent");
    let odd = "SELECT count(*) FROM positions WHERE abs(lat * 600000 - round(lat * 600000)) > 1e-6 \
               OR abs(lon * 600000 - round(lon * 600000)) > 1e-6";
    assert_eq!(server.count(odd), 0, "places that are no whole number of units");
    let types = "SELECT count(DISTINCT msg_type) FROM (SELECT msg_type FROM positions UNION ALL \
                 SELECT msg_type FROM messages) AS all_types";
    assert!(server.count(types) > 15, "types");
    let flags = "SELECT count(DISTINCT flags) FROM positions";
    assert!(server.count(flags) > 3, "flags");
}

#[test]
fn a_newer_static_report_wins_and_an_older_one_fills_gaps() {
    let server = Postgres::start();
    let home = Home::new(&config(&server.url(), "linger_ms = 200\n"));
    let daemon = home.start();
    let now_s = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    // Two ships: one has all its reports in one batch, the other each in its own.
    let of = |mmsi: u32| {
        [
            tagged(now_s - 100, &name_of(mmsi, "FIRST")),
            tagged(now_s - 50, &name_of(mmsi, "NEWEST")),
            tagged(now_s - 80, &name_of(mmsi, "TOO LATE")),
            tagged(now_s - 90, &call_sign_of(mmsi, 70, "FILLS")),
        ]
    };
    let (at_once, one_by_one) = (244_000_001, 244_000_002);
    send_sentences(&daemon, &of(at_once));
    wait_stored(&daemon, 4);
    for (number, report) in of(one_by_one).iter().enumerate() {
        send_sentences(&daemon, std::slice::from_ref(report));
        wait_stored(&daemon, 5 + number as u64);
    }
    let rows = server.connect().query("SELECT * FROM vessels ORDER BY mmsi", &[]).unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        let texts = ["name", "callsign"].map(|name| row.get::<_, Option<String>>(name).unwrap());
        assert_eq!(texts, ["NEWEST", "FILLS"]);
        assert_eq!(row.get::<_, Option<i16>>("ship_type"), Some(70));
        assert_eq!(row.get::<_, i64>("static_reports"), 4);
        let updated: SystemTime = row.get("updated_at");
        assert_eq!(updated, SystemTime::UNIX_EPOCH + Duration::from_secs(now_s - 50));
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_message_with_position_and_name_is_in_both_tables() {
    let server = Postgres::start();
    let home = Home::new(&config(&server.url(), "index = \"append\"\n"));
    let daemon = home.start();
    send_sentences(&daemon, &[extended_of(244_000_003, 1234, "BOTH")]);
    wait_stored(&daemon, 1);
    assert_eq!(numbers(&server), [1234]);
    let same = "SELECT count(*) FROM positions JOIN vessels USING (mmsi) \
                WHERE msg_type = 19 AND name = 'BOTH' AND seq = updated_seq";
    assert_eq!(server.count(same), 1);
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%(mmsi, ts)%'";
    assert_eq!(server.count(indexes), 0, "append has no index by vessel");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn other_numbers_of_shards_and_writers_lose_nothing_and_store_nothing_twice() {
    let layouts = [
        (1, 1, ""),
        (4, 4, ""),
        (3, 2, "linger_ms = 20\n"),
        (2, 3, "batch_rows_max = 1\n"),
        (4, 1, "index = \"append\"\n"),
        (1, 4, ""),
        (4, 3, ""),
    ];
    let server = Postgres::start();
    let (mut random, mut sent) = (Random::seeded(11), 0);
    let home = Home::new("");
    for (shards, writers, more) in layouts {
        let store = format!("writers = {writers}\n{more}[shards]\ncount = {shards}\n");
        std::fs::write(home.config(), config(&server.url(), &store)).unwrap();
        let daemon = home.start();
        let has = || server.count("SELECT count(*) FROM positions");
        let before = has();
        send_numbers(&daemon, sent..sent + 1000);
        let enough = before + random.between(1, 700);
        wait_until("some of it is stored", || has() > enough);
        // What comes while nobody may write is left, however fast the machine is.
        let mut blocker = server.connect();
        blocker.batch_execute("BEGIN; LOCK TABLE positions IN SHARE MODE").unwrap();
        send_numbers(&daemon, sent + 1000..sent + 1500);
        sent += 1500;
        let received = || received(&metrics(daemon.http()));
        wait_until("all of it is taken", || received() == 1500);
        daemon.kill();
        // A server process that has a whole transaction to read commits it, whoever sent it.
        wait_until("the end of its sessions", || server.count(WRITERS) == 0);
        drop(blocker);
        let left = accepted(&home.data()).len() as u64 - has();
        assert!(left > 0, "nothing was left for the next");
        eprintln!("{shards} shards, {writers} writers: {left} left for the next");
    }
    let daemon = home.start();
    wait_stored(&daemon, 0);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(seqs(&server, 1), accepted(&home.data()));
    let stored = numbers(&server);
    assert!(stored.is_sorted_by(|one, other| one < other), "a sentence is stored twice");
}

#[test]
fn two_data_directories_share_a_database_and_do_not_disturb_each_other() {
    let server = Postgres::start();
    let one = Home::new(&config(&server.url(), ""));
    let other = Home::beside(&one, &config(&server.url(), "writers = 2\n[shards]\ncount = 2\n"));
    let (first, second) = (one.start(), other.start());
    send_numbers(&first, 0..800);
    send_numbers(&second, 10_000..10_700);
    wait_stored(&first, 800);
    first.kill();
    // While one starts again, the other goes on.
    let first = one.start();
    send(&second, &numbered::lines(20_000..20_100));
    wait_stored(&second, 800);
    send_numbers(&first, 30_000..30_100);
    wait_stored(&first, 100);
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    for (instance, home, rows) in [(1, &one, 900), (2, &other, 800)] {
        let stored = seqs(&server, instance);
        assert_eq!(stored.len(), rows);
        assert_eq!(stored, accepted(&home.data()));
    }
    assert_eq!(server.count("SELECT count(DISTINCT owner) FROM aisd_offsets"), 2);
}
