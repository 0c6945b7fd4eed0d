//! What the simulator found where syncs fail: room to write again, what dies in the middle of it, and readers that stand where
//! segments were removed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::again::{RECORD, lose, with_failed_sync, without_seen};
use super::{Next, Rig, Tail, config, numbers, read_all, rig};
use crate::clock;
use crate::config::JournalConfig;
use crate::journal::Place;
use crate::journal::first_of;
use crate::journal::segment::HEADER_BYTES;
use crate::record::{Record, Walk};
use crate::stage::{Stage, Turn};

/// Segments of eleven records, and eight of them.
fn small() -> JournalConfig {
    JournalConfig { segment_bytes: 1024, bytes_max: 8 * 1024, ..config() }
}

/// A failed sync, and all that follows at once.
fn fail(rig: &mut Rig, now: &mut Instant) {
    rig.append.sync_queue().fail();
    *now += Duration::from_secs(1);
    clock::testing::stop_at(*now);
    rig.append.turn().unwrap();
}

/// The journal was full when a sync failed: what was to be written again waited for room, the shards for what was to be written
/// again, and the room for the shards. It took nothing any more until it was started anew.
#[test]
fn in_a_full_journal_there_is_room_to_write_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), small(), 1);
    let mut now = Instant::now();
    rig.offer(500);
    while rig.append.turn().unwrap() != Turn::Stalled {}
    let next_seq = rig.shared.next_seq();
    assert!(next_seq > first_of(1) + 20, "some of it was taken");
    let last = rig.shared.head().segment;
    fail(&mut rig, &mut now);
    assert!(rig.shared.head().segment > last, "it was written again");
    assert!(rig.shared.bytes() <= small().bytes_max);
    rig.sync_all();
    assert!(rig.shared.synced_seq() >= next_seq);
    assert_eq!(without_seen(rig.read_all())[..20], numbers(1, 20));
}

/// Each failed sync left a segment behind, until the journal was full of copies of the same records.
#[test]
fn a_disk_that_fails_again_and_again_does_not_fill_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), small(), 1);
    let mut now = Instant::now();
    rig.offer(5);
    rig.append_all();
    rig.sync_all();
    rig.offer(20);
    rig.append_all();
    for _ in 0..50 {
        fail(&mut rig, &mut now);
        assert!(rig.shared.bytes() <= small().bytes_max, "{} bytes", rig.shared.bytes());
    }
    let files = std::fs::read_dir(dir.path().join("journal")).unwrap();
    let segments = files.filter(|it| it.as_ref().unwrap().path().is_file()).count();
    assert_eq!(segments, rig.shared.segments.read().len(), "their files are gone as well");
    assert!(segments <= 4, "{segments} segments");
    rig.sync_all();
    assert_eq!(rig.shared.synced_seq(), first_of(1) + 25);
    assert_eq!(without_seen(rig.read_all()), numbers(1, 25));
}

/// A process died while it wrote again. At the next start a reader that met a hole in the old segment went on in the new one,
/// which ended early, and never came back for the rest.
#[test]
fn what_was_written_again_in_part_does_not_hide_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut first = rig(dir.path(), config(), 64);
        let failed = with_failed_sync(&mut first);
        first.append.turn().unwrap();
        lose(&failed, u64::from(HEADER_BYTES) + 12 * RECORD);
        let again = first.shared.segments.read().last().cloned().unwrap();
        assert!(again.header.is_again);
        // Of seven records three were written again, the one in the hole among them.
        (3..7).for_each(|n| lose(&again, u64::from(HEADER_BYTES) + n * RECORD));
    }
    let mut second = rig(dir.path(), config(), 64);
    assert_eq!(without_seen(second.read_all()), numbers(1, 17));
    assert_eq!(second.counts.journal.corrupt_records.get(), 0, "nothing is lost");
}

