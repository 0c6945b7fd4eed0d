//! The journal driven by hand: no threads, real files.

mod again;
mod every_call;
mod failing;
mod foreign;
mod full;
mod interval;
mod receipts;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::append::{Append, Appender};
use super::directory::Directory;
use super::open::{open, replay_from};
use super::retention::Retention;
use super::sync::{Sync, SyncQueue};
use super::tail::{Next, Tail};
use super::{Chunk, Shared, first_of};
use crate::clock::{Clock, SECOND_US};
use crate::config::JournalConfig;
use crate::observe::counts::Counts;
use crate::queue::{Inlet, Outlet, bounded};
use crate::record::{Batch, NewRecord, Payload, Record, Walk};
use crate::stage::{Broken, Stage, Turn, parking};

const NOW: i64 = 1_700_000_000 * SECOND_US;
const LINE: &[u8] = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27";

/// A journal with one feed and one shard.
struct Rig {
    append: Append,
    sync: Sync,
    feed: Option<Outlet<Batch>>,
    tail: Option<Tail>,
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    clock: Clock,
}

fn config() -> JournalConfig {
    JournalConfig {
        segment_bytes: 64 * 1024,
        bytes_max: 1 << 20,
        sync_interval_ms: 0,
        reserve_bytes: 0,
        keep_all: false,
    }
}

fn rig(root: &Path, config: JournalConfig, queue: usize) -> Rig {
    try_rig(root, config, queue).unwrap()
}

fn try_rig(root: &Path, config: JournalConfig, queue: usize) -> std::io::Result<Rig> {
    rig_of(root, config, queue, Vec::new())
}

/// With more feeds.
fn rig_with(root: &Path, config: JournalConfig, queue: usize, more: Vec<Inlet<Batch>>) -> Rig {
    rig_of(root, config, queue, more).unwrap()
}

fn rig_of(
    root: &Path,
    config: JournalConfig,
    queue: usize,
    more: Vec<Inlet<Batch>>,
) -> std::io::Result<Rig> {
    let counts = Arc::new(Counts::default());
    let mut directory = Directory::take(root).map_err(std::io::Error::other)?;
    let shared = open(&mut directory, &counts)?;
    let (_spot, waker) = parking();
    let (feed, feed_inlet) = bounded(64, &waker);
    let (shard, shard_inlet): (Outlet<Arc<Chunk>>, Inlet<Arc<Chunk>>) = bounded(queue, &waker);
    let queue = Arc::new(SyncQueue::default());
    let clock = Clock::manual(NOW);
    let kept = (config.keep_all, clock.clone());
    let retention = Retention::new(Arc::clone(&shared), Arc::clone(&counts), 10 * SECOND_US, kept);
    let sync = Sync::new(
        Arc::clone(&shared),
        Arc::clone(&queue),
        retention,
        Arc::clone(&counts),
        Duration::from_millis(config.sync_interval_ms),
    );
    let from = replay_from(&shared, 0, 0)?;
    let append = Append::new(Appender {
        directory,
        shared: Arc::clone(&shared),
        sync: queue,
        sync_waker: waker,
        feeds: [feed_inlet].into_iter().chain(more).collect(),
        shards: vec![shard],
        config,
        counts: Arc::clone(&counts),
        clock: clock.clone(),
    });
    let tail = Tail::new(Arc::clone(&shared), shard_inlet, from, Arc::clone(&counts), true);
    Ok(Rig { append, sync, feed: Some(feed), tail: Some(tail), shared, counts, clock })
}

fn batch(records: usize, received_us: i64) -> Batch {
    let mut batch = Batch::default();
    for n in 0..records {
        let record = NewRecord {
            received_us,
            sent_us: None,
            partition: u8::try_from(n % 64).unwrap(),
            feed: 0,
            channel: b'A',
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: LINE,
            payload: Payload::Within(14, 28),
        };
        batch.push(&record).unwrap();
    }
    batch
}

impl Rig {
    fn offer(&self, records: usize) {
        let batch = batch(records, self.clock.now_us());
        assert!(self.feed.as_ref().is_some_and(|feed| feed.offer(batch).is_ok()));
    }

    fn append_all(&mut self) {
        while matches!(self.append.turn().unwrap(), Turn::Moved(_)) {}
    }

    fn sync_all(&mut self) {
        while matches!(self.sync.turn().unwrap(), Turn::Moved(_)) {}
    }

    fn read_all(&mut self) -> Vec<u64> {
        read_all(self.tail.as_mut().unwrap())
    }
}

fn read_all(tail: &mut Tail) -> Vec<u64> {
    try_read_all(tail).unwrap()
}

