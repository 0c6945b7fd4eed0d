//! How much of which message type, and on which channels: the mixes that recorded feeds have.

use crate::random::high_half;

const SLOTS: usize = 8192;

/// A mix of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// The world feed: 473 lines a second, 11 077 ships in three minutes.
    World,
}

impl Profile {
    /// Types and their share in 1/10 000 of the messages; what is missing to the whole goes to the first.
    const fn shares(self) -> &'static [(u8, u32)] {
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
        }
    }

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::World => "world",
        }
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

/// A radio channel as receivers write it; `None` is left blank.
pub fn channel(random: u32) -> Option<u8> {
    match high_half(u64::from(random) * 1000) {
        0..554 => Some(b'A'),
        554..964 => Some(b'B'),
        964..971 => Some(b'1'),
        971..986 => Some(b'2'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_world_come_out_to_a_hundredth_of_a_per_cent() {
        let mix = Mix::new(Profile::World);
        for &(msg_type, share) in &Profile::World.shares()[1..] {
            let slots = mix.slots.iter().filter(|slot| **slot == msg_type).count();
            let found = slots as f64 / SLOTS as f64 * 100.0;
            let asked = f64::from(share) / 100.0;
            assert!((found - asked).abs() < 0.0125, "type {msg_type}: {found} for {asked}");
        }
    }
}
