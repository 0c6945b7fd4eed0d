//! The ships and shore stations of a run: who they are, where they are, and what they report next.
//!
//! In:  a seed, how many ships, the virtual time
//! Out: the next report of a ship, its numbers ready to be encoded; ships report as often as their class and speed demand
//!
//! No two reports of one ship are equal, so no two distinct messages have equal payloads: successive positions walk
//! through a grid of 16 by 16 units (3 m, less than what a receiver's fixes scatter), then the course takes its next
//! tenth of a degree, then the speed. That makes 32 768 different reports in one spot, after which the spot moves by 3 m.
//!
//! Two runs of one seed would be equal to each other, and the daemon would rightly call the second a repeat of the
//! first. So every count begins at a place that the run's [`turn`] chooses: runs that follow one another differ.

pub mod interval;
pub mod lanes;
pub mod particulars;
pub mod roster;
pub mod stations;
pub mod voyage;

use crate::digest::{Fix, absent};
use crate::profile::Profile;
use crate::random::Random;
use crate::stream::whole;
use interval::Pace;
use lanes::LANES;
use particulars::{MmsiPool, Particulars};
use roster::Roster;
use stations::{Aid, BaseStation};
use voyage::Voyage;

/// How many places there are to begin at.
const TURNS: u32 = 64;

/// The turn of a run that starts at this time: another one every quarter of a second, the same again after 16 s.
pub fn turn(start_us: u64) -> u32 {
    u32::try_from(start_us / 250_000 % u64::from(TURNS)).unwrap_or(0)
}

/// One ship; what most of its reports need is on one line of the processor's cache.
#[repr(C, align(64))]
pub struct Ship {
    /// Its MMSI.
    pub mmsi: u32,
    reports: u32,
    class_b: bool,
    has_fix: bool,
    voyage: Voyage,
    /// Static reports so far; each differs from the one before by this count.
    pub static_reports: u32,
    far_reports: u32,
    /// For type 24 A, which has only 256 different payloads.
    pub part_a: PartA,
}

/// How far a ship is through the 256 payloads of type 24 A.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartA {
    first: u32,
    used: u32,
    last_at: u64,
}

impl PartA {
    fn begin(turn: u32) -> Self {
        Self { first: turn * 256 / TURNS, ..Self::default() }
    }

    /// The next payload's number, if it was not used in the last `window` messages.
    pub fn next(&mut self, message: u64, window: u64) -> Option<u32> {
        if self.used == 256 && message - self.last_at > window {
            self.used = 0;
        }
        if self.used == 256 {
            return None;
        }
        self.used += 1;
        self.last_at = message;
        Some((self.first + self.used - 1) % 256)
    }
}

impl Ship {
    /// The report for this moment, in seconds of virtual time.
    pub fn report(&mut self, msg_type: u8, at_s: f64, second: u8, random: &mut Random) -> Fix {
        let count = self.reports;
        self.reports = self.reports.wrapping_add(1);
        let fix = if self.has_fix {
            self.located(count, at_s, random)
        } else {
            self.without_position(count)
        };
        let rot = if self.class_b { absent::ROT } else { fix.rot };
        let nav_status = if self.class_b { absent::NAV_STATUS } else { fix.nav_status };
        Fix { msg_type, second, rot, nav_status, ..fix }
    }

    /// Its long-range report (type 27) in the numbers of the air, and three flags: accurate, integrity monitored, latency.
    ///
    /// What the air rounds away cannot tell two reports apart: a count walks through the last digits and the flags, 1024
    /// reports in one spot.
    pub fn report_far(&mut self, at_s: f64, second: u8, random: &mut Random) -> (Fix, u32) {
        let count = self.far_reports;
        self.far_reports = count.wrapping_add(1);
        let state = self.voyage.at(at_s, random);
        let tenths = |units: i32, more: u32| (units.div_euclid(1000) + more.cast_signed()) * 1000;
        let fix = Fix {
            mmsi: self.mmsi,
            msg_type: 27,
            lon: tenths(state.lon, count >> 6 & 1),
            lat: tenths(state.lat, count >> 4 & 3),
            sog: ((state.sog / 10) & !1 | low16(count >> 3 & 1)) * 10,
            cog: ((state.cog / 10) & !7 | low16(count & 7)) * 10,
            heading: absent::HEADING,
            rot: absent::ROT,
            nav_status: state.nav_status,
            second,
        };
        (fix, count >> 7 & 7)
    }

    /// How it moves.
    pub const fn pace(&self) -> Pace {
        self.voyage.pace()
    }

