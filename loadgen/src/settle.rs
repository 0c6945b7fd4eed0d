//! Waits until the store holds what was sent, and notes the moment at which it did.
//!
//! In:    the daemon's counters, if it has an address for them; else the store itself
//! Out:   when the last message was committed, as nearly as can be told without disturbing the daemon
//! Waits: until all is there, until nothing has changed for 3 s, or until the time is over
//!
//! Counting rows costs the machine that is being measured. So the store is asked only after another connection has
//! changed it, and never for more than a twentieth of the time.

use crate::metrics::Metrics;
use crate::stored::{Outcome, StoredRows};
use std::thread;
use std::time::{Duration, Instant};

/// How often the daemon is asked.
const EVERY: Duration = Duration::from_millis(50);
/// How long nothing may change before the rest counts as lost.
const QUIET: Duration = Duration::from_secs(3);
/// How long a count stands still before the next run may begin.
const STILL: Duration = Duration::from_millis(500);
/// Pauses are this many times as long as a look at the store.
const SPARING: u32 = 20;

/// Something that knows how many messages have been committed in this run.
pub trait Counter {
    /// How many, and whether more are known to be on their way; `None` when it cannot be told now.
    fn count(&mut self) -> Option<(u64, bool)>;
}

/// How far the store was seen to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How many were there at the end, as far as the counter knows.
    pub count: u64,
    /// When that was reached.
    pub at: Instant,
    /// Whether that is all.
    pub complete: bool,
}

/// Waits for `expected` messages, at most until `limit` has passed.
pub fn wait(
    counter: &mut dyn Counter,
    expected: u64,
    limit: Duration,
    mut tell: impl FnMut(u64),
) -> Settled {
    let began = Instant::now();
    let mut settled = Settled { count: 0, at: began, complete: expected == 0 };
    while !settled.complete && began.elapsed() < limit {
        let asked = Instant::now();
        let answer = counter.count();
        let now = Instant::now();
        if let Some((count, _)) = answer.filter(|answer| answer.0 != settled.count) {
            // A look sees what was there when it began: how long it took is no time of the store's.
            settled = Settled { count, at: asked, complete: false };
            tell(count);
        }
        // A daemon that does not answer may be on its way back.
        let under_way = answer.is_none_or(|answer| answer.1);
        settled.complete = settled.count >= expected && !under_way;
        if settled.complete || (!under_way && settled.at.elapsed() >= QUIET) {
            break;
        }
        thread::sleep(EVERY.max((now - asked) * SPARING));
    }
    settled
}

/// Waits until nothing is under way any more and the count stands still, at most until `limit` has passed; whether it does.
pub fn rest(counter: &mut dyn Counter, limit: Duration) -> bool {
    let began = Instant::now();
    let (mut last, mut since) = (None, began);
    while began.elapsed() < limit {
        match counter.count() {
            Some((count, false)) if last == Some(count) => {
                if since.elapsed() >= STILL {
                    return true;
                }
            }
            answer => {
                last = answer.filter(|(_, under_way)| !under_way).map(|(count, _)| count);
                since = Instant::now();
            }
        }
        thread::sleep(EVERY);
    }
    false
}

/// Counts by the daemon's metrics.
pub struct ByMetrics {
    metrics: Metrics,
    before: u64,
}

impl ByMetrics {
    /// From where the counters stood before the run.
    pub const fn new(metrics: Metrics, before: u64) -> Self {
        Self { metrics, before }
    }
}

impl Counter for ByMetrics {
    fn count(&mut self) -> Option<(u64, bool)> {
        let figures = self.metrics.read().ok()?;
        let stored = figures.stored()?;
        if stored < self.before {
            // Another daemon than before the run: it counts from nothing.
            self.before = 0;
        }
        Some((stored - self.before, figures.in_flight().is_some_and(|count| count > 0)))
    }
}

/// Counts rows in the store.
pub struct ByRows {
    store: Box<dyn StoredRows>,
    since_us: i64,
    before: u64,
    version: Option<String>,
    last: u64,
}

