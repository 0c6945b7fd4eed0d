//! What the bare client promises: it copies the very rows that verifying expects of the same fleet, each once.

use super::*;
use crate::ledger::{Entry, Ledger};
use crate::stored::At;
use crate::testing::servers::Postgres;
use crate::verify::baseline::Baseline;
use crate::verify::{Dated, Seen, Verdict, verify};
use clap::Parser;

const SCHEMA: &str = include_str!("../../../src/store/postgres/0001_tables.sql");
const ROWS: u64 = 5000;
const START_US: u64 = 1_700_000_000_000_000;

#[derive(Parser)]
struct Told {
    #[command(flatten)]
    copy: Arguments,
}

fn arguments(more: &[&str]) -> Arguments {
    let rows = ["copy", "--rows", "5000", "--vessels", "300"];
    Told::parse_from(rows.iter().chain(more)).copy
}

fn address(server: &Postgres) -> Address {
    Address::parse(&server.superuser_url(), None).unwrap()
}

/// A server that has the rows of the fleet, and one with the tables alone.
fn full_and_empty() -> (Postgres, Postgres) {
    let (stored, bare) = (Postgres::start(), Postgres::start());
    for server in [&stored, &bare] {
        server.execute(SCHEMA);
    }
    copy(&arguments(&[]), &address(&stored), START_US).unwrap();
    (stored, bare)
}

/// The positions that the fleet reports, as the first messages of a run.
fn ledger(arguments: &Arguments) -> Ledger {
    let mut ledger = Ledger::default();
    let mut traffic = rows::traffic(arguments, START_US);
    for number in 0.. {
        let entry = traffic.next(rows::moment(START_US, number), &mut Vec::new());
        if traffic.last_fix().is_some() {
            // Type 19 without what it says of the ship, which is no row of this table.
            let msg_type = entry.msg_type.min(18);
            ledger.note(&[Entry { msg_type, ..entry }]);
        }
        if ledger.sent == ROWS {
            break;
        }
    }
    ledger
}

#[test]
fn the_rows_are_those_of_the_fleet_each_once() {
    let server = Postgres::start();
    server.execute(SCHEMA);
    let arguments = arguments(&["--connections", "3", "--batch", "700"]);
    let told = copy(&arguments, &address(&server), START_US).unwrap();
    assert_eq!((&told["rows"], &told["commits"]), (&json!(ROWS), &json!(8)));
    // There are no partitions of days here.
    assert_eq!(told["rows_in_default_partition"], json!(ROWS));
    assert!(told["rows_per_second"].as_f64().unwrap() > 1.0);
    assert_eq!(
        server.count("SELECT count(*) FROM aisd_offsets, unnest(next_seq) AS seq WHERE seq > 0"),
        0
    );
    let mut stored = At::Postgres(Box::new(address(&server))).open().unwrap().unwrap();
    let (start_us, none) = (START_US.cast_signed(), std::iter::empty());
    let within_us = start_us - 1_000_000..=start_us + 1_000_000;
    let before = Baseline::default();
    let mut ledger = ledger(&arguments);
    let mut seen = Seen::new(Dated { within_us, told: false }, None);
    let found = verify(&mut ledger, Some(&mut *stored), &before, &mut seen, none).unwrap();
    let indistinct = found.indistinct;
    let expected = Verdict { stored: ROWS, rows: ROWS, indistinct, ..Verdict::default() };
    assert_eq!(found, expected);
    let flags = "SELECT count(DISTINCT flags) FROM positions WHERE flags IN (0, 192)";
    assert_eq!(server.count(flags), 2);
    let out_of_order = "SELECT count(*) FROM positions AS a JOIN positions AS b \
         ON b.seq = a.seq + 1 WHERE b.received_at <= a.received_at OR b.ts < a.ts";
    assert_eq!(server.count(out_of_order), 0);
}

#[test]
fn rows_that_are_inserted_one_by_one_are_the_same() {
    let servers = [Postgres::start(), Postgres::start(), Postgres::start()];
    let all = "SELECT bit_xor(hashtext(it::text)::bit(31)::bigint) FROM positions AS it";
    let ways = [("700", 1, &[][..]), ("700", 1, &["--insert"]), ("1", 300, &["--insert"])];
    for (server, (batch, commits, more)) in servers.iter().zip(ways) {
        server.execute(SCHEMA);
        let rows = ["copy", "--vessels", "300", "--rows", "300", "--batch", batch];
        let arguments = Told::parse_from(rows.iter().chain(more)).copy;
        let told = copy(&arguments, &address(server), START_US).unwrap();
        assert_eq!((&told["rows"], &told["commits"]), (&json!(300), &json!(commits)));
        assert_eq!(server.count(all), servers[0].count(all), "{more:?}");
    }
}

#[test]
fn offsets_move_with_the_rows_each_by_its_connection() {
    let server = Postgres::start();
    server.execute(SCHEMA);
    for connections in ["1", "3"] {
        // So many commits that every connection has its share of them.
        let more = ["--connections", connections, "--offsets", "--batch", "50"];
        let arguments = arguments(&more);
        let told = copy(&arguments, &address(&server), START_US).unwrap();
        let instance = told["instance"].as_str().unwrap();
        let moved = format!(
            "SELECT count(*) FROM aisd_offsets JOIN aisd_instances ON id = aisd_offsets.instance \
             WHERE aisd_instances.instance = '{instance}' AND next_seq[64] > 1::bigint << 40"
        );
        assert_eq!(
            server.count(&moved),
            connections.parse::<u64>().unwrap(),
            "{connections} connections"
        );
    }
    assert_eq!(server.count("SELECT count(*) FROM positions"), 2 * ROWS);
}

