//! A daemon that is well passes, in every form that the outcome may have.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{ANY_MACHINE, Said, a_while, command, watching};
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};
use crate::support::traffic::Traffic;

#[test]
fn a_daemon_that_is_well_passes_and_the_deployment_log_tells_it() {
    let home = Home::new("");
    let daemon = home.start();
    let traffic = Traffic::start(1500);
    traffic.aim(&daemon);
    wait_until("traffic", || metrics(daemon.http()).feed("udp", "stored") > 100);
    let log = home.config().with_file_name("deployment.md");
    let file = log.to_str().unwrap();
    let quick = ["--hurry", "60", "--for", "3s", "--look", "200ms", "--report", file];
    let verify = Said::by(command(
        &home,
        "verify",
        &[&quick[..], ANY_MACHINE, &["--deployed-by", "a watchman"]].concat(),
    ));
    assert_eq!(verify.code, 0, "{}", verify.text);
    assert!(!verify.text.contains('\x1b'), "no colours where nobody sees them");
    for expected in [
        "pass      health",
        "pass      GET /metrics/prometheus",
        "pass      store ",
        "aisd verify: pass\n",
    ] {
        assert!(verify.text.contains(expected), "{expected}: {}", verify.text);
    }
    let more = ["--every", "1s", "--note", "all quiet", "--color", "always"];
    let watch = Said::by(command(&home, "watch", &[&quick[..], ANY_MACHINE, &more].concat()));
    assert_eq!(watch.code, 0, "{}", watch.text);
    assert!(watch.text.contains("\x1b[32mpass\x1b[0m"), "colours where they are wanted");
    let rows = watch.text.lines().filter(|line| line.contains(" ready ")).count();
    assert_eq!(rows, 3, "{}", watch.text);
    traffic.stop();

    let text = std::fs::read_to_string(&log).unwrap();
    for expected in [
        "| Deployed by | a watchman |",
        "- all quiet",
        "Final status: **successful**",
        "`aisd preflight`: ________",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let json: Value =
        serde_json::from_slice(&std::fs::read(log.with_extension("json")).unwrap()).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    let rows = json["watch"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows[1]["stored_per_second"].as_f64().unwrap() > 300.0, "{rows:?}");
    assert_eq!((rows[1]["lost"].as_f64(), rows[1]["state"].as_str()), (Some(0.0), Some("ready")));
}

#[test]
fn an_interrupted_watch_says_what_it_has_seen() {
    let home = Home::new("");
    let _daemon = home.start();
    let watch = watching(&home, 600, &[]);
    a_while();
    let began = Instant::now();
    kill(Pid::from_raw(watch.id().cast_signed()), Signal::SIGINT).unwrap();
    let said = Said::of(watch);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(said.with("note").contains(&"time".to_owned()), "{}", said.text);
}

/// A rule that is mistyped, or a log that is somebody's own file, is refused before an hour is spent.
#[test]
fn what_cannot_work_is_refused_at_once() {
    let home = Home::new("");
    let check = |arguments: &[&str], code: i32, says: &str| {
        let output = command(&home, "watch", arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(says), "{errors}");
    };
    check(&["--limit", "latency-hihg=1"], 64, "did you mean latency-high?");
    check(&["--for", "10"], 64, "must be a number of ms, s, m, h or d");
    check(&["--note", "x"], 64, "--report");
    let config = home.config();
    check(&["--report", config.to_str().unwrap()], 74, "is no deployment log");
    check(&["--env-file", "/nonexistent"], 66, "cannot read the variables in /nonexistent");
}
