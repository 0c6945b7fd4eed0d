//! The writer driven by hand, with a store that a test makes fail.

mod ahead;
mod order;

use std::sync::Arc;

use super::*;
use crate::config::BreakerConfig;
use crate::journal::Place;
use crate::queue::bounded;
use crate::record::{Mark, Place as FilePlace};
use crate::report::Position;
use crate::resilience::backoff::Backoff;
use crate::rows::{FileMark, Origin, PositionRow};
use crate::stage::parking;
use crate::store::Committed;

/// What a store was asked to commit.
#[derive(Default)]
struct Asked {
    /// Rows of each shard, and the smallest and largest offset, of each commit that worked.
    commits: Vec<(Vec<usize>, u64, u64)>,
    /// What the store would tell.
    offsets: Option<Offsets>,
    failing: bool,
    /// Commits work, but their answers are lost.
    answers_lost: bool,
    connects: u32,
    /// Rows from which on a batch is sent behind a commit that is under way.
    ahead: Option<usize>,
    /// How often that was done.
    sent_ahead: u32,
    /// The rows of the commit that is under way are still to be looked at.
    is_at_rows: bool,
    /// Commits are asked for, come to nothing, and that is told late.
    come_to_nothing: bool,
    carried: Vec<FileMark>,
    /// By so much a commit moves the clock on, which then stands.
    commit_takes: Duration,
}

struct Scripted(Arc<Mutex<Asked>>);

impl Store for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn connect(&mut self) -> Result<Offsets, StoreError> {
        let mut asked = self.0.lock();
        asked.connects += 1;
        if asked.failing {
            return Err(StoreError::Transient("connection refused".to_owned()));
        }
        Ok(asked.offsets.unwrap_or([0; PARTITIONS]))
    }

    fn name_sources(&mut self, _names: &[String]) -> Result<(), StoreError> {
        Ok(())
    }

    fn carry(&mut self, files: &[FileMark]) {
        self.0.lock().carried = files.to_vec();
    }

    fn rows_ahead(&self) -> Option<usize> {
        self.0.lock().ahead
    }

    fn send(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<(), StoreError> {
        self.0.lock().sent_ahead += 1;
        Ok(())
    }

    fn is_at_rows(&mut self) -> bool {
        self.0.lock().is_at_rows
    }

    fn finish(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<Committed, StoreError> {
        let asked = self.0.lock();
        if asked.come_to_nothing || asked.ahead.is_some() && asked.answers_lost {
            return Err(StoreError::Transient("the server closed the connection".to_owned()));
        }
        Ok(Committed::default())
    }

    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        let mut asked = self.0.lock();
        if asked.failing {
            return Err(StoreError::Transient("disk full".to_owned()));
        }
        if asked.come_to_nothing {
            return Ok(());
        }
        if !asked.commit_takes.is_zero() {
            clock::testing::stop_at(clock::now() + asked.commit_takes);
        }
        let mut by_shard = vec![0; 2];
        for part in rows {
            by_shard[part.shard] += part.len();
        }
        let (least, most) = (offsets.iter().min(), offsets.iter().max());
        asked.commits.push((by_shard, *least.unwrap(), *most.unwrap()));
        asked.offsets = Some(*offsets);
        if asked.answers_lost && asked.ahead.is_none() {
            return Err(StoreError::Transient("no answer in time".to_owned()));
        }
        Ok(())
    }
}

struct Rig {
    writer: Writer,
    asked: Arc<Mutex<Asked>>,
    shards: Vec<Outlet<Rows>>,
    counts: Arc<Counts>,
}

fn rig(batch_rows_max: usize) -> Rig {
    rig_that_knows(batch_rows_max, Known::Connected(Box::new([0; PARTITIONS])))
}

fn rig_that_knows(batch_rows_max: usize, known: Known) -> Rig {
    let (_spot, waker) = parking();
    let (shards, inlets): (Vec<_>, Vec<_>) = (0..2).map(|_| bounded(64, &waker)).unzip();
    let (spare, _taken): (Vec<_>, Vec<_>) = (0..2).map(|_| bounded(64, &waker)).unzip();
    let feeds = vec![crate::observe::counts::FeedCounts::default()];
    let seen = (0..2).map(|_| crate::observe::counts::ShardCounts::default()).collect();
    let counts = Arc::new(Counts { feeds, shards: seen, ..Counts::default() });
    let journal = Arc::new(Shared::new("journal".into(), Vec::new(), Place::default(), 1));
    let links = Links {
        shards: inlets.into_iter().enumerate().collect(),
        spare,
        shards_total: 2,
        feed_names: Vec::new(),
        journal,
        counts: Arc::clone(&counts),
        latency: Arc::new(Mutex::new(Latency::default())),
        clock: Clock::manual(1_700_000_000_000_000),
    };
    let asked = Arc::new(Mutex::new(Asked::default()));
    let config = StoreConfig { batch_rows_max, ..StoreConfig::default() };
    let store = Box::new(Scripted(Arc::clone(&asked)));
    let backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
    let neighbour = Arc::clone(&counts.neighbours.store);
    let attempts = Attempts::new(neighbour, &BreakerConfig::default(), backoff);
    Rig { writer: Writer::new(0, (store, known, attempts), links, config), asked, shards, counts }
}

