//! Finds the highest rate that holds: doubles until one does not, then bisects.
//!
//! In:    a first rate; whether a rate holds, which takes a run
//! Out:   every rate that was tried, in order; the highest that held
//!
//! A rate holds when a run at it ends with nothing lost and nothing twice, the sender was never a second late, and all
//! was stored within a second of the last message: a backlog that grows by one message in sixty is over that after a
//! minute. Rates are told apart to one part in twenty.

use crate::report::{Results, outcome};
use serde_json::{Value, json};
use std::time::Duration;

/// How late the sender, and after the last message the store, may be.
const LATE_MAX: Duration = Duration::from_secs(1);
/// How near two rates are that are not told apart.
const NEAR: f64 = 1.05;
/// Runs at most.
const TRIALS_MAX: usize = 24;

/// A rate that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Messages a second.
    pub rate: f64,
    /// Why it does not hold; absent when it does.
    pub why: Option<String>,
}

/// Tries rates; `attempt` says why one does not hold. A run that fails does not hold either, but for the first: whoever is out
/// of reach from the start is not overloaded.
///
/// # Errors
/// When the first run fails.
pub fn highest(
    first: f64,
    mut attempt: impl FnMut(f64) -> Result<Option<String>, String>,
) -> Result<Vec<Trial>, String> {
    let mut trials = Vec::new();
    let (mut holds, mut fails) = (None::<f64>, None::<f64>);
    while trials.len() < TRIALS_MAX {
        let rate = match (holds, fails) {
            (None, None) => first,
            (Some(holds), None) => holds * 2.0,
            (None, Some(fails)) if fails < 2.0 => break,
            (None, Some(fails)) => fails / 2.0,
            (Some(holds), Some(fails)) if fails / holds <= NEAR => break,
            (Some(holds), Some(fails)) => f64::midpoint(holds, fails),
        };
        let rate = rate.round().max(1.0);
        let why = match attempt(rate) {
            Err(text) if !trials.is_empty() => Some(text),
            outcome => outcome?,
        };
        if why.is_none() {
            holds = Some(rate);
        } else {
            fails = Some(rate);
        }
        trials.push(Trial { rate, why });
    }
    Ok(trials)
}

/// The highest rate that held.
pub fn held(trials: &[Trial]) -> Option<f64> {
    let rates = trials.iter().filter(|trial| trial.why.is_none()).map(|trial| trial.rate);
    rates.reduce(f64::max)
}

/// Why a run shows that its rate does not hold.
pub fn why(results: &Results) -> Option<String> {
    let late = results.sent.late_max;
    let ended = outcome::of(results);
    if ended.is_bad() {
        return Some(ended.says.join("; "));
    }
    if late > LATE_MAX {
        return Some(format!("the sender was {:.1} s late", late.as_secs_f64()));
    }
    let Some(settled) = results.settled.filter(|settled| settled.count > 0) else {
        return Some("nothing was seen stored".into());
    };
    if !settled.complete {
        let (count, expected) = (settled.count, results.sent.ledger.expected());
        return Some(format!("only {count} of {expected} messages were seen stored"));
    }
    let behind = results.since_start(settled).saturating_sub(results.sent.took);
    (behind > LATE_MAX).then(|| format!("the store was {:.1} s behind", behind.as_secs_f64()))
}

/// Trials as JSON.
pub fn json(trials: &[Trial]) -> Value {
    let trial = |it: &Trial| json!({ "rate": it.rate, "holds": it.why.is_none(), "why": it.why });
    json!({ "rate_held": held(trials), "trials": trials.iter().map(trial).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(first: f64, limit: f64) -> Vec<Trial> {
        let attempt = |rate| Ok((rate > limit).then(|| "too fast".to_owned()));
        highest(first, attempt).unwrap()
    }

    #[test]
    fn the_highest_rate_is_found_from_below_and_from_above() {
        for first in [10.0, 10_000.0, 5e6] {
            let trials = search(first, 123_456.0);
            let found = held(&trials).unwrap();
            assert!((123_456.0 / NEAR..=123_456.0).contains(&found), "from {first}: {trials:?}");
            assert!(trials.len() < 25);
        }
    }

    #[test]
    fn when_nothing_holds_it_ends() {
        let trials = search(1000.0, 0.0);
        assert_eq!(held(&trials), None);
        assert!(trials.len() < 15);
        assert!(highest(5.0, |_| Err("gone".into())).is_err());
    }

    /// A daemon that did not answer at once after a rate that was too high ended the search, and all that it had found was gone.
    #[test]
    fn a_run_that_fails_is_a_rate_that_does_not_hold() {
        let attempt = |rate| if rate > 1000.0 { Err("no answer".to_owned()) } else { Ok(None) };
        let trials = highest(1000.0, attempt).unwrap();
        assert_eq!(held(&trials), Some(1000.0));
        assert!(trials.len() > 2 && trials[1].why.as_deref() == Some("no answer"), "{trials:?}");
    }
}
