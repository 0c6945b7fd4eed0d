//! What the traffic promises: whole messages of the asked mix, none equal to another, read back by the standard.

#![allow(
    clippy::cast_possible_truncation,
    reason = "fields are narrower than what they are read into"
)]

use super::*;
use crate::encode::read_back::ReadBack;
use std::collections::{HashMap, HashSet};

const START_US: u64 = 1_700_000_000_000_000;

fn traffic(vessels: u32, turn: u32) -> Traffic {
    Traffic::new(Fleet::new(vessels, 11, turn), Style::clean(Profile::World, 11, 100_000))
}

fn messages(count: u32, vessels: u32) -> Vec<(Entry, String)> {
    messages_of_turn(count, vessels, 0)
}

fn messages_of_turn(count: u32, vessels: u32, turn: u32) -> Vec<(Entry, String)> {
    let mut traffic = traffic(vessels, turn);
    let mut out = Vec::new();
    (0..count)
        .map(|index| {
            let virtual_s = f64::from(index) / 10_000.0;
            out.clear();
            let wall_us = START_US + u64::from(index) * 100;
            let entry = traffic.next(Moment { virtual_s, wall_us }, &mut out);
            (entry, String::from_utf8(out.clone()).unwrap())
        })
        .collect()
}

fn payload(lines: &str) -> String {
    lines.lines().map(|line| line.split(',').nth(5).unwrap()).collect()
}

#[test]
fn no_two_messages_have_equal_payloads() {
    let mut seen = HashSet::new();
    for (entry, lines) in messages(200_000, 300) {
        assert!(seen.insert(payload(&lines)), "{entry:?} {lines}");
    }
}

/// Two short runs within 10 s were one run and its repeats to the daemon, when only the seed decided.
#[test]
fn runs_of_one_seed_that_follow_one_another_have_no_payload_in_common() {
    let mut seen = HashSet::new();
    for turn in [0, 1, 2, 40, 63] {
        for (entry, lines) in messages_of_turn(20_000, 2000, turn) {
            assert!(seen.insert(payload(&lines)), "turn {turn}: {entry:?} {lines}");
        }
    }
}

#[test]
fn no_two_messages_must_appear_alike() {
    let mut seen = HashSet::new();
    for (entry, _) in messages(200_000, 300) {
        let own_row = !matches!(entry.msg_type, 5 | 24);
        assert!(!own_row || seen.insert(entry.digest), "{entry:?}");
    }
}

#[test]
fn positions_read_back_as_the_ledger_expects_them() {
    for (entry, lines) in messages(20_000, 300) {
        let read = ReadBack::of(&lines);
        assert_eq!(read.uint(0, 6), u64::from(entry.msg_type));
        assert_eq!(read.uint(8, 30), u64::from(entry.mmsi));
        let class_b = matches!(entry.msg_type, 18 | 19);
        if !class_b && entry.msg_type > 3 {
            continue;
        }
        let at = if class_b { 46 } else { 50 };
        let fix = Fix {
            mmsi: entry.mmsi,
            msg_type: entry.msg_type,
            sog: read.uint(at, 10) as u16,
            lon: read.int(at + 11, 28) as i32,
            lat: read.int(at + 39, 27) as i32,
            cog: read.uint(at + 66, 12) as u16,
            heading: read.uint(at + 78, 9) as u16,
            second: read.uint(at + 87, 6) as u8,
            rot: if class_b { -128 } else { read.int(42, 8) as i16 },
            nav_status: if class_b { 15 } else { read.uint(38, 4) as u8 },
        };
        let dated = digest::dated(fix.digest(), When::Second(fix.second));
        assert_eq!(dated, entry.digest, "{lines}");
        assert!(fix.cog <= 3600 && (fix.heading < 360 || fix.heading == 511));
        let known = fix.lat != 54_600_000;
        assert!(!known || (fix.lat.abs() < 54_000_000 && fix.lon.abs() < 108_000_000));
    }
}

