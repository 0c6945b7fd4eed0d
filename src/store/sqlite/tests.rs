//! The embedded store driven by hand, on real files.

use std::time::Duration;

use rusqlite::Connection;
use uuid::Uuid;

use super::*;
use crate::report::{Place, Position, StaticData, Text};
use crate::rows::{MessageRow, Origin, PositionRow, StaticRow};
use crate::store::StoreReader;
use crate::store::reader::SqliteReader;

const INSTANCE: Uuid = Uuid::from_u128(7);
const NOW: i64 = 1_700_000_000_000_000;

fn store(dir: &Path, index: Index) -> Sqlite {
    Sqlite::new(dir, INSTANCE, StoreConfig { index, ..StoreConfig::default() })
}

fn origin(seq: u64, mmsi: u32) -> Origin {
    let time_us = NOW + seq.cast_signed() * 1000;
    Origin { seq, time_us, received_us: time_us, mmsi, feed: 0 }
}

fn position(seq: u64, mmsi: u32) -> PositionRow {
    let position = Position {
        msg_type: 1,
        place: Place::new(-74_103_830, 29_028_980),
        sog: Some(123),
        cog: Some(2240),
        heading: None,
        rot: Some(-127),
        nav_status: Some(0),
        altitude: None,
        utc_second: None,
        accurate: true,
        raim: false,
    };
    PositionRow { origin: origin(seq, mmsi), position, flags: 3 }
}

/// Rows of one shard: so many positions from this number on, of ten ships.
fn positions(from: u64, count: u64) -> Rows {
    let row = |seq| position(seq, 244_000_000 + u32::try_from(seq % 10).unwrap());
    let positions = (from..from + count).map(row).collect();
    Rows { next_seq: from + count, positions, ..Rows::default() }
}

fn count(dir: &Path, sql: &str) -> i64 {
    let connection = Connection::open(dir.join(FILE_NAME)).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn rows_and_offsets_land_together_and_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path(), Index::Track);
    assert_eq!(first.connect().unwrap(), [0; PARTITIONS]);
    first.commit(&[positions(1, 5)], &[6; PARTITIONS]).unwrap();
    drop(first);
    let mut second = store(dir.path(), Index::Track);
    assert_eq!(second.connect().unwrap(), [6; PARTITIONS]);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM positions"), 5);
    let exact = "SELECT round(lat * 600000) = 29028980 AND round(lon * 600000) = -74103830 \
                 AND sog = 12.3 AND cog = 224.0 AND heading IS NULL AND rot = -127 FROM positions";
    assert_eq!(count(dir.path(), exact), 1);
}

#[test]
fn offsets_of_another_data_directory_are_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = store(dir.path(), Index::Append);
    one.connect().unwrap();
    one.commit(&[], &[9; PARTITIONS]).unwrap();
    let mut other = Sqlite::new(dir.path(), Uuid::from_u128(8), StoreConfig::default());
    assert_eq!(other.connect().unwrap(), [0; PARTITIONS]);
}

#[test]
fn a_number_that_is_there_already_fails_the_whole_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Index::Track);
    store.connect().unwrap();
    store.commit(&[positions(1, 3)], &[4; PARTITIONS]).unwrap();
    assert!(store.commit(&[positions(3, 3)], &[6; PARTITIONS]).is_err());
    assert_eq!(count(dir.path(), "SELECT count(*) FROM positions"), 3);
    assert_eq!(count(dir.path(), "SELECT max(next_seq) FROM offsets"), 4);
    // And it goes on after that.
    store.commit(&[positions(4, 3)], &[7; PARTITIONS]).unwrap();
    assert_eq!(count(dir.path(), "SELECT count(*) FROM positions"), 6);
}

#[test]
fn every_position_is_in_exactly_one_track_whenever_the_process_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut seq = 1;
    for round in 0..6 {
        // Every other time it is killed: nothing that waits is swept.
        let mut store = store(dir.path(), if round == 2 { Index::Append } else { Index::Track });
        store.connect().unwrap();
        for _ in 0..10 {
            store.commit(&[positions(seq, 700)], &[seq + 700; PARTITIONS]).unwrap();
            seq += 700;
        }
        if round % 2 == 0 {
            store.close();
        }
    }
    store(dir.path(), Index::Track).connect().unwrap();
    assert_eq!(count(dir.path(), "SELECT count(*) FROM positions"), 42_000);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM tracks"), 42_000);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM vessel_positions"), 42_000);
    assert_eq!(count(dir.path(), "SELECT sum(rows) FROM runs"), 42_000);
    let one = "SELECT count(*) FROM vessel_positions WHERE mmsi = 244000003";
    assert_eq!(count(dir.path(), one), 4_200);
}

/// Tracks of rows that a start replays below the newest number there is were lost when that start was killed as well:
/// everything below the newest number was taken for tracked.
#[test]
fn rows_that_come_below_the_newest_number_are_tracked_after_a_second_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut ahead = store(dir.path(), Index::Track);
    ahead.connect().unwrap();
    ahead.commit(&[positions(100, 50)], &[20; PARTITIONS]).unwrap();
    drop(ahead);
    let mut behind = store(dir.path(), Index::Track);
    behind.connect().unwrap();
    behind.commit(&[positions(20, 50)], &[150; PARTITIONS]).unwrap();
    drop(behind);
    store(dir.path(), Index::Track).connect().unwrap();
    assert_eq!(count(dir.path(), "SELECT count(*) FROM tracks"), 100);
}

