//! Watches from outside when messages are committed, and measures from there how long each of them took.
//!
//! In:    how far each partition is committed, asked again and again on a connection of its own; the rows, afterwards
//! Out:   [`Latencies`]: from the intended sending to the commit, from there to the kernel's receipt, and the rest
//! Waits: between two looks, 1 to 4 milliseconds, and for 19 times as long as the look took where that lies between
//!
//! A row and the offset of its partition are committed together, so a message is committed by the first look at which the
//! offset has passed its number. A latency is thus too long by the time between two looks at most, never too short: an
//! early look does not see it. The daemon is not asked. What counts is when a message was *meant* to be sent: one that had to
//! wait because the target was slow has waited.
//!
//! Memory: at most two million messages are followed, 16 bytes each, and as many moves of an offset. Of more than that,
//! those of some partitions stand for all: ships are spread over them by a hash.

use crate::digest;
use crate::ledger::{Entry, Expect};
use crate::stored::{At, Outcome, StoredRows};
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Partitions of a data directory.
pub const PARTITIONS: u8 = 64;
/// Messages that are followed at most.
const FOLLOWED_MAX: u64 = 2_000_000;
/// The shortest pause between two looks, and the longest: a look that had to wait for a core took long, and cost little.
const EVERY: Duration = Duration::from_millis(1);
const EVERY_MAX: Duration = Duration::from_millis(4);
/// Pauses are this many times as long as a look.
const SPARING: u32 = 19;
/// The pause after a look that failed.
const REST: Duration = Duration::from_millis(100);
/// An hour is the longest latency that is told apart.
const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Points of the latency over time.
const POINTS: f64 = 240.0;
/// With those of messages that were sent when the run was meant to be over.
const POINTS_MAX: usize = 1000;

/// Messages whose commit is followed: how they must appear, and when they were meant to be sent.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// How many of the partitions.
    partitions: u8,
    /// Digest, and microseconds since the start.
    sent: Vec<(u64, u64)>,
}

impl Followed {
    /// As many partitions as there is memory for, of a run of so many messages.
    pub fn of_run(messages: u64) -> Self {
        let share = u64::from(PARTITIONS) * FOLLOWED_MAX / messages.max(1);
        let partitions = u8::try_from(share.clamp(1, PARTITIONS.into())).unwrap_or(1);
        Self { partitions, sent: Vec::new() }
    }

    /// Notes what is sent; `due` says when its message with this number, from 0, was meant to be.
    pub fn note(&mut self, entries: &[Entry], due: impl Fn(u64) -> Duration) {
        if self.partitions == 0 {
            return;
        }
        for (number, entry) in (0..).zip(entries.iter().filter(|entry| !entry.repeat)) {
            let is_followed = entry.place().is_some() || matches!(entry.msg_type, 1..=3 | 18);
            let surely = entry.expect == Expect::Surely && !entry.is_refused();
            let room = self.sent.len() < 2 * usize::try_from(FOLLOWED_MAX).unwrap_or(0);
            if is_followed && surely && room && partition(entry.mmsi) < self.partitions {
                self.sent.push((entry.digest, micros(due(number))));
            }
        }
    }
}

/// The partition of a ship: fixed for the life of a data directory.
fn partition(mmsi: u32) -> u8 {
    (u64::from(mmsi).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58).to_le_bytes()[0]
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What was seen of the offsets.
#[derive(Clone, Debug)]
pub struct Moves {
    began: Instant,
    /// By partition: when its offset was first seen at a number, in microseconds since `began`.
    seen: Vec<Vec<(u64, i64)>>,
    /// The longest time between two looks.
    gap_max: Duration,
}

impl Moves {
    /// When a number of a partition was first seen to be committed.
    fn committed_at(&self, partition: u8, seq: i64) -> Option<Instant> {
        let moves = self.seen.get(usize::from(partition))?;
        let at = moves.partition_point(|(_, next_seq)| *next_seq <= seq);
        moves.get(at).map(|(us, _)| self.began + Duration::from_micros(*us))
    }
}

/// A store that is being watched.
pub struct Watch {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<Moves>,
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(store: &At, followed: &Followed) -> Outcome<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (store, stop, partitions) = (store.clone(), Arc::clone(&stopping), followed.partitions);
        let watch = move || watch(&store, partitions, &stop);
        let thread = thread::Builder::new().name("commits".into()).spawn(watch);
        Ok(Self { stopping, thread: thread.map_err(|error| error.to_string())? })
    }

    /// Ends; what was seen.
    pub fn finish(self) -> Option<Moves> {
        self.stopping.store(true, Ordering::Release);
        self.thread.join().ok()
    }
}

