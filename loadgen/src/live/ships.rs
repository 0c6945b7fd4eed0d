//! What each ship has sent lately, what it must be shown as, and what was published of it.
//!
//! The picture shows a ship's newest report by event time, then by number in the journal. The event time is the moment
//! nearest to the receipt that has the report's UTC second, so reports of one second differ by their number alone: the
//! order in which they were sent, unless several connections took turns. Then each of them may be the newest.
//!
//! Memory: about 64 MiB for reports that wait to be published, 4 to 256 for each ship; older ones are forgotten.

use super::{Note, Place};
use std::cmp::Ordering;
use std::collections::HashMap;

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
/// A report whose second is further from its sending may be dated a minute off: it depends on when it is received.
const SURE_US: i64 = 25 * SECOND_US;
/// Reports remembered in all.
const REMEMBERED: u32 = 1 << 22;

/// How reports reach the daemon.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Each carries its own time, which grows with every message.
    pub tagged: bool,
    /// They arrive in the order in which they are sent.
    pub in_order: bool,
}

/// A ship that must be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sailing {
    /// Who.
    pub mmsi: u32,
    /// Where: at any of these.
    pub places: Vec<Place>,
    /// Whether that is sure; else it depends on the moment at which its reports were received.
    pub sure: bool,
}

/// How a publication stands to the one before it of the same ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is newer, or the first.
    Forward,
    /// It is the same report.
    Again,
    /// It is older.
    Back,
}

/// All ships.
pub struct Ships {
    ships: HashMap<u32, Ship>,
    way: Way,
    remembered: usize,
    sent: i64,
}

#[derive(Default)]
struct Ship {
    latest_us: i64,
    sure: bool,
    places: Vec<Place>,
    recent: Vec<(Place, u64)>,
    oldest: usize,
    published: Option<(i64, u64)>,
}

impl Ships {
    /// Of a fleet of this size.
    pub fn new(vessels: u32, way: Way) -> Self {
        let remembered = (REMEMBERED / vessels.max(1)).clamp(4, 256) as usize;
        Self { ships: HashMap::with_capacity(vessels as usize), way, remembered, sent: 0 }
    }

    /// Notes a report that is sent at this time of day, in microseconds since 1970.
    pub fn sending(&mut self, now_us: i64, note: &Note) {
        self.sent += 1;
        let refined_us = refined(now_us, note.second);
        let sure = self.way.tagged || (refined_us - now_us).abs() <= SURE_US;
        let latest_us = match (self.way.tagged, sure) {
            (true, _) => self.sent,
            (false, true) => refined_us,
            (false, false) => now_us + MINUTE_US / 2,
        };
        let ship = self.ships.entry(note.mmsi).or_default();
        ship.remember((note.place, note.due_us), self.remembered);
        match latest_us.cmp(&ship.latest_us) {
            Ordering::Less => return,
            Ordering::Equal if !self.way.in_order => {}
            Ordering::Equal | Ordering::Greater => ship.places.clear(),
        }
        ship.latest_us = latest_us;
        ship.sure = sure;
        ship.places.push(note.place);
    }

    /// When the last report of a ship from this place was meant to be sent.
    pub fn due_us(&self, mmsi: u32, place: Place) -> Option<u64> {
        let ship = self.ships.get(&mmsi)?;
        let (newer, older) = ship.recent.split_at(ship.oldest);
        let mut from_newest = newer.iter().rev().chain(older.iter().rev());
        from_newest.find(|report| report.0 == place).map(|report| report.1)
    }

    /// Notes what was published of a ship: its event time and its number.
    pub fn published(&mut self, mmsi: u32, order: (i64, u64)) -> Step {
        let last = &mut self.ships.entry(mmsi).or_default().published;
        let step = match last.map_or(Ordering::Greater, |last| order.cmp(&last)) {
            Ordering::Greater => Step::Forward,
            Ordering::Equal => Step::Again,
            Ordering::Less => Step::Back,
        };
        if step == Step::Forward {
            *last = Some(order);
        }
        step
    }

    /// All that must be shown.
    pub fn sailing(&self) -> Vec<Sailing> {
        let told = self.ships.iter().filter(|(_, ship)| !ship.places.is_empty());
        told.map(|(&mmsi, ship)| Sailing { mmsi, places: ship.places.clone(), sure: ship.sure })
            .collect()
    }
}

