//! A shard driven by hand over a real journal, with a store that takes rows when the test says so.

mod clocks;
mod fusion;
mod sinks;
mod sources;

use std::sync::Arc;

use super::*;
use crate::clock::{Clock, SECOND_US};
use crate::config::{JournalConfig, ShardConfig};
use crate::journal::Shared;
use crate::journal::append::{Append, Appender};
use crate::journal::directory::Directory;
use crate::journal::open::open;
use crate::journal::retention::Retention;
use crate::journal::sync::{Sync, SyncQueue};
use crate::observe::counts::{FeedCounts, ShardCounts};
use crate::observe::samples::Samples;
use crate::partition::PARTITIONS;
use crate::queue::bounded;
use crate::record::Batch;
use crate::stage::parking;
use testing::sentence_of;

const NOW: i64 = 1_700_000_000 * SECOND_US;
/// Batches of rows that the store's queue holds.
const QUEUE: usize = 2;

struct Rig {
    append: Option<Append>,
    sync: Sync,
    feed: Outlet<Batch>,
    shard: Shard,
    rows: Inlet<Rows>,
    journal: Arc<Shared>,
    counts: Arc<Counts>,
    vessels: Arc<Mutex<Vessels>>,
    _dir: tempfile::TempDir,
}

fn rig(begin: Begin) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let counts = Arc::new(Counts {
        feeds: vec![FeedCounts::default()],
        shards: vec![ShardCounts::default()],
        ..Counts::default()
    });
    let mut directory = Directory::take(dir.path()).unwrap();
    let journal = open(&mut directory, &counts).unwrap();
    let (_spot, waker) = parking();
    let (feed, feed_inlet) = bounded(64, &waker);
    let (chunks, chunks_inlet) = bounded(4, &waker);
    let (to_store, rows) = bounded(QUEUE, &waker);
    let (_spare, spare) = bounded(QUEUE, &waker);
    let queue = Arc::new(SyncQueue::default());
    let (shared, kept) = (Arc::clone(&journal), Arc::clone(&counts));
    let retention =
        Retention::new(Arc::clone(&shared), Arc::clone(&kept), SECOND_US, (true, Clock::System));
    let sync = Sync::new(shared, Arc::clone(&queue), retention, kept, Duration::ZERO);
    let append = Append::new(Appender {
        directory,
        shared: Arc::clone(&journal),
        sync: queue,
        sync_waker: waker,
        feeds: vec![feed_inlet],
        shards: vec![chunks],
        config: JournalConfig { segment_bytes: 1 << 20, ..JournalConfig::default() },
        counts: Arc::clone(&counts),
        clock: Clock::manual(NOW),
    });
    let vessels = Arc::new(Mutex::new(Vessels::new(1000)));
    let rules = Rules {
        shard: 0,
        shards: 1,
        config: ShardConfig::default(),
        offsets: NOTHING_UNDECIDED,
        run_from: journal.next_seq(),
        seed: 1,
        samples: Arc::new(Samples::default()),
        vessels: Arc::clone(&vessels),
        policy: Arc::default(),
    };
    let tail =
        Tail::new(Arc::clone(&journal), chunks_inlet, Place::default(), Arc::clone(&counts), true);
    let recovery = Recovery { until: Place::default(), shards_left: Arc::new(AtomicUsize::new(1)) };
    let shard = Shard::new((tail, begin, recovery), rules, (to_store, spare), Arc::clone(&counts));
    Rig { append: Some(append), sync, feed, shard, rows, journal, counts, vessels, _dir: dir }
}

fn storing() -> Begin {
    Begin::Storing(Box::new(Start { offsets: [0; PARTITIONS], from: Place::default() }))
}

/// A position report of one ship, different for each number.
fn sentence(number: u32) -> Vec<u8> {
    let mut line = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27".to_vec();
    let letters = b"0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW";
    for (at, digit) in [number % 40, number / 40 % 40, number / 1600 % 40].into_iter().enumerate() {
        line[41 - at] = letters[digit as usize];
    }
    line
}

impl Rig {
    /// Appends sentences of these numbers, a second apart for each thousand.
    fn append(&mut self, numbers: std::ops::Range<u32>) {
        for first in numbers.clone().step_by(500) {
            let mut batch = Batch::default();
            for number in first..(first + 500).min(numbers.end) {
                let raw = sentence(number);
                let record = sentence_of(0, &raw, NOW + i64::from(number) * 1000);
                batch.push(&record).unwrap();
            }
            assert!(self.feed.offer(batch).is_ok());
            let append = self.append.as_mut().unwrap();
            while matches!(append.turn().unwrap(), Turn::Moved(_)) {}
            while matches!(self.sync.turn().unwrap(), Turn::Moved(_)) {}
        }
    }

