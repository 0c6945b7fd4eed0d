//! Sources that are wrong: each is counted, flagged and shown, and takes nothing from the others.

use std::time::Duration;

use uuid::Uuid;

use super::super::testing::{Bench, Heard, NOW, SHIP, at, metres, moved, said};
use super::sentence;
use crate::clock::SECOND_US;
use crate::config::StoreConfig;
use crate::observe::source_counts::SourceCounts;
use crate::partition::PARTITIONS;
use crate::picture::{Fleet, LastPosition};
use crate::report::{Place, Position, StaticData, Text};
use crate::rows::flags;
use crate::shard::fleet::ShardedFleet;
use crate::shard::weight::Weight;
use crate::store::reader::SqliteReader;
use crate::store::sqlite::{FILE_NAME, Sqlite};
use crate::store::{Store, StoreReader};

/// Feeds of the bench.
const GOOD: u8 = 0;
const BAD: u8 = 1;
const BEST: u8 = 4;

fn flagged(bench: &Bench, feed: u8, flag: u16) -> u64 {
    let at = flags::JUDGED.iter().position(|(bit, _)| *bit == flag).unwrap();
    source(bench, feed).flagged.of(at).get()
}

fn source(bench: &Bench, feed: u8) -> &SourceCounts {
    &bench.counts.feeds[usize::from(feed)].source
}

/// Where the ship is shown, and where it is shown as well.
fn shown(bench: &Bench) -> (Option<Place>, Option<Place>) {
    let fleet = ShardedFleet::new(vec![bench.vessels.clone()]);
    let view = fleet.vessel(SHIP).unwrap();
    let place = |last: Option<LastPosition>| last.and_then(|last| last.position.place);
    (place(view.last), place(view.elsewhere))
}

/// A ship that makes 10 knots north, and where another one is.
fn here(time_s: i64) -> Place {
    metres(i32::try_from(time_s).unwrap() * 5, 0)
}

fn far(time_s: i64) -> Place {
    metres(i32::try_from(time_s).unwrap() * 5, 200_000)
}

#[test]
fn a_future_dated_source_is_flagged_and_counted_and_stored_and_never_shown() {
    let mut bench = Bench::new("");
    for n in 0..10 {
        let time_s = n * 10;
        let ahead = Heard { times_s: (time_s + 3600, time_s), ..moved(BAD, 0, at(far(time_s))) };
        assert!(bench.hear(ahead));
        assert_eq!(bench.flags() & flags::AHEAD, flags::AHEAD);
        bench.hear(moved(GOOD, time_s + 1, at(here(time_s + 1))));
        assert_eq!(bench.flags() & (flags::LATE | flags::JUMP), 0);
        assert_eq!(shown(&bench), (Some(here(time_s + 1)), None));
    }
    assert_eq!((flagged(&bench, BAD, flags::AHEAD), flagged(&bench, GOOD, flags::AHEAD)), (10, 0));
    assert_eq!(bench.rows.positions.len(), 20);
}

#[test]
fn a_jump_is_flagged_and_counted_and_stored_and_the_ship_stays_where_it_was() {
    let mut bench = Bench::new("");
    bench.hear_all(&[moved(GOOD, 0, at(here(0))), moved(GOOD, 10, at(here(10)))]);
    assert!(bench.hear(moved(BAD, 15, at(far(15)))));
    assert_eq!(bench.flags() & (flags::JUMP | flags::SHARED), flags::JUMP);
    assert_eq!(shown(&bench), (Some(here(10)), None));
    bench.hear(moved(GOOD, 20, at(here(20))));
    assert_eq!(bench.flags() & flags::JUMP, 0, "back is no jump");
    assert_eq!(shown(&bench), (Some(here(20)), None));
    assert_eq!((flagged(&bench, BAD, flags::JUMP), flagged(&bench, GOOD, flags::JUMP)), (1, 0));
}

