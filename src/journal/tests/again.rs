//! What the simulator found in the journal: records that are written again after a failed sync, and a journal that stays full.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Rig, config, numbers, rig};
use crate::clock;
use crate::config::JournalConfig;
use crate::disk::{File, Mode};
use crate::journal::first_of;
use crate::journal::segment::Segment;
use crate::journal::tail::Next;
use crate::record::{Record, Walk};
use crate::stage::{Stage, Turn};

/// Bytes of a record as it lies in a segment.
pub(super) const RECORD: u64 = 88;

/// Zeros where a record is that the disk could not write.
pub(super) fn lose(segment: &Segment, offset: u64) {
    let file = OpenOptions::new().write(true).open(&segment.path).unwrap();
    file.write_all_at(&[0; 88], offset).unwrap();
}

pub(super) fn without_seen(seqs: Vec<u64>) -> Vec<u64> {
    let mut seen = 0;
    let new = |seq: &u64| {
        let is_new = *seq > seen;
        seen = seen.max(*seq);
        is_new
    };
    seqs.into_iter().filter(new).collect()
}

/// Ten records that are synced, and seven whose sync fails.
pub(super) fn with_failed_sync(rig: &mut Rig) -> std::sync::Arc<Segment> {
    rig.offer(10);
    rig.append_all();
    rig.sync_all();
    rig.offer(7);
    rig.append_all();
    rig.append.sync_queue().fail();
    let failed = rig.shared.head().segment;
    rig.shared.segment(failed).unwrap()
}

/// Records whose sync failed were written again and synced. At the next start the old segment came first: it had a hole and
/// records behind it, and what had been in the hole was then skipped in the new segment as seen.
#[test]
fn what_is_missing_in_a_segment_whose_sync_failed_is_read_where_it_was_written_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut first = rig(dir.path(), config(), 64);
        let failed = with_failed_sync(&mut first);
        first.append.turn().unwrap();
        first.sync_all();
        lose(&failed, 64 + 12 * RECORD);
    }
    let mut second = rig(dir.path(), config(), 64);
    assert_eq!(without_seen(second.read_all()), numbers(1, 17));
    assert_eq!(second.counts.journal.corrupt_records.get(), 0, "nothing is lost");
}

/// The same while the daemon runs: a shard that read back past the hole before the records were written again missed them.
#[test]
fn a_shard_waits_before_a_hole_that_is_not_synced_yet() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 1);
    let failed = with_failed_sync(&mut rig);
    lose(&failed, 64 + 12 * RECORD);
    let mut seqs = rig.read_all();
    assert!(seqs.len() < 17, "{seqs:?}");
    rig.append.turn().unwrap();
    rig.sync_all();
    seqs.extend(rig.read_all());
    assert_eq!(without_seen(seqs), numbers(1, 17));
}

/// The hole was a whole chunk, and ended where the next one in the shard's queue began: the shard went on with that one.
#[test]
fn a_hole_before_the_next_chunk_is_read_where_it_was_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 1);
    // The queue holds one chunk: the shard misses the second, and finds the third in the queue.
    rig.offer(1);
    rig.append_all();
    rig.offer(1);
    rig.append_all();
    let end = rig.shared.head();
    lose(&rig.shared.segment(end.segment).unwrap(), u64::from(end.offset) - RECORD);
    let mut seqs = match rig.tail.as_mut().unwrap().read().unwrap() {
        Next::Records(bytes) => Walk::new(bytes).map(|it| Record::view(it).seq).collect(),
        _ => Vec::new(),
    };
    rig.offer(1);
    rig.append_all();
    rig.append.sync_queue().fail();
    rig.append.turn().unwrap();
    rig.sync_all();
    seqs.extend(rig.read_all());
    assert_eq!(without_seen(seqs), numbers(1, 3));
}

/// Two segments were written again, and the first of all was lost: the second came before what held its beginning.
#[test]
fn a_segment_that_was_written_again_is_not_begun_with() {
    let dir = tempfile::tempdir().unwrap();
    let small = JournalConfig { segment_bytes: 1024, ..config() };
    {
        let mut first = rig(dir.path(), small.clone(), 64);
        first.offer(25);
        first.append_all();
        let oldest = first.shared.segments.read()[0].clone();
        first.append.sync_queue().fail();
        first.append.turn().unwrap();
        first.sync_all();
        std::fs::write(&oldest.path, b"lost").unwrap();
    }
    let mut second = rig(dir.path(), small, 64);
    assert_eq!(without_seen(second.read_all()), numbers(1, 25));
}

/// What was written again took no heed of the end of its segment when more than one chunk was.
#[test]
fn what_is_written_again_stays_within_its_segments() {
    let dir = tempfile::tempdir().unwrap();
    let small = JournalConfig { segment_bytes: 2048, ..config() };
    let mut rig = rig(dir.path(), small, 64);
    for _ in 0..8 {
        rig.offer(9);
        rig.append_all();
    }
    rig.append.sync_queue().fail();
    rig.append.turn().unwrap();
    for segment in rig.shared.segments.read().iter() {
        let length = std::fs::metadata(&segment.path).unwrap().len();
        assert!(length <= 2048, "{length} bytes in segment {}", segment.index);
    }
    assert_eq!(without_seen(rig.read_all()), numbers(1, 72));
}

/// A journal that was filled within one dedup window never had room again: segments could only go once a later one was
/// begun, and no later one could be begun.
#[test]
fn a_journal_that_was_filled_at_once_has_room_again_when_all_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    let mut now = Instant::now();
    clock::testing::stop_at(now);
    // Full is what has no room when all is synced.
    let mut stalled = 0;
    while stalled < 2 {
        rig.sync_all();
        stalled = if rig.append.turn().unwrap() == Turn::Stalled { stalled + 1 } else { 0 };
        if stalled == 0 {
            rig.offer(1000);
        }
    }
    let next_seq = rig.shared.next_seq();
    assert!(next_seq > first_of(1) + 5000);
    (0..64).for_each(|partition| rig.shared.set_committed(partition, next_seq));
    let mut room_after = None;
    for second in 0..30 {
        now += Duration::from_secs(1);
        clock::testing::stop_at(now);
        rig.clock.set_us(super::NOW + second * super::SECOND_US);
        rig.sync.turn().unwrap();
        if rig.append.turn().unwrap() != Turn::Stalled {
            room_after.get_or_insert(second);
        }
    }
    assert!(room_after.is_some_and(|second| second >= 15), "a window and some: {room_after:?}");
    assert!(rig.counts.journal.deleted.get() > 5);
}

/// The sync thread came between: it synced a part of what was being written again, and its senders were answered. When the rest could not be
/// written the new segment was removed, and what they had been promised lay in the one whose sync had failed.
#[test]
fn nothing_is_promised_of_what_is_being_written_again_until_all_of_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    let failed = with_failed_sync(&mut rig);
    let queue = Arc::clone(rig.append.sync_queue());
    let synced = rig.shared.synced_seq();
    // As the appender does while it writes again.
    queue.start_over();
    let file = Arc::new(File::open(&failed.path, Mode::Write).unwrap());
    queue.written(&file, failed.index + 1, synced + 3);
    assert_eq!(rig.sync.turn().unwrap(), Turn::Idle);
    assert_eq!(rig.shared.synced_seq(), synced);
    queue.go_on();
    rig.sync_all();
    assert_eq!(rig.shared.synced_seq(), synced + 3);
}
