//! The embedded store.

use super::facts;
use super::*;
use crate::fleet::Fleet;
use crate::profile::Profile;
use crate::stored::Marks;
use crate::traffic::{Moment, Style, Traffic};
use rusqlite::Connection;

/// Without the keys of the real tables, so that a row can be there twice; with the columns of every store.
const SCHEMA: &str = "
    CREATE TABLE positions (seq, ts, received_at, mmsi, lat, lon, sog, cog, heading, rot, nav_status,
        msg_type, instance, source, flags);
    CREATE TABLE messages (seq, ts, received_at, mmsi, msg_type, instance, source, json);
    CREATE TABLE vessels (mmsi, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught,
        destination, eta, instance, source, updated_at, updated_seq, static_reports);";

struct File {
    db: Connection,
    folder: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join("aisd.db")).unwrap();
        db.execute_batch(SCHEMA).unwrap();
        Self { db, folder }
    }
}

impl Bench for File {
    fn at(&self) -> At {
        At::Sqlite(self.folder.path().join("aisd.db"))
    }

    fn execute(&mut self, sql: &str) {
        self.db.execute_batch(&with_times(sql, |seconds| format!("{seconds}000000"))).unwrap();
    }
}

#[test]
fn a_whole_store_is_good() {
    facts::a_whole_store_is_good(&mut File::new());
}

#[test]
fn a_row_that_is_missing_is_lost() {
    facts::a_row_that_is_missing_is_lost(&mut File::new());
}

#[test]
fn a_row_too_many_is_a_duplicate() {
    facts::a_row_too_many_is_a_duplicate(&mut File::new());
}

#[test]
fn a_row_with_the_number_of_another_is_noticed() {
    facts::a_row_with_the_number_of_another_is_noticed(&mut File::new());
}

#[test]
fn a_row_of_another_time_is_misdated() {
    facts::a_row_of_another_time_is_misdated(&mut File::new());
}

#[test]
fn a_row_of_another_second_is_not_the_one_that_was_sent() {
    facts::a_row_of_another_second_is_not_the_one_that_was_sent(&mut File::new());
}

#[test]
fn a_time_that_was_told_must_be_that_of_the_row() {
    facts::a_time_that_was_told_must_be_that_of_the_row(&mut File::new());
}

#[test]
fn a_wrong_value_is_a_loss_and_a_row_that_nobody_sent() {
    facts::a_wrong_value_is_a_loss_and_a_row_that_nobody_sent(&mut File::new());
}

#[test]
fn a_ship_with_another_name_is_wrong() {
    facts::a_ship_with_another_name_is_wrong(&mut File::new());
}

#[test]
fn what_a_ship_said_is_compared_whatever_the_count_says() {
    facts::what_a_ship_said_is_compared_whatever_the_count_says(&mut File::new());
}

#[test]
fn a_ship_that_nobody_sent_is_unexpected() {
    facts::a_ship_that_nobody_sent_is_unexpected(&mut File::new());
}

#[test]
fn a_message_without_the_needed_fields_is_matched_by_count_and_no_good() {
    facts::a_message_without_the_needed_fields_is_matched_by_count_and_no_good(&mut File::new());
}

#[test]
fn what_was_being_sent_when_the_way_broke_may_be_there_or_not() {
    facts::what_was_being_sent_when_the_way_broke_may_be_there_or_not(&mut File::new());
}

#[test]
fn a_lost_type_19_is_lost_once() {
    facts::a_lost_type_19_is_lost_once(&mut File::new());
}

#[test]
fn rows_of_before_are_left_alone() {
    let mut file = File::new();
    fill(&mut file);
    let before = Baseline::read(&file.at()).unwrap();
    assert_eq!(before.marks, Marks { positions: 12, messages: 21 });
    assert_eq!(before.statics[&ship().mmsi], 2);
    let found = verdict(&file, &mut ledger(), &before);
    assert_eq!(found, Verdict { stored: 0, lost: 7, rows: 0, ..GOOD });
}

#[test]
fn a_store_that_does_not_exist_holds_nothing() {
    let file = File::new();
    std::fs::remove_file(file.folder.path().join("aisd.db")).unwrap();
    assert_eq!(Baseline::read(&file.at()).unwrap(), Baseline::default());
    let found = verdict(&file, &mut ledger(), &Baseline::default());
    assert_eq!(found, Verdict { stored: 0, lost: 7, rows: 0, ..GOOD });
}

#[test]
fn real_traffic_with_nothing_stored_is_lost_to_the_last_message() {
    let (file, mut ledger) = (File::new(), Ledger::default());
    let mut traffic = Traffic::new(Fleet::new(200, 1, 0), Style::clean(Profile::World, 1, 1000));
    let mut out = Vec::new();
    for index in 0..5000 {
        let moment = Moment { virtual_s: f64::from(index) / 100.0, wall_us: 1_700_000_000_000_000 };
        let entry = traffic.next(moment, &mut out);
        ledger.note(&[entry]);
    }
    let before = Baseline::read(&file.at()).unwrap();
    let found = verdict(&file, &mut ledger, &before);
    assert_eq!(found, Verdict { stored: 0, lost: 5000, rows: 0, ..GOOD });
}