impl ByRows {
    /// Rows with an event time from a minute before the run on, less those that were there already.
    pub fn new(store: Box<dyn StoredRows>, start_us: u64) -> Self {
        let since_us = start_us.cast_signed() - 60_000_000;
        Self { store, since_us, before: 0, version: None, last: 0 }
    }

    /// Takes what is there now as the state before the run; without this the store was empty then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn begin(&mut self) -> Outcome<()> {
        self.before = self.store.count(self.since_us)?;
        Ok(())
    }
}

impl Counter for ByRows {
    fn count(&mut self) -> Option<(u64, bool)> {
        let version = self.store.version().ok();
        if version.is_none() || version != self.version {
            self.last = self.store.count(self.since_us).ok()?.saturating_sub(self.before);
            self.version = version;
        }
        Some((self.last, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::At;
    use rusqlite::Connection;

    struct Script(Vec<Option<(u64, bool)>>);

    impl Counter for Script {
        fn count(&mut self) -> Option<(u64, bool)> {
            if self.0.len() > 1 { self.0.remove(0) } else { self.0[0] }
        }
    }

    #[test]
    fn it_is_settled_as_soon_as_all_is_there() {
        let mut script = Script(vec![Some((1, true)), None, Some((5, false))]);
        let mut told = Vec::new();
        let settled = wait(&mut script, 5, Duration::from_secs(60), |count| told.push(count));
        assert!(settled.complete);
        assert_eq!((settled.count, told), (5, vec![1, 5]));
    }

    /// The moment was taken behind the look, so a count of many rows that took a second made the store a second late.
    #[test]
    fn how_long_a_look_takes_is_no_time_of_the_store() {
        struct Slow;
        impl Counter for Slow {
            fn count(&mut self) -> Option<(u64, bool)> {
                thread::sleep(Duration::from_millis(300));
                Some((5, false))
            }
        }
        let began = Instant::now();
        let settled = wait(&mut Slow, 5, Duration::from_secs(60), |_| ());
        assert!(settled.complete && began.elapsed() >= Duration::from_millis(300));
        assert!(settled.at - began < Duration::from_millis(200), "{:?}", settled.at - began);
    }

    #[test]
    fn a_daemon_rests_when_nothing_is_under_way_and_its_count_stands_still() {
        let limit = Duration::from_secs(60);
        let busy = [Some((1, true)), Some((2, true)), None, Some((2, false)), Some((3, false))];
        let mut script = Script(busy.to_vec());
        let began = Instant::now();
        assert!(rest(&mut script, limit));
        assert!(script.0.len() == 1 && began.elapsed() >= STILL, "{:?}", began.elapsed());
        let short = Duration::from_millis(800);
        assert!(!rest(&mut Script(vec![Some((3, true))]), short));
        assert!(!rest(&mut Script(vec![None]), short));
    }

    #[test]
    fn it_gives_up_when_the_time_is_over() {
        let mut script = Script(vec![Some((1, true))]);
        let settled = wait(&mut script, 5, Duration::from_millis(120), |_| ());
        assert!(!settled.complete);
        assert_eq!(settled.count, 1);
    }

    #[test]
    fn rows_of_before_do_not_count_and_type_19_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aisd.db");
        let daemon = Connection::open(&path).unwrap();
        daemon
            .execute_batch(
                "PRAGMA journal_mode = wal;
                 CREATE TABLE positions (ts, msg_type);
                 CREATE TABLE messages (ts);
                 CREATE TABLE vessels (mmsi, static_reports);
                 INSERT INTO positions VALUES (1000000000, 1), (5, 1);",
            )
            .unwrap();
        let store = At::Sqlite(path).open().unwrap().unwrap();
        let mut rows = ByRows::new(store, 1_000_000_000);
        rows.begin().unwrap();
        assert_eq!(rows.count(), Some((0, false)));
        daemon
            .execute_batch(
                "INSERT INTO positions VALUES (1000000001, 19), (1000000002, 1);
                 INSERT INTO messages VALUES (1000000003);
                 INSERT INTO vessels VALUES (7, 1), (8, 2);",
            )
            .unwrap();
        assert_eq!(rows.count(), Some((5, false)));
    }
}
