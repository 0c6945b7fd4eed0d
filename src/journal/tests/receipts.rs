//! What a feed that answers its senders is told of its batches.

use super::*;
use crate::record::{Fate, Receipt};

fn promised(rig: &Rig, records: usize) -> Receipt {
    let (_spot, waker) = parking();
    let receipt = Receipt::new(&waker);
    let mut batch = Batch::default();
    batch.promise(receipt.clone());
    for record in Walk::new(super::batch(records, rig.clock.now_us()).bytes()).map(Record::view) {
        let new = NewRecord {
            received_us: record.received_us,
            sent_us: None,
            partition: record.partition,
            feed: 0,
            channel: b'A',
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: LINE,
            payload: Payload::Within(14, 28),
        };
        batch.push(&new).unwrap();
    }
    assert!(rig.feed.as_ref().is_some_and(|feed| feed.offer(batch).is_ok()));
    receipt
}

#[test]
fn a_receipt_is_given_when_all_of_its_batch_is_on_disk_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    let small = promised(&rig, 1);
    let over_segments = promised(&rig, 3000);
    assert_eq!(small.fate(), Fate::Offered);
    rig.append_all();
    assert!(rig.shared.segments.read().len() > 3);
    assert_eq!((small.fate(), over_segments.fate()), (Fate::Begun, Fate::Begun));
    assert!(!small.withdraw());
    rig.sync_all();
    assert_eq!((small.fate(), over_segments.fate()), (Fate::Durable, Fate::Durable));
    assert_eq!(rig.read_all(), numbers(1, 3001));
}

#[test]
fn after_a_failed_sync_it_is_given_only_when_the_records_are_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    let receipt = promised(&rig, 7);
    rig.append_all();
    rig.append.sync_queue().fail();
    rig.sync_all();
    assert_eq!(receipt.fate(), Fate::Begun);
    rig.append.turn().unwrap();
    assert_eq!(receipt.fate(), Fate::Begun);
    rig.sync_all();
    assert_eq!(receipt.fate(), Fate::Durable);
}

/// Room for two segments, and for what it takes to write them again.
fn two_segments() -> JournalConfig {
    JournalConfig { bytes_max: 5 * 64 * 1024, ..config() }
}

/// A batch of which the rest of a segment took a part, and the disk had no room for the other, could be neither answered nor taken back.
#[test]
fn a_batch_that_a_segment_can_hold_is_never_begun_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let full = two_segments();
    let mut rig = rig(dir.path(), full, 64);
    for records in [500, 500, 500] {
        let receipt = promised(&rig, records);
        let before = rig.counts.journal.appended.get();
        rig.append_all();
        let appended = rig.counts.journal.appended.get() - before;
        let expected = if receipt.fate() == Fate::Begun { records as u64 } else { 0 };
        assert_eq!(appended, expected, "{:?}", receipt.fate());
    }
    assert_eq!(rig.counts.journal.appended.get(), 1000);
}

#[test]
fn a_batch_that_was_taken_back_is_never_appended_and_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let full = two_segments();
    let mut rig = rig(dir.path(), full, 64);
    let waiting = std::iter::from_fn(|| {
        let receipt = promised(&rig, 500);
        rig.append_all();
        Some(receipt)
    });
    let held = waiting.take(10).find(|receipt| receipt.fate() == Fate::Offered).unwrap();
    let behind = promised(&rig, 1);
    let before = rig.counts.journal.appended.get();
    assert!(held.withdraw());
    assert_eq!(rig.append.turn().unwrap(), Turn::Moved(1), "the next one is small enough");
    assert_eq!((held.fate(), behind.fate()), (Fate::Withdrawn, Fate::Begun));
    assert_eq!(rig.counts.journal.appended.get(), before + 1);
}
