//! Who ships are: MMSIs as they are handed out, names, call signs, what they are and where they are bound.
//!
//! Everything but the MMSI follows from the MMSI, so whoever checks a store needs no list.

use crate::random::{Random, mixed};
use std::collections::HashSet;

/// Countries by their maritime identification digits, the frequent ones first.
const COUNTRIES: &[u32] = &[
    412, 413, 477, 563, 538, 636, 352, 370, 311, 244, 211, 219, 257, 265, 224, 247, 228, 235, 366,
    367, 316, 431, 440, 503, 525, 533, 574, 219, 230, 273, 241, 248, 255, 304, 725, 710, 701, 416,
];

const FIRST: &[&str] = &[
    "NORTHERN", "ATLANTIC", "PACIFIC", "STAR OF", "OCEAN", "GOLDEN", "HAI", "MAERSK", "LADY",
    "SEA", "BALTIC", "GRAND", "NORDIC", "SILVER", "EVER", "STELLA",
];

const SECOND: &[&str] = &[
    "BREEZE", "SPIRIT", "TRADER", "PIONEER", "HORIZON", "GLORY", "CROWN", "FORTUNE", "MARLIN",
    "HARMONY", "VOYAGER", "EAGLE", "PEARL", "LEADER", "DAWN", "WAVE",
];

const PORTS: &[&str] = &[
    "ROTTERDAM",
    "SINGAPORE",
    "SHANGHAI",
    "NL RTM",
    "DE HAM",
    "US LAX",
    "BUSAN ANCH",
    "FOR ORDERS",
    "JEBEL ALI",
    "SANTOS",
    "DURBAN",
    "PANAMA CANAL",
    "ANTWERP>HAMBURG",
    "GBFXT",
    "FISHING",
    "NINGBO",
];

const SHIP_TYPES: &[u8] = &[70, 70, 71, 79, 80, 80, 82, 89, 30, 52, 60, 69];
const SMALL_TYPES: &[u8] = &[36, 37, 37, 30];

/// What a ship says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Particulars {
    /// Whose they are.
    pub mmsi: u32,
    /// At most 20 characters.
    pub name: String,
    /// At most 7 characters.
    pub callsign: String,
    /// At most 20 characters.
    pub destination: String,
    /// 0 for class B.
    pub imo: u32,
    /// Type of ship and cargo.
    pub ship_type: u8,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [u16; 4],
    /// 0.1 m.
    pub draught: u8,
}

impl Particulars {
    /// Of the ship with this MMSI.
    pub fn of(mmsi: u32, class_b: bool) -> Self {
        let mut random = Random::new(mixed(u64::from(mmsi)));
        let mut pick = |list: &[&'static str]| list[random.index(list.len())];
        let (first, second, destination) = (pick(FIRST), pick(SECOND), pick(PORTS));
        let mut name = format!("{first} {second}");
        name.truncate(15);
        let number = random.below(9999);
        let types = if class_b { SMALL_TYPES } else { SHIP_TYPES };
        let mut metres =
            |least: u32, more: u32| u16::try_from(least + random.below(more)).unwrap_or(1);
        let dimensions = if class_b {
            [metres(3, 12), metres(2, 6), metres(1, 3), metres(1, 3)]
        } else {
            [metres(60, 240), metres(10, 40), metres(5, 20), metres(5, 20)]
        };
        let letters = [0, 1, 2].map(|_| char::from(b'A' + random.below(26).to_le_bytes()[0]));
        Self {
            mmsi,
            name: format!("{} {number}", name.trim_end()),
            callsign: format!("{}{}{}{}", letters[0], letters[1], letters[2], mmsi % 1000),
            destination: destination.to_owned(),
            imo: if class_b { 0 } else { 9_000_000 + random.below(999_999) },
            ship_type: types[random.index(types.len())],
            dimensions,
            draught: (25 + random.below(130)).to_le_bytes()[0],
        }
    }
}

/// Hands out MMSIs, none twice.
#[derive(Default)]
pub struct MmsiPool {
    taken: HashSet<u32>,
}

impl MmsiPool {
    /// A class A ship; one in a hundred has a number that lacks a digit.
    pub fn class_a(&mut self, index: u32, random: &mut Random) -> u32 {
        let short = index % 100 == 57;
        self.take(random, |random| {
            let mmsi = country(random) * 1_000_000 + random.below(1_000_000);
            if short { mmsi / 10 } else { mmsi }
        })
    }

    /// A class B ship.
    pub fn class_b(&mut self, random: &mut Random) -> u32 {
        self.take(random, |random| country(random) * 1_000_000 + random.below(1_000_000))
    }

    /// A base station: 00MIDXXXX.
    pub fn station(&mut self, random: &mut Random) -> u32 {
        self.take(random, |random| country(random) * 10_000 + random.below(10_000))
    }

    /// An aid to navigation: 99MIDXXXX.
    pub fn aid(&mut self, random: &mut Random) -> u32 {
        self.take(random, |random| 990_000_000 + country(random) * 10_000 + random.below(10_000))
    }

    fn take(&mut self, random: &mut Random, make: impl Fn(&mut Random) -> u32) -> u32 {
        loop {
            let mmsi = make(random);
            if self.taken.insert(mmsi) {
                return mmsi;
            }
        }
    }
}

fn country(random: &mut Random) -> u32 {
    COUNTRIES[random.index(COUNTRIES.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_fields() {
        for mmsi in (200_000_000..200_300_000).step_by(37) {
            let ship = Particulars::of(mmsi, mmsi % 2 == 0);
            assert!(ship.name.len() <= 20, "{}", ship.name);
            assert!(ship.callsign.len() <= 7, "{}", ship.callsign);
            assert!(ship.destination.len() <= 20);
        }
    }
}
