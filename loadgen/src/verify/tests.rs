//! What verifying promises: on stores made by hand, every fault is found and counted where it belongs.

use super::*;
use crate::digest;
use crate::fleet::Fleet;
use crate::ledger::Entry;
use crate::profile::Profile;
use crate::stored::{At, Marks};
use crate::traffic::{Moment, Traffic};
use rusqlite::{Connection, params};

const SCHEMA: &str = "
    CREATE TABLE positions (ts INTEGER, received_at INTEGER, mmsi INTEGER, seq INTEGER, lat REAL, lon REAL,
        sog REAL, cog REAL, heading INTEGER, rot INTEGER, nav_status INTEGER, msg_type INTEGER);
    CREATE TABLE vessels (mmsi INTEGER PRIMARY KEY, name TEXT, callsign TEXT, imo INTEGER,
        static_reports INTEGER);
    CREATE TABLE messages (seq INTEGER, ts INTEGER, received_at INTEGER, mmsi INTEGER, msg_type INTEGER,
        json TEXT);";

/// A store with three positions, two other messages and two static reports of one ship, and the ledger of them.
struct Case {
    db: Connection,
    folder: tempfile::TempDir,
    ledger: Ledger,
}

fn ship() -> Particulars {
    Particulars::of(244_000_001, false)
}

fn entry(msg_type: u8, digest: u64) -> Entry {
    Entry { digest, mmsi: ship().mmsi, length: 1, msg_type, lines: 1, repeat: false }
}

fn fix(number: i32) -> digest::Fix {
    digest::Fix {
        mmsi: ship().mmsi,
        msg_type: 1,
        lon: 2_500_001 + number,
        lat: -31_000_007,
        sog: 123,
        cog: 3599,
        heading: digest::absent::HEADING,
        rot: -5,
        nav_status: 0,
        second: 0,
    }
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Connection::open(folder.path().join("aisd.db")).unwrap();
        db.execute_batch(SCHEMA).unwrap();
        let mut case = Self { db, folder, ledger: Ledger::default() };
        let ship = ship();
        for number in 0..3 {
            case.ledger.note(&[entry(1, fix(number).digest())]);
            case.position(10 + i64::from(number), &fix(number));
        }
        let reserved = digest::link_management(ship.mmsi, 100, 2, 7, 225);
        let told = digest::base_station(ship.mmsi, 1_179_172_659, -45_811_417, 22_130_260);
        case.ledger.note(&[entry(20, reserved), entry(4, told)]);
        case.message(20, 20, r#"{"offset1":100,"number1":2,"timeout1":7,"increment1":225}"#);
        case.message(
            21,
            4,
            r#"{"timestamp":"2007-05-14T19:57:39Z","lon":-76.3523617,"lat":36.8837667}"#,
        );
        case.ledger.note(&[entry(5, 0), entry(5, 0)]);
        let row = params![ship.mmsi, ship.name, ship.callsign, ship.imo];
        case.db.execute("INSERT INTO vessels VALUES (?1, ?2, ?3, ?4, 2)", row).unwrap();
        case
    }

    fn position(&self, seq: i64, fix: &digest::Fix) {
        let row = params![
            seq,
            fix.mmsi,
            f64::from(fix.lat) / 600_000.0,
            f64::from(fix.lon) / 600_000.0,
            f64::from(fix.sog) / 10.0,
            f64::from(fix.cog) / 10.0,
            fix.rot,
            fix.nav_status,
            fix.msg_type
        ];
        let sql = "INSERT INTO positions VALUES (1, 2, ?2, ?1, ?3, ?4, ?5, ?6, NULL, ?7, ?8, ?9)";
        self.db.execute(sql, row).unwrap();
    }

    fn message(&self, seq: i64, msg_type: u8, json: &str) {
        let row = params![seq, ship().mmsi, msg_type, json];
        self.db.execute("INSERT INTO messages VALUES (?1, 1, 2, ?2, ?3, ?4)", row).unwrap();
    }

    fn verdict(&mut self, before: &Baseline) -> Verdict {
        let mut rows = self.at().open().unwrap().unwrap();
        let fleet = std::iter::once(ship());
        let verdict = verify(&mut self.ledger, Some(&mut *rows), before, 1..=2, fleet);
        verdict.unwrap()
    }

    fn at(&self) -> At {
        At::Sqlite(self.folder.path().join("aisd.db"))
    }
}

const GOOD: Verdict = Verdict {
    stored: 7,
    duplicates: 0,
    lost: 0,
    unexpected: 0,
    wrong: 0,
    by_count: 0,
    indistinct: 0,
    rows: 5,
    same_seq: 0,
    misdated: 0,
};

fn check(change: &str, expected: Verdict) {
    let mut case = Case::new();
    case.db.execute_batch(change).unwrap();
    let verdict = case.verdict(&Baseline::default());
    assert_eq!(Verdict { rows: expected.rows, ..verdict }, expected, "{change}");
    assert_eq!(expected.is_good(), expected == GOOD || expected.by_count > 0);
}

#[test]
fn a_whole_store_is_good() {
    check("", GOOD);
}

