//! Over HTTP, in the shape of the load test that the backend before had: arrays of a hundred positions, one every ten milliseconds.

use crate::support::rig::{Rig, at_full_length};
use serde_json::{Value, json};

/// A run; everything must have been acknowledged and be in the store once.
fn check(connections: &str, (rate, seconds): (u64, u64)) -> Value {
    let rig = Rig::start(None);
    let (rate_text, duration) = (rate.to_string(), format!("{seconds}s"));
    let arguments = ["--target", "http", "--connections", connections, "--rate", &rate_text];
    let more = ["--duration", &duration, "--batch", "100", "--verify", "sqlite"];
    let (code, results) = rig.load(&[&arguments[..], &more].concat());
    let told = |name: &str| results[name].clone();
    assert_eq!(code, 0, "{results:#}");
    let sent = rate * seconds;
    assert_eq!(told("sent"), json!(sent));
    assert_eq!(told("stored"), json!(sent), "{results:#}");
    for nothing in ["lost", "duplicates", "unexpected", "wrong"] {
        assert_eq!(told(nothing), json!(0), "{nothing}: {results:#}");
    }
    let http = &results["http"];
    assert_eq!((&http["acknowledged"], &http["refused"]), (&json!(sent), &json!(0)), "{http:#}");
    results
}

#[test]
fn the_load_test_of_the_backend_before_arrives_whole() {
    // A sender, an array every ten milliseconds; at full length for five minutes.
    let results = check("1", if at_full_length() { (10_000, 300) } else { (10_000, 2) });
    let answers = results["http"]["answers"]["2xx"].as_u64().unwrap();
    let arrays = results["sent"].as_u64().unwrap() / 100;
    // A sender that was held up for longer than a batch may wait hands on a smaller one.
    assert!((arrays..arrays * 5 / 4).contains(&answers), "{answers} answers to {arrays} arrays");
}

#[test]
fn what_several_connections_post_is_all_there_once() {
    check("4", if at_full_length() { (10_000, 60) } else { (10_000, 2) });
}