fn watch(store: &At, partitions: u8, stopping: &AtomicBool) -> Moves {
    let began = Instant::now();
    let seen = vec![Vec::new(); usize::from(partitions)];
    let mut moves = Moves { began, seen, gap_max: Duration::ZERO };
    let (mut rows, mut last) = (None, began);
    while !stopping.load(Ordering::Acquire) {
        let asked = Instant::now();
        if look(store, &mut rows, &mut moves).is_none() {
            rows = None;
            thread::sleep(REST);
            continue;
        }
        let now = Instant::now();
        moves.gap_max = moves.gap_max.max(now - last);
        last = now;
        thread::sleep(((now - asked) * SPARING).clamp(EVERY, EVERY_MAX));
    }
    moves
}

/// One look; `None` when it failed, or when there is no store yet.
fn look(at: &At, rows: &mut Option<Box<dyn StoredRows>>, moves: &mut Moves) -> Option<()> {
    if rows.is_none() {
        *rows = at.open().ok()?;
    }
    let mut next = [0; PARTITIONS as usize];
    let store = rows.as_mut()?;
    store
        .offsets(&mut |partition, seq| {
            if let Some(known) = next.get_mut(usize::from(partition)) {
                *known = seq.max(*known);
            }
        })
        .ok()?;
    let us = micros(moves.began.elapsed());
    for (moves, next) in moves.seen.iter_mut().zip(next) {
        if moves.last().map_or(0, |last| last.1) < next {
            moves.push((us, next));
        }
    }
    Some(())
}

/// Measures while the rows are read.
pub struct Timing {
    sent: Vec<(u64, u64)>,
    moves: Moves,
    /// By partition: the highest number of a row.
    newest: Vec<i64>,
    started: Instant,
    started_us: u64,
    point_s: f64,
    /// What came of it.
    pub latencies: Latencies,
}

/// How long messages took, in microseconds.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// From the intended sending to the commit.
    pub to_commit: Histogram<u64>,
    /// From the intended sending to the kernel's receipt, as the row tells it.
    pub to_receipt: Histogram<u64>,
    /// From the kernel's receipt to the commit.
    pub from_receipt: Histogram<u64>,
    /// The first, over time: a histogram for each stretch of so many seconds.
    pub over_time: Vec<Histogram<u64>>,
    /// How long such a stretch is.
    pub point_s: f64,
    /// By how much a commit may have been seen too late.
    pub late_ms_max: f64,
    /// The share of the partitions that was followed.
    pub share: f64,
}

impl Timing {
    /// Of a run that started then (the same moment by both clocks) and took so long.
    ///
    /// # Errors
    /// When the bounds of a histogram make no sense.
    pub fn new(
        followed: Followed,
        moves: Moves,
        (started, started_us): (Instant, u64),
        took: Duration,
    ) -> Outcome<Self> {
        let whole = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        let text = |error: hdrhistogram::CreationError| error.to_string();
        let point_s = (took.as_secs_f64() / POINTS).ceil().max(1.0);
        let latencies = Latencies {
            to_commit: whole().map_err(text)?,
            to_receipt: whole().map_err(text)?,
            from_receipt: whole().map_err(text)?,
            over_time: Vec::new(),
            point_s,
            late_ms_max: moves.gap_max.as_secs_f64() * 1000.0,
            share: f64::from(followed.partitions) / f64::from(PARTITIONS),
        };
        let newest = vec![0; usize::from(followed.partitions)];
        let mut sent = followed.sent;
        sent.sort_unstable();
        Ok(Self { sent, moves, newest, started, started_us, point_s, latencies })
    }

    /// Any row of the run.
    pub fn stored(&mut self, mmsi: u32, seq: i64) {
        if let Some(newest) = self.newest.get_mut(usize::from(partition(mmsi))) {
            *newest = seq.max(*newest);
        }
    }