#[test]
fn a_row_that_is_missing_is_lost() {
    let lost = Verdict { stored: 6, lost: 1, ..GOOD };
    check("DELETE FROM positions WHERE seq = 11", lost);
    check("DELETE FROM messages WHERE seq = 20", lost);
    check("UPDATE vessels SET static_reports = 1", lost);
    check("DELETE FROM vessels", Verdict { stored: 5, lost: 2, ..GOOD });
}

#[test]
fn a_row_too_many_is_a_duplicate() {
    let twice = Verdict { duplicates: 1, ..GOOD };
    check(
        "INSERT INTO positions SELECT ts, received_at, mmsi, 99, lat, lon, sog, cog, heading, rot, nav_status, \
         msg_type FROM positions WHERE seq = 11",
        twice,
    );
    check(
        "INSERT INTO messages SELECT 99, ts, received_at, mmsi, msg_type, json FROM messages WHERE seq = 20",
        twice,
    );
    check("UPDATE vessels SET static_reports = 3", twice);
}

#[test]
fn a_row_with_the_number_of_another_is_noticed() {
    let same = Verdict { same_seq: 1, ..GOOD };
    check("UPDATE positions SET seq = 10 WHERE seq = 11", same);
    check("UPDATE messages SET seq = 10 WHERE seq = 20", same);
}

#[test]
fn a_row_of_another_time_is_misdated() {
    let misdated = Verdict { misdated: 1, ..GOOD };
    check("UPDATE positions SET ts = 3 WHERE seq = 11", misdated);
    check("UPDATE positions SET received_at = 0 WHERE seq = 11", misdated);
    check("UPDATE messages SET ts = 3 WHERE seq = 20", misdated);
}

#[test]
fn a_wrong_value_is_a_loss_and_a_row_that_nobody_sent() {
    let wrong = Verdict { stored: 6, lost: 1, unexpected: 1, ..GOOD };
    for change in [
        "lat = lat + 1.0 / 600000",
        "lon = NULL",
        "sog = 12.4",
        "cog = 360",
        "heading = 511",
        "rot = NULL",
        "nav_status = 15",
        "msg_type = 3",
        "mmsi = 5",
    ] {
        check(&format!("UPDATE positions SET {change} WHERE seq = 11"), wrong);
    }
    check("UPDATE messages SET json = replace(json, '225', '226') WHERE seq = 20", wrong);
    check("UPDATE messages SET json = replace(json, ':39Z', ':38Z') WHERE seq = 21", wrong);
}

#[test]
fn a_ship_with_another_name_is_wrong() {
    check("UPDATE vessels SET name = 'X'", Verdict { wrong: 1, ..GOOD });
    check("UPDATE vessels SET imo = NULL", Verdict { wrong: 1, ..GOOD });
}

#[test]
fn a_ship_that_nobody_sent_is_unexpected() {
    check("INSERT INTO vessels VALUES (5, NULL, NULL, NULL, 1)", Verdict { unexpected: 1, ..GOOD });
}

#[test]
fn a_message_without_the_needed_fields_is_matched_by_count() {
    check("UPDATE messages SET json = '{}' WHERE seq = 20", Verdict { by_count: 1, ..GOOD });
    let mut case = Case::new();
    case.message(98, 20, "{}");
    let expected = Verdict { unexpected: 1, rows: 6, ..GOOD };
    assert_eq!(case.verdict(&Baseline::default()), expected);
}

#[test]
fn rows_of_before_are_left_alone() {
    let mut case = Case::new();
    let before = Baseline::read(&case.at()).unwrap();
    assert_eq!(before.marks, Marks { positions: 12, messages: 21 });
    assert_eq!(before.statics[&ship().mmsi], 2);
    assert_eq!(case.verdict(&before), Verdict { stored: 0, lost: 7, rows: 0, ..GOOD });
}

#[test]
fn a_lost_type_19_is_lost_once() {
    let mut case = Case::new();
    case.ledger.note(&[entry(19, digest::Fix { msg_type: 19, ..fix(9) }.digest())]);
    assert_eq!(case.verdict(&Baseline::default()), Verdict { lost: 1, ..GOOD });
}

#[test]
fn a_store_that_does_not_exist_holds_nothing() {
    let mut case = Case::new();
    let nowhere = At::Sqlite(case.folder.path().join("nowhere.db"));
    assert_eq!(Baseline::read(&nowhere).unwrap(), Baseline::default());
    assert!(nowhere.open().unwrap().is_none());
    let none = std::iter::empty();
    let verdict = verify(&mut case.ledger, None, &Baseline::default(), 1..=2, none);
    assert_eq!(verdict.unwrap(), Verdict { stored: 0, lost: 7, rows: 0, ..GOOD });
}

#[test]
fn real_traffic_with_nothing_stored_is_lost_to_the_last_message() {
    let mut case = Case::new();
    case.ledger = Ledger::default();
    let mut traffic = Traffic::new(Fleet::new(200, 1, 0), Profile::World, 1, 1000, false);
    let mut out = Vec::new();
    for index in 0..5000 {
        let moment = Moment { virtual_s: f64::from(index) / 100.0, wall_us: 1_700_000_000_000_000 };
        let entry = traffic.next(moment, &mut out);
        case.ledger.note(&[entry]);
    }
    let before = Baseline::read(&case.at()).unwrap();
    assert_eq!(case.verdict(&before), Verdict { stored: 0, lost: 5000, rows: 0, ..GOOD });
}