    fn located(&mut self, count: u32, at_s: f64, random: &mut Random) -> Fix {
        if count > 0 && count.is_multiple_of(32_768) {
            self.voyage.nudge();
        }
        let state = self.voyage.at(at_s, random);
        let (north, east) = serpentine(count);
        Fix {
            mmsi: self.mmsi,
            msg_type: 1,
            lon: (state.lon & !15) + east,
            lat: (state.lat & !15) + north,
            sog: (state.sog & !7) | low16(count >> 12 & 7),
            cog: (state.cog & !15) | low16(count >> 8 & 15),
            heading: state.heading,
            rot: state.rot,
            nav_status: state.nav_status,
            second: 0,
        }
    }

    /// A ship whose receiver is out: the compass is all it has, and tells its reports apart.
    fn without_position(&self, count: u32) -> Fix {
        Fix {
            mmsi: self.mmsi,
            msg_type: 1,
            lon: absent::LON,
            lat: absent::LAT,
            sog: low16(count / 91_800 % 1000),
            cog: absent::COG,
            heading: low16(count % 360),
            rot: i16::try_from(count / 360 % 255).unwrap_or(0) - 127,
            nav_status: 0,
            second: 0,
        }
    }
}

fn low16(value: u32) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or(0)
}

/// The way through the grid: boustrophedon, so that one step is one unit.
fn serpentine(count: u32) -> (i32, i32) {
    let column = count >> 4 & 15;
    let row = if column & 1 == 0 { count & 15 } else { 15 - (count & 15) };
    let column = if count >> 8 & 1 == 0 { column } else { 15 - column };
    (row.cast_signed(), column.cast_signed())
}

/// Everybody who sends.
pub struct Fleet {
    /// Class A ships; never empty.
    pub class_a: Roster,
    /// Class B ships; never empty.
    pub class_b: Roster,
    /// Base stations; never empty.
    pub stations: Group<BaseStation>,
    /// Aids to navigation; never empty.
    pub aids: Group<Aid>,
    /// Where the counts of this run began.
    pub turn: u32,
}

impl Fleet {
    /// `vessels` ships, as many of them class B as the profile has, and the shore stations that go with them.
    pub fn of(profile: Profile, vessels: u32, seed: u64, turn: u32) -> Self {
        let mut random = Random::new(seed);
        let mut pool = MmsiPool::default();
        let class_b = whole(f64::from(vessels) * profile.class_b_ships());
        let class_b = u32::try_from(class_b).unwrap_or(u32::MAX).max(1);
        let class_a = vessels.saturating_sub(class_b).max(1);
        let stations = (vessels / 20).max(1);
        let aids = (vessels / 60).max(1);
        let class_a = (0..class_a)
            .map(|index| ship(index, false, pool.class_a(index, &mut random), turn, &mut random))
            .collect();
        let class_b = (0..class_b)
            .map(|index| ship(index, true, pool.class_b(&mut random), turn, &mut random))
            .collect();
        Self {
            class_a: Roster::new(class_a, &mut random),
            class_b: Roster::new(class_b, &mut random),
            stations: (0..stations)
                .map(|_| BaseStation::new(pool.station(&mut random), turn, &mut random))
                .collect(),
            aids: (0..aids)
                .map(|index| Aid::new(pool.aid(&mut random), index, turn, &mut random))
                .collect(),
            turn,
        }
    }

    /// Of the world's profile.
    #[cfg(test)]
    pub fn new(vessels: u32, seed: u64, turn: u32) -> Self {
        Self::of(Profile::World, vessels, seed, turn)
    }

    /// What every ship says of itself, for those who check it.
    pub fn particulars(&self) -> impl Iterator<Item = Particulars> + '_ {
        let ships = self.class_a.ships().iter().chain(self.class_b.ships());
        ships.map(|ship| Particulars::of(ship.mmsi, ship.class_b))
    }
}

fn ship(index: u32, class_b: bool, mmsi: u32, turn: u32, random: &mut Random) -> Ship {
    let lane = random.index(LANES.len());
    let moored = random.below(100) < 30;
    Ship {
        mmsi,
        static_reports: turn * stations::COUNTS_BETWEEN_TURNS,
        part_a: PartA::begin(turn),
        voyage: Voyage::new(lane, moored, class_b, random),
        class_b,
        // 1.3 % of all positions are not available.
        has_fix: index % 77 != 38,
        reports: turn * (32_768 / TURNS),
        far_reports: turn * (1024 / TURNS),
    }
}

/// Members that take turns, each as often as the others and not in the order in which they lie.
pub struct Group<T> {
    members: Vec<T>,
    at: usize,
    step: usize,
}

impl<T> FromIterator<T> for Group<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self::new(members.into_iter().collect())
    }
}

