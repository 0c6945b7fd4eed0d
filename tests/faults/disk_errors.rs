//! The disk refuses, fails once, or takes its time, at single system calls.

use std::time::{Duration, Instant};

use super::strace::{self, segments};
use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::at_full_length;
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};

const SENT: u32 = 1_500;

/// One fault: what is injected, and what the log says of it.
struct Fault {
    calls: &'static str,
    injection: String,
    said: &'static str,
    /// Of the store; else of the journal.
    of_store: bool,
}

/// The calls of a trace, each whole: what another thread interrupted is joined again.
fn whole(trace: &[String]) -> Vec<String> {
    let mut begun = std::collections::HashMap::new();
    let mut calls = Vec::new();
    for line in trace {
        let (pid, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start();
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(pid.to_owned(), head.to_owned());
        } else if rest.starts_with("<... ") {
            let tail = rest.split_once(" resumed>").map_or("", |(_, tail)| tail);
            calls.push(begun.remove(pid).unwrap_or_default() + tail);
        } else {
            calls.push(rest.to_owned());
        }
    }
    calls
}

/// Runs a daemon that meets this fault; the calls that were traced.
fn check(fault: &Fault) -> Vec<String> {
    let home = Home::new(KEEP_ALL);
    let injections = [fault.injection.clone()];
    let files =
        if fault.of_store { vec![home.data().join("aisd.db-wal")] } else { segments(&home) };
    let mut traced = strace::spawn(&home, fault.calls, &injections, &files);
    traced.daemon.wait_until_ready();
    send_in_pieces(&traced.daemon, 0..SENT, 50);
    wait_decided(&traced.daemon, u64::from(SENT));
    let calls = whole(&traced.stop(&home));
    assert_stored(&home, 0..SENT);
    let (fired, said) = (injected(&calls), home.log().contains(fault.said));
    assert!(said || fired == 0, "{}: {}", fault.injection, home.log());
    calls
}

/// How many calls were tampered with.
fn injected(calls: &[String]) -> usize {
    calls.iter().filter(|call| call.contains("(INJECTED)")).count()
}

#[test]
fn after_a_failed_sync_the_file_is_never_synced_again_and_nothing_is_lost() {
    let last = if at_full_length() { 100 } else { 3 };
    let mut failures = 0;
    for nth in 1..=last {
        let calls = check(&Fault {
            calls: "fdatasync",
            injection: format!("fdatasync:error=EIO:when={nth}"),
            said: "sync of a journal segment failed; its unsynced records go to a new one",
            of_store: false,
        });
        // Fewer groups than that: each has failed once.
        let Some(failed) = calls.iter().position(|call| call.contains("EIO")) else { break };
        failures += 1;
        let file = calls[failed].split(['<', '>']).nth(1).unwrap();
        let again = calls[failed + 1..].iter().filter(|call| call.contains(file)).count();
        assert_eq!(again, 0, "{file}: {calls:?}");
        let synced = calls[failed + 1..].iter().any(|call| call.starts_with("fdatasync("));
        assert!(synced, "a new segment is synced: {calls:?}");
    }
    eprintln!("each of the first {failures} syncs failed once");
    assert!(failures >= 3, "{failures}");
}

#[test]
fn a_disk_that_refuses_writes_for_a_while_costs_nothing_but_time() {
    let check = |calls: &'static str, injection: &str, said: &'static str| {
        let fault = Fault { calls, injection: injection.to_owned(), said, of_store: false };
        assert!(injected(&check(&fault)) > 0, "{injection}");
    };
    check("pwrite64", "pwrite64:error=ENOSPC:when=3..5", "write to the journal failed");
    check("pwrite64", "pwrite64:error=EIO:when=4+7", "write to the journal failed");
    check("fallocate", "fallocate:error=ENOSPC:when=1..4", "cannot begin a journal segment");
}

#[test]
fn a_disk_that_fails_under_the_store_costs_nothing_but_time() {
    for (calls, injection) in
        [("fsync", "fsync:error=EIO:when=6..8"), ("pwrite64", "pwrite64:error=ENOSPC:when=40..44")]
    {
        let injection = injection.to_owned();
        let fault = Fault { calls, injection, said: "works again after", of_store: true };
        assert!(injected(&check(&fault)) > 0, "{}", fault.injection);
    }
}

#[test]
fn calls_that_a_signal_interrupts_are_made_again() {
    let calls = "pwrite64,fdatasync,ftruncate";
    let traced = check(&Fault {
        calls,
        injection: format!("{calls}:error=EINTR:when=2+2"),
        said: "ready in",
        of_store: false,
    });
    assert!(injected(&traced) > 20, "{traced:?}");
}

#[test]
fn syncs_that_take_their_time_hold_up_neither_intake_nor_breaker() {
    const EACH: u32 = 200;
    let delay = Duration::from_millis(if at_full_length() { 2_000 } else { 1_000 });
    let home = Home::new(KEEP_ALL);
    let injection = format!("fdatasync,fsync:delay_enter={}", delay.as_micros());
    let mut files = segments(&home);
    files.push(home.data().join("aisd.db-wal"));
    let mut traced = strace::spawn(&home, "fdatasync,fsync", &[injection], &files);
    traced.daemon.wait_until_ready();
    let daemon = &traced.daemon;
    let number = |pointer: &str| metrics(daemon.http()).number(pointer);
    let (mut sent, mut slowest) = (0, Duration::ZERO);
    while number("/journal/syncs") < 3 || number("/store/commits") < 2 {
        let began = Instant::now();
        send_in_pieces(daemon, sent..sent + EACH, EACH);
        sent += EACH;
        wait_until("it is in the journal", || number("/journal/appended") == u64::from(sent));
        slowest = slowest.max(began.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    let mean = Duration::from_micros(number("/journal/sync_us") / number("/journal/syncs"));
    assert!(mean >= delay, "{mean:?}: syncs were delayed");
    assert_eq!(number("/neighbours/sqlite/trips"), 0);
    wait_decided(daemon, u64::from(sent));
    let resident = daemon.status("VmRSS");
    eprintln!(
        "syncs of {mean:?}: {EACH} messages are taken within {slowest:?}, {sent} in all; {resident} kB resident"
    );
    assert!(slowest < delay, "{slowest:?}");
    assert!(resident < 256 << 10, "{resident} kB");
    traced.stop(&home);
    assert_stored(&home, 0..sent);
}
