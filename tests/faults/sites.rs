//! `kill -9` at the very system call: where a segment is begun, written, cut, synced or deleted, where a number or a copy is noted,
//! and where the store writes and moves its log.
//!
//! The tracer kills the daemon as it enters the n-th call of a kind on a file, n = 1, 2, ... until a run ends without; the trace
//! shows where it died. With `FAULTS=all` the first ten and then further apart until a run ends by itself, else the first alone.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::shim::{Number, Shim};
use super::strace::{self, segments};
use super::{accepted_numbers, assert_stored, send_in_pieces, wait_decided};
use crate::support::at_full_length;
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home, wait_until};

/// Segments of the least size, and a window that lets them go soon.
const CONFIG: &str = "[journal]\nsegment_bytes = 1048576\n[shards]\ndedup_seconds = 1\n\
                      [breakers]\nopen_ms = 100\n";
/// Before the kills: more than one segment.
const BEFORE: u32 = 30_000;
/// In a run that is killed: more than one segment too.
const SENT: u32 = 13_000;

struct Site {
    name: &'static str,
    call: &'static str,
    /// Files in the data directory; none for the segments.
    files: &'static [&'static str],
}

const SITES: &[Site] = &[
    Site { name: "a segment is begun", call: "fallocate", files: &[] },
    Site { name: "a segment is written", call: "pwrite64", files: &[] },
    Site { name: "a segment is cut", call: "ftruncate", files: &[] },
    Site { name: "a segment is synced", call: "fdatasync", files: &[] },
    Site { name: "a segment is deleted", call: "unlink", files: &[] },
    Site { name: "the journal's folder is synced", call: "fsync", files: &["journal"] },
    Site { name: "a generation is synced", call: "fdatasync", files: &["generation.new"] },
    Site { name: "a generation is begun", call: "rename", files: &["generation.new"] },
    Site { name: "what is committed is noted", call: "rename", files: &["committed.new"] },
    Site { name: "it says that it is ready", call: "rename", files: &["run.json.new"] },
    Site { name: "the store's log is written", call: "pwrite64", files: &["aisd.db-wal"] },
    Site { name: "the store's log is synced", call: "fsync", files: &["aisd.db-wal"] },
    Site { name: "the store's log is moved", call: "pwrite64", files: &["aisd.db"] },
    Site { name: "the store is synced", call: "fsync", files: &["aisd.db"] },
    Site { name: "the store's log is deleted", call: "unlink", files: &["aisd.db-wal"] },
];

/// A home with a journal of some segments, all of it stored, begun an hour ago by its clock.
fn prepared() -> Home {
    let home = Home::new(CONFIG);
    let shim = Shim::new(&home);
    shim.set(Number::TimeShiftNs, -3_600_000_000_000);
    let daemon = shim.start(&home);
    send_in_pieces(&daemon, 0..BEFORE, 1_000);
    wait_decided(&daemon, u64::from(BEFORE));
    assert_eq!(daemon.stop(), Some(0));
    assert!(segments(&home)[..3].iter().all(|path| path.exists()), "three segments");
    home
}

/// Runs a copy of a home until the n-th call at a site, or to its end; whether it was killed there.
fn killed_at(prepared: &Home, site: &Site, nth: u32) -> bool {
    let home = prepared.copy();
    let paths: Vec<PathBuf> = match site.files {
        [] => segments(&home),
        files => files.iter().map(|file| home.data().join(file)).collect(),
    };
    let injection = format!("{}:signal=KILL:when={nth}", site.call);
    let mut traced = strace::spawn(&home, site.call, &[injection], &paths);
    let lived = traced.daemon.ready_or_dead().is_some();
    if lived {
        run(&mut traced.daemon, &segments(&home));
    }
    let status = traced.daemon.wait();
    let killed = status.code().is_none();
    if killed {
        let trace = traced.wait_for("killed by SIGKILL");
        let begins = format!("{}(", site.call);
        let last = trace.iter().rfind(|line| line.contains(&begins)).cloned().unwrap_or_default();
        assert!(last.contains("= ?") || last.contains("<unfinished"), "{}: {trace:?}", site.name);
    }
    after(&home);
    killed
}

/// Has it rotate, delete, commit, note and end, whatever of that it lives to see.
fn run(daemon: &mut Daemon, segments: &[PathBuf]) {
    send_in_pieces(daemon, BEFORE..BEFORE + SENT, 1_000);
    wait_until("it has deleted segments, or was killed", || {
        let deleted = segments[..2].iter().all(|path| !path.exists());
        deleted || !daemon.is_alive()
    });
    if daemon.is_alive() {
        daemon.signal(Signal::SIGTERM);
    }
}

/// The next start is well, and everything is stored once that was stored before or accepted.
fn after(home: &Home) {
    let mut expected = accepted_numbers(home, BEFORE + SENT);
    expected.extend(0..BEFORE);
    let daemon = home.start();
    let quarantined = metrics(daemon.http()).number("/journal/quarantined");
    assert_eq!(quarantined, 0, "a kill damages nothing:\n{}", home.log());
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_stored(home, expected);
}

/// The first ten, then each half as far again.
fn calls() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(1), |nth| Some(if *nth < 10 { nth + 1 } else { nth + nth / 2 }))
}

#[test]
fn wherever_it_is_killed_the_next_start_is_well_and_nothing_is_lost_or_twice() {
    let prepared = prepared();
    let (mut kills, mut ended) = (0, 0);
    for site in SITES {
        let most = if at_full_length() { usize::MAX } else { 1 };
        let killed = calls().take(most).take_while(|nth| killed_at(&prepared, site, *nth)).count();
        eprintln!("{}: {killed} kills", site.name);
        assert!(killed > 0, "{}: never reached", site.name);
        kills += killed;
        ended += usize::from(killed < most);
    }
    eprintln!("{kills} kills at {} sites, {ended} of them up to their last call", SITES.len());
}
