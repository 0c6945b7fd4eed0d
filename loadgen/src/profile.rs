//! What a kind of feed carries: how much of which message type, on which channels, and what its lines look like.
//!
//! `norway` and `australia` are held to the recordings in `tests/data` by a test. `world` and `satellite` are held to figures
//! of feeds that may not be passed on: AISHub's (473 lines a second, 11 077 ships in three minutes), and a satellite
//! operator's.

use crate::fleet::interval;
use crate::random::high_half;

const SLOTS: usize = 8192;

/// A mix of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// The world feed of AISHub: plain lines, every common type.
    World,
    /// The Norwegian coast: times in tag blocks, many static reports of class A in two parts.
    Norway,
    /// The Australian coast: plain lines that are never cut, many base stations and class B.
    Australia,
    /// From orbit: long tag blocks, and long-range reports (type 27).
    Satellite,
}

/// What stands before each sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Nothing.
    None,
    /// `\c:` with milliseconds.
    Millis,
    /// `\c:` with seconds.
    Seconds,
    /// The receiving station, and `c:` with seconds.
    Station,
}

impl Tag {
    /// The time that it tells of this one in milliseconds: in microseconds, or `None`.
    pub const fn told_us(self, time_ms: i64) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Millis => Some(time_ms * 1000),
            Self::Seconds | Self::Station => Some(time_ms / 1000 * 1_000_000),
        }
    }
}

impl Profile {
    /// Types and their share in 1/10 000 of the messages; what is missing to the whole goes to the first.
    pub const fn shares(self) -> &'static [(u8, u32)] {
        match self {
            Self::World => &[
                (1, 7420),
                (2, 240),
                (3, 1060),
                (4, 490),
                (5, 270),
                (6, 54),
                (8, 130),
                (17, 38),
                (18, 160),
                (19, 13),
                (20, 33),
                (21, 46),
                (24, 37),
            ],
            Self::Norway => &[(1, 7081), (3, 1311), (5, 1403), (18, 137), (24, 68)],
            Self::Australia => &[
                (1, 5685),
                (3, 1093),
                (4, 1540),
                (5, 524),
                (6, 17),
                (17, 34),
                (18, 807),
                (20, 77),
                (21, 92),
                (24, 105),
            ],
            Self::Satellite => &[
                (1, 6210),
                (3, 1060),
                (4, 50),
                (5, 180),
                (6, 10),
                (8, 10),
                (18, 760),
                (19, 40),
                (21, 110),
                (24, 250),
                (27, 1300),
            ],
        }
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Norway => "norway",
            Self::Australia => "australia",
            Self::Satellite => "satellite",
        }
    }

    /// What stands before each sentence.
    pub const fn tag(self) -> Tag {
        match self {
            Self::World | Self::Australia => Tag::None,
            Self::Norway => Tag::Seconds,
            Self::Satellite => Tag::Station,
        }
    }

    /// Whether messages longer than a line of 82 characters are cut into parts.
    pub const fn cuts(self) -> bool {
        !matches!(self, Self::Australia)
    }

    /// Bytes of application data in most messages of type 17, and in every third.
    pub const fn corrections(self) -> [usize; 2] {
        match self {
            Self::Australia => [56, 56],
            _ => [17, 47],
        }
    }

    /// Who talks, and what they say of it; 32 random bits decide.
    pub fn talker(self, random: u32) -> [u8; 5] {
        match (self, of_thousand(random)) {
            (Self::Norway, 40..) | (Self::Australia, 697..862) => *b"BSVDM",
            (Self::Norway, ..13) | (Self::Australia, ..417) => *b"AIVDM",
            (Self::Norway, _) | (Self::Australia, 417..697) => *b"ABVDM",
            (Self::Australia, 862..950) => *b"ABVDO",
            (Self::Australia, _) => *b"BSVDO",
            _ => *b"AIVDM",
        }
    }

    /// A radio channel as its receivers write it; `None` is left blank.
    pub fn channel(self, random: u32) -> Option<u8> {
        match (self, of_thousand(random)) {
            (Self::World, ..554)
            | (Self::Norway, ..523)
            | (Self::Australia, ..465)
            | (Self::Satellite, ..500) => Some(b'A'),
            (Self::World, 554..964) | (Self::Norway | Self::Satellite, _) => Some(b'B'),
            (Self::Australia, 465..893) => Some(b'B'),
            (Self::World, 964..971) | (Self::Australia, 893..925) => Some(b'1'),
            (Self::World, 971..986) | (Self::Australia, 925..956) => Some(b'2'),
            _ => None,
        }
    }

    /// Share of the messages that are positions of class A ships, of which the fleet knows how many it sends.
    pub fn class_a_share(self) -> f64 {
        self.share(|msg_type| matches!(msg_type, 1..=3 | 27))
    }

    /// Share of the ships that are class B: so many that each of them, too, reports as often as the standard says, when the types come
    /// in the shares of the profile.
    pub fn class_b_ships(self) -> f64 {
        let class_a = self.class_a_share() / interval::CLASS_A_PER_S;
        let class_b = self.share(|msg_type| matches!(msg_type, 18 | 19)) / interval::CLASS_B_PER_S;
        class_b / (class_a + class_b)
    }

    fn share(self, counts: impl Fn(u8) -> bool) -> f64 {
        let shares = self.shares().iter().filter(|share| counts(share.0)).map(|share| share.1);
        f64::from(shares.sum::<u32>()) / 10_000.0
    }
}

/// Picks message types in the shares of a profile.
pub struct Mix {
    slots: Box<[u8; SLOTS]>,
}

impl Mix {
    /// The mix of a profile.
    pub fn new(profile: Profile) -> Self {
        let shares = profile.shares();
        let first = shares.first().map_or(1, |share| share.0);
        let mut slots = Box::new([first; SLOTS]);
        let mut from = SLOTS;
        let mut sum = 0;
        for &(msg_type, share) in shares.iter().skip(1) {
            sum += share as usize;
            let to = SLOTS - (sum * SLOTS + 5_000) / 10_000;
            slots[to..from].fill(msg_type);
            from = to;
        }
        Self { slots }
    }

    /// A message type; 32 random bits decide.
    pub fn pick(&self, random: u32) -> u8 {
        self.slots[random as usize % SLOTS]
    }
}

/// Which of a thousand.
fn of_thousand(random: u32) -> u32 {
    high_half(u64::from(random) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out_to_a_hundredth_of_a_per_cent_and_are_a_whole() {
        for profile in [Profile::World, Profile::Norway, Profile::Australia, Profile::Satellite] {
            let mix = Mix::new(profile);
            for &(msg_type, share) in &profile.shares()[1..] {
                let slots = mix.slots.iter().filter(|slot| **slot == msg_type).count();
                let found = slots as f64 / SLOTS as f64 * 100.0;
                let asked = f64::from(share) / 100.0;
                assert!((found - asked).abs() < 0.0125, "type {msg_type}: {found} for {asked}");
            }
            let sum: u32 = profile.shares().iter().map(|share| share.1).sum();
            assert!((9900..=10_000).contains(&sum), "{profile:?}: {sum}");
        }
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod recordings;
