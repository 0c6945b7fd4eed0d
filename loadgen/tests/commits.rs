//! When a message is committed is watched from outside, on a connection of its own: what it sees agrees with what the daemon says.

use crate::support::rig::{Rig, at_full_length};
use crate::support::servers::Postgres;
use serde_json::Value;

/// What both may differ by beside the time between two looks: they round, and the row tells its receipt in microseconds.
const NEAR_MS: f64 = 0.5;

fn check(rig: &Rig, store: &str) {
    let duration = if at_full_length() { "30s" } else { "2s" };
    let arguments = ["--target", "udp", "--rate", "2000", "--duration", duration];
    let (code, results) = rig.load(&[&arguments[..], &["--verify", store]].concat());
    assert_eq!(code, 0, "{results:#}");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{results:#}"));
    assert!((number(&results["followed_share"]) - 1.0).abs() < 1e-9);
    // The longest time between two looks says by how much a commit may have been seen late.
    let late_ms = number(&results["commit_seen_late_ms_max"]);
    assert!(late_ms > 0.5, "nobody looks all the time");
    let both = |quantile: &str| {
        let seen = number(&results["receipt_to_commit_ms"][quantile]);
        (seen, number(&results["latency_ms"][quantile]))
    };
    // Seen late, never early.
    let (seen, told) = both("p50");
    assert!(
        (told - NEAR_MS..told + late_ms + NEAR_MS).contains(&seen),
        "{seen} ms seen, {told} ms told, looks {late_ms} ms apart at most"
    );
    // The daemon's slowest may have been a message that is not followed, none of them was slower.
    let (seen, told) = both("max");
    assert!(
        seen < told + late_ms + NEAR_MS,
        "at most {seen} ms seen, {told} told, {late_ms} apart"
    );
    let to_commit = number(&results["send_to_commit_ms"]["p50"]);
    assert!(to_commit + NEAR_MS > number(&results["receipt_to_commit_ms"]["p50"]));
}

#[test]
fn what_is_seen_of_commits_in_postgres_agrees_with_the_daemon() {
    let server = Postgres::start();
    let rig = Rig::start(Some(&server.url()));
    check(&rig, &server.url());
}

#[test]
fn what_is_seen_of_commits_in_the_embedded_store_agrees_with_the_daemon() {
    check(&Rig::start(None), "sqlite");
}
