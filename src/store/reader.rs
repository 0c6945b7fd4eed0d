//! Reads what was stored, beside the writer: each reader has a connection of its own that cannot write.
//!
//! A question that takes longer than its time is given up between two steps of SQLite's machine. A vessel is looked for run by run, the newest
//! first, and no longer than [`LOOK_MAX`]: for one that was never heard there is no end to it before the oldest.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::stored::{Columns, columns, view};
use super::{StoreError, StoreReader, TrackPoint};
use crate::picture::VesselView;

/// Steps of SQLite's machine between two looks at the clock, some ten microseconds.
const STEPS: i32 = 1000;

/// A vessel is looked for in the runs for this long.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// A reader of the embedded store.
pub struct SqliteReader {
    connection: Connection,
    within: Duration,
    look_max: Duration,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl SqliteReader {
    /// Opens the file for reading; no answer takes longer than this.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(path: &Path, within: Duration) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_millis(500))?;
        let deadline = Arc::new(Mutex::new(None));
        let watched = Arc::clone(&deadline);
        let is_late = move || watched.lock().is_some_and(|deadline| Instant::now() >= deadline);
        connection.progress_handler(STEPS, Some(is_late))?;
        Ok(Self { connection, within, look_max: LOOK_MAX, deadline })
    }

    /// Asks something, in time.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        *self.deadline.lock() = Some(Instant::now() + self.within);
        let answer = question(&self.connection);
        *self.deadline.lock() = None;
        answer.map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => {
                StoreError::Transient(format!("no answer within {} s", self.within.as_secs_f64()))
            }
            _ => error.into(),
        })
    }
}

/// From the tracks, and from the rows that are not yet in them: those are the newest of the newest runs. The second half
/// also serves a store that keeps no tracks, by reading the runs that the times lie in. The number is there because UNION leaves out what it has
/// had: rows in both halves, and no others.
const TRACK: &str = "
SELECT positions.ts, positions.seq, lon, lat, sog, cog, heading
FROM runs CROSS JOIN tracks ON tracks.run = runs.run CROSS JOIN positions ON positions.seq = tracks.seq
WHERE runs.ts_max >= ?2 AND runs.ts_min < ?3 AND tracks.mmsi = ?1 AND tracks.ts >= ?2 AND tracks.ts < ?3
  AND lat IS NOT NULL
UNION
SELECT positions.ts, positions.seq, lon, lat, sog, cog, heading
FROM runs CROSS JOIN positions
  ON positions.seq BETWEEN max(runs.seq_min, (SELECT seq FROM tracked_to)) AND runs.seq_max
WHERE runs.ts_max >= ?2 AND runs.ts_min < ?3 AND runs.seq_max >= (SELECT seq FROM tracked_to)
  AND positions.mmsi = ?1 AND positions.ts >= ?2 AND positions.ts < ?3 AND lat IS NOT NULL
ORDER BY 1, 2 LIMIT ?4";

/// The run before another that reaches up to a time.
const RUN_BEFORE: &str = "SELECT run, seq_min, seq_max FROM runs WHERE run < ?1 AND ts_max >= ?2 ORDER BY run DESC LIMIT 1";

/// The newest of a vessel in the tracks of a run. What is dated ahead (flag 4), or was brought by a source that
/// was stuck (512), never becomes what is known of a vessel.
const NEWEST_TRACKED: &str = "
SELECT tracks.ts, tracks.seq FROM tracks CROSS JOIN positions ON positions.seq = tracks.seq
WHERE run = ?1 AND tracks.mmsi = ?2 AND flags & 516 = 0 ORDER BY tracks.ts DESC, tracks.seq DESC LIMIT 1";

/// The newest of a vessel among the rows of a run that are not yet in the tracks.
const NEWEST_UNTRACKED: &str = "
SELECT ts, seq FROM positions
WHERE seq BETWEEN max(?1, (SELECT seq FROM tracked_to)) AND ?2 AND mmsi = ?3 AND flags & 516 = 0
ORDER BY ts DESC, seq DESC LIMIT 1";

/// Everything of the runs that reach up to a time, but what never becomes known of a vessel.
const SINCE: &str = "
SELECT mmsi, ts, positions.seq
FROM runs CROSS JOIN positions ON positions.seq BETWEEN runs.seq_min AND runs.seq_max
WHERE runs.ts_max >= ?1 AND ts >= ?1 AND mmsi > ?2 AND flags & 516 = 0";

/// A vessel with the position of this number, or none.
const VESSEL: &str = concat!(
    "SELECT ",
    columns!("p.source"),
    " FROM (SELECT ?1 AS mmsi) m LEFT JOIN positions p ON p.seq = ?2 LEFT JOIN vessels v ON v.mmsi = m.mmsi"
);

