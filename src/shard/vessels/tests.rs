//! Facts about the table of vessels and its list of changes.

use proptest::prelude::*;

use super::*;
use crate::picture::StaticField;
use crate::report::{Place, Position, StaticData, Text};
use crate::rows::Origin;
use crate::shard::standing::Standing;
use crate::shard::vessel::Fix;
use crate::shard::weight::Weight;

const WINDOW_US: i64 = 300_000_000;

const fn origin(seq: u64, time_us: i64) -> Origin {
    Origin { seq, time_us, received_us: time_us, mmsi: 1, feed: 0 }
}

fn fix(seq: u64, time_us: i64) -> Fix {
    let position = Position {
        msg_type: 1,
        place: Place::new(i32::try_from(seq).unwrap(), 0),
        sog: None,
        cog: None,
        heading: None,
        rot: None,
        nav_status: None,
        altitude: None,
        utc_second: None,
        accurate: false,
        raim: false,
    };
    Fix { origin: origin(seq, time_us), position, flags: 0, weight: Weight::default() }
}

#[test]
fn the_newest_position_stays_whatever_comes_after_it() {
    let mut vessel = Vessel::default();
    for (seq, time) in [(1, 10), (2, 30), (3, 20), (4, 30)] {
        vessel.moved(fix(seq, time), Standing::Here, WINDOW_US);
    }
    assert_eq!(vessel.fix.unwrap().origin.seq, 4);
    assert!(vessel.is_late(29));
}

#[test]
fn an_older_static_report_fills_gaps_only() {
    let name =
        |text: &str| StaticData { name: Text::new(text.as_bytes()), ..StaticData::default() };
    let mut vessel = Vessel::default();
    vessel.said(20, &name("NEWER"), Weight::default());
    let older = StaticData { imo: Some(9_074_729), ..name("OLDER") };
    vessel.said(10, &older, Weight::default());
    assert_eq!(vessel.data.name, Text::new(b"NEWER"));
    assert_eq!(vessel.data.imo, Some(9_074_729));
}

#[test]
fn each_field_keeps_the_time_at_which_it_was_said() {
    let mut vessel = Vessel::default();
    let name = StaticData { name: Text::new(b"NAME"), ..StaticData::default() };
    vessel.said(20, &name, Weight::default());
    vessel.said(
        30,
        &StaticData { imo: Some(9_074_729), ..StaticData::default() },
        Weight::default(),
    );
    vessel.said(
        10,
        &StaticData { ship_type: Some(70), ..StaticData::default() },
        Weight::default(),
    );
    let at = |field| vessel.said.of(field);
    assert_eq!((at(StaticField::Name), at(StaticField::Imo)), (20, 30));
    assert_eq!((at(StaticField::ShipType), at(StaticField::Eta)), (10, 0));
}

#[test]
fn only_what_is_taken_over_is_a_change() {
    let mut vessel = Vessel::default();
    vessel.moved(fix(2, 20), Standing::Here, WINDOW_US);
    assert_eq!(std::mem::take(&mut vessel.changed), What { position: true, statics: false });
    vessel.moved(fix(3, 19), Standing::Here, WINDOW_US);
    assert!(!vessel.changed.any());
    let name = StaticData { name: Text::new(b"NAME"), ..StaticData::default() };
    vessel.said(20, &name, Weight::default());
    assert_eq!(std::mem::take(&mut vessel.changed), What::STATICS);
    vessel.said(10, &name, Weight::default());
    assert!(!vessel.changed.any());
}

fn move_one(vessels: &mut Vessels, mmsi: u32, seq: u64) {
    let vessel = vessels.heard(mmsi);
    let before = vessel.changed.any();
    vessel.moved(fix(seq, i64::try_from(seq).unwrap()), Standing::Here, WINDOW_US);
    if !before && vessel.changed.any() {
        vessels.note_changed(mmsi);
    }
}

fn taken(vessels: &mut Vessels) -> Vec<u32> {
    std::iter::from_fn(|| vessels.take_changed().map(|(mmsi, ..)| mmsi)).collect()
}