impl Ship {
    /// Until `room` reports are remembered; then the oldest goes.
    fn remember(&mut self, report: (Place, u64), room: usize) {
        if self.recent.len() < room {
            self.recent.push(report);
            self.oldest = self.recent.len() % room;
        } else {
            self.recent[self.oldest] = report;
            self.oldest = (self.oldest + 1) % room;
        }
    }
}

/// The moment nearest to `now_us` with this UTC second.
fn refined(now_us: i64, second: u8) -> i64 {
    let of_minute = i64::from(second) * SECOND_US - now_us.rem_euclid(MINUTE_US);
    let shift = (of_minute + MINUTE_US / 2).rem_euclid(MINUTE_US) - MINUTE_US / 2;
    now_us + shift
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_US: i64 = 1_700_000_040 * SECOND_US;
    const WAY: Way = Way { tagged: false, in_order: true };

    fn note(place: i32, second: u8) -> Note {
        Note { mmsi: 7, place: (place, 0), second, due_us: u64::from(place.unsigned_abs()) }
    }

    fn places(way: Way, sent: &[(i64, i32, u8)]) -> (Vec<i32>, bool) {
        let mut ships = Ships::new(1, way);
        for (after_us, place, second) in sent {
            ships.sending(NOON_US + after_us, &note(*place, *second));
        }
        let Sailing { places, sure, .. } = ships.sailing().remove(0);
        (places.iter().map(|place| place.0).collect(), sure)
    }

    #[test]
    fn the_second_moves_the_time_to_the_nearest_such_second() {
        assert_eq!(NOON_US % MINUTE_US, 0);
        let check = |after_us, second, expected_s| {
            let expected = NOON_US + expected_s * SECOND_US;
            assert_eq!(refined(NOON_US + after_us, second), expected, "{after_us} {second}");
        };
        check(0, 0, 0);
        check(900_000, 0, 0);
        check(900_000, 59, -1);
        check(10_500_000, 40, 40);
        check(10_500_000, 41, -19);
        check(59_900_000, 0, 60);
    }

    #[test]
    fn the_newest_is_the_last_one_sent_of_the_latest_second() {
        let sent = [(0, 1, 0), (100, 2, 0), (200, 3, 1), (300, 4, 1), (400, 5, 0)];
        assert_eq!(places(WAY, &sent), (vec![4], true));
        let any = Way { in_order: false, ..WAY };
        assert_eq!(places(any, &sent), (vec![3, 4], true));
        let tagged = Way { tagged: true, in_order: false };
        assert_eq!(places(tagged, &sent), (vec![5], true));
    }

    #[test]
    fn a_report_half_a_minute_off_makes_its_ship_unsure_until_a_later_one_comes() {
        let doubtful = (0, 1, 28);
        assert_eq!(places(WAY, &[doubtful]), (vec![1], false));
        assert_eq!(places(WAY, &[doubtful, (SECOND_US, 2, 1)]), (vec![1], false));
        assert_eq!(places(WAY, &[doubtful, (31 * SECOND_US, 2, 31)]), (vec![2], true));
    }

    #[test]
    fn a_report_is_found_by_its_place_until_too_many_came_after_it() {
        let mut ships = Ships::new(REMEMBERED, WAY);
        assert_eq!(ships.remembered, 4);
        for place in 1..=6 {
            ships.sending(NOON_US, &note(place, 0));
        }
        let due = |mmsi, place| ships.due_us(mmsi, (place, 0));
        assert_eq!((due(7, 6), due(7, 3), due(7, 2), due(8, 6)), (Some(6), Some(3), None, None));
        // The ship comes back to where it was.
        ships.sending(NOON_US, &Note { due_us: 60, ..note(5, 0) });
        assert_eq!(ships.due_us(7, (5, 0)), Some(60));
    }

    #[test]
    fn publications_go_forward_again_or_back() {
        let mut ships = Ships::new(1, WAY);
        let mut check = |order, expected| assert_eq!(ships.published(7, order), expected);
        check((5, 9), Step::Forward);
        check((5, 9), Step::Again);
        check((5, 8), Step::Back);
        check((5, 10), Step::Forward);
        check((4, 11), Step::Back);
        check((5, 10), Step::Again);
        check((6, 1), Step::Forward);
    }
}