fn try_read_all(tail: &mut Tail) -> Result<Vec<u64>, Broken> {
    let mut seqs = Vec::new();
    loop {
        match tail.read()? {
            Next::Records(bytes) => {
                for record in Walk::new(bytes).map(Record::view) {
                    assert_eq!(record.raw, LINE);
                    seqs.push(record.seq);
                }
            }
            Next::Again => {}
            Next::Nothing | Next::End => return Ok(seqs),
        }
    }
}

fn numbers(generation: u64, count: u64) -> Vec<u64> {
    (first_of(generation)..first_of(generation) + count).collect()
}

#[test]
fn records_reach_the_shard_in_order_and_numbered_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    for records in [1, 7, 100] {
        rig.offer(records);
    }
    rig.append_all();
    assert_eq!(rig.read_all(), numbers(1, 108));
    assert_eq!(rig.tail.as_mut().unwrap().take_read_back(), 0, "all of it came from memory");
}

#[test]
fn a_shard_that_missed_chunks_finds_them_in_the_segments() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 2);
    for _ in 0..50 {
        rig.offer(40);
        rig.append_all();
    }
    assert_eq!(rig.read_all(), numbers(1, 2000));
    assert_eq!(rig.tail.as_mut().unwrap().take_read_back(), 1920);
    rig.offer(5);
    rig.append_all();
    assert_eq!(rig.read_all().len(), 5);
    assert_eq!(rig.tail.as_mut().unwrap().take_read_back(), 0, "live again");
}

#[test]
fn a_batch_larger_than_the_rest_of_a_segment_goes_on_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 2);
    rig.offer(3000);
    rig.append_all();
    assert!(rig.shared.segments.read().len() > 3);
    assert_eq!(rig.read_all(), numbers(1, 3000));
}

#[test]
fn after_a_crash_everything_written_is_read_again_and_numbers_go_on_higher() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut first = rig(dir.path(), config(), 64);
        first.offer(1000);
        first.append_all();
    }
    let mut second = rig(dir.path(), config(), 64);
    second.offer(3);
    second.append_all();
    let expected: Vec<u64> = [numbers(1, 1000), numbers(2, 3)].concat();
    assert_eq!(second.read_all(), expected);
    assert_eq!(second.counts.journal.corrupt_records.get(), 0);
}

#[test]
fn a_torn_tail_is_cut_and_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = {
        let mut first = rig(dir.path(), config(), 64);
        first.offer(10);
        first.append_all();
        let end = first.shared.head();
        let segment = first.shared.segment(end.segment).unwrap();
        let file = OpenOptions::new().write(true).open(&segment.path).unwrap();
        // The last record lost its second half, as a power cut leaves it.
        file.write_all_at(&[0; 44], u64::from(end.offset) - 44).unwrap();
        segment.path.clone()
    };
    let mut second = rig(dir.path(), config(), 64);
    assert_eq!(second.read_all(), numbers(1, 9));
    assert_eq!(second.counts.journal.corrupt_records.get(), 0);
    assert!(std::fs::metadata(path).unwrap().len() < 1024);
}

#[test]
fn whatever_byte_is_damaged_only_its_record_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (path, end) = {
        let mut first = rig(dir.path(), config(), 64);
        first.offer(12);
        first.append_all();
        let end = first.shared.head();
        (first.shared.segment(end.segment).unwrap().path.clone(), end.offset)
    };
    let whole = std::fs::read(&path).unwrap();
    // Seven is no divisor of a record's length: every byte of one is met in some record.
    for at in (64..end as usize).step_by(7) {
        let mut damaged = whole[..end as usize].to_vec();
        damaged[at] ^= 0x20;
        std::fs::write(&path, &damaged).unwrap();
        let mut reader = rig(dir.path(), config(), 64);
        let seqs = reader.read_all();
        assert!(seqs.len() >= 11, "byte {at}: {seqs:?}");
        assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "byte {at}: {seqs:?}");
        let lost_last = at >= end as usize - 88;
        if seqs.len() == 11 && !lost_last {
            assert_eq!(reader.counts.journal.corrupt_records.get(), 1, "byte {at}");
        }
    }
}

#[test]
fn a_zeroed_page_in_the_middle_is_skipped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = {
        let mut first = rig(dir.path(), config(), 64);
        first.offer(300);
        first.append_all();
        first.shared.segments.read()[0].path.clone()
    };
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 4096], 8192).unwrap();
    let mut second = rig(dir.path(), config(), 64);
    let seqs = second.read_all();
    assert!((250..=255).contains(&seqs.len()), "{}", seqs.len());
    assert_eq!(seqs.last(), numbers(1, 300).last());
    assert_eq!(second.counts.journal.corrupt_records.get(), 1);
}