/// Until somebody confirmed a place, the first report after a start, or after a turned bit, held the picture: the ship stood in the wrong
/// place, and every report that was right was the one that jumped.
#[test]
fn a_first_report_that_was_wrong_is_corrected_by_the_second_that_is_right() {
    let mut bench = Bench::new("");
    bench.hear(moved(GOOD, 0, at(far(0))));
    bench.hear(moved(GOOD, 10, at(here(10))));
    assert_eq!(shown(&bench).0, Some(far(0)));
    bench.hear(moved(GOOD, 20, at(here(20))));
    assert_eq!(shown(&bench), (Some(here(20)), None));
    bench.hear(moved(GOOD, 30, at(here(30))));
    assert_eq!(bench.flags() & flags::JUMP, 0);
}

#[test]
fn a_source_that_gives_the_mmsi_to_a_wrong_ship_is_flagged_and_the_picture_stays() {
    let mut bench = Bench::new("");
    for n in 0..10 {
        let time_s = n * 10;
        bench.hear(moved(GOOD, time_s, at(here(time_s))));
        bench.hear(moved(BAD, time_s + 5, at(far(time_s + 5))));
        assert_eq!(shown(&bench).0, Some(here(time_s)));
    }
    assert_eq!(shown(&bench).1, Some(far(95)), "where it is reported from as well");
    assert_eq!((flagged(&bench, BAD, flags::JUMP), flagged(&bench, BAD, flags::SHARED)), (10, 9));
    assert_eq!((flagged(&bench, GOOD, flags::JUMP), flagged(&bench, GOOD, flags::LATE)), (0, 0));
    assert_eq!(bench.rows.positions.len(), 20, "all are stored");
}

#[test]
fn the_source_that_is_believed_more_says_which_ship_it_is() {
    let mut bench = Bench::new("");
    for n in 0..10 {
        let time_s = n * 10;
        bench.hear(moved(BAD, time_s, at(far(time_s))));
        bench.hear(moved(BEST, time_s + 5, at(here(time_s + 5))));
    }
    assert_eq!(shown(&bench), (Some(here(95)), Some(far(90))));
    assert_eq!(flagged(&bench, BEST, flags::JUMP), 2, "until it had said so twice");
    assert_eq!(flagged(&bench, BAD, flags::SHARED), 8);
}

#[test]
fn of_two_ships_that_share_an_mmsi_one_is_shown_and_the_other_beside_it() {
    let mut bench = Bench::new("");
    for n in 0..30 {
        let time_s = n * 10;
        bench.hear(moved(GOOD, time_s, at(here(time_s))));
        // Both are heard by the same receiver.
        bench.hear(moved(GOOD, time_s + 5, at(far(time_s + 5))));
        if n > 0 {
            assert_eq!(shown(&bench), (Some(here(time_s)), Some(far(time_s + 5))));
        }
    }
    assert_eq!(flagged(&bench, GOOD, flags::SHARED), 29);
    // The first one falls silent.
    bench.hear(moved(GOOD, 600, at(far(600))));
    assert_eq!(shown(&bench).0, Some(far(600)));
}

/// The other place was told for ever once two reports had come from it, however long ago the other ship had gone.
#[test]
fn where_nobody_reports_from_any_more_is_no_other_place() {
    let mut bench = Bench::new("");
    for n in 0..10 {
        bench.hear(moved(GOOD, n * 10, at(here(n * 10))));
        bench.hear(moved(GOOD, n * 10 + 5, at(far(n * 10 + 5))));
    }
    for time_s in (100..=500).step_by(10) {
        bench.hear(moved(GOOD, time_s, at(here(time_s))));
        let (place, elsewhere) = shown(&bench);
        // Its last report was at 95 s, and holds for 300.
        let expected = (time_s <= 395).then(|| far(95));
        assert_eq!((place, elsewhere), (Some(here(time_s)), expected), "{time_s}");
    }
    assert_eq!(bench.ship().elsewhere, None);
}

