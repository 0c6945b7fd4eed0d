//! When what was appended is synced: at its interval, or at once when somebody waits for it.

use std::time::Instant;

use super::*;
use crate::clock::testing::stop_at;
use crate::record::{Fate, Receipt};

const INTERVAL: Duration = Duration::from_millis(10);

/// A journal that has just been synced, by a clock that stands.
fn just_synced(root: &Path) -> (Rig, Instant) {
    let start = Instant::now();
    stop_at(start);
    let mut rig = rig(root, JournalConfig { sync_interval_ms: 10, ..config() }, 64);
    rig.offer(1);
    rig.append_all();
    rig.sync_all();
    assert_eq!(rig.counts.journal.syncs.get(), 1);
    (rig, start)
}

#[test]
fn what_nobody_waits_for_is_synced_at_its_interval() {
    let root = tempfile::tempdir().unwrap();
    let (mut rig, start) = just_synced(root.path());
    rig.offer(2);
    rig.append_all();
    rig.sync_all();
    assert_eq!(rig.counts.journal.syncs.get(), 1, "the last sync was just now");
    assert_eq!(rig.sync.idle_for(), INTERVAL);
    stop_at(start + INTERVAL);
    rig.sync_all();
    assert_eq!(rig.counts.journal.syncs.get(), 2);
    assert_eq!(rig.shared.synced_seq(), rig.shared.next_seq());
    assert!(rig.sync.idle_for() > INTERVAL, "there is nothing left to sync");
}

#[test]
fn what_somebody_waits_for_is_synced_at_once_with_all_before_it() {
    let root = tempfile::tempdir().unwrap();
    let (mut rig, _) = just_synced(root.path());
    rig.offer(2);
    let (_spot, waker) = parking();
    let (mut awaited, receipt) = (batch(1, NOW), Receipt::new(&waker));
    awaited.promise(receipt.clone());
    assert!(rig.feed.as_ref().is_some_and(|feed| feed.offer(awaited).is_ok()));
    rig.append_all();
    assert_eq!(receipt.fate(), Fate::Begun);
    rig.sync_all();
    assert_eq!(receipt.fate(), Fate::Durable);
    assert_eq!(rig.shared.synced_seq(), rig.shared.next_seq());
}

#[test]
fn a_journal_that_closes_is_synced_at_once() {
    let root = tempfile::tempdir().unwrap();
    let (mut rig, _) = just_synced(root.path());
    rig.offer(1);
    rig.feed = None;
    while !matches!(rig.append.turn().unwrap(), Turn::Finished) {
        rig.sync.turn().unwrap();
    }
    assert_eq!(rig.shared.synced_seq(), rig.shared.next_seq());
}
