//! Positions sorted by vessel, in runs; see [`crate::store::schema`].
//!
//! A commit of a few rows from as many ships would touch as many pages of `tracks`. So rows wait, sorted, and are swept into
//! the table in its own order: each commit takes the next few, which lie side by side. A sweep takes [`SWEEP`], so tracks follow their
//! positions within twice that; what was not swept when the process ended is found by its number at the next start.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use crate::rows::PositionRow;
use crate::store::schema;

/// Rows of a run, one batch more at most. Small enough that the tracks of a run are few pages and a sweep fills many rows into
/// each; large enough that a year has not too many of them to look into.
const RUN_ROWS: u64 = 262_144;
/// How long a sweep takes.
const SWEEP: Duration = Duration::from_secs(5);
/// Rows that wait at most before a sweep is hurried, and twice that in all.
const WAITING_MAX: usize = 131_072;

/// The run being filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    number: i64,
    rows: u64,
}

impl Run {
    /// The last run in the database, or the first of an empty one.
    pub fn last(connection: &Connection) -> Result<Self> {
        let last = connection
            .query_row("SELECT run, rows FROM runs ORDER BY run DESC LIMIT 1", [], |row| {
                Ok(Self { number: row.get(0)?, rows: row.get::<_, i64>(1)?.cast_unsigned() })
            })
            .optional()?;
        Ok(last.unwrap_or_default())
    }

    /// The run after these rows, in the order of their numbers, were added to it, or to a new one when it is full.
    pub fn grow(mut self, transaction: &Transaction<'_>, rows: &[&PositionRow]) -> Result<Self> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(self) };
        if self.rows >= RUN_ROWS {
            self = Self { number: self.number + 1, rows: 0 };
        }
        let times = rows.iter().map(|row| row.origin.time_us);
        let count = rows.len() as u64;
        transaction.prepare_cached(schema::GROW_RUN)?.execute(params![
            self.number,
            count.cast_signed(),
            first.origin.seq.cast_signed(),
            last.origin.seq.cast_signed(),
            times.clone().min(),
            times.max(),
        ])?;
        self.rows += count;
        Ok(self)
    }
}

/// A row of `tracks`, in the order of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    run: i64,
    mmsi: u32,
    time_us: i64,
    seq: u64,
}

/// Rows on their way into `tracks`.
pub struct Tracks {
    /// Sorted; those before `swept` are in the table.
    sorted: Vec<Key>,
    swept: usize,
    /// Came since the sweep began.
    fresh: Vec<Key>,
    began: Instant,
}

impl Tracks {
    /// Nothing waits.
    #[must_use]
    pub fn new() -> Self {
        Self { sorted: Vec::new(), swept: 0, fresh: Vec::new(), began: Instant::now() }
    }

    /// Adds rows that are being committed to this run.
    pub fn add(&mut self, run: Run, rows: &[&PositionRow]) {
        let number = run.number;
        self.fresh.extend(rows.iter().map(|PositionRow { origin, .. }| Key {
            run: number,
            mmsi: origin.mmsi,
            time_us: origin.time_us,
            seq: origin.seq,
        }));
    }

    /// Rows that wait.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.sorted.len() - self.swept + self.fresh.len()
    }

    /// Whether it is time to do something although nothing is being committed.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.waiting() > 0 && self.began.elapsed() >= SWEEP
    }

    /// Sweeps as many rows as are due now. No row that is yet to come has a number below `decided`.
    pub fn sweep(&mut self, transaction: &Transaction<'_>, decided: u64) -> Result<()> {
        let until = self.due();
        self.sweep_to(transaction, until)?;
        if self.swept == self.sorted.len() && self.is_sweep_over() {
            self.begin_sweep(transaction, decided)?;
        }
        Ok(())
    }

    /// Sweeps everything.
    pub fn finish(&mut self, transaction: &Transaction<'_>, decided: u64) -> Result<()> {
        for _ in 0..2 {
            self.sweep_to(transaction, self.sorted.len())?;
            self.begin_sweep(transaction, decided)?;
        }
        Ok(())
    }

    fn is_sweep_over(&self) -> bool {
        self.fresh.len() >= WAITING_MAX || self.began.elapsed() >= SWEEP
    }

    /// How many of the sorted rows should be in the table by now: by time, and by how many wait behind them.
    fn due(&self) -> usize {
        let by_time = self.began.elapsed().as_secs_f64() / SWEEP.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a share of at most 2^18 rows")]
        let by_rows = self.fresh.len() as f64 / WAITING_MAX as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of at most 2^18 rows"
        )]
        let due = (self.sorted.len() as f64 * by_time.max(by_rows).min(1.0)).ceil() as usize;
        due.clamp(self.swept, self.sorted.len())
    }

    fn sweep_to(&mut self, transaction: &Transaction<'_>, until: usize) -> Result<()> {
        let mut insert = transaction.prepare_cached(schema::INSERT_TRACK)?;
        for key in &self.sorted[self.swept..until] {
            insert.execute(params![key.run, key.mmsi, key.time_us, key.seq.cast_signed()])?;
        }
        self.swept = until;
        Ok(())
    }

    /// Everything that was sorted is in the table: what came meanwhile is next.
    fn begin_sweep(&mut self, transaction: &Transaction<'_>, decided: u64) -> Result<()> {
        let waiting = self.fresh.iter().map(|key| key.seq).min().unwrap_or(u64::MAX);
        let tracked_to = waiting.min(decided).cast_signed();
        transaction.prepare_cached(schema::SET_TRACKED_TO)?.execute([tracked_to])?;
        self.sorted.clear();
        std::mem::swap(&mut self.sorted, &mut self.fresh);
        self.sorted.sort_unstable();
        self.swept = 0;
        self.began = Instant::now();
        Ok(())
    }
}

/// Puts positions into `tracks` that were stored without; says how many there were. Rows that are yet to come have numbers
/// from `decided` on, some of them below numbers that are there: shards do not keep step.
pub fn track_missing(connection: &mut Connection, decided: u64) -> Result<usize> {
    let runs: Vec<i64> = connection
        .prepare("SELECT run FROM runs WHERE seq_max >= (SELECT seq FROM tracked_to)")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let mut missing = 0;
    for run in &runs {
        let transaction = connection.transaction()?;
        missing += transaction.execute(schema::TRACK_MISSING, [run])?;
        transaction.commit()?;
    }
    connection.execute(schema::SET_TRACKED_TO, [decided.cast_signed()])?;
    Ok(missing)
}
