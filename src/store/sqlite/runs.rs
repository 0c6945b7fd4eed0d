//! The runs that positions are indexed in, see [`crate::store::schema`].

use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};

use crate::rows::PositionRow;
use crate::store::schema;

/// Rows of a run, one batch more at most. Small enough that the tracks of a run are few pages and a batch fills many rows into
/// each; large enough that a year has not too many of them to look into.
const RUN_ROWS: u64 = 262_144;

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

    /// The run after these rows were added to it, or to a new one when it is full.
    pub fn add(
        mut self,
        transaction: &Transaction<'_>,
        positions: &mut [&PositionRow],
        tracked: bool,
    ) -> Result<Self> {
        let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
            return Ok(self);
        };
        let (seq_min, seq_max) = (first.origin.seq, last.origin.seq);
        if self.rows >= RUN_ROWS {
            self = Self { number: self.number + 1, rows: 0 };
        }
        let times = positions.iter().map(|row| row.origin.time_us);
        let ts_min = times.clone().min().unwrap_or(0);
        let ts_max = times.max().unwrap_or(0);
        let rows = positions.len() as u64;
        transaction.prepare_cached(schema::GROW_RUN)?.execute(params![
            self.number,
            rows.cast_signed(),
            seq_min.cast_signed(),
            seq_max.cast_signed(),
            ts_min,
            ts_max,
            tracked,
        ])?;
        if tracked {
            self.insert_tracks(transaction, positions)?;
        }
        self.rows += rows;
        Ok(self)
    }

    fn insert_tracks(
        self,
        transaction: &Transaction<'_>,
        positions: &mut [&PositionRow],
    ) -> Result<()> {
        positions.sort_unstable_by_key(|row| (row.origin.mmsi, row.origin.time_us, row.origin.seq));
        let mut insert = transaction.prepare_cached(schema::INSERT_TRACK)?;
        for PositionRow { origin, .. } in positions {
            let seq = origin.seq.cast_signed();
            insert.execute(params![self.number, origin.mmsi, origin.time_us, seq])?;
        }
        Ok(())
    }
}

/// Brings runs that were written without tracks up to date; says how many there were.
pub fn track_missing(connection: &mut Connection) -> Result<usize> {
    let missing: Vec<i64> = connection
        .prepare("SELECT run FROM runs WHERE NOT tracked")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for run in &missing {
        let transaction = connection.transaction()?;
        transaction.execute(
            // Where two runs meet their rows interleave by number: a row belongs to the run that tracked it first.
            "INSERT INTO tracks
             SELECT me.run, mmsi, ts, positions.seq
             FROM runs AS me JOIN positions ON positions.seq BETWEEN me.seq_min AND me.seq_max
             WHERE me.run = ?1 AND NOT EXISTS (
               SELECT 1 FROM runs AS other JOIN tracks ON tracks.run = other.run
               WHERE other.run <> me.run AND other.seq_max >= me.seq_min AND other.seq_min <= me.seq_max
               AND tracks.mmsi = positions.mmsi AND tracks.ts = positions.ts AND tracks.seq = positions.seq)
             ORDER BY mmsi, ts",
            [run],
        )?;
        transaction.execute("UPDATE runs SET tracked = 1 WHERE run = ?1", [run])?;
        transaction.commit()?;
    }
    Ok(missing.len())
}