#[test]
fn a_vessel_that_changes_often_waits_once() {
    let mut vessels = Vessels::new(10).watched();
    for (seq, mmsi) in (1..).zip([7, 8, 7, 7, 8]) {
        move_one(&mut vessels, mmsi, seq);
    }
    assert_eq!(vessels.waiting(), 2);
    assert_eq!(taken(&mut vessels), [7, 8]);
    assert_eq!((vessels.waiting(), vessels.take_evicted_changed()), (0, 0));
    vessels.mark_changed(8, What::STATICS);
    move_one(&mut vessels, 8, 9);
    let (mmsi, vessel, what) = vessels.take_changed().unwrap();
    assert_eq!((mmsi, vessel.fix.unwrap().origin.seq, what), (8, 9, What::ALL));
}

#[test]
fn nobody_watching_costs_no_list_and_a_copy_has_none() {
    let mut vessels = Vessels::new(10);
    move_one(&mut vessels, 7, 1);
    assert_eq!((vessels.waiting(), taken(&mut vessels).len()), (0, 0));
    let mut vessels = Vessels::new(10).watched();
    move_one(&mut vessels, 7, 1);
    let mut copy = vessels.clone();
    assert!(copy.get(7).is_some() && copy.take_changed().is_none());
    move_one(&mut copy, 8, 1);
    assert_eq!((copy.waiting(), taken(&mut vessels)), (0, vec![7]));
}

#[test]
fn changed_vessels_put_out_at_the_bound_are_counted_and_do_not_add_up() {
    let mut vessels = Vessels::new(4).watched();
    for n in 0..1000 {
        move_one(&mut vessels, n % 100, u64::from(n) + 1);
        let list = vessels.changed.as_ref().unwrap().list.len();
        assert!(list <= 9, "{list} in the list");
    }
    assert_eq!((vessels.waiting(), vessels.take_evicted_changed()), (4, 996));
    let mut found = taken(&mut vessels);
    found.sort_unstable();
    assert_eq!(found, [96, 97, 98, 99]);
    vessels.mark_changed(1, What::ALL);
    assert_eq!(vessels.take_evicted_changed(), 1);
}

#[test]
fn all_that_can_be_shown_is_marked_the_most_recent_first() {
    let mut vessels = Vessels::new(4).watched();
    for (seq, mmsi) in (1..).zip([1, 2, 3]) {
        move_one(&mut vessels, mmsi, seq);
    }
    vessels.heard(4);
    assert_eq!(taken(&mut vessels), [1, 2, 3]);
    vessels.mark_changed(2, What::ALL);
    vessels.mark_all_changed();
    assert_eq!(vessels.waiting(), 3);
    assert_eq!(taken(&mut vessels), [3, 2, 1]);
}

#[test]
fn at_the_bound_the_least_recent_goes_and_hits_are_counted() {
    let mut vessels = Vessels::new(2);
    for mmsi in [1, 2, 1, 3, 1, 2] {
        vessels.heard(mmsi);
    }
    assert_eq!((vessels.hits, vessels.misses, vessels.evictions, vessels.len()), (2, 4, 2, 2));
    assert!(vessels.get(3).is_none() && vessels.get(1).is_some());
}

proptest! {
    #[test]
    fn whatever_is_heard_the_latest_are_there_and_the_most_recent_come_first(
        max in 1_usize..6,
        heard in prop::collection::vec(0_u32..8, 0..64),
    ) {
        let (mut vessels, mut expected) = (Vessels::new(max), Vec::new());
        for (received_us, mmsi) in (1..).zip(heard) {
            let again = expected.iter().position(|&(its, _)| its == mmsi);
            let first_us = again.map_or(received_us, |at| expected.remove(at).1);
            expected.insert(0, (mmsi, first_us));
            expected.truncate(max);
            vessels.heard(mmsi).heard(received_us);
            let first = |vessel: &Vessel| vessel.first_heard_us;
            let found: Vec<_> = vessels.iter().map(|(mmsi, it)| (mmsi, first(it))).collect();
            prop_assert_eq!(&found, &expected);
            let mut got: Vec<_> =
                (0..8).filter_map(|mmsi| Some((mmsi, first(vessels.get(mmsi)?)))).collect();
            expected.iter().for_each(|it| got.retain(|its| its != it));
            prop_assert_eq!((got, vessels.len()), (vec![], expected.len()));
        }
    }
}