/// The planner once walked through all tracks for each row that had none: a start after a kill took 20 s at 300 000 rows.
#[test]
fn what_a_start_looks_up_is_found_by_key_and_never_by_walking_through_the_tracks() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), Index::Track).connect().unwrap();
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    let explain = format!("EXPLAIN QUERY PLAN {}", schema::TRACK_MISSING);
    let mut plan = connection.prepare(&explain).unwrap();
    let steps = plan.query_map([0], |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
    assert!(steps.iter().any(|step| step.starts_with("SEARCH tracks")), "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("SCAN tracks")), "{steps:?}");
}

#[test]
fn a_track_is_read_in_the_order_of_time_and_within_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Index::Track);
    store.connect().unwrap();
    store.commit(&[positions(1, 100)], &[101; PARTITIONS]).unwrap();
    let mut reader =
        SqliteReader::open(&dir.path().join(FILE_NAME), Duration::from_secs(5)).unwrap();
    let check = |reader: &mut SqliteReader| {
        let track = reader.track(244_000_003, NOW + 10_000, NOW + 60_000, 3).unwrap();
        let times: Vec<i64> = track.iter().map(|point| point.time_us - NOW).collect();
        assert_eq!(times, [13_000, 23_000, 33_000]);
        assert_eq!(reader.track(244_000_003, 0, i64::MAX, 1000).unwrap().len(), 10);
    };
    // Before the rows are swept, and after.
    check(&mut reader);
    store.close();
    check(&mut reader);
}

#[test]
fn static_reports_are_merged_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Index::Append);
    store.connect().unwrap();
    let said = |seq, name: &[u8], imo| StaticRow {
        origin: origin(seq, 244_660_000),
        data: StaticData { name: Text::new(name), imo, ..StaticData::default() },
        beside_position: false,
    };
    let rows = |row| Rows { statics: vec![row], ..Rows::default() };
    store.commit(&[rows(said(10, b"NEW", None))], &[11; PARTITIONS]).unwrap();
    store.commit(&[rows(said(5, b"OLD", Some(9_074_729)))], &[12; PARTITIONS]).unwrap();
    let merged = "SELECT name = 'NEW' AND imo = 9074729 AND static_reports = 2 FROM vessels";
    assert_eq!(count(dir.path(), merged), 1);
}

#[test]
fn other_messages_keep_their_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Index::Append);
    store.connect().unwrap();
    let json = br#"{"type":4}"#.to_vec();
    let row = MessageRow { origin: origin(1, 2_444_000), msg_type: 4, json_at: 0, json_len: 10 };
    let rows = Rows { messages: vec![row], json, ..Rows::default() };
    store.commit(&[rows], &[2; PARTITIONS]).unwrap();
    let kept = "SELECT json_extract(json, '$.type') = 4 AND mmsi = 2444000 FROM messages";
    assert_eq!(count(dir.path(), kept), 1);
}

#[test]
fn a_file_that_is_not_ours_or_newer_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    connection.execute_batch("CREATE TABLE mine (a); PRAGMA user_version = 3").unwrap();
    let refused = store(dir.path(), Index::Track).connect().unwrap_err().to_string();
    assert!(refused.ends_with("is a database, but not aisd's"), "{refused}");
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    let refused = store(dir.path(), Index::Track).connect().unwrap_err().to_string();
    assert!(refused.contains("has tables of version 3, this program knows version 2"), "{refused}");
}

fn mark(reading: u64, bytes: u64, nth: u8) -> FileMark {
    let place = crate::record::Place { bytes, nth };
    FileMark { mark: crate::record::Mark { reading, place, digest: u64::MAX - bytes }, feed: 3 }
}

/// What a new start is told of files.
fn taken(dir: &Path) -> Vec<crate::record::Mark> {
    let told = Arc::new(Taken::default());
    let mut store = store(dir, Index::Append).telling(Arc::clone(&told));
    store.connect().unwrap();
    told.all().unwrap()
}

#[test]
fn how_far_files_were_read_lands_with_the_rows_or_not_at_all_and_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = store(dir.path(), Index::Append);
    first.connect().unwrap();
    let id = u64::MAX - 5;
    first.carry(&[mark(id, 500, 2), mark(7, 1 << 40, 1)]);
    first.commit(&[positions(1, 5)], &[6; PARTITIONS]).unwrap();
    first.carry(&[mark(id, 500, 1)]);
    first.commit(&[positions(6, 1)], &[7; PARTITIONS]).unwrap();
    let known = [mark(id, 500, 2).mark, mark(7, 1 << 40, 1).mark];
    assert_eq!(taken(dir.path()), known);
    // The same rows once more: their numbers are there, so nothing of it is.
    first.carry(&[mark(id, 900, 1)]);
    assert!(first.commit(&[positions(6, 1)], &[8; PARTITIONS]).is_err());
    assert_eq!(taken(dir.path()), known);
    first.connect().unwrap();
    first.carry(&[mark(id, 900, 1)]);
    first.commit(&[], &[8; PARTITIONS]).unwrap();
    assert_eq!(taken(dir.path()), [mark(id, 900, 1).mark, known[1]]);
}

#[test]
fn tables_of_version_1_are_brought_to_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let connection = Connection::open(dir.path().join(FILE_NAME)).unwrap();
    connection.execute_batch(schema::TABLES).unwrap();
    connection.execute_batch("INSERT INTO sources VALUES (0, 'kept')").unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    assert_eq!(taken(dir.path()), []);
    assert_eq!(count(dir.path(), "SELECT count(*) FROM sources"), 1);
    assert_eq!(count(dir.path(), "PRAGMA user_version"), i64::from(schema::VERSION));
}
