//! The highest rate that holds is found in a few runs, and it held.

use crate::support::rig::{Rig, at_full_length};
use serde_json::Value;

#[test]
fn the_highest_rate_that_holds_is_found_and_verified() {
    let rig = Rig::start(None);
    let duration = if at_full_length() { "60s" } else { "1s" };
    // A start from which some runs are needed, upwards and downwards.
    let arguments = ["--target", "tcp", "--rate", "80000", "--find-max", "--duration", duration];
    let (code, results) = rig.load(&[&arguments[..], &["--verify", "sqlite"]].concat());
    let found = &results["find_max"];
    let trials = found["trials"].as_array().unwrap();
    let rate = |trial: &Value| trial["rate"].as_f64().unwrap();
    let held: Vec<f64> = trials.iter().filter(|trial| trial["holds"] == true).map(rate).collect();
    let failed: Vec<f64> =
        trials.iter().filter(|trial| trial["holds"] == false).map(rate).collect();
    eprintln!("held {held:?}, did not hold {failed:?}");
    assert!(!held.is_empty() && !failed.is_empty(), "{found:#}");
    let highest = held.iter().copied().fold(0.0, f64::max);
    assert_eq!(found["rate_held"].as_f64(), Some(highest));
    let next = failed.iter().copied().filter(|it| *it > highest).fold(f64::MAX, f64::min);
    assert!(next / highest < 1.06, "{highest} held and {next} did not: {found:#}");
    // What is told beside it is of that very run.
    assert_eq!(results["rate_asked"].as_f64(), Some(highest));
    assert_eq!((code, &results["lost"], &results["duplicates"]), (0, &0.into(), &0.into()));
    assert!(trials.iter().all(|trial| trial["holds"] == true || trial["why"].is_string()));
}
