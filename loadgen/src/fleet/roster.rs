//! Whose report is next: ships by when their interval is over, and anybody by turns.
//!
//! A wheel of slots, a twentieth of a second each, holds every ship once, at the moment of its next report. Its time is
//! the fleet's own: it goes on as reports are asked for. At the rate that the fleet has by the standard it keeps step
//! with the clock; at another rate all intervals are longer or shorter in the same proportion.

use super::interval::{Pace, class_a_s, class_b_s};
use super::{Group, Ship};
use crate::random::Random;
use crate::stream::whole;

/// Slots of the wheel: more than the longest interval needs.
const SLOTS: usize = 4096;
const SLOTS_PER_S: f64 = 20.0;
const NOBODY: u32 = u32::MAX;

/// Ships of one class.
pub struct Roster {
    ships: Group<Ship>,
    /// The first ship of each slot.
    first: Box<[u32; SLOTS]>,
    /// The ship that follows each one in its slot.
    after: Vec<u32>,
    now: usize,
    /// Ships of the slot that is under way whose turn is still to come, the next one last.
    due: Vec<u32>,
}

impl Roster {
    /// All ships, each somewhere within its interval.
    pub fn new(ships: Vec<Ship>, random: &mut Random) -> Self {
        let after = vec![NOBODY; ships.len()];
        let (ships, first) = (Group::new(ships), Box::new([NOBODY; SLOTS]));
        let mut roster = Self { ships, first, after, now: 0, due: Vec::new() };
        for index in 0..roster.after.len() {
            let within = slots(&roster.ships.members[index]);
            roster.put(index, random.index(within));
        }
        roster
    }

    /// The ship whose report is due next; its next one comes an interval later.
    pub fn next_due(&mut self) -> &mut Ship {
        loop {
            if let Some(index) = self.due.pop() {
                return &mut self.ships.members[index as usize];
            }
            self.begin_slot();
        }
    }

    /// Takes all ships out of the next slot that has any, and puts each where its next report is due. They lie all over the
    /// memory: when they are fetched one after the other, before the first of them reports, the processor waits for many of
    /// them at the same time. One by one that was a third of the time of a message.
    fn begin_slot(&mut self) {
        while self.first[self.now] == NOBODY {
            self.now = (self.now + 1) % SLOTS;
        }
        let mut next = std::mem::replace(&mut self.first[self.now], NOBODY);
        while next != NOBODY {
            self.due.push(next);
            next = self.after[next as usize];
        }
        for at in 0..self.due.len() {
            let index = self.due[at] as usize;
            let within = slots(&self.ships.members[index]);
            self.put(index, self.now + within);
        }
        self.due.reverse();
    }

    /// The ship whose turn it is, whenever it reported last.
    pub fn next(&mut self) -> &mut Ship {
        self.ships.next()
    }

    /// All of them.
    pub fn ships(&self) -> &[Ship] {
        &self.ships.members
    }

    #[cfg(test)]
    pub fn ships_mut(&mut self) -> &mut [Ship] {
        &mut self.ships.members
    }

    /// Reports a second by the standard, as the ships move now.
    pub fn rate(&self) -> f64 {
        self.ships().iter().map(|ship| 1.0 / interval_s(ship)).sum()
    }

    fn put(&mut self, index: usize, slot: usize) {
        let slot = slot % SLOTS;
        self.after[index] = self.first[slot];
        self.first[slot] = u32::try_from(index).unwrap_or(NOBODY);
    }
}

fn interval_s(ship: &Ship) -> f64 {
    let pace: Pace = ship.pace();
    if ship.class_b { class_b_s(pace) } else { class_a_s(pace) }
}

/// Between two reports; never the same slot again.
fn slots(ship: &Ship) -> usize {
    let slots = whole(interval_s(ship) * SLOTS_PER_S + 0.5);
    usize::try_from(slots).unwrap_or(SLOTS).clamp(1, SLOTS - 1)
}

#[cfg(test)]
mod tests {
    use crate::fleet::Fleet;
    use crate::random::Random;
    use crate::stream::whole;
    use std::collections::HashMap;

    /// Ships took turns once, so one at anchor reported as often as one at full speed.
    #[test]
    fn a_ship_reports_as_often_as_the_standard_says() {
        let mut fleet = Fleet::new(2000, 5, 0);
        let mut random = Random::new(1);
        let rate = fleet.class_a.rate();
        let mut reports = HashMap::<u32, u32>::new();
        let seconds = 720.0;
        for number in 0..whole(rate * seconds) {
            let ship = fleet.class_a.next_due();
            ship.report(1, number as f64 / rate, 0, &mut random);
            *reports.entry(ship.mmsi).or_default() += 1;
        }
        let mut seen = [(0, 0.0); 3];
        for ship in fleet.class_a.ships().iter().filter(|ship| ship.has_fix) {
            let count = f64::from(reports.get(&ship.mmsi).copied().unwrap_or(0));
            let pace = ship.pace();
            // A turn makes a ship report more often; a speed near a bound goes to and fro.
            let (at, least, most) = match (pace.at_rest, pace.sog) {
                (true, _) => (0, 3.0, 5.0),
                (false, 0..=130) => (1, 60.0, 220.0),
                (false, 155..=220) => (2, 100.0, 370.0),
                _ => continue,
            };
            seen[at] = (seen[at].0 + 1, seen[at].1 + count);
            assert!((least..=most).contains(&count), "{pace:?}: {count} reports");
        }
        for ((ships, reports), expected) in seen.into_iter().zip([4.0, 75.0, 125.0]) {
            let mean = reports / f64::from(ships);
            assert!(ships > 50 && (mean / expected - 1.0).abs() < 0.1, "{mean}, not {expected}");
        }
    }
}