/// A store that was away told its offsets when a segment had just been written again and removed. The pass that was to make rows
/// began behind where the pass ahead of it stood, in the removed segment, was taken for level with it, and its rows were never
/// made.
#[test]
fn a_reader_that_has_read_nothing_is_not_level_with_one_in_a_removed_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    let mut now = Instant::now();
    rig.offer(7);
    rig.append_all();
    let mut ahead = rig.tail.take().unwrap();
    assert_eq!(read_all(&mut ahead), numbers(1, 7));
    let old = rig.shared.head().segment;
    fail(&mut rig, &mut now);
    assert!(rig.shared.segment(old).is_none(), "it is removed");
    let begin = rig.shared.segments.read()[0].begin();
    let mut storing = ahead.behind(begin, false);
    let mut seqs = Vec::new();
    for _ in 0..4 {
        assert!(!storing.is_level_with(&ahead) || seqs == numbers(1, 7), "after {seqs:?}");
        ahead.read().unwrap();
        if let Next::Records(bytes) = storing.read_to_level(&ahead).unwrap() {
            seqs.extend(Walk::new(bytes).map(|it| Record::view(it).seq));
        }
    }
    assert_eq!(seqs, numbers(1, 7));
    assert!(storing.is_level_with(&ahead));
}

/// The pass ahead had read everything from memory and stood in a segment that was written again, before a record in which a bit
/// had turned. The other looked for that record up to the last number that was read, took those of the next segment for it, and
/// skipped what lay between.
#[test]
fn a_damaged_record_where_another_reader_stands_hides_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), small(), 64);
    let mut now = Instant::now();
    rig.offer(25);
    rig.append_all();
    let mut ahead = rig.tail.take().unwrap();
    assert_eq!(read_all(&mut ahead), numbers(1, 25));
    fail(&mut rig, &mut now);
    rig.sync_all();
    let again = rig.shared.segments.read()[0].clone();
    lose(&again, u64::from(HEADER_BYTES) + 5 * RECORD);
    let mut following = ahead.behind(again.begin(), false);
    let seqs = follow(&mut ahead, &mut following);
    let but_one: Vec<u64> = numbers(1, 25).into_iter().filter(|it| it & 31 != 5).collect();
    assert_eq!(without_seen(seqs), but_one);
}

/// All that a reader finds that follows another.
fn follow(ahead: &mut Tail, following: &mut Tail) -> Vec<u64> {
    let mut seqs = Vec::new();
    for _ in 0..20 {
        ahead.read().unwrap();
        loop {
            match following.read_to_level(ahead).unwrap() {
                Next::Records(bytes) => {
                    seqs.extend(Walk::new(bytes).map(|it| Record::view(it).seq));
                }
                Next::Again => {}
                Next::Nothing | Next::End => break,
            }
        }
    }
    seqs
}

/// Of two passes over what an earlier run left, the one ahead stood right behind a hole. The other read up to there and no
/// further, where nothing intact was, and went on without what had been written again.
#[test]
fn a_reader_that_follows_another_fills_a_hole_that_ends_where_that_one_stands() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut first = rig(dir.path(), config(), 64);
        let failed = with_failed_sync(&mut first);
        first.append.turn().unwrap();
        lose(&failed, u64::from(HEADER_BYTES) + 12 * RECORD);
    }
    let mut second = rig(dir.path(), config(), 64);
    let mut ahead = second.tail.take().unwrap();
    let mut following = ahead.behind(ahead.place(), false);
    let seqs = follow(&mut ahead, &mut following);
    assert_eq!(without_seen(seqs), numbers(1, 17));
}

/// A power cut could make files long again that had been cut, and the journal exceed its bound.
#[test]
fn the_room_behind_a_cut_counts_as_free_when_the_cut_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = rig(dir.path(), small(), 64);
    first.offer(12);
    first.append_all();
    assert_eq!(first.shared.bytes(), 2 * 1024);
    first.sync_all();
    first.sync.turn().unwrap();
    assert_eq!(first.shared.bytes(), 1024 + u64::from(HEADER_BYTES) + 10 * RECORD);
    drop(first);
    // What an earlier run left is synced when all of it is committed: nobody knows what of it is on the disk.
    let mut second = rig(dir.path(), small(), 64);
    second.sync.turn().unwrap();
    let end = |place: Place| u64::from(place.offset);
    let cut = u64::from(HEADER_BYTES) + 10 * RECORD + end(second.shared.head());
    assert_eq!(second.shared.bytes(), cut + 1024 - end(second.shared.head()));
    (0..64).for_each(|partition| second.shared.set_committed(partition, second.shared.next_seq()));
    second.sync.turn().unwrap();
    assert_eq!(second.shared.bytes(), cut);
    assert!(Arc::strong_count(&second.shared) > 1);
}
