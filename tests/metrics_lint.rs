//! Prometheus' own tool finds nothing wrong with the metrics but the unit in names of the backend that aisd replaces.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use aisd::clock::Clock;
use aisd::observe::counts::{Counts, FeedCounts, ShardCounts, StageCounts};
use aisd::observe::metrics::{Sources, to_text};
use aisd::observe::process::ProcessWatch;
use aisd::observe::status::Status;

fn text() -> Vec<u8> {
    let feed =
        FeedCounts { name: "udp".to_owned(), kind: "udp".to_owned(), ..FeedCounts::default() };
    let counts =
        Counts { feeds: vec![feed], shards: vec![ShardCounts::default()], ..Counts::default() };
    // A thread by the name of this test's own, so that its processor time is shown too.
    let thread = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let sources = Sources {
        counts: Arc::new(counts),
        latency: Arc::default(),
        stages: vec![Arc::new(StageCounts::new(thread.trim()))],
        status: Arc::new(Status::new(1_700_000_000_000_000)),
        clock: Clock::System,
        process: ProcessWatch::default(),
    };
    to_text(&sources.look())
}

#[test]
fn promtool_complains_about_the_names_of_the_backend_before_alone() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool must be installed (Debian package prometheus); .ci/run installs it");
    promtool.stdin.take().unwrap().write_all(&text()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut complaints: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    complaints.sort_unstable();
    assert_eq!(
        complaints,
        [
            "ais_latency_p50_ms metric names should not contain abbreviated units",
            "ais_latency_p95_ms metric names should not contain abbreviated units",
            "ais_latency_p99_ms metric names should not contain abbreviated units",
        ]
    );
}