impl<T> Group<T> {
    /// All of them.
    fn new(members: Vec<T>) -> Self {
        let mut step = members.len() * 5 / 8 + 1;
        while common_divisor(step, members.len()) > 1 {
            step += 1;
        }
        Self { members, at: 0, step }
    }

    /// Whose turn it is.
    pub fn next(&mut self) -> &mut T {
        self.at += self.step;
        while self.at >= self.members.len() {
            self.at -= self.members.len();
        }
        &mut self.members[self.at]
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn one_ship_never_reports_the_same_twice_while_it_lies_still() {
        let mut fleet = Fleet::new(100, 7, 0);
        let mut random = Random::new(1);
        for ship in fleet.class_a.ships_mut() {
            let mut seen = HashSet::new();
            for count in 0..3000 {
                let fix = ship.report(1, f64::from(count) / 1000.0, 0, &mut random);
                assert!(seen.insert(fix.digest()), "{} report {count}", ship.mmsi);
            }
        }
    }

    /// When it was 256 bytes, and all of it was looked at, waiting for memory took a third of the time of a message.
    #[test]
    fn a_ship_takes_two_lines_of_the_cache() {
        assert_eq!((size_of::<Ship>(), align_of::<Ship>()), (128, 64));
    }

    #[test]
    fn every_member_takes_its_turn() {
        for size in 1..50 {
            let mut group: Group<u32> = (0..size).collect();
            let seen: HashSet<u32> = (0..size).map(|_| *group.next()).collect();
            assert_eq!(seen.len(), size as usize);
        }
    }

    #[test]
    fn a_seed_gives_the_same_fleet() {
        let mmsis = |seed| {
            let fleet = Fleet::new(500, seed, 0);
            fleet.particulars().map(|ship| ship.mmsi).collect::<Vec<_>>()
        };
        assert_eq!(mmsis(3), mmsis(3));
        assert_ne!(mmsis(3), mmsis(4));
        assert_eq!(mmsis(3).iter().collect::<HashSet<_>>().len(), 500);
    }

    /// A thirteenth of the ships was class B whatever the profile: in the one of Australia, each reported five times as often as
    /// the standard says.
    #[test]
    fn ships_of_both_classes_report_as_often_as_the_standard_says_in_every_profile() {
        for profile in [Profile::World, Profile::Norway, Profile::Australia, Profile::Satellite] {
            let fleet = Fleet::of(profile, 40_000, 3, 0);
            let per_s = |roster: &Roster| roster.rate() / roster.ships().len() as f64;
            let (class_a, class_b) = (per_s(&fleet.class_a), per_s(&fleet.class_b));
            let near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 0.05;
            let expected = [interval::CLASS_A_PER_S, interval::CLASS_B_PER_S];
            let is_near = near(class_a, expected[0]) && near(class_b, expected[1]);
            assert!(is_near, "{profile:?}: {class_a} and {class_b}, not {expected:?}");
            let class_b_share = profile.shares().iter().filter(|it| matches!(it.0, 18 | 19));
            let class_b_share: u32 = class_b_share.map(|it| it.1).sum();
            // What the fleet as a whole sends when class A reports by the standard.
            let all = fleet.class_a.rate() / profile.class_a_share();
            let asked = all * f64::from(class_b_share) / 10_000.0;
            assert!((asked / fleet.class_b.rate() - 1.0).abs() < 0.1, "{profile:?}: {asked}");
        }
    }

    #[test]
    fn a_payload_of_type_24_a_rests_for_a_window_before_it_comes_again() {
        let mut part = PartA::default();
        assert!((0..256).all(|number| part.next(u64::from(number), 100) == Some(number)));
        assert_eq!(part.next(300, 100), None);
        assert_eq!(part.next(356, 100), Some(0));
    }

    #[test]
    fn a_moving_ship_stays_on_the_globe_and_moves_at_its_speed() {
        let mut fleet = Fleet::new(200, 9, 0);
        let mut random = Random::new(2);
        for ship in fleet.class_a.ships_mut().iter_mut().filter(|ship| ship.has_fix) {
            let mut last = ship.report(1, 0.0, 0, &mut random);
            for minute in 1..600 {
                let fix = ship.report(1, f64::from(minute) * 60.0, 0, &mut random);
                let north = f64::from(fix.lat - last.lat) / 10_000.0;
                let scale = (f64::from(fix.lat) / 600_000.0).to_radians().cos();
                let east = f64::from(fix.lon - last.lon) / 10_000.0 * scale;
                let knots = north.hypot(east) * 60.0;
                assert!(fix.lat.abs() < 54_000_000 && fix.lon.abs() <= 108_000_000);
                assert!(knots < 40.0 || east.abs() > 1000.0, "{knots} kn");
                last = fix;
            }
        }
    }
}
