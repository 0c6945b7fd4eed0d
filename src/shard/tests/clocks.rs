//! Our own clock is wrong for a while and is set right: what was learned by it gives way to what comes now.

use super::super::testing::{Bench, FEEDS, Heard, NOW, at, metres, moved, said};
use crate::clock::SECOND_US;
use crate::report::{Place, StaticData, Text};
use crate::rows::flags;

const HOUR_S: i64 = 3600;

fn here(time_s: i64) -> Place {
    metres(i32::try_from(time_s).unwrap() * 5, 0)
}

fn named(name: &str, callsign: Option<&str>) -> StaticData {
    let callsign = callsign.and_then(|callsign| Text::new(callsign.as_bytes()));
    StaticData { name: Text::new(name.as_bytes()), callsign, ..StaticData::default() }
}

/// A minute of reports while the clock is so many seconds ahead.
fn while_ahead(bench: &mut Bench, ahead_s: i64) {
    for time_s in (0..60).step_by(10) {
        bench.hear(moved(0, ahead_s + time_s, at(here(time_s))));
    }
    bench.hear(said(4, ahead_s + 60, named("OLD", Some("CALL"))));
}

/// The time of receipt was the measure of everything: after a clock that had been an hour ahead, or in another year, was set right, all that
/// came was older than what was known. The picture stood still until that time came again, and every row was flagged late.
#[test]
fn the_picture_goes_on_when_the_clock_was_ahead_and_is_set_back() {
    for ahead_s in [2 * 60, HOUR_S, 14 * 365 * 24 * HOUR_S] {
        let mut bench = Bench::new("");
        while_ahead(&mut bench, ahead_s);
        let fix = bench.ship().fix.unwrap();
        assert_eq!(fix.origin.time_us, NOW + (ahead_s + 50) * SECOND_US);
        for time_s in (0..60).step_by(10) {
            // Far from where it was then: nothing is known of how long ago that was.
            let place = metres(i32::try_from(time_s).unwrap() * 5, 200_000);
            assert!(bench.hear(moved(0, time_s, at(place))));
            let wrong = flags::LATE | flags::SUSPECT | flags::SHARED;
            assert_eq!(bench.flags() & wrong, 0, "{ahead_s} {time_s}");
            let ship = bench.ship();
            assert_eq!(ship.fix.unwrap().position.place, Some(place), "{ahead_s} {time_s}");
            assert_eq!((ship.heard_us, ship.first_heard_us), (NOW + time_s * SECOND_US, NOW));
        }
        let known = bench.ship().data;
        assert_eq!((known.name, known.callsign), (Text::new(b"OLD"), Text::new(b"CALL")));
        // By a source that is believed less than the one that said so before.
        bench.hear(said(0, 61, named("NEW", None)));
        let known = bench.ship().data;
        assert_eq!((known.name, known.callsign), (Text::new(b"NEW"), Text::new(b"CALL")));
    }
}

/// Receipts of different feeds are out of order by as long as a queue is, and a sender's time may be any: neither is a clock that was set.
#[test]
fn a_receipt_that_is_a_minute_before_another_forgets_nothing() {
    let mut bench = Bench::new("");
    while_ahead(&mut bench, 100);
    let before = bench.ship();
    for (feed, times_s) in [(1, (100, 100)), (2, (-HOUR_S, 160))] {
        bench.hear(Heard { times_s, ..moved(feed, 0, at(here(1))) });
        assert_eq!(bench.flags() & flags::LATE, flags::LATE, "{}", FEEDS[usize::from(feed)]);
    }
    assert_eq!(bench.ship().fix, before.fix);
    assert_eq!(bench.ship().data, before.data);
}

/// When the clock is set ahead, what another feed received before that may come after what one received behind it: that is no clock that was set
/// back, and the picture must not go back for it.
#[test]
fn what_waited_with_another_feed_while_the_clock_was_set_ahead_sets_nothing_back() {
    let mut bench = Bench::new("");
    bench.hear_all(&[moved(0, 0, at(here(0))), moved(1, 1, at(here(1)))]);
    bench.hear(moved(0, HOUR_S, at(here(3))));
    bench.hear(moved(1, 2, at(here(2))));
    assert_eq!(bench.flags() & flags::LATE, flags::LATE);
    assert_eq!(bench.ship().fix.unwrap().position.place, Some(here(3)));
    bench.hear(moved(1, HOUR_S + 1, at(here(4))));
    // Now it is set back: one feed tells of that for all of them.
    let mut other = moved(0, 10, at(here(5)));
    other.told.mmsi += 1;
    bench.hear(other);
    bench.hear(moved(2, 11, at(here(6))));
    assert_eq!(bench.flags() & flags::LATE, 0);
    assert_eq!(bench.ship().fix.unwrap().position.place, Some(here(6)));
    // And ahead once more, while something waits with the third.
    bench.hear_all(&[moved(0, HOUR_S + 20, at(here(8))), moved(2, 12, at(here(7)))]);
    assert_eq!(bench.flags() & flags::LATE, flags::LATE);
    assert_eq!(bench.ship().fix.unwrap().position.place, Some(here(8)));
}

/// What was stored last, while the clock was ahead, kept everything out of the store for as long as the clock had been ahead.
#[test]
fn thinning_begins_anew_when_the_clock_is_set_back() {
    let toml = "[thinning]\nenabled = true\nmin_distance_m = 10000\nmax_interval_seconds = 3600\n";
    let mut bench = Bench::new(toml);
    assert!(bench.hear(moved(0, 1800, at(here(0)))));
    assert!(!bench.hear(moved(0, 1810, at(here(10)))));
    assert!(
        bench.hear(moved(0, 0, at(here(0)))),
        "half an hour earlier, and as good as none before"
    );
    assert!(!bench.hear(moved(0, 10, at(here(10)))));
}
