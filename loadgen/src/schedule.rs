//! How many messages are due when: at one rate, in steps, on a ramp, or as they were recorded.
//!
//! In:  the shape of a run
//! Out: how many are due after a time; when a message is due. The two are each other's inverse
//!
//! A schedule depends on nothing that was sent: what is late stays late, and shows in the latencies.

use crate::stream::whole;
use std::time::Duration;

/// A stretch of time in which the rate is even, or grows evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    /// When it begins, and how many were due before it.
    from_s: f64,
    before: f64,
    /// How long it takes; the last one has no end.
    seconds: f64,
    /// Messages a second at its begin, and how many more each second.
    rate: f64,
    growth: f64,
}

/// When everything is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Stretch after stretch; never empty.
    Legs(Legs),
    /// Each message at a time of its own, in microseconds and in order.
    Listed(Vec<u64>),
}

/// Stretches of time, the last of which has no end.
#[derive(Clone, Debug, PartialEq)]
pub struct Legs {
    legs: Vec<Leg>,
    total: f64,
}

impl Schedule {
    /// So many messages a second, for ever.
    pub fn even(rate: f64) -> Self {
        Self::legs(&[(rate, rate)], 1.0)
    }

    /// From one rate to another within each stretch, all of the same length.
    pub fn legs(rates: &[(f64, f64)], seconds: f64) -> Self {
        let (mut from_s, mut before) = (0.0, 0.0);
        let mut legs = Vec::with_capacity(rates.len());
        for &(rate, to) in rates {
            legs.push(Leg { from_s, before, seconds, rate, growth: (to - rate) / seconds });
            from_s += seconds;
            before += (rate + to) / 2.0 * seconds;
        }
        Self::Legs(Legs { legs, total: before })
    }

    /// Messages in all: those of the stretches, or of the list.
    pub fn total(&self) -> u64 {
        match self {
            Self::Legs(legs) => whole(legs.total.round()).max(1),
            Self::Listed(times) => times.len() as u64,
        }
    }

    /// How many are due after this time, the one at its begin too.
    pub fn due(&self, elapsed: Duration) -> u64 {
        match self {
            Self::Legs(legs) => whole(legs.due(elapsed.as_secs_f64())).saturating_add(1),
            Self::Listed(times) => {
                let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
                times.partition_point(|due| *due <= us) as u64
            }
        }
    }

    /// When a message is due, by its number from 0, in seconds.
    pub fn at_s(&self, number: u64) -> f64 {
        match self {
            Self::Legs(legs) => legs.at_s(number as f64),
            Self::Listed(times) => {
                let at = usize::try_from(number).unwrap_or(usize::MAX);
                times.get(at).or(times.last()).map_or(0.0, |us| *us as f64 / 1e6)
            }
        }
    }

    /// The same as a duration.
    pub fn at(&self, number: u64) -> Duration {
        Duration::from_secs_f64(self.at_s(number))
    }
}

impl Legs {
    /// The last of those for which something is so.
    fn of(&self, is_so: impl Fn(&Leg) -> bool) -> &Leg {
        let at = self.legs.partition_point(is_so);
        &self.legs[at.saturating_sub(1)]
    }

    fn due(&self, at_s: f64) -> f64 {
        let leg = self.of(|leg| leg.from_s <= at_s);
        let since = at_s - leg.from_s;
        let within = since.min(leg.seconds);
        let beyond = (since - within) * (leg.rate + leg.growth * leg.seconds);
        leg.before + leg.rate * within + leg.growth * within * within / 2.0 + beyond
    }

    fn at_s(&self, number: f64) -> f64 {
        let leg = self.of(|leg| leg.before <= number);
        let rest = number - leg.before;
        if leg.growth.abs() < 1e-9 {
            return leg.from_s + rest / leg.rate;
        }
        // The root of rate x + growth x²/2 = rest, in a form that is exact for a slow begin too.
        let root = (leg.rate * leg.rate + 2.0 * leg.growth * rest).max(0.0).sqrt();
        let within = 2.0 * rest / (leg.rate + root);
        if within <= leg.seconds {
            return leg.from_s + within;
        }
        let last = leg.rate + leg.growth * leg.seconds;
        let until = (leg.rate + last) / 2.0 * leg.seconds;
        leg.from_s + leg.seconds + (rest - until) / last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_and_when_are_each_others_inverse() {
        let schedules = [
            Schedule::even(10_000.0),
            Schedule::legs(&[(100.0, 100.0), (5000.0, 5000.0), (1.0, 1.0)], 2.0),
            Schedule::legs(&[(10.0, 1000.0)], 5.0),
            Schedule::legs(&[(1000.0, 10.0)], 5.0),
            Schedule::Listed((0..9000).map(|number| number * number / 3).collect()),
        ];
        for schedule in schedules {
            let mut last = -1.0;
            for number in 0..9000 {
                let at_s = schedule.at_s(number);
                assert!(at_s >= last, "{schedule:?}: {number} at {at_s} after {last}");
                last = at_s;
                let due = |at_s: f64| schedule.due(Duration::from_secs_f64(at_s.max(0.0)));
                assert!(due(at_s + 2e-6) > number, "{schedule:?}: {number} at {at_s}");
                assert!(number < 2 || due(at_s - 2e-6) <= number + 1, "{schedule:?}: {number}");
            }
        }
    }

    #[test]
    fn stretches_add_up() {
        let steps = Schedule::legs(&[(100.0, 100.0), (300.0, 300.0)], 10.0);
        assert_eq!(steps.total(), 4000);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        near(steps.at_s(1000), 10.0);
        near(steps.at_s(1300), 11.0);
        let ramp = Schedule::legs(&[(0.0, 200.0)], 10.0);
        assert_eq!(ramp.total(), 1000);
        near(ramp.at_s(250), 5.0);
        // A run that is told its count goes on at the last rate.
        near(ramp.at_s(1200), 11.0);
    }
}
