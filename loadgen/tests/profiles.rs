//! Whatever a feed carries and however its lines are dated, a run of it is good: every field that is compared is as the daemon stores it.

use crate::support::rig::Rig;
use crate::support::servers::Postgres;

/// One daemon; a run of a second for each kind of traffic.
fn check(rig: &Rig, store: &str) {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/gpsd/sample.aivdm");
    let kinds: &[&[&str]] = &[
        &["--profile", "world"],
        &["--profile", "world", "--tag-time", "--receivers", "3"],
        &["--profile", "norway"],
        &["--profile", "norway", "--tag-time", "--repeats", "0.2"],
        &["--profile", "australia", "--dirt", "checksum=0.01"],
        &["--profile", "satellite"],
        &["--file", sample],
    ];
    let mut used_s = 0.0;
    let all = kinds.iter().flat_map(|kind| [(kind, "tcp"), (kind, "udp")]);
    // A recording that comes again within ten seconds is its own repeats.
    for (kind, target) in all.filter(|(kind, target)| kind[0] != "--file" || *target == "tcp") {
        let arguments =
            ["--target", target, "--rate", "3000", "--count", "3000", "--verify", store];
        let (code, results) = rig.load(&[&arguments[..], kind].concat());
        let sent = results["sent"].as_u64().unwrap_or(0);
        assert!(code == 0 && sent > 100, "{kind:?} over {target}: {code} {results:#}");
        // What the run cost its store, without what reading it afterwards did.
        let used = &results["processor_s"];
        used_s += used["aisd"].as_f64().unwrap();
        assert_eq!(used.get("postgres").is_some(), store != "sqlite", "{used}");
    }
    // Ticks of the kernel's clock are too coarse for one of them.
    assert!(used_s > 0.0);
}

#[test]
fn every_kind_of_traffic_is_verified_in_the_embedded_store() {
    check(&Rig::start(None), "sqlite");
}

#[test]
fn every_kind_of_traffic_is_verified_in_postgres() {
    let server = Postgres::start();
    check(&Rig::start(Some(&server.url())), &server.url());
}
