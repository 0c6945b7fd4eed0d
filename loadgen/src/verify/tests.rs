//! What verifying promises: on stores made by hand, every fault is found and counted where it belongs.
//!
//! The facts are told once, as statements and what must come of them. Both back ends are held to them.

mod facts;
mod postgres;
mod sqlite;

use super::*;
use crate::digest;
use crate::ledger::Entry;
use crate::stored::At;
use std::fmt::Write as _;

/// A store to try things in.
trait Bench {
    /// Where it is.
    fn at(&self) -> At;
    /// Executes statements; `@N` in them is the time of so many seconds since 1970.
    fn execute(&mut self, sql: &str);
}

/// Statements in which each `@N` is written as a store writes it.
fn with_times(sql: &str, write: impl Fn(&str) -> String) -> String {
    let mut parts = sql.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (seconds, behind) = part.split_at(digits);
        out += &write(seconds);
        out += behind;
    }
    out
}

/// Of a run that took from the first to the thousandth second.
fn seen(told: bool) -> Seen {
    Seen::new(Dated { within_us: 1_000_000..=1_000_000_000, told }, None)
}

fn ship() -> Particulars {
    Particulars::of(244_000_001, false)
}

fn entry(msg_type: u8, digest: u64) -> Entry {
    Entry { digest, mmsi: ship().mmsi, length: 1, msg_type, lines: 1, ..Entry::NONE }
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
        second: 1,
    }
}

/// Three positions, two other messages and two static reports of one ship.
fn ledger() -> Ledger {
    ledger_dated([When::Second(1), When::Received])
}

/// The same: positions happened then, and other messages.
fn ledger_dated([of_positions, of_others]: [When; 2]) -> Ledger {
    let mut ledger = Ledger::default();
    let position = |number| entry(1, digest::dated(fix(number).digest(), of_positions));
    ledger.note(&[0, 1, 2].map(position));
    let reserved = digest::link_management(ship().mmsi, 100, 2, 7, 225);
    let told = digest::base_station(ship().mmsi, 1_179_172_659, -45_811_417, 22_130_260);
    let [reserved, told] = [reserved, told].map(|digest| digest::dated(digest, of_others));
    ledger.note(&[entry(20, reserved), entry(4, told), entry(5, 60), entry(5, 61)]);
    ledger.in_order = true;
    ledger
}

const RESERVED: &str = r#"{"offset1":100,"number1":2,"timeout1":7,"increment1":225}"#;
const TOLD: &str = r#"{"timestamp":"2007-05-14T19:57:39Z","lon":-76.3523617,"lat":36.8837667}"#;

/// Empties the store and puts there what the ledger expects.
fn fill(bench: &mut dyn Bench) {
    let mut sql = String::from("DELETE FROM positions; DELETE FROM messages; DELETE FROM vessels;");
    for number in 0..3 {
        sql += &position(10 + number, &fix(number));
    }
    sql += &message(20, 20, RESERVED);
    sql += &message(21, 4, TOLD);
    let Particulars { mmsi, name, callsign, imo, ship_type, destination, draught, .. } = ship();
    let [bow, stern, port, starboard] = ship().dimensions;
    let draught = f64::from(draught) / 10.0;
    let told = format!(
        "{mmsi}, '{name}', '{callsign}', {imo}, {ship_type}, {bow}, {stern}, {port}, {starboard}, {draught}, \
         '{destination}', '01-01T01:01Z', 1, 0, @1, 21, 2"
    );
    let columns = "mmsi, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught, destination, \
         eta, instance, source, updated_at, updated_seq, static_reports";
    write!(sql, "INSERT INTO vessels ({columns}) VALUES ({told});").unwrap();
    bench.execute(&sql);
}

fn position(seq: i32, fix: &digest::Fix) -> String {
    let degrees = |units: i32| f64::from(units) / 600_000.0;
    let tenths = |value: u16| f64::from(value) / 10.0;
    let (lat, lon) = (degrees(fix.lat), degrees(fix.lon));
    let (sog, cog) = (tenths(fix.sog), tenths(fix.cog));
    let digest::Fix { mmsi, msg_type, rot, nav_status, .. } = fix;
    format!(
        "INSERT INTO positions ({POSITION}) VALUES ({seq}, @1, @2, {mmsi}, {lat}, {lon}, {sog}, {cog}, NULL, \
         {rot}, {nav_status}, {msg_type}, 1, 0, 0);"
    )
}

const POSITION: &str = "seq, ts, received_at, mmsi, lat, lon, sog, cog, heading, rot, nav_status, msg_type, \
     instance, source, flags";
const MESSAGE: &str = "seq, ts, received_at, mmsi, msg_type, instance, source, json";

fn message(seq: i32, msg_type: u8, json: &str) -> String {
    let mmsi = ship().mmsi;
    format!(
        "INSERT INTO messages ({MESSAGE}) VALUES ({seq}, @2, @2, {mmsi}, {msg_type}, 1, 0, '{json}');"
    )
}

/// What the store holds of the ledger.
fn verdict(bench: &dyn Bench, ledger: &mut Ledger, before: &Baseline) -> Verdict {
    verdict_of(bench, ledger, before, &mut seen(false))
}

fn verdict_of(
    bench: &dyn Bench,
    ledger: &mut Ledger,
    before: &Baseline,
    seen: &mut Seen,
) -> Verdict {
    let mut rows = bench.at().open().unwrap();
    let rows = rows.as_mut().map(|rows| &mut **rows as _);
    verify(ledger, rows, before, seen, std::iter::once(ship())).unwrap()
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

/// Changes a whole store, and expects what comes of it; rows are counted elsewhere.
fn check(bench: &mut dyn Bench, change: &str, expected: Verdict) {
    fill(bench);
    bench.execute(change);
    let found = verdict(bench, &mut ledger(), &Baseline::default());
    assert_eq!(Verdict { rows: expected.rows, ..found }, expected, "{change}");
    assert_eq!(expected.is_good(), expected == GOOD, "{change}");
}
