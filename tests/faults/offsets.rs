//! What says how far the store is, lost, damaged, older or newer than the truth: the copy in the data directory, and the store itself.

use std::path::Path;

use rusqlite::Connection;

use super::{KEEP_ALL, PATIENCE_FOR_LOCKS, assert_stored, send_in_pieces, store};
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::{Postgres, Stop};
use crate::support::storing::{accepted, numbers, send_numbers, seqs, wait_stored};

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

/// A copy that has everything committed.
fn newer_copy() -> Vec<u8> {
    let mut newer = [u64::MAX >> 2; 64].iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    newer.extend(crc32c::crc32c(&newer).to_le_bytes());
    newer
}

/// While the store was away retention believed the copy, and one of another store had it delete what nobody had stored.
#[test]
fn while_the_store_is_away_nothing_is_deleted_for_what_a_copy_of_the_offsets_says() {
    const MANY: u32 = 30_000;
    // What retention keeps beyond the window of a second, and a little.
    const KEPT: std::time::Duration = std::time::Duration::from_secs(8);
    let mut server = Postgres::start();
    let home = Home::new(&format!(
        "[store]\nurl = \"{}\"\nconnect_seconds = 1\n[shards]\ndedup_seconds = 1\n\
         [journal]\nsegment_bytes = 1048576\n[breakers]\nopen_ms = 100\n",
        server.url()
    ));
    let daemon = home.start();
    server.stop(Stop::Fast);
    send_numbers(&daemon, 0..MANY);
    wait_until("all is in the journal", || {
        metrics(daemon.http()).number("/journal/appended") == u64::from(MANY)
    });
    wait_until("some segments", || metrics(daemon.http()).number("/journal/segments") > 2);
    daemon.kill();
    let all = accepted(&home.data());
    std::fs::write(home.data().join("committed"), newer_copy()).unwrap();

    let daemon = home.start();
    std::thread::sleep(KEPT);
    assert_eq!(metrics(daemon.http()).number("/journal/deleted"), 0);
    server.start_again();
    wait_stored(&daemon, 0);
    // The store has told what it has: now what is stored may go.
    wait_until("segments that go", || metrics(daemon.http()).number("/journal/deleted") > 0);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_eq!(seqs(&server, 1), all);
    assert_eq!(numbers(&server), (0..MANY).collect::<Vec<_>>());
}

#[test]
fn whatever_the_copy_of_the_offsets_says_the_store_is_right() {
    let home = Home::new(KEEP_ALL);
    store(&home, 0..EACH);
    let copy = home.data().join("committed");
    let older = std::fs::read(&copy).unwrap();
    store(&home, EACH..2 * EACH);
    let newer = newer_copy();
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