#[test]
fn a_database_without_tables_is_refused_with_the_way_out() {
    let server = Postgres::start();
    let error = copy(&arguments(&[]), &address(&server), START_US).unwrap_err();
    assert!(error.contains("aisd_instances") && error.contains("aisd migrate"), "{error}");
}

/// The bare client that the daemon is measured by copied unsorted batches into an index that the daemon fills in order.
#[test]
fn batches_of_another_databases_rows_are_in_its_order_or_sorted_like_the_index() {
    let stored = Postgres::start();
    stored.execute(SCHEMA);
    copy(&arguments(&[]), &address(&stored), START_US).unwrap();
    // As they lie there is not as they were received.
    stored.execute(
        "CREATE TABLE again AS SELECT * FROM positions ORDER BY mmsi, seq DESC;
         TRUNCATE positions; INSERT INTO positions SELECT * FROM again;",
    );
    for sorted in [false, true] {
        let more: &[&str] = if sorted { &["--sorted"] } else { &[] };
        let from = ["copy", "--batch", "700", "--from", &stored.superuser_url()];
        let arguments = Told::parse_from(from.iter().chain(more)).copy;
        let bare = Postgres::start();
        bare.execute(SCHEMA);
        let told = copy(&arguments, &address(&bare), START_US).unwrap();
        assert_eq!((&told["rows"], &told["commits"]), (&json!(ROWS), &json!(8)));
        // A batch is a transaction, and rows lie in the order in which they came.
        let lying = "WITH lying AS (SELECT seq, mmsi, ts, lag(seq) OVER it AS seq_before, lag(mmsi) OVER it AS mmsi_before, \
             lag(ts) OVER it AS ts_before FROM positions WINDOW it AS (PARTITION BY xmin::text ORDER BY ctid)) \
             SELECT count(*) FROM lying WHERE";
        let by_number = format!("{lying} seq_before > seq");
        let by_ship = format!("{lying} (mmsi_before, ts_before) > (mmsi, ts)");
        let [by_number, by_ship] = [&by_number, &by_ship].map(|sql| bare.count(sql));
        // The server puts a few of them where there is room.
        let (least, most) = if sorted { (by_ship, by_number) } else { (by_number, by_ship) };
        assert!(least < 20 && most > 1000, "{sorted}: {by_number} by number, {by_ship} by ship");
        let batches = "SELECT count(*) FROM (SELECT xmin::text AS batch, min(seq) AS first, max(seq) AS last \
             FROM positions GROUP BY batch) AS a JOIN (SELECT xmin::text AS batch, min(seq) AS first, max(seq) AS last \
             FROM positions GROUP BY batch) AS b ON a.batch <> b.batch AND a.first < b.last AND b.first < a.last";
        assert_eq!(bare.count(batches), 0, "batches that overlap");
    }
}

#[test]
fn what_another_database_holds_is_copied_row_by_row() {
    let (stored, bare) = full_and_empty();
    stored.execute(
        "INSERT INTO messages (seq, ts, received_at, mmsi, msg_type, instance, source, json) \
         SELECT n, now(), now(), n, 5, 1, 0, ('{\"a\": ' || n || '}')::json FROM generate_series(1, 333) AS n",
    );
    let told = Told::parse_from(["copy", "--from", &stored.superuser_url(), "--batch", "700"]);
    // Another number than there.
    bare.execute("INSERT INTO aisd_instances (instance) VALUES (gen_random_uuid())");
    let told = copy(&told.copy, &address(&bare), START_US).unwrap();
    assert_eq!((&told["rows"], &told["commits"]), (&json!(ROWS + 333), &json!(8)));
    for table in ["positions", "messages"] {
        assert_eq!(bare.count(&format!("SELECT count(*) FROM {table} WHERE instance <> 2")), 0);
        let all = format!("SELECT bit_xor(hashtext(it::text)::bit(31)::bigint) FROM {table} AS it");
        bare.execute(&format!("UPDATE {table} SET instance = 1"));
        assert_eq!(bare.count(&all), stored.count(&all), "{table}");
    }
}

#[test]
fn what_ships_said_of_themselves_is_merged_as_often_as_they_said_it() {
    let (stored, bare) = full_and_empty();
    stored.execute(
        "INSERT INTO vessels (mmsi, name, draught, eta, instance, source, updated_at, updated_seq, static_reports) \
         SELECT n, CASE WHEN n % 2 = 0 THEN 'A \"{,' || n END, n / 10.0, '12-31T??:??Z', 1, 0, to_timestamp(1000 + n), n, \
         CASE WHEN n < 100 THEN 3 ELSE 1 END FROM generate_series(1, 300) AS n",
    );
    let more = ["copy", "--statics", "--batch", "700", "--from", &stored.superuser_url()];
    let told = copy(&Told::parse_from(more).copy, &address(&bare), START_US).unwrap();
    let reports = 99 * 3 + 201;
    assert_eq!((&told["rows"], &told["commits"]), (&json!(ROWS + reports), &json!(8)));
    let sum = "SELECT sum(static_reports)::int8 FROM vessels";
    assert_eq!((stored.count(sum), bare.count(sum)), (reports, reports));
    let said = "SELECT bit_xor(hashtext((mmsi, name, callsign, draught, eta)::text)::bit(31)::bigint) FROM vessels";
    assert_eq!(bare.count(said), stored.count(said));
    let newest = "SELECT count(*) FROM vessels WHERE updated_at NOT BETWEEN to_timestamp(1000 + mmsi) \
        AND to_timestamp(1001 + mmsi)";
    assert_eq!(bare.count(newest), 0);
}
