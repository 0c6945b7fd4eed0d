//! What the machine may do to the daemon: kill it anywhere, fill or break its disk, take its descriptors and its memory, set its
//! clock, stop its threads. docs/FAULTS.md has a row for each, with what was measured.
//!
//! Each test shows that its fault fired: in the trace of `strace`, in the counts of the shim, or in the daemon's own.
//! `FAULTS=all` makes them as long as docs/FAULTS.md says.

mod clock;
mod descriptors;
mod disk_errors;
mod full_disk;
mod full_disk_posts;
mod hour;
mod kills;
mod memory;
mod offsets;
mod reserve;
mod shim;
mod short_writes;
mod signals;
mod sites;
mod strace;
mod threads;
mod versions;
mod watchdog;

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::journal::entries;
use crate::support::numbered::{lines, payload};
use crate::support::process::{Daemon, Home, wait_until};

/// Keeps the journal, and does not leave the store alone for long.
const KEEP_ALL: &str = "[journal]\nkeep_all = true\n[breakers]\nopen_ms = 100\n";

/// Sends these numbers over TCP in many small pieces, so that they are many batches.
fn send_in_pieces(daemon: &Daemon, numbers: Range<u32>, each: u32) {
    // A daemon that was killed takes no more.
    let Ok(mut sender) = TcpStream::connect(daemon.tcp()) else { return };
    sender.set_nodelay(true).unwrap();
    let end = numbers.end;
    for first in numbers.step_by(each as usize) {
        if sender.write_all(&lines(first..end.min(first + each))).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until this many messages have come over TCP in this run and nothing is undecided.
fn wait_decided(daemon: &Daemon, received: u64) {
    wait_until("all of it is decided", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        metrics.feed("tcp", "received") == received && metrics.number("/accounting/in_flight") == 0
    });
}

/// Has a daemon store these, and end.
fn store(home: &Home, numbers: Range<u32>) {
    let daemon = home.start();
    let count = u64::from(numbers.end - numbers.start);
    send_in_pieces(&daemon, numbers, 100);
    wait_decided(&daemon, count);
    assert_eq!(daemon.stop(), Some(0));
}

/// Refuses a store that does not hold exactly these numbers, each once.
fn assert_stored(home: &Home, expected: impl IntoIterator<Item = u32>) {
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let (found, expected): (Vec<u32>, Vec<u32>) = (store.numbers(), expected.into_iter().collect());
    if found == expected {
        return;
    }
    let once: BTreeSet<u32> = found.iter().copied().collect();
    let wanted: BTreeSet<u32> = expected.iter().copied().collect();
    let lost: Vec<_> = wanted.difference(&once).take(5).collect();
    let made_up: Vec<_> = once.difference(&wanted).take(5).collect();
    panic!(
        "{} expected, {} found, {} distinct; lost {lost:?}, made up {made_up:?}\n{}",
        expected.len(),
        found.len(),
        once.len(),
        home.log()
    );
}

/// The numbers below `end` that the journal of a daemon that is gone has accepted.
fn accepted_numbers(home: &Home, end: u32) -> BTreeSet<u32> {
    let numbers: HashMap<Vec<u8>, u32> = (0..end).map(|n| (payload(n).to_vec(), n)).collect();
    entries(&home.data()).iter().filter_map(|it| numbers.get(&it.payload).copied()).collect()
}

/// A daemon that has the store for itself holds it for milliseconds.
const PATIENCE_FOR_LOCKS: Duration = Duration::from_secs(10);

/// Refuses a store that does not hold exactly these numbers, each once, and so many others.
fn assert_stored_among(home: &Home, expected: Range<u32>, others: u64) {
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let (wanted, rest): (Vec<u32>, Vec<u32>) =
        store.numbers().into_iter().partition(|n| expected.contains(n));
    assert!(wanted.into_iter().eq(expected), "each of them once");
    assert_eq!(rest.len() as u64, others);
}