#[test]
fn files_that_are_no_segments_go_to_quarantine_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut first = rig(dir.path(), config(), 64);
        first.offer(5);
        first.append_all();
    }
    let journal = dir.path().join("journal");
    std::fs::write(journal.join("0000000007.journal"), b"").unwrap();
    std::fs::write(journal.join("0000000008.journal"), [7; 5000]).unwrap();
    std::fs::write(journal.join("0000000009.journal"), [0; 200_000]).unwrap();
    std::fs::write(journal.join("notes.journal"), b"mine").unwrap();
    std::fs::write(journal.join("README"), b"left alone").unwrap();
    let mut second = rig(dir.path(), config(), 64);
    assert_eq!(second.read_all(), numbers(1, 5));
    assert_eq!(second.counts.journal.quarantined.get(), 2);
    assert_eq!(std::fs::read_dir(journal.join("quarantine")).unwrap().count(), 2);
    assert!(!journal.join("0000000007.journal").exists(), "begun and never written to");
    assert!(!journal.join("0000000009.journal").exists(), "made long and never written to");
    assert!(journal.join("README").exists());
}

/// Which record, from 0, a replay for everything from `next_seq` on begins with.
fn replayed_from(rig: &Rig, next_seq: u64, window_s: i64) -> u64 {
    let place = replay_from(&rig.shared, next_seq, window_s * SECOND_US).unwrap();
    let (_spot, waker) = parking();
    let (_outlet, inlet) = bounded(1, &waker);
    let (shared, counts) = (Arc::clone(&rig.shared), Arc::clone(&rig.counts));
    read_all(&mut Tail::new(shared, inlet, place, counts, false))[0] - first_of(1)
}

#[test]
fn a_replay_begins_one_window_before_the_offset() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 1);
    // The last batch waited for room a long time.
    for second in (0..100).chain([60]) {
        rig.clock.set_us(NOW + second * SECOND_US);
        rig.offer(20);
        rig.append_all();
        rig.sync_all();
    }
    let check = |next_seq: u64, window_s: i64, expected: u64| {
        let from = replayed_from(&rig, first_of(1) + next_seq, window_s);
        assert_eq!(from, expected, "{next_seq} {window_s}");
    };
    check(0, 10, 0);
    check(1000, 10, 40 * 20);
    check(1999, 10, 50 * 20);
    // Everything is decided: the window before the last record.
    check(first_of(2), 10, 50 * 20);
}

#[test]
fn a_number_is_never_used_twice_even_when_the_generation_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut rig = rig(dir.path(), config(), 64);
        rig.offer(1);
        rig.append_all();
    }
    std::fs::remove_file(dir.path().join("generation")).unwrap();
    let rig = rig(dir.path(), config(), 64);
    assert_eq!(rig.shared.next_seq(), first_of(4));
}

#[test]
fn everything_is_synced_before_the_journal_lets_go_of_the_shards() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    rig.offer(10);
    rig.feed = None;
    rig.append_all();
    assert_eq!(rig.append.turn().unwrap(), Turn::Stalled);
    rig.sync_all();
    assert_eq!(rig.shared.synced_seq(), rig.shared.next_seq());
    assert_eq!(rig.append.turn().unwrap(), Turn::Finished);
    assert_eq!(rig.sync.turn().unwrap(), Turn::Finished);
    drop(rig.append);
    let tail = rig.tail.as_mut().unwrap();
    assert_eq!(read_all(tail), numbers(1, 10));
    assert!(matches!(tail.read().unwrap(), Next::End));
}

#[test]
fn after_a_failed_sync_the_unsynced_records_go_to_a_new_segment_under_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    rig.offer(10);
    rig.append_all();
    rig.sync_all();
    rig.offer(7);
    rig.append_all();
    let failed = rig.shared.head().segment;
    rig.append.sync_queue().fail();
    assert_eq!(rig.sync.turn().unwrap(), Turn::Idle, "a segment that failed is not synced again");
    rig.append.turn().unwrap();
    assert!(rig.shared.head().segment > failed);
    rig.sync_all();
    assert_eq!(rig.shared.synced_seq(), first_of(1) + 17);
    let mut seqs = rig.read_all();
    seqs.dedup();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs, numbers(1, 17));
    // The new segment alone holds what had not been synced.
    std::fs::remove_file(rig.shared.segment(failed).unwrap().path.clone()).unwrap();
    drop(rig);
    let mut second = self::rig(dir.path(), config(), 64);
    assert_eq!(second.read_all(), (first_of(1) + 10..first_of(1) + 17).collect::<Vec<_>>());
}
