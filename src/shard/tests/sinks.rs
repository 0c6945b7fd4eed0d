//! What is stored and shown when not everything is wanted, and how it is counted.

use super::super::testing::{Bench, Heard, NOW, SHIP, at, metres, moved, said};
use super::sentence;
use crate::clock::SECOND_US;
use crate::reject::Filtered;
use crate::report::packed::Told;
use crate::report::{StaticData, Text};

fn filtered(bench: &Bench, feed: usize, reason: Filtered) -> u64 {
    bench.counts.feeds[feed].filtered.of(reason as usize).get()
}

fn unshown(bench: &Bench, reason: Filtered) -> u64 {
    bench.counts.live.filtered.of(reason as usize).get()
}

fn named() -> StaticData {
    StaticData { msg_type: 5, name: Text::new(b"NAME"), ..StaticData::default() }
}

#[test]
fn what_the_store_does_not_want_is_counted_by_reason_and_still_shown() {
    let check = |filter: &str, heard: Heard, reason| {
        let mut bench = Bench::new(&format!("[store_filter]\n{filter}\n"));
        assert!(!bench.hear(heard), "{filter}");
        assert!(bench.rows.is_empty(), "{filter}");
        assert_eq!(filtered(&bench, heard.feed.into(), reason), 1, "{filter}");
        let fix = bench.ship().fix.unwrap();
        assert_eq!(fix.origin.time_us, NOW, "{filter}");
        assert_eq!(bench.counts.live.filtered.total(), 0);
    };
    let report = moved(1, 0, at(metres(0, 0)));
    check("types = \"!1\"", report, Filtered::Type);
    check(&format!("mmsi = \"!{SHIP}\""), report, Filtered::Mmsi);
    check("area = \"-10,-10,10,10\"", report, Filtered::Area);
    check("sources = \"one\"", report, Filtered::Source);
}

#[test]
fn what_the_picture_does_not_want_is_counted_by_reason_and_still_stored() {
    let check = |filter: &str, reason| {
        let mut bench = Bench::new(&format!("[live_filter]\n{filter}\n"));
        assert!(bench.hear(moved(1, 0, at(metres(0, 0)))), "{filter}");
        assert_eq!(unshown(&bench, reason), 1, "{filter}");
        let ship = bench.ship();
        assert_eq!((ship.fix, ship.heard_us), (None, 0), "{filter}");
        assert_eq!(bench.vessels.lock().waiting(), 0, "{filter}");
        assert_eq!(bench.counts.feeds[1].filtered.total(), 0);
    };
    check("types = \"18,19\"", Filtered::Type);
    check("mmsi = \"1-2\"", Filtered::Mmsi);
    check("area = \"-10,-10,10,10\"", Filtered::Area);
    check("sources = \"!two\"", Filtered::Source);
}

#[test]
fn a_source_that_the_picture_does_not_want_takes_nothing_from_the_others() {
    let mut bench = Bench::new("[live_filter]\nsources = \"!two\"\n");
    bench.hear_all(&[
        moved(0, 0, at(metres(0, 0))),
        moved(1, 1, at(metres(10, 0))),
        said(1, 2, named()),
    ]);
    let ship = bench.ship();
    assert_eq!(ship.fix.unwrap().origin.feed, 0);
    assert_eq!((ship.data.name, bench.rows.positions.len()), (None, 2));
}

/// What the store was not to have of one source was remembered as heard, and the same transmission from the source that it was to have was then
/// a repeat: of a ship that both hear the store had what its own receiver was first with, and nothing else.
#[test]
fn a_source_that_a_sink_does_not_want_takes_nothing_from_one_that_it_wants() {
    let mut bench = Bench::new("[store_filter]\nsources = \"one\"\n");
    // Who brings it, and whether it is stored.
    let heard = [(1, false), (0, true), (0, false), (1, false), (2, false)];
    for (feed, expected) in heard {
        assert_eq!(bench.hear(moved(feed, 0, at(metres(0, 0)))), expected, "{feed}");
        assert_eq!(bench.hear_sentence(feed, &sentence(1), 5), expected, "sentence of {feed}");
    }
    let repeats = |feed: usize| bench.counts.feeds[feed].repeats.get();
    let source = |feed| filtered(&bench, feed, Filtered::Source);
    // The third has the same audience as the second, so what it brings is a repeat and nothing else.
    assert_eq!([repeats(0), repeats(1), repeats(2)], [2, 2, 2]);
    assert_eq!([source(0), source(1), source(2)], [0, 2, 0]);
    assert_eq!(unshown(&bench, Filtered::Source), 0);
    assert_eq!(bench.ship().fix.unwrap().origin.feed, 1, "the picture had it before");
}

#[test]
fn what_nobody_wants_takes_no_place_in_memory() {
    let both = "[store_filter]\nmmsi = \"1-2\"\n[live_filter]\ntypes = \"27\"\n";
    let mut bench = Bench::new(both);
    assert!(!bench.hear(moved(0, 0, at(metres(0, 0)))));
    assert!(bench.vessels.lock().is_empty());
    assert_eq!((filtered(&bench, 0, Filtered::Mmsi), unshown(&bench, Filtered::Type)), (1, 1));
}

#[test]
fn positions_near_to_the_last_stored_one_are_left_out_and_the_picture_is_not_thinned() {
    let mut bench = Bench::new(
        "[thinning]\nenabled = true\nmin_distance_m = 1000\nmax_interval_seconds = 600\n",
    );
    // North in metres, seconds, and whether that is stored.
    let track = [
        (0, 0, true),
        (300, 60, false),
        (900, 120, false),
        (1100, 180, true),
        (1200, 779, false),
        (1200, 780, true),
    ];
    for (north, time_s, expected) in track {
        let stored = bench.hear(moved(0, time_s, at(metres(north, 0))));
        assert_eq!(stored, expected, "{north} m at {time_s} s");
        assert_eq!(bench.ship().fix.unwrap().origin.time_us, NOW + time_s * SECOND_US);
    }
    assert_eq!((filtered(&bench, 0, Filtered::Thinned), bench.rows.positions.len()), (3, 3));
}

#[test]
fn what_a_vessel_says_of_itself_is_stored_though_its_position_is_not() {
    let mut bench = Bench::new("[thinning]\nenabled = true\n");
    let both = Told { mmsi: SHIP, position: Some(at(metres(0, 0))), data: Some(named()) };
    for time_s in [0, 1] {
        bench.hear(Heard { feed: 0, times_s: (time_s, time_s), told: both });
    }
    let beside: Vec<bool> = bench.rows.statics.iter().map(|row| row.beside_position).collect();
    assert_eq!((bench.rows.positions.len(), beside), (1, vec![true, false]));
    assert_eq!(bench.counts.feeds[0].filtered.total(), 0, "the message is stored");
}

#[test]
fn vessels_are_thinned_each_by_itself() {
    let mut bench = Bench::new("[thinning]\nenabled = true\n");
    for (time_s, mmsi) in (0..).zip([SHIP, SHIP + 1, SHIP]) {
        let mut heard = moved(0, time_s, at(metres(0, 0)));
        heard.told.mmsi = mmsi;
        bench.hear(heard);
    }
    assert_eq!(bench.rows.positions.len(), 2);
}