    /// When the last row of the partitions that were followed was seen committed; `None` when that was not seen of all.
    pub fn last_commit(&self) -> Option<Instant> {
        let newest = (0..).zip(&self.newest).filter(|(_, seq)| **seq > 0);
        let seen = newest.map(|(partition, seq)| self.moves.committed_at(partition, *seq));
        seen.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// One row.
    pub fn row(&mut self, fix: &digest::Fix, digest: u64, seq: i64, received_us: i64) {
        let partition = partition(fix.mmsi);
        let at = self.sent.partition_point(|(sent, _)| *sent < digest);
        let Some((_, due_us)) = self.sent.get(at).filter(|(sent, _)| *sent == digest) else {
            return;
        };
        let Some(committed) = self.moves.committed_at(partition, seq) else { return };
        let committed_us = micros(committed.saturating_duration_since(self.started));
        let received_us = u64::try_from(received_us).unwrap_or(0).saturating_sub(self.started_us);
        let record =
            |histogram: &mut Histogram<u64>, us: u64| histogram.saturating_record(us.max(1));
        let latencies = &mut self.latencies;
        let latency_us = committed_us.saturating_sub(*due_us);
        record(&mut latencies.to_commit, latency_us);
        record(&mut latencies.to_receipt, received_us.saturating_sub(*due_us));
        record(&mut latencies.from_receipt, committed_us.saturating_sub(received_us));
        let point = crate::stream::whole(*due_us as f64 / 1e6 / self.point_s);
        let point = usize::try_from(point).unwrap_or(usize::MAX).min(POINTS_MAX);
        while latencies.over_time.len() <= point {
            let Ok(empty) = Histogram::new_with_max(LATENCY_US_MAX, 2) else { return };
            latencies.over_time.push(empty);
        }
        record(&mut latencies.over_time[point], latency_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::{Fix, absent};
    use rusqlite::Connection;

    const FIX: Fix = Fix {
        mmsi: 244_660_000,
        msg_type: 1,
        lon: 1,
        lat: 1,
        sog: 1,
        cog: 1,
        heading: absent::HEADING,
        rot: 0,
        nav_status: 0,
        second: 0,
    };

    #[test]
    fn latencies_are_from_the_intended_sending_to_the_first_look_that_saw_it() {
        let began = Instant::now();
        let mut followed = Followed::of_run(10);
        let entry = Entry { digest: FIX.digest(), mmsi: FIX.mmsi, msg_type: 1, ..Entry::NONE };
        let repeat = Entry { repeat: true, ..entry };
        followed.note(&[entry, repeat], |_| Duration::from_millis(1500));
        assert_eq!(followed.sent.len(), 1);
        let mut seen = vec![Vec::new(); 64];
        seen[usize::from(partition(FIX.mmsi))] = vec![(1_400_000, 5), (2_100_000, 9)];
        let moves = Moves { began, seen, gap_max: Duration::from_millis(2) };
        // The run started a tenth of a second after the first look.
        let started = (began + Duration::from_millis(100), 1_000_000_000);
        let mut timing = Timing::new(followed, moves, started, Duration::from_secs(3)).unwrap();
        timing.row(&FIX, FIX.digest(), 5, 1_001_600_000);
        timing.row(&FIX, 7, 5, 1_001_600_000);
        timing.row(&FIX, FIX.digest(), 9, 1_001_600_000);
        let found = &timing.latencies;
        let near = |histogram: &Histogram<u64>, ms: u64| {
            assert_eq!(histogram.len(), 1);
            assert!(histogram.max().abs_diff(ms * 1000) <= ms, "{} for {ms}", histogram.max());
        };
        near(&found.to_commit, 500);
        near(&found.to_receipt, 100);
        near(&found.from_receipt, 400);
        assert_eq!((found.over_time.len(), found.over_time[1].len()), (2, 1));
        assert_eq!(timing.last_commit(), None);
        let seen = |us| Some(began + Duration::from_micros(us));
        timing.stored(FIX.mmsi, 4);
        assert_eq!(timing.last_commit(), seen(1_400_000));
        timing.stored(FIX.mmsi, 8);
        timing.stored(FIX.mmsi, 5);
        assert_eq!(timing.last_commit(), seen(2_100_000));
        // Nobody saw that one committed.
        timing.stored(FIX.mmsi, 9);
        assert_eq!(timing.last_commit(), None);
    }

    #[test]
    fn of_many_messages_some_partitions_are_followed() {
        let partitions = |messages| Followed::of_run(messages).partitions;
        assert_eq!((partitions(0), partitions(1_000_000), partitions(4_000_000)), (64, 64, 32));
        assert_eq!(partitions(u64::MAX), 1);
    }

    #[test]
    fn a_store_is_watched_from_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("aisd.db");
        let watch = Watch::start(&At::Sqlite(file.clone()), &Followed::of_run(1)).unwrap();
        let daemon = Connection::open(&file).unwrap();
        let set = |next_seq: i64| {
            let sql = format!("INSERT OR REPLACE INTO offsets VALUES ('x', 3, {next_seq})");
            daemon.execute_batch(&sql).unwrap();
            thread::sleep(Duration::from_millis(300));
        };
        daemon
            .execute_batch(
                "PRAGMA journal_mode = wal; CREATE TABLE offsets
                 (instance TEXT, partition INTEGER, next_seq INTEGER, PRIMARY KEY (instance, partition));",
            )
            .unwrap();
        set(7);
        set(8);
        let moves = watch.finish().unwrap();
        let seqs: Vec<i64> = moves.seen[3].iter().map(|it| it.1).collect();
        assert_eq!(seqs, [7, 8]);
        let between = moves.seen[3][1].0 - moves.seen[3][0].0;
        assert!((200_000..2_000_000).contains(&between), "{between}");
        assert!(moves.seen[4].is_empty());
    }
}
