//! The shipped unit shuts a daemon in, and leaves it what it needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::{Home, wait_until};
use crate::support::traffic::Traffic;

/// Exposure at most, in tenths.
const EXPOSURE_MAX: u32 = 10;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/systemd/aisd.service")
}

/// Whether `systemd-analyze` finds a unit exposed by no more than that, and what it says.
fn is_shut_in(unit: &Path) -> (bool, String) {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager"]);
    let output = analyze.arg(format!("--threshold={EXPOSURE_MAX}")).arg(unit).output();
    let output = output.expect("systemd-analyze must be installed (Debian package systemd)");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_unit_is_exposed_by_one_point_at_most() {
    let (good, said) = is_shut_in(&unit());
    assert!(good && said.contains("Overall exposure level"), "{said}");
    // It would be noticed.
    let dir = tempfile::tempdir().unwrap();
    let weaker = dir.path().join("aisd.service");
    let text = std::fs::read_to_string(unit()).unwrap();
    std::fs::write(&weaker, text.replace("\nIPAddressDeny=any\n", "\n")).unwrap();
    assert!(!is_shut_in(&weaker).0);
}

/// The calls of a set of systemd's, with those of the sets that it names.
fn set(name: &str) -> BTreeSet<String> {
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.args(["syscall-filter", "--no-pager", name]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().skip(1).map(str::trim);
    let mut calls = BTreeSet::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('@') {
            calls.extend(set(line));
        } else {
            calls.insert(line.to_owned());
        }
    }
    assert!(!calls.is_empty(), "{name} is no set");
    calls
}

/// What the unit's filter lets through, by its lines in their order.
fn allowed(unit: &str) -> BTreeSet<String> {
    // Always let through, whatever the filter says.
    let mut allowed = set("@default");
    let lines = unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter="));
    for line in lines {
        let (forbids, names) = line.strip_prefix('~').map_or((false, line), |it| (true, it));
        for name in names.split(' ') {
            let calls = if name.starts_with('@') { set(name) } else { [name.to_owned()].into() };
            if forbids {
                allowed = &allowed - &calls;
            } else {
                allowed.extend(calls);
            }
        }
    }
    allowed
}

/// What would be refused by the unit is not what a daemon does, from its start to its end, under load and with pinned shards.
#[test]
fn every_system_call_of_a_daemon_is_let_through_by_its_unit() {
    let home = Home::new("[shards]\npin = true\n");
    let trace = home.config().with_file_name("calls");
    let mut wrapper: Vec<String> = ["strace", "-D", "-f", "-q", "-o"].map(str::to_owned).into();
    wrapper.push(trace.display().to_string());
    let mut daemon = home.spawn_under(&wrapper, &[]);
    daemon.wait_until_ready();
    let traffic = Traffic::start(100);
    traffic.aim(&daemon);
    wait_until("some traffic", || traffic.sent() > 400);
    traffic.stop();
    let pid = daemon.pid().to_string();
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let text = || String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned();
    let ends = |line: &str| line.starts_with(&pid) && line.contains("+++ exited with 0");
    wait_until("the end of the trace", || text().lines().any(ends));

    let text = text();
    let calls = text.lines().filter_map(|line| {
        let call = line.split_once(' ')?.1.trim_start().split_once('(')?.0;
        call.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
            .then(|| call.to_owned())
    });
    let calls: BTreeSet<String> = calls.collect();
    for expected in ["sched_setaffinity", "recvmmsg", "fdatasync", "fallocate", "epoll_wait"] {
        assert!(calls.contains(expected), "no {expected} in {calls:?}");
    }
    let unit = std::fs::read_to_string(unit()).unwrap();
    let mut allowed = allowed(&unit);
    // SQLite makes its files the owner's when it runs as root, as tests may and the unit does not.
    allowed.insert("fchown".to_owned());
    let refused: Vec<_> = calls.difference(&allowed).collect();
    assert!(refused.is_empty(), "{refused:?}");
    for dangerous in ["mount", "ptrace", "reboot", "setuid", "sched_setscheduler"] {
        assert!(!allowed.contains(dangerous), "{dangerous} is let through");
    }
}
