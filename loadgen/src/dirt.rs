//! What goes wrong between a ship and us, at the asked rates, and what must become of it.
//!
//! In:  rates by kind
//! Out: for each message what happens to it; the lines as they then are
//!
//! A message that is garbled, cut off, robbed of its last part or dated wrongly must be refused and counted, each for its
//! own reason; one whose parts come in the wrong order must be stored like any other. The parts that wait in vain carry a
//! sequence id of their own, 9, so that they are never taken for parts of another message: nobody could tell.

use crate::random::Random;
use std::fmt;

/// How far off a wrong date is.
const OFF_MS: i64 = 3 * 86_400_000;

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A bit of a line is flipped on the way. Messages of one line.
    Checksum,
    /// A line ends in the middle. Messages of one line.
    Truncated,
    /// It says that it is of the day after tomorrow and later. Messages of one line.
    Future,
    /// It says that it is older than a live feed may be. Messages of one line.
    Past,
    /// Its last part does not come. Messages of several lines.
    Lost,
    /// Its parts come in the wrong order. Messages of several lines.
    Reordered,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Checksum, Self::Truncated, Self::Future, Self::Past, Self::Lost, Self::Reordered];

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Truncated => "truncated",
            Self::Future => "future",
            Self::Past => "past",
            Self::Lost => "lost",
            Self::Reordered => "reordered",
        }
    }

    /// Under which reason the daemon must count it; `None` when it must be stored.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Checksum => Some("checksum"),
            Self::Truncated => Some("malformed"),
            Self::Future => Some("time_future"),
            Self::Past => Some("time_past"),
            Self::Lost => Some("fragments_expired"),
            Self::Reordered => None,
        }
    }

    /// Whether it happens to messages of several lines.
    const fn of_parts(self) -> bool {
        matches!(self, Self::Lost | Self::Reordered)
    }

    /// By how much its date is wrong, in milliseconds.
    pub const fn off_ms(self) -> Option<i64> {
        match self {
            Self::Future => Some(OFF_MS),
            Self::Past => Some(-OFF_MS),
            _ => None,
        }
    }
}

/// Rates by kind, each a share of the messages to which it can happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dirt {
    rates: [f64; Kind::ALL.len()],
}

impl Dirt {
    /// Nothing ever happens.
    pub const NONE: Self = Self { rates: [0.0; Kind::ALL.len()] };

    /// From `0.01` for every kind, or `checksum=0.01,lost=0.2`.
    ///
    /// # Errors
    /// A text that names what can be asked.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut dirt = Self::NONE;
        for asked in text.split(',') {
            let (name, rate) = asked.split_once('=').unwrap_or(("", asked));
            let rate = rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
            let rate = rate.ok_or_else(|| format!("the rate in {asked} must be 0 to 1"))?;
            let mut known = name.is_empty();
            for kind in Kind::ALL.into_iter().filter(|kind| name.is_empty() || kind.name() == name)
            {
                dirt.rates[kind as usize] = rate;
                known = true;
            }
            if !known {
                let names = Kind::ALL.map(Kind::name).join(", ");
                return Err(format!("{name} is no kind of dirt, must be one of {names}"));
            }
        }
        for parts in [false, true] {
            let kinds = Kind::ALL.into_iter().filter(|kind| kind.of_parts() == parts);
            if kinds.map(|kind| dirt.rates[kind as usize]).sum::<f64>() > 1.0 {
                return Err("the rates add up to more than 1".into());
            }
        }
        Ok(dirt)
    }

    /// Whether anything happens at all.
    pub fn is_none(&self) -> bool {
        self.rates.iter().all(|rate| *rate <= 0.0)
    }

    /// What happens to a message of one line, and to one of several.
    pub fn pick(&self, random: &mut Random) -> [Option<Kind>; 2] {
        let chance = random.unit();
        [false, true].map(|parts| {
            let mut below = 0.0;
            Kind::ALL.into_iter().filter(|kind| kind.of_parts() == parts).find(|kind| {
                below += self.rates[*kind as usize];
                chance < below
            })
        })
    }
}

impl fmt::Display for Dirt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = Kind::ALL.map(|kind| format!("{}={}", kind.name(), self.rates[kind as usize]));
        out.write_str(&asked.join(","))
    }
}

/// Flips a bit of the last line's payload: its checksum tells.
pub fn garble(line: &mut [u8]) {
    // Before it are the fill bits, the checksum and the line end.
    if let Some(byte) = line.len().checked_sub(9).and_then(|at| line.get_mut(at)) {
        *byte ^= 1;
    }
}

/// Cuts a line off in the middle of its payload.
pub fn truncate(line: &mut Vec<u8>, start: usize) {
    let length = line.len() - start;
    line.truncate(start + length - length.min(40) / 2);
    line.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_refused() {
        let dirt = Dirt::parse("checksum=0.5,lost=1").unwrap();
        assert_eq!(dirt.rates, [0.5, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(Dirt::parse("0.1").unwrap().rates, [0.1; 6]);
        assert!(Dirt::NONE.is_none() && !dirt.is_none());
        for wrong in ["", "x", "rust=0.1", "checksum=2", "checksum=0.6,past=0.6", "1"] {
            assert!(Dirt::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_kind_happens_at_its_rate_and_to_messages_of_its_sort() {
        let dirt = Dirt::parse("checksum=0.1,past=0.2,lost=0.3").unwrap();
        let mut random = Random::new(1);
        let mut counts = [0; 6];
        for _ in 0..100_000 {
            let [one, several] = dirt.pick(&mut random);
            assert!(one.is_none_or(|kind| !kind.of_parts()));
            assert!(several.is_none_or(Kind::of_parts));
            one.into_iter().chain(several).for_each(|kind| counts[kind as usize] += 1);
        }
        let near = |count: i32, expected: i32| (count - expected).abs() < 600;
        assert!(
            near(counts[0], 10_000) && near(counts[3], 20_000) && near(counts[4], 30_000),
            "{counts:?}"
        );
        assert_eq!([counts[1], counts[2], counts[5]], [0; 3]);
    }
}