    /// Turns until there is nothing more to do.
    fn run(&mut self) {
        while matches!(self.shard.turn().unwrap(), Turn::Moved(_)) {}
    }

    /// As if the store had taken nothing for long.
    fn wait_long(&mut self) {
        self.run();
        self.shard.no_room_since = Some(clock::now() - FORK_AFTER);
        self.run();
    }

    /// Turns with a store that takes everything; the numbers of all rows.
    fn drain(&mut self) -> Vec<u64> {
        let mut seqs = Vec::new();
        loop {
            let turn = self.shard.turn().unwrap();
            let mut taken = false;
            while let Poll::Item(rows) = self.rows.poll() {
                taken = true;
                seqs.extend(rows.positions.iter().map(|row| row.origin.seq));
                assert!(seqs.last().is_none_or(|last| *last < rows.next_seq));
            }
            if !taken && !matches!(turn, Turn::Moved(_)) {
                return seqs;
            }
        }
    }

    fn newest(&self) -> u64 {
        self.vessels.lock().iter().next().unwrap().1.fix.unwrap().origin.seq
    }
}

#[test]
fn what_is_known_of_vessels_goes_on_while_the_store_takes_nothing_and_every_row_is_made_once() {
    let mut rig = rig(storing());
    let first = rig.journal.next_seq();
    rig.append(0..30_000);
    rig.run();
    assert!(rig.shard.ahead.is_none(), "a moment without room is nothing");
    assert!(!rig.shard.is_behind(), "nothing is gained by leaving a core to it");
    rig.shard = rig.shard.into_server(true);
    assert!(rig.shard.is_behind(), "the store is slower");
    let behind = rig.newest();
    rig.wait_long();
    assert!(behind < first + 29_999 && rig.newest() == first + 29_999);
    assert_eq!(rig.counts.shards[0].forks.get(), 1);
    assert!(!rig.shard.is_behind(), "it is not there");
    assert!(rig.shard.rows.len() < ROWS_WAITING_MAX * 2);
    // What comes later, repeats among it, is known at once as well.
    rig.append(30_000..40_000);
    rig.append(39_500..40_000);
    rig.run();
    assert_eq!(rig.newest(), first + 39_999);

    let seqs = rig.drain();
    assert!(rig.shard.ahead.is_none(), "both passes are one again");
    assert!(!rig.shard.is_behind());
    assert!(seqs.into_iter().eq(first..first + 40_000), "every row once, in order");
    assert_eq!(rig.counts.feeds[0].repeats.get(), 500);
    // What comes in memory after that is made by the one pass that is left.
    rig.append(40_000..40_100);
    assert!(rig.drain().into_iter().eq(first + 40_500..first + 40_600));
    assert_eq!(rig.newest(), first + 40_599);
    assert_eq!(rig.counts.shards[0].records.get(), 40_600, "looked at once");
}

#[test]
fn a_store_that_comes_late_gets_what_it_does_not_have() {
    let told = Arc::new(OnceLock::new());
    let mut rig = rig(Begin::Ahead(Arc::clone(&told)));
    let first = rig.journal.next_seq();
    rig.append(0..20_000);
    rig.run();
    assert_eq!(rig.newest(), first + 19_999);
    assert!(rig.drain().is_empty(), "nobody knows what the store has");
    assert!(
        told.set(Start { offsets: [first + 7000; PARTITIONS], from: Place::default() }).is_ok()
    );
    assert!(rig.drain().into_iter().eq(first + 7000..first + 20_000));
    assert!(rig.shard.ahead.is_none());
    rig.append(20_000..20_010);
    assert!(rig.drain().into_iter().eq(first + 20_000..first + 20_010));
}

#[test]
fn a_shard_that_went_ahead_ends_when_its_rows_are_taken() {
    let mut rig = rig(storing());
    rig.append(0..30_000);
    rig.wait_long();
    assert!(rig.shard.ahead.is_some());
    let (_spot, waker) = parking();
    // The appender ends with its feeds.
    drop(std::mem::replace(&mut rig.feed, bounded(1, &waker).0));
    assert_eq!(rig.append.take().unwrap().turn().unwrap(), Turn::Finished);
    rig.run();
    assert!(rig.shard.ahead.is_some(), "not before the store has everything");
    rig.drain();
    assert_eq!(rig.shard.turn().unwrap(), Turn::Finished);
}