/// Where the place that was believed had fallen silent, the next report from anywhere was taken for one from the other place: a third place got
/// the votes of the second, and was shown with its speed.
#[test]
fn a_third_place_takes_nothing_over_from_the_second() {
    let third = Position { sog: None, ..at(metres(0, -200_000)) };
    let mut bench = Bench::new("");
    bench.hear(moved(GOOD, 0, at(here(0))));
    bench.hear(moved(BEST, 200, at(far(200))));
    bench.hear(moved(GOOD, 310, third));
    let ship = bench.ship();
    let seen = ship.shown().unwrap().position;
    assert_eq!((seen.place, seen.sog, ship.elsewhere), (third.place, None, None));
    assert_eq!((ship.count, ship.weight), (1, Weight::default()));
    // The second place itself does get them.
    let mut bench = Bench::new("");
    bench.hear_all(&[moved(GOOD, 0, at(here(0))), moved(BEST, 200, at(far(200)))]);
    bench.hear(moved(GOOD, 310, Position { sog: None, ..at(far(310)) }));
    let ship = bench.ship();
    assert_eq!((ship.shown().unwrap().position.sog, ship.count), (Some(100), 2));
}

#[test]
fn a_ship_that_is_really_somewhere_else_is_shown_there_after_some_reports() {
    let mut bench = Bench::new("");
    for n in 0..100 {
        bench.hear(moved(GOOD, n * 2, at(here(n * 2))));
    }
    let reports = (0..100).take_while(|n| {
        bench.hear(moved(GOOD, 200 + n * 2, at(far(200 + n * 2))));
        shown(&bench).0 != Some(far(200 + n * 2))
    });
    assert_eq!(reports.count(), 20);
}

/// The sentence of this number, from the source that is bad.
fn hear_sentence(bench: &mut Bench, number: u32, time_s: i64) -> bool {
    bench.hear_sentence(BAD, &sentence(number), time_s)
}

/// A buffer that goes round sends the reports of the last minute as if they were new: their times are those of receipt, so each ship goes
/// back to where it was.
#[test]
fn a_receiver_that_is_stuck_is_flagged_and_counted_and_shows_nothing_any_more() {
    let mut bench = Bench::new("");
    let hear = hear_sentence;
    let is_stuck =
        |bench: &Bench, time_s: i64| source(bench, BAD).is_stuck(NOW + time_s * SECOND_US);
    let stuck_from = (0..300).find(|time_s| {
        hear(&mut bench, u32::try_from(time_s % 60).unwrap(), *time_s);
        is_stuck(&bench, *time_s)
    });
    assert_eq!(stuck_from, Some(120), "judged when a minute brought nothing new");
    assert_eq!(bench.rows.positions.len(), 121, "each is longer ago than the window of repeats");
    assert_eq!(bench.flags() & flags::STUCK, flags::STUCK);
    let before = bench.vessels.lock().iter().next().unwrap().1.fix;
    hear(&mut bench, 1, 121);
    assert_eq!(bench.vessels.lock().iter().next().unwrap().1.fix, before);
    assert_eq!(
        (flagged(&bench, BAD, flags::STUCK), source(&bench, BAD).own_repeats.get()),
        (2, 62)
    );
    // It is well again: within the next minute that is seen.
    for time_s in 122..300 {
        hear(&mut bench, u32::try_from(time_s).unwrap(), time_s);
    }
    assert!(!is_stuck(&bench, 299) && bench.flags() & flags::STUCK == 0);
}

/// A receiver on a quiet coast that was stuck for two minutes and well again ever after brought too few messages to be judged, and what was
/// once found of it held for ever: whatever it brought was flagged and never shown.
#[test]
fn a_receiver_that_was_stuck_and_brings_little_is_well_again_after_ten_minutes() {
    let mut bench = Bench::new("");
    for time_s in 0..122 {
        hear_sentence(&mut bench, u32::try_from(time_s % 60).unwrap(), time_s);
    }
    let before = bench.vessels.lock().iter().next().unwrap().1.fix.unwrap();
    assert_eq!(bench.flags() & flags::STUCK, flags::STUCK, "it is stuck");
    for n in 0..300 {
        let (number, time_s) = (100 + n, 140 + i64::from(n) * 20);
        hear_sentence(&mut bench, number, time_s);
        let is_stuck = bench.flags() & flags::STUCK != 0;
        assert_eq!(is_stuck, time_s < 720, "{time_s}");
        let newest = bench.vessels.lock().iter().next().unwrap().1.fix.unwrap();
        let is_shown = newest.origin.received_us == NOW + time_s * SECOND_US;
        assert!(is_shown || is_stuck && newest == before, "{time_s}");
    }
}