impl StoreReader for SqliteReader {
    fn track(
        &mut self,
        mmsi: u32,
        from_us: i64,
        to_us: i64,
        limit: usize,
    ) -> Result<Vec<TrackPoint>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(|connection| {
            let mut select = connection.prepare_cached(TRACK)?;
            let points = select.query_map(params![mmsi, from_us, to_us, limit], |row| {
                Ok(TrackPoint {
                    time_us: row.get(0)?,
                    lon: row.get(2)?,
                    lat: row.get(3)?,
                    sog: row.get(4)?,
                    cog: row.get(5)?,
                    heading: row.get(6)?,
                })
            })?;
            points.collect()
        })
    }

    fn vessel(&mut self, mmsi: u32) -> Result<Option<VesselView>, StoreError> {
        let until = Instant::now() + self.look_max;
        let (vessel, is_all) = self.ask(|connection| {
            let (newest, is_all) = newest_of(connection, mmsi, until)?;
            Ok((describe(connection, mmsi, newest.map(|(_, seq)| seq))?, is_all))
        })?;
        if vessel.is_none() && !is_all {
            let looked = self.look_max.as_secs_f64();
            let text = format!("nothing of {mmsi} in the rows that were looked at in {looked} s");
            return Err(StoreError::Transient(text));
        }
        Ok(vessel)
    }

    fn newest(
        &mut self,
        since_us: i64,
        after: u32,
        limit: usize,
    ) -> Result<Vec<VesselView>, StoreError> {
        self.ask(|connection| {
            let newest = newest_since(connection, since_us, after, limit)?;
            let views =
                newest.iter().map(|(mmsi, (_, seq))| describe(connection, *mmsi, Some(*seq)));
            Ok(views.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }
}

/// Time and number of a position; the greater is the newer.
type When = (i64, i64);

/// The newest position of a vessel, and whether all runs were looked at that may have it. Runs overlap in time, so it goes on until no other
/// can have a newer one. They are taken in the order of their numbers, which need no sorting.
fn newest_of(
    connection: &Connection,
    mmsi: u32,
    until: Instant,
) -> rusqlite::Result<(Option<When>, bool)> {
    let when = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let run = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let mut tracked = connection.prepare_cached(NEWEST_TRACKED)?;
    let mut untracked = connection.prepare_cached(NEWEST_UNTRACKED)?;
    let mut run_before = connection.prepare_cached(RUN_BEFORE)?;
    let (mut newest, mut before): (Option<When>, i64) = (None, i64::MAX);
    loop {
        let since = newest.map_or(i64::MIN, |(ts, _)| ts);
        let next = run_before.query_row(params![before, since], run).optional()?;
        let Some((number, seq_min, seq_max)): Option<(i64, i64, i64)> = next else {
            return Ok((newest, true));
        };
        let found = tracked.query_row(params![number, mmsi], when).optional()?;
        let fresh = untracked.query_row(params![seq_min, seq_max, mmsi], when).optional()?;
        newest = newest.max(found).max(fresh);
        before = number;
        if Instant::now() >= until {
            return Ok((newest, false));
        }
    }
}

/// The newest position of each vessel with a number above `after`, of at most so many of the lowest.
fn newest_since(
    connection: &Connection,
    since_us: i64,
    after: u32,
    limit: usize,
) -> rusqlite::Result<BTreeMap<u32, When>> {
    let mut select = connection.prepare_cached(SINCE)?;
    let mut rows = select.query(params![since_us, after])?;
    let mut newest = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (mmsi, when): (u32, When) = (row.get(0)?, (row.get(1)?, row.get(2)?));
        let known = newest.entry(mmsi).or_insert(when);
        *known = when.max(*known);
        if newest.len() > limit {
            newest.pop_last();
        }
    }
    Ok(newest)
}

fn describe(
    connection: &Connection,
    mmsi: u32,
    seq: Option<i64>,
) -> rusqlite::Result<Option<VesselView>> {
    connection.prepare_cached(VESSEL)?.query_row(params![mmsi, seq], |row| view(mmsi, row))
}

impl Columns for Row<'_> {
    type Error = rusqlite::Error;

    fn whole(&self, column: usize) -> rusqlite::Result<Option<i64>> {
        self.get(column)
    }

    fn real(&self, column: usize) -> rusqlite::Result<Option<f64>> {
        self.get(column)
    }

    fn text(&self, column: usize) -> rusqlite::Result<Option<String>> {
        self.get(column)
    }
}

#[cfg(test)]
mod tests;