#[test]
fn a_time_that_the_lines_tell_is_what_the_row_must_say() {
    for (profile, tag_time, step_us) in [
        (Profile::World, true, 1000),
        (Profile::Norway, true, 1000),
        (Profile::Norway, false, 1_000_000),
        (Profile::Satellite, false, 1_000_000),
    ] {
        let style = Style { tag_time, ..Style::clean(profile, 11, 1000) };
        let mut traffic = Traffic::new(Fleet::of(profile, 300, 11, 0), style);
        let (wall_us, mut positions) = (START_US + 1_234_567, 0);
        for _ in 0..500 {
            let mut out = Vec::new();
            let entry = traffic.next(Moment { virtual_s: 0.0, wall_us }, &mut out);
            let Some((fix, _)) = traffic.last_fix() else { continue };
            let told = wall_us / step_us * step_us;
            let (text, digits) = (String::from_utf8(out).unwrap(), told / step_us);
            assert!(text.contains(&format!("c:{digits}*")), "{text}");
            let when = When::Told(told.cast_signed());
            assert_eq!(entry.digest, digest::dated(fix.digest(), when), "{text}");
            positions += 1;
        }
        assert!(positions > 300, "{positions}");
    }
}

#[test]
fn other_messages_read_back_as_the_ledger_expects_them() {
    let mut seen = HashMap::new();
    for (entry, lines) in messages(20_000, 300) {
        let read = ReadBack::of(&lines);
        let data = |at: usize| -> Vec<u8> {
            (at..read.len()).step_by(8).map(|at| read.uint(at, 8) as u8).collect()
        };
        let (mmsi, msg_type) = (entry.mmsi, entry.msg_type);
        let small = |at, width| read.uint(at, width) as u32;
        let place = |at| (read.int(at, 28) as i32, read.int(at + 28, 27) as i32);
        let digest = match msg_type {
            4 => {
                let told = Civil {
                    year: small(38, 14),
                    month: small(52, 4),
                    day: small(56, 5),
                    hour: small(61, 5),
                    minute: small(66, 6),
                    second: small(72, 6),
                };
                let (lon, lat) = place(79);
                digest::base_station(mmsi, told.seconds(), lon, lat)
            }
            6 => digest::binary(mmsi, 6, small(40, 30), small(72, 16), &data(88)),
            8 => digest::binary(mmsi, 8, 0, small(40, 16), &data(56)),
            17 => {
                let place = [read.int(40, 18) as i32, read.int(58, 17) as i32];
                digest::corrections(mmsi, place.map(digest::tenths_of_degree), &data(80))
            }
            20 => {
                let [offset, number] = [small(40, 12), small(52, 4)];
                digest::link_management(mmsi, offset, number, small(56, 3), small(59, 11))
            }
            21 => {
                let (lon, lat) = place(164);
                let dimensions = [small(219, 9), small(228, 9), small(237, 6), small(243, 6)];
                let (name, aid_type) = (&*read.text(43, 20), small(38, 5));
                let told = digest::Aid { name, aid_type, dimensions };
                digest::aid_to_navigation(mmsi, [lon, lat], small(253, 6), told)
            }
            _ => continue,
        };
        let second = (msg_type == 21).then(|| When::Second(small(253, 6) as u8));
        let dated = digest::dated(digest, second.unwrap_or(When::Received));
        assert_eq!(dated, entry.digest, "{lines}");
        *seen.entry(msg_type).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn static_reports_read_back_as_the_particulars_of_their_ship() {
    let mut parts = [0; 2];
    for (entry, lines) in messages(40_000, 300) {
        let read = ReadBack::of(&lines);
        let ship = Particulars::of(entry.mmsi, entry.msg_type != 5);
        match (entry.msg_type, entry.digest) {
            (5, _) => {
                assert_eq!(read.len(), 424);
                assert_eq!(read.uint(40, 30), u64::from(ship.imo));
                assert_eq!(read.text(70, 7), ship.callsign);
                assert_eq!(read.text(112, 20), ship.name);
                assert_eq!(read.uint(232, 8), u64::from(ship.ship_type));
                assert_eq!(read.text(302, 20), ship.destination);
            }
            (19, _) => {
                assert_eq!((read.text(143, 20), read.len()), (ship.name, 312));
            }
            (24, 1) => {
                assert_eq!((read.uint(38, 2), read.text(40, 20)), (0, ship.name));
                parts[0] += 1;
            }
            (24, _) => {
                assert_eq!((read.uint(38, 2), read.text(90, 7)), (1, ship.callsign));
                parts[1] += 1;
            }
            _ => {}
        }
    }
    assert!(parts.iter().all(|count| *count > 20), "{parts:?}");
}
