//! A letter has the columns of the store's tables, and says what the row said.

use super::*;
use crate::report::{Position, StaticData, Text};

const TABLES: &str = include_str!("../../../store/postgres/0001_tables.sql");
const REFUSAL: Refusal<'static> =
    Refusal { sqlstate: "23514", reason: "violates check \"sane\"\nDETAIL", at_us: 9 };

fn origin() -> Origin {
    let time_us = 1_700_000_000_123_456;
    Origin { seq: (3 << 40) | 7, time_us, received_us: time_us + 1, mmsi: 244_660_000, feed: 4 }
}

fn position() -> PositionRow {
    let position = Position {
        msg_type: 9,
        place: Place::new(2_700_000, -31_200_061),
        sog: Some(123),
        cog: Some(3599),
        heading: Some(7),
        rot: Some(-5),
        nav_status: Some(0),
        altitude: Some(100),
        utc_second: Some(20),
        accurate: true,
        raim: false,
    };
    PositionRow { origin: origin(), position, flags: 64 }
}

fn statics() -> StaticRow {
    let data = StaticData {
        msg_type: 5,
        imo: Some(9_000_001),
        callsign: Text::new(b"PABC"),
        name: Text::new(b"A\"B"),
        ship_type: Some(70),
        dimensions: Some([100, 20, 10, 11]),
        draught: Some(57),
        destination: Text::new(b"ROTTERDAM"),
        eta: [Some(1), Some(2), None, Some(4)],
        epfd: Some(1),
        vendor: Text::new(b"SRT"),
        mothership: Some(1),
    };
    StaticRow { origin: origin(), data, beside_position: false }
}

fn message(json: &[u8]) -> Letter {
    let json_len = u32::try_from(json.len()).unwrap();
    let row = MessageRow { origin: origin(), msg_type: 8, json_at: 3, json_len };
    let json = [b"...", json].concat();
    Letter::of_message(&Rows { json, ..Rows::default() }, &row, &REFUSAL)
}

/// Names of a table's columns, and whether each must have a value.
fn columns(table: &str) -> Vec<(&'static str, bool)> {
    let after = TABLES.split(&format!("CREATE TABLE {table} (\n")).nth(1).unwrap();
    let lines = after.lines().take_while(|line| !line.starts_with(')'));
    let column = |line: &'static str| {
        let name = line.split_whitespace().next().unwrap();
        (name, line.contains("NOT NULL") || line.contains("PRIMARY KEY"))
    };
    lines.map(column).collect()
}

#[test]
fn a_letter_has_the_columns_of_its_table() {
    let check = |table: &str, letter: &Letter, all: bool| {
        let row: Map<String, Value> = serde_json::from_str(&letter.row).unwrap();
        let columns = columns(table);
        assert!(columns.len() > 7, "{columns:?}");
        for name in row.keys() {
            assert!(columns.iter().any(|(column, _)| column == name), "{table} has no {name}");
        }
        for (name, must) in columns.into_iter().filter(|(name, _)| *name != "instance") {
            assert!(row.contains_key(name) || !(all || must), "{table} without {name}");
        }
    };
    check("positions", &Letter::of_position(&position(), &REFUSAL), true);
    check("vessels", &Letter::of_static(&statics(), &REFUSAL), true);
    check("messages", &message(b"{}"), true);
    let mut bare = position();
    bare.position.place = None;
    bare.position.sog = None;
    check("positions", &Letter::of_position(&bare, &REFUSAL), false);
    assert!(!Letter::of_position(&bare, &REFUSAL).row.contains("null"));
}

#[test]
fn a_letter_says_exactly_what_the_row_said() {
    let letter = Letter::of_position(&position(), &REFUSAL);
    let row: Value = serde_json::from_str(&letter.row).unwrap();
    let units = |name: &str| (row[name].as_f64().unwrap() * 600_000.0).round();
    assert_eq!((units("lon"), units("lat")), (2_700_000.0, -31_200_061.0));
    assert_eq!(row["ts"], "2023-11-14T22:13:20.123456Z");
    assert_eq!((row["sog"].as_f64(), row["cog"].as_f64()), (Some(12.3), Some(359.9)));
    assert_eq!((row["seq"].as_u64(), row["rot"].as_i64()), (Some((3 << 40) | 7), Some(-5)));
    assert_eq!((letter.seq, letter.kind, letter.attempts), ((3 << 40) | 7, Kind::Position, 1));
    assert_eq!((letter.mmsi, letter.feed, letter.sqlstate.as_str()), (244_660_000, 4, "23514"));
    assert_eq!(letter.reason, "violates check \"sane\" DETAIL");
    assert_eq!((letter.first_failed_us, letter.last_failed_us), (9, 9));
    let row: Value = serde_json::from_str(&Letter::of_static(&statics(), &REFUSAL).row).unwrap();
    assert_eq!((row["eta"].as_str(), row["draught"].as_f64()), (Some("01-02T??:04Z"), Some(5.7)));
    assert_eq!((row["name"].as_str(), row["to_port"].as_u64()), (Some("A\"B"), Some(10)));
}

#[test]
fn the_json_of_a_message_is_kept_as_it_was_written() {
    let json = r#"{"type":8,"wide":12345678901234567890123,"tenth":0.10}"#;
    let letter = message(json.as_bytes());
    assert!(letter.row.ends_with(&format!(",\"json\":{json}}}")), "{}", letter.row);
    assert!(serde_json::from_str::<Value>(&letter.row).is_ok());
    let letter = message(b"\xff no json");
    let row: Value = serde_json::from_str(&letter.row).unwrap();
    assert_eq!(row["json"], "\u{fffd} no json");
}

#[test]
fn a_time_that_no_calendar_has_stays_a_number() {
    let mut row = position();
    row.origin.time_us = i64::MAX;
    let row: Value = serde_json::from_str(&Letter::of_position(&row, &REFUSAL).row).unwrap();
    assert_eq!(row["ts"], i64::MAX);
}
