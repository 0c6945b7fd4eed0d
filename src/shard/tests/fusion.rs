//! One picture of what several sources say: what must hold whatever they say and in whatever order it comes.

use proptest::prelude::*;

use super::super::testing::{Bench, FEEDS, Heard, NOW, SHIP, at, metres, moved, said};
use super::super::vessel::Vessel;
use crate::clock::SECOND_US;
use crate::picture::StaticField;
use crate::report::packed::Told;
use crate::report::{Position, StaticData, Text};

/// Metres that the ship makes in a second.
const SPEED: i32 = 5;

/// What a report tells: one bit for each of speed, course, heading, status, whether it is about the ship itself, and of that name,
/// call sign and destination.
fn told(time_s: i64, bits: u8, names: u8) -> Told {
    let tells = |bit: u8| bits >> bit & 1 == 1;
    let value = u16::try_from(time_s).unwrap();
    let place = metres(i32::try_from(time_s).unwrap() * SPEED, 0);
    let position = Position {
        sog: tells(0).then_some(value),
        cog: tells(1).then_some(value),
        heading: tells(2).then_some(value),
        nav_status: tells(3).then_some(bits % 10),
        ..at(place)
    };
    let text =
        |bit: u8| if tells(bit) { format!("N{}", u32::from(names) * 3) } else { String::new() };
    let data = StaticData {
        name: Text::new(text(5).as_bytes()),
        callsign: Text::new(text(6).as_bytes()),
        destination: Text::new(text(7).as_bytes()),
        ..StaticData::default()
    };
    Told { mmsi: SHIP, position: Some(position), data: tells(4).then_some(data) }
}

/// Reports of different moments within the window, in any order, that can all be true.
fn reports() -> impl Strategy<Value = Vec<(u8, i64, Told)>> {
    let one = (0..5_u8, any::<u8>(), any::<u8>());
    prop::collection::btree_map(0..240_i64, one, 1..20).prop_flat_map(|reports| {
        let reports: Vec<_> = reports
            .into_iter()
            .map(|(time_s, (feed, bits, names))| (feed, time_s, told(time_s, bits, names)))
            .collect();
        Just(reports).prop_shuffle()
    })
}

/// What is shown of a ship after reports that came one after the other, all of them late by some seconds.
fn after(reports: &[(u8, i64, Told)]) -> Vessel {
    let mut bench = Bench::new("");
    for (received_s, (feed, time_s, told)) in (250..).zip(reports) {
        bench.hear(Heard { feed: *feed, times_s: (*time_s, received_s), told: *told });
    }
    bench.ship()
}

/// What does not tell of when it came.
fn shown(ship: &Vessel) -> (Position, i64, u8, StaticData, Vec<i64>) {
    let fix = ship.shown().unwrap();
    let said = StaticField::ALL.map(|field| ship.said.of(field)).to_vec();
    (fix.position, fix.origin.time_us, fix.origin.feed, ship.data, said)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_reports_come_makes_no_difference(
        (reports, seed) in (reports(), any::<u64>())
    ) {
        let mut others = reports.clone();
        others.sort_by_key(|(_, time_s, _)| seed.wrapping_mul(2 * time_s.unsigned_abs() + 1).reverse_bits());
        prop_assert_eq!(shown(&after(&reports)), shown(&after(&others)));
    }

    #[test]
    fn the_picture_never_goes_back_in_time(
        reports in prop::collection::vec((0..5_u8, 0..400_i64, -600..600_i64, 0..6_i32), 1..60)
    ) {
        let mut bench = Bench::new("");
        let (mut last_us, mut received_s) = (0, 0);
        for (feed, after_s, ahead_s, place) in reports {
            received_s += after_s;
            let told = Told { mmsi: SHIP, position: Some(at(metres(place * 3_000, 0))), data: None };
            bench.hear(Heard { feed, times_s: (received_s + ahead_s, received_s), told });
            let Some(fix) = bench.ship().fix else { continue };
            prop_assert!(fix.origin.time_us >= last_us);
            prop_assert!(fix.origin.time_us <= NOW + received_s * SECOND_US, "no later than its receipt");
            last_us = fix.origin.time_us;
        }
    }

    #[test]
    fn a_source_that_is_dated_ahead_silences_nobody(
        // Not yet remarkable, flagged, and not believed at all.
        ahead_s in prop_oneof![1..=60_i64, 61..86_400_i64, 86_400..90_000_i64], weight in 1..100_u32
    ) {
        let toml = format!("[fusion]\nweights = \"two={}\"\n", f64::from(weight) / 100.0);
        let mut bench = Bench::new(&toml);
        for n in 0..20 {
            let (from_ahead, time_s) = (10 * n, 10 * n + 5);
            let place = |time_s| at(metres(i32::try_from(time_s).unwrap() * SPEED, 0));
            let ahead = Heard { times_s: (from_ahead + ahead_s, from_ahead), ..moved(1, 0, place(from_ahead)) };
            bench.hear(ahead);
            let right = Heard { times_s: (time_s - 1, time_s), ..moved(0, 0, place(time_s)) };
            bench.hear(right);
            prop_assert_eq!(bench.ship().fix.unwrap().origin.feed, 0);
        }
    }

    #[test]
    fn one_report_from_where_it_cannot_be_shows_nothing_whenever_it_comes(
        (times, outlier, feed) in (prop::collection::btree_set(0..240_i64, 4..15), any::<prop::sample::Index>(), 0..5_u8)
    ) {
        let mut times: Vec<i64> = times.into_iter().collect();
        let newest = times.pop().unwrap();
        let place = |time_s: i64| metres(i32::try_from(time_s).unwrap() * SPEED, 0);
        let mut reports: Vec<Heard> = times.iter().map(|time_s| moved(0, *time_s, at(place(*time_s)))).collect();
        // No newer than the newest one that is right, which comes last.
        let wrong = metres(400_000, 100_000);
        let at_index = outlier.index(reports.len());
        reports.insert(at_index, moved(feed, times[at_index], at(wrong)));
        reports.push(moved(0, newest, at(place(newest))));
        let mut bench = Bench::new("");
        for (n, report) in reports.iter().enumerate() {
            bench.hear(*report);
            let is_shown = bench.ship().fix.unwrap().position.place == Some(wrong);
            // Alone it is all that is known, until two have come that agree.
            prop_assert!(!is_shown || (at_index == 0 && n < 2), "{n} of {at_index}");
        }
        let fix = bench.ship().fix.unwrap();
        prop_assert_eq!((fix.position.place, fix.origin.time_us), (Some(place(newest)), NOW + newest * SECOND_US));
    }
}

