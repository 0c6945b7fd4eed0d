//! What says how far the store is, lost, damaged, older or newer than the truth: the copy in the data directory, and the store itself.

use std::path::Path;

use rusqlite::Connection;

use super::{KEEP_ALL, PATIENCE_FOR_LOCKS, assert_stored, send_in_pieces, store};
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home, wait_until};

const EACH: u32 = 1_000;

fn recovered(daemon: &Daemon) -> u64 {
    metrics(daemon.http()).feed("tcp", "recovered")
}

/// Takes these while nothing can be stored, and is killed.
fn accept(home: &Home, numbers: std::ops::Range<u32>) {
    let daemon = home.start();
    let holder = Connection::open(home.data().join("aisd.db")).unwrap();
    holder.busy_timeout(PATIENCE_FOR_LOCKS).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let count = u64::from(numbers.end - numbers.start);
    send_in_pieces(&daemon, numbers, 100);
    wait_until("all is in the journal", || {
        metrics(daemon.http()).number("/journal/appended") == count
    });
    daemon.kill();
}

/// Starts again and ends; refuses another count of messages found undecided.
fn start_again(home: &Home, undecided: u32) {
    let daemon = home.start();
    assert_eq!(recovered(&daemon), u64::from(undecided));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
}

#[test]
fn whatever_the_copy_of_the_offsets_says_the_store_is_right() {
    let home = Home::new(KEEP_ALL);
    store(&home, 0..EACH);
    let copy = home.data().join("committed");
    let older = std::fs::read(&copy).unwrap();
    store(&home, EACH..2 * EACH);
    let mut newer = [u64::MAX >> 2; 64].iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    newer.extend(crc32c::crc32c(&newer).to_le_bytes());
    let mut damaged = older.clone();
    damaged[100] ^= 4;
    let cases: [Option<&[u8]>; 6] =
        [None, Some(b""), Some(&older[..300]), Some(&damaged), Some(&older), Some(&newer)];
    let mut sent = 2 * EACH;
    for case in cases {
        accept(&home, sent..sent + EACH);
        sent += EACH;
        match case {
            None => std::fs::remove_file(&copy).unwrap(),
            Some(bytes) => std::fs::write(&copy, bytes).unwrap(),
        }
        start_again(&home, EACH);
    }
    assert_stored(&home, 0..sent);
}

fn put_store_aside(home: &Home, to: &Path) {
    std::fs::copy(home.data().join("aisd.db"), to).unwrap();
    assert!(!home.data().join("aisd.db-wal").exists(), "the store was closed");
}

#[test]
fn a_store_that_is_lost_or_put_back_from_an_older_copy_is_filled_again_from_the_journal() {
    let home = Home::new(KEEP_ALL);
    let aside = home.config().with_file_name("older.db");
    store(&home, 0..EACH);
    put_store_aside(&home, &aside);
    store(&home, EACH..3 * EACH);
    std::fs::copy(&aside, home.data().join("aisd.db")).unwrap();
    start_again(&home, 2 * EACH);
    assert_stored(&home, 0..3 * EACH);
    std::fs::remove_file(home.data().join("aisd.db")).unwrap();
    start_again(&home, 3 * EACH);
    assert_stored(&home, 0..3 * EACH);
}

#[test]
fn offsets_ahead_of_the_journal_hide_nothing_that_comes() {
    let home = Home::new(KEEP_ALL);
    store(&home, 0..EACH);
    // The journal lost its tail, or the data directory was put back: the store knows three generations that it does not.
    let ahead = "UPDATE offsets SET next_seq = next_seq + (3 << 40)";
    Connection::open(home.data().join("aisd.db")).unwrap().execute(ahead, []).unwrap();
    store(&home, EACH..2 * EACH);
    assert!(home.log().contains("the store knows higher numbers than this data directory"));
    accept(&home, 2 * EACH..3 * EACH);
    start_again(&home, EACH);
    assert_stored(&home, 0..3 * EACH);
}
