//! How fast: what may be asked, and the schedule that comes of it.

use crate::schedule::Schedule;
use std::fmt;
use std::time::Duration;

/// Messages a second at most; more is no rate but a mistake.
const LIMIT: f64 = 100e6;

/// How fast to send.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// Distinct messages a second.
    Of(f64),
    /// One rate after the other, each for the same part of the time.
    Steps(Vec<f64>),
    /// From one to another, evenly.
    Ramp(f64, f64),
    /// As many as the fleet sends by the standard.
    Natural,
    /// As it was recorded.
    Recorded,
    /// As fast as the target takes them.
    Max,
}

impl Rate {
    /// From the command line.
    ///
    /// # Errors
    /// A text that says what can be asked.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = "must be max, natural, recorded, or messages a second up to 100000000: one rate, several as A,B,C, or a ramp A..B";
        let one = |text: &str| {
            let rate = text.replace('_', "").parse().ok();
            rate.filter(|rate| *rate > 0.0 && *rate <= LIMIT).ok_or(wrong)
        };
        Ok(match (text, text.split_once("..")) {
            ("max", _) => Self::Max,
            ("natural", _) => Self::Natural,
            ("recorded", _) => Self::Recorded,
            (_, Some((from, to))) => Self::Ramp(one(from)?, one(to)?),
            _ if text.contains(',') => {
                Self::Steps(text.split(',').map(one).collect::<Result<_, _>>()?)
            }
            _ => Self::Of(one(text)?),
        })
    }

    /// The highest rate, if it is known before there is a fleet.
    pub fn peak(&self) -> Option<f64> {
        match self {
            Self::Of(rate) => Some(*rate),
            Self::Steps(rates) => rates.iter().copied().reduce(f64::max),
            Self::Ramp(from, to) => Some(from.max(*to)),
            Self::Natural | Self::Recorded | Self::Max => None,
        }
    }

    /// When messages are due, over a time; `None` when each is due at once, or when the recording knows.
    pub fn schedule(&self, over: Duration, natural: f64) -> Option<Schedule> {
        let even = |rate: f64| Schedule::legs(&[(rate, rate)], over.as_secs_f64());
        Some(match self {
            Self::Max | Self::Recorded => return None,
            Self::Of(rate) => even(*rate),
            Self::Natural => even(natural),
            Self::Ramp(from, to) => Schedule::legs(&[(*from, *to)], over.as_secs_f64()),
            Self::Steps(rates) => {
                let legs: Vec<_> = rates.iter().map(|rate| (*rate, *rate)).collect();
                Schedule::legs(&legs, over.as_secs_f64() / rates.len() as f64)
            }
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(rate) => write!(out, "{rate}"),
            Self::Steps(rates) => {
                let rates: Vec<String> = rates.iter().map(f64::to_string).collect();
                out.write_str(&rates.join(","))
            }
            Self::Ramp(from, to) => write!(out, "{from}..{to}"),
            Self::Natural => out.write_str("natural"),
            Self::Recorded => out.write_str("recorded"),
            Self::Max => out.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown() {
        let check = |text: &str, expected: Rate| {
            let rate = Rate::parse(text).unwrap();
            assert_eq!(rate, expected);
            assert_eq!(rate.to_string(), text.replace('_', ""));
        };
        check("10_000", Rate::Of(10_000.0));
        check("0.5", Rate::Of(0.5));
        check("1000,5000", Rate::Steps(vec![1000.0, 5000.0]));
        check("1000..20000", Rate::Ramp(1000.0, 20_000.0));
        check("natural", Rate::Natural);
        check("max", Rate::Max);
        check("recorded", Rate::Recorded);
        for wrong in ["", "0", "-1", "1,", "1..", "..5", "fast", "1..2..3"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_time_is_shared_by_all_steps() {
        let total = |text: &str| {
            let schedule = Rate::parse(text).unwrap().schedule(Duration::from_secs(10), 7.0);
            schedule.map(|schedule| schedule.total())
        };
        assert_eq!(total("100"), Some(1000));
        assert_eq!(total("100,300"), Some(2000));
        assert_eq!(total("100..300"), Some(2000));
        assert_eq!(total("natural"), Some(70));
        assert_eq!(total("max"), None);
    }
}