fn part(shard: usize, next_seq: u64, rows: usize) -> Rows {
    let position = Position {
        msg_type: 1,
        place: None,
        sog: None,
        cog: None,
        heading: None,
        rot: None,
        nav_status: None,
        altitude: None,
        utc_second: None,
        accurate: false,
        raim: false,
    };
    // An MMSI whose partition is of this shard.
    let mmsi = (1..).find(|mmsi| usize::from(partition::of(*mmsi)) % 2 == shard).unwrap();
    let origin = Origin { seq: next_seq - 1, time_us: 1, received_us: 1, mmsi, feed: 0 };
    let positions = vec![PositionRow { origin, position, flags: 0 }; rows];
    Rows { shard, next_seq, seen_us: 1, positions, ..Rows::default() }
}

/// The first shard's queue once filled every batch while it had a backlog, and the second waited for its end.
#[test]
fn a_shard_with_a_backlog_does_not_keep_the_others_from_the_store() {
    let mut rig = rig(30);
    for n in 1..=10 {
        for (shard, outlet) in rig.shards.iter().enumerate() {
            assert!(outlet.offer(part(shard, n * 10, 10)).is_ok());
        }
    }
    assert!(matches!(rig.writer.turn().unwrap(), Turn::Moved(_)));
    assert_eq!(rig.asked.lock().commits[0].0, [20, 10]);
}

#[test]
fn what_could_not_be_committed_is_committed_later_and_counted_once() {
    let mut rig = rig(1000);
    rig.asked.lock().failing = true;
    assert!(rig.shards[0].offer(part(0, 10, 5)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    assert_eq!((rig.counts.store.failures.get(), rig.counts.feeds[0].stored.get()), (1, 0));
    assert!(rig.counts.shards[0].unstored_us.get() > 0, "it tells since when something waits");
    rig.asked.lock().failing = false;
    assert!(rig.shards[0].offer(part(0, 20, 5)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1), "it connects again");
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(10));
    assert_eq!(rig.counts.feeds[0].stored.get(), 10);
}

/// As [`part`], each row of a message of its own.
fn messages(shard: usize, seqs: std::ops::Range<u64>) -> Rows {
    let mut rows = part(shard, seqs.end, usize::try_from(seqs.end - seqs.start).unwrap());
    for (row, seq) in rows.positions.iter_mut().zip(seqs) {
        row.origin.seq = seq;
    }
    rows
}

/// On a slow line a large commit never ended within its time, and was tried again whole for ever.
#[test]
fn a_commit_that_takes_all_of_its_time_is_cut_and_each_row_is_committed_once() {
    let mut rig = rig(10_000);
    // No time at all: every failure is one that took all of it.
    rig.writer.config.commit_seconds = 0;
    rig.asked.lock().failing = true;
    assert!(rig.shards[0].offer(messages(0, 1..601)).is_ok());
    assert!(rig.shards[1].offer(messages(1, 601..901)).is_ok());
    assert!(rig.shards[0].offer(part(0, 950, 0)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    assert_eq!(rig.counts.store.batch_rows_limit.get(), 450);
    rig.asked.lock().failing = false;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1), "it connects again");
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(450));
    assert_eq!(rig.asked.lock().commits[0], (vec![450, 0], 0, 451));
    // The next comes through, and its answer is lost.
    rig.asked.lock().answers_lost = true;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    assert_eq!(rig.asked.lock().commits[1].0, [150, 300]);
    rig.asked.lock().answers_lost = false;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1));
    assert_eq!(rig.counts.store.batch_rows_limit.get(), 225);
    assert!(rig.shards[1].offer(messages(1, 950..1_050)).is_ok());
    assert!(rig.shards[1].offer(messages(1, 1_050..1_250)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(225));
    rig.shards.clear();
    while rig.writer.turn().unwrap() != Turn::Finished {}
    let asked = rig.asked.lock();
    let stored =
        asked.commits.iter().fold([0, 0], |sum, (rows, ..)| [sum[0] + rows[0], sum[1] + rows[1]]);
    assert_eq!((stored, rig.counts.feeds[0].stored.get()), ([600, 600], 1_200));
    let (_, least, most) = asked.commits.last().unwrap();
    assert_eq!((*least, *most), (950, 1_250));
}