#[test]
fn a_source_that_tells_little_counts_for_less_and_is_counted() {
    let named = |name: &[u8]| StaticData { name: Text::new(name), ..StaticData::default() };
    let bare = Position { sog: None, cog: None, heading: None, ..at(here(0)) };
    let mut bench = Bench::new("");
    for time_s in 0..61 {
        let mut heard = moved(BEST, time_s, bare);
        heard.told.mmsi = SHIP + 1;
        bench.hear(heard);
    }
    let (best, now_us) = (source(&bench, BEST), NOW + 61 * SECOND_US);
    assert!(best.is_demoted(now_us) && !best.is_demoted(now_us + 1800 * SECOND_US));
    assert_eq!(best.demotions.get(), 1);
    bench.hear_all(&[said(GOOD, 110, named(b"GOOD")), said(BEST, 111, named(b"POOR"))]);
    assert_eq!(bench.ship().data.name, Text::new(b"GOOD"));
    let later = 62 + 1800;
    bench.hear_all(&[said(BEST, later, named(b"BEST")), said(GOOD, later + 1, named(b"GOOD"))]);
    assert_eq!(bench.ship().data.name, Text::new(b"BEST"), "half an hour is over");
}

#[test]
fn what_nobody_brought_before_is_counted_for_who_brought_it_and_how_long_it_took() {
    let mut bench = Bench::new("");
    for n in 0..10 {
        let report = moved(GOOD, n * 10, at(here(n * 10)));
        bench.hear(Heard { times_s: (n * 10, n * 10 + 2), ..report });
        bench.hear(Heard { feed: BAD, times_s: (n * 10, n * 10 + 3), ..report });
    }
    let feed = |feed: u8| {
        (source(&bench, feed).first.get(), bench.counts.feeds[usize::from(feed)].repeats.get())
    };
    assert_eq!((feed(GOOD), feed(BAD)), ((10, 0), (0, 10)));
    assert_eq!(source(&bench, GOOD).delay_seconds(), Some(2.0));
    assert_eq!(source(&bench, BAD).delay_seconds(), None);
}

/// The rows of static reports kept the sender's own time: one that was dated an hour ahead was the newest of its vessel for that hour, or for
/// ever from a source whose clock stood in another year, and `vessels` kept the old name.
#[test]
fn what_a_future_dated_source_said_gives_way_to_what_is_said_after_it() {
    let named = |name: &[u8]| StaticData { name: Text::new(name), ..StaticData::default() };
    let mut bench = Bench::new("");
    bench.hear(Heard { times_s: (3600, 0), ..said(BAD, 0, named(b"OLD")) });
    bench.hear(said(GOOD, 60, named(b"NEW")));
    let origins: Vec<_> = bench.rows.statics.iter().map(|row| row.origin).collect();
    assert_eq!(origins.len(), 2);
    assert!(origins.iter().all(|origin| origin.time_us <= origin.received_us), "{origins:?}");

    let dir = tempfile::tempdir().unwrap();
    let mut store = Sqlite::new(dir.path(), Uuid::from_u128(7), StoreConfig::default());
    store.connect().unwrap();
    store.commit(&[std::mem::take(&mut bench.rows)], &[100; PARTITIONS]).unwrap();
    let path = dir.path().join(FILE_NAME);
    let mut reader = SqliteReader::open(&path, Duration::from_secs(20)).unwrap();
    assert_eq!(reader.vessel(SHIP).unwrap().unwrap().statics.name, Text::new(b"NEW"));
}