fn named(name: &str) -> StaticData {
    StaticData { name: Text::new(name.as_bytes()), ..StaticData::default() }
}

/// The name that is shown after these were said by a feed at a second, whatever order they come in.
fn check_name(words: &[(&str, i64, &str)], expected: &str) {
    let heard = |(feed, time_s, name): &(&str, i64, &str)| {
        let feed = FEEDS.iter().position(|known| known == feed).unwrap();
        Heard { times_s: (*time_s, 500), ..said(u8::try_from(feed).unwrap(), 0, named(name)) }
    };
    for turn in 0..words.len() {
        let mut words = words.to_vec();
        words.rotate_left(turn);
        let mut bench = Bench::new("");
        bench.hear_all(&words.iter().map(heard).collect::<Vec<_>>());
        assert_eq!(bench.ship().data.name, Text::new(expected.as_bytes()), "{words:?}");
    }
}

#[test]
fn within_a_minute_who_is_believed_more_names_the_ship_and_then_who_is_newer() {
    // The minute ends at 40 s.
    check_name(&[("marine_traffic", 1, "RIGHT"), ("one", 30, "WRONG")], "RIGHT");
    check_name(&[("marine_traffic", 1, "OLD"), ("one", 45, "NEW")], "NEW");
    check_name(
        &[("aisstream", 3, "SECOND"), ("marine_traffic", 1, "FIRST"), ("two", 9, "X")],
        "FIRST",
    );
    check_name(&[("one", 3, "EVER"), ("two", 9, "NEWEST")], "NEWEST");
    check_name(
        &[("one", 3, "EVER GIV"), ("two", 3, "EVER GIVEN"), ("three", 3, "EVER")],
        "EVER GIVEN",
    );
}

#[test]
fn what_a_report_does_not_tell_is_shown_of_the_one_before_for_a_while() {
    let mut bench = Bench::new("[fusion]\nwindow_seconds = 100\n");
    let bare = |north| Position {
        sog: None,
        cog: None,
        heading: None,
        nav_status: None,
        ..at(metres(north, 0))
    };
    bench.hear(moved(0, 0, at(metres(0, 0))));
    bench.hear(moved(1, 100, bare(500)));
    let shown = bench.ship().shown().unwrap();
    assert_eq!((shown.position.place, shown.position.sog), (Some(metres(500, 0)), Some(100)));
    assert_eq!((shown.origin.feed, shown.position.heading), (1, Some(90)));
    assert_eq!(bench.rows.positions[1].position.sog, None, "what is stored is what was reported");
    bench.hear(moved(1, 101, bare(505)));
    assert_eq!(bench.ship().shown().unwrap().position, bare(505), "a hundred seconds are over");
}

#[test]
fn of_one_moment_the_report_of_the_source_that_is_believed_more_is_shown() {
    for order in [[4, 0], [0, 4]] {
        let mut bench = Bench::new("");
        for feed in order {
            bench.hear(moved(feed, 0, at(metres(i32::from(feed), 0))));
        }
        assert_eq!(bench.ship().fix.unwrap().origin.feed, 4);
    }
}