#[test]
fn partitions_without_rows_move_on_at_the_latest_with_the_end() {
    let mut rig = rig(1000);
    assert!(rig.shards[0].offer(part(0, 100, 1)).is_ok());
    assert!(rig.shards[1].offer(part(1, 100, 0)).is_ok());
    rig.writer.turn().unwrap();
    assert_eq!(rig.asked.lock().commits[0], (vec![1, 0], 0, 100));
    rig.shards.clear();
    while rig.writer.turn().unwrap() != Turn::Finished {}
    assert_eq!(rig.asked.lock().commits.last().unwrap().1, 100);
}

#[test]
fn a_commit_whose_answer_was_lost_is_not_made_again() {
    let mut rig = rig(1000);
    rig.asked.lock().answers_lost = true;
    assert!(rig.shards[0].offer(part(0, 10, 5)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    // What comes now must not be mixed with what may be stored already.
    assert!(rig.shards[0].offer(part(0, 20, 7)).is_ok());
    rig.asked.lock().answers_lost = false;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1));
    assert_eq!(rig.counts.feeds[0].stored.get(), 5);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(7));
    let commits: Vec<usize> = rig.asked.lock().commits.iter().map(|commit| commit.0[0]).collect();
    assert_eq!((commits, rig.counts.feeds[0].stored.get()), (vec![5, 7], 12));
}

#[test]
fn offsets_that_nobody_here_moved_stop_the_process() {
    let mut rig = rig(1000);
    rig.asked.lock().failing = true;
    assert!(rig.shards[0].offer(part(0, 10, 5)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    let mut asked = rig.asked.lock();
    (asked.failing, asked.offsets) = (false, Some([7; PARTITIONS]));
    drop(asked);
    assert!(rig.writer.turn().unwrap_err().0.contains("offsets"));
}

#[test]
fn a_store_that_comes_late_tells_where_rows_begin() {
    let told = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&told);
    let tell: Told = Box::new(move |offsets| {
        *heard.lock() = Some(*offsets);
        Ok(())
    });
    let mut rig = rig_that_knows(1000, Known::Away(tell));
    rig.asked.lock().failing = true;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    let mut asked = rig.asked.lock();
    (asked.failing, asked.offsets) = (false, Some([7; PARTITIONS]));
    drop(asked);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1));
    assert_eq!((*told.lock(), rig.asked.lock().connects), (Some([7; PARTITIONS]), 2));
    assert_eq!(rig.writer.links.journal.committed(), 7);
}

fn mark(bytes: u64) -> FileMark {
    FileMark {
        mark: Mark { reading: 1, place: FilePlace { bytes, nth: 1 }, digest: bytes },
        feed: 0,
    }
}

#[test]
fn how_far_a_file_was_read_is_committed_with_what_passes_it_and_not_before_that_is_on_disk() {
    let mut rig = rig(1000);
    let journal = Arc::clone(&rig.writer.links.journal);
    // Of what it brought nothing became a row.
    let file = |next_seq, bytes| Rows { files: vec![mark(bytes)], ..part(0, next_seq, 0) };
    assert!(rig.shards[0].offer(file(10, 500)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle, "progress alone waits for a second");
    assert!(rig.shards[0].offer(part(0, 20, 5)).is_ok());
    assert!(rig.shards[0].offer(file(30, 900)).is_ok());
    for synced in [1, 29] {
        journal.set_synced(synced);
        assert_eq!(rig.writer.turn().unwrap(), Turn::Stalled);
        assert!(journal.is_awaited());
    }
    assert!(rig.asked.lock().commits.is_empty());
    journal.set_synced(30);
    rig.asked.lock().failing = true;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    rig.asked.lock().failing = false;
    rig.asked.lock().carried.clear();
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1), "it connects again");
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(5));
    assert_eq!(rig.asked.lock().carried, [mark(900)], "it is carried again, the last of it");
    assert!(rig.shards[0].offer(part(0, 40, 5)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(5));
    assert!(rig.asked.lock().carried.is_empty());
}
