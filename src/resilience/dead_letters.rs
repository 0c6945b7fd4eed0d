//! Rows that the store refuses for good, kept on disk, so that all others can be committed and none is lost.
//!
//! In:      rows that were refused, with the reason
//! Out:     the file `dead_letters.db` in the data directory, for looking at and for trying again
//! Drops:   never; at its bound it refuses, and the store waits
//! Metrics: `ais_dlq_size`, `ais_dlq_limit_rows`, `ais_dlq_refused_total`, `ais_messages_failed_db_total`,
//!          `ais_messages_undelivered`
//!
//! A letter is kept, and synced, *before* the store commits the offsets that pass it ([`DeadLetters::keep`]). When that commit has come
//! through the letter is *passed* ([`DeadLetters::passed`]). Whoever connects to the store tells its offsets
//! ([`DeadLetters::settle`]): a letter that they have not passed goes, since the journal brings its message again, and perhaps
//! it is taken then. A letter that was passed stays, whatever a store says later.
//!
//! A message has one row or two (type 19: a position and static data); it is undelivered when any of them lies here. What earlier runs
//! left counts as recovered and undelivered once the store has told its offsets, so the sum of `observe::accounting` comes out.

mod file;
mod letter;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

pub use file::{Reader, Stats};
pub use letter::{Kind, Letter, Refusal};

use crate::observe::counts::Counts;
use crate::partition::PARTITIONS;

/// What the file in the data directory is called.
pub const FILE_NAME: &str = "dead_letters.db";

const KEEP: &str = "INSERT INTO letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0) \
    ON CONFLICT DO UPDATE SET row = excluded.row, sqlstate = excluded.sqlstate, reason = excluded.reason, \
    attempts = attempts + excluded.attempts, last_failed_us = excluded.last_failed_us";
const PASS: &str = "UPDATE letters SET passed = 1 WHERE passed = 0 AND partition = ?1 AND seq < ?2";
const FORGET: &str =
    "DELETE FROM letters WHERE passed = 0 AND partition = ?1 AND seq >= ?2 RETURNING seq, source";
const OF_PARTITION: &str =
    "SELECT source, count(DISTINCT seq) FROM letters WHERE partition = ?1 GROUP BY source";

/// Why letters cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is no room.
    #[error(
        "{rows} dead letters, at most {rows_max} are kept: raise dead_letters.rows_max, or mend what they were refused for"
    )]
    Full {
        /// Letters that are there.
        rows: u64,
        /// The bound.
        rows_max: u64,
    },
    /// The file cannot be read or written.
    #[error("dead letters {path}: {doing}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        error: rusqlite::Error,
    },
    /// The file is none of dead letters, or one of a newer program.
    #[error(
        "dead letters {path}: the file holds {what}; move it away, or run the program that made it"
    )]
    Foreign {
        /// The file.
        path: String,
        /// What it holds.
        what: String,
    },
}

impl DeadLetterError {
    fn io(path: &Path, doing: &'static str, error: rusqlite::Error) -> Self {
        Self::Io { path: path.display().to_string(), doing, error }
    }
}

/// The dead letters of a data directory. One for the process: who has several writers puts it behind a lock.
pub struct DeadLetters {
    connection: Connection,
    path: PathBuf,
    rows_max: u64,
    rows: u64,
    messages: u64,
    /// Letters whose offsets are not known to be committed.
    to_pass: u64,
    /// Partitions whose offsets the store has told.
    settled: [bool; PARTITIONS],
    /// Messages by their feed, of the partitions that are settled.
    by_feed: [u64; 256],
    counts: Arc<Counts>,
}

impl DeadLetters {
    /// Opens the file of a data directory, and makes it when it is not there.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not ours.
    pub fn open(
        data_dir: &Path,
        rows_max: usize,
        counts: &Arc<Counts>,
    ) -> Result<Self, DeadLetterError> {
        let connection = file::open(data_dir)?;
        let path = data_dir.join(FILE_NAME);
        let failed = |error| DeadLetterError::io(&path, "read it", error);
        let (rows, messages) = file::totals(&connection).map_err(failed)?;
        let select = "SELECT count(*) FROM letters WHERE passed = 0";
        let to_pass =
            connection.query_row(select, [], |row| file::unsigned(row, 0)).map_err(failed)?;
        let rows_max = u64::try_from(rows_max).unwrap_or(u64::MAX);
        tracing::info!("DLQ service started: {rows} dead letters, at most {rows_max} are kept");
        counts.dead_letters.rows_max.set(signed(rows_max));
        let letters = Self {
            connection,
            path,
            rows_max,
            rows,
            messages,
            to_pass,
            settled: [false; PARTITIONS],
            by_feed: [0; 256],
            counts: Arc::clone(counts),
        };
        letters.show();
        Ok(letters)
    }

    /// Letters.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.rows
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Messages that the letters are of.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Messages by their feed, of the partitions whose offsets the store has told.
    #[must_use]
    pub const fn by_feed(&self) -> [u64; 256] {
        self.by_feed
    }

    /// Keeps letters; they are on disk when it returns. One that is there already has been refused once more. All are
    /// kept or none.
    ///
    /// # Errors
    /// When there is no room, or the disk does not do it: the offsets that pass them must then not be committed.
    pub fn keep(&mut self, letters: &[Letter]) -> Result<(), DeadLetterError> {
        let (rows, rows_max) = (self.rows, self.rows_max);
        let path = &self.path;
        let failed = |error| DeadLetterError::io(path, "keep letters", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut kept = Kept::default();
        for letter in letters {
            kept.put(&transaction, letter).map_err(failed)?;
        }
        if kept.rows > 0 && rows + kept.rows > rows_max {
            self.counts.dead_letters.refused.add(kept.rows);
            return Err(DeadLetterError::Full { rows, rows_max });
        }
        transaction.commit().map_err(failed)?;
        self.rows += kept.rows;
        self.to_pass += kept.rows;
        self.messages += kept.messages.len() as u64;
        for (partition, feed) in kept.messages {
            self.by_feed[usize::from(feed)] += u64::from(self.is_settled(partition));
        }
        self.counts.dead_letters.given_up.add(kept.rows);
        self.show();
        Ok(())
    }

    /// The store has committed these offsets, as partition and next number: letters below them stay.
    ///
    /// # Errors
    /// When that cannot be written; then the next [`DeadLetters::settle`] does it.
    pub fn passed(
        &mut self,
        offsets: impl IntoIterator<Item = (u8, u64)>,
    ) -> Result<(), DeadLetterError> {
        if self.to_pass == 0 {
            return Ok(());
        }
        let failed = |error| DeadLetterError::io(&self.path, "note what is passed", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let passed = pass(&transaction, offsets).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.to_pass = self.to_pass.saturating_sub(passed);
        Ok(())
    }

    /// The store has these offsets, as partition and next number: it was asked itself, a copy of them is not
    /// enough. To be told at every connect, before anything is committed. Letters that they have not passed go, since the
    /// journal brings them again; how many messages that were.
    ///
    /// # Errors
    /// When that cannot be read or written; nothing must be committed before it can.
    pub fn settle(
        &mut self,
        offsets: impl IntoIterator<Item = (u8, u64)>,
    ) -> Result<u64, DeadLetterError> {
        let offsets: Vec<(u8, u64)> = offsets.into_iter().collect();
        let failed = |error| DeadLetterError::io(&self.path, "compare with the store", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut left = Left::default();
        for (partition, next_seq) in &offsets {
            left.forget(&transaction, *partition, *next_seq).map_err(failed)?;
            let known = self.settled.get(usize::from(*partition)).copied().unwrap_or(true);
            if !known {
                left.find(&transaction, *partition).map_err(failed)?;
            }
        }
        let passed = pass(&transaction, offsets.iter().copied()).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.rows -= left.rows;
        self.to_pass = self.to_pass.saturating_sub(passed + left.rows);
        self.messages -= left.forgotten.len() as u64;
        for (partition, feed) in &left.forgotten {
            self.by_feed[usize::from(*feed)] -= u64::from(self.is_settled(*partition));
        }
        for (feed, messages) in &left.found {
            if let Some(counts) = self.counts.feeds.get(usize::from(*feed)) {
                counts.recovered.add(*messages);
            }
            self.by_feed[usize::from(*feed)] += messages;
        }
        for (partition, _) in &offsets {
            if let Some(settled) = self.settled.get_mut(usize::from(*partition)) {
                *settled = true;
            }
        }
        self.show();
        Ok(left.forgotten.len() as u64)
    }

    fn is_settled(&self, partition: u8) -> bool {
        self.settled.get(usize::from(partition)).is_some_and(|settled| *settled)
    }

    fn show(&self) {
        self.counts.dead_letters.rows.set(signed(self.rows));
        for (feed, messages) in self.counts.feeds.iter().zip(self.by_feed) {
            feed.undelivered.set(signed(messages));
        }
    }
}

/// What [`DeadLetters::keep`] adds.
#[derive(Default)]
struct Kept {
    rows: u64,
    /// Partition and feed of each message that had no letter before.
    messages: Vec<(u8, u8)>,
}

impl Kept {
    fn put(&mut self, transaction: &Transaction<'_>, letter: &Letter) -> rusqlite::Result<()> {
        let seq = letter.seq.cast_signed();
        let mut select = transaction.prepare_cached("SELECT kind FROM letters WHERE seq = ?1")?;
        let kinds = select.query_map([seq], |row| row.get(0))?;
        let kinds: Vec<String> = kinds.collect::<Result<_, _>>()?;
        let kind = letter.kind.label();
        self.rows += u64::from(!kinds.iter().any(|known| known == kind));
        if kinds.is_empty() {
            self.messages.push((letter.partition(), letter.feed));
        }
        transaction.prepare_cached(KEEP)?.execute(params![
            seq,
            kind,
            letter.partition(),
            letter.mmsi,
            letter.feed,
            letter.received_us,
            letter.row,
            letter.sqlstate,
            letter.reason,
            letter.attempts,
            letter.first_failed_us,
            letter.last_failed_us,
        ])?;
        Ok(())
    }
}

/// What [`DeadLetters::settle`] takes away, and what it finds of earlier runs.
#[derive(Default)]
struct Left {
    rows: u64,
    /// Partition and feed of each message that the journal brings again.
    forgotten: Vec<(u8, u8)>,
    /// Messages by their feed, of partitions that are settled for the first time.
    found: Vec<(u8, u64)>,
}

impl Left {
    fn forget(
        &mut self,
        transaction: &Transaction<'_>,
        partition: u8,
        next_seq: u64,
    ) -> rusqlite::Result<()> {
        let mut delete = transaction.prepare_cached(FORGET)?;
        let gone = delete.query_map(params![partition, next_seq.cast_signed()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u8>(1)?))
        })?;
        let mut gone: Vec<(i64, u8)> = gone.collect::<Result<_, _>>()?;
        self.rows += gone.len() as u64;
        gone.sort_unstable();
        gone.dedup();
        self.forgotten.extend(gone.into_iter().map(|(_, feed)| (partition, feed)));
        Ok(())
    }

    fn find(&mut self, transaction: &Transaction<'_>, partition: u8) -> rusqlite::Result<()> {
        let mut select = transaction.prepare_cached(OF_PARTITION)?;
        let found =
            select.query_map([partition], |row| Ok((row.get(0)?, file::unsigned(row, 1)?)))?;
        self.found.extend(found.collect::<Result<Vec<_>, _>>()?);
        Ok(())
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Notes that letters below these offsets are passed; how many.
fn pass(
    transaction: &Transaction<'_>,
    offsets: impl IntoIterator<Item = (u8, u64)>,
) -> rusqlite::Result<u64> {
    let mut update = transaction.prepare_cached(PASS)?;
    let mut passed = 0;
    for (partition, next_seq) in offsets {
        passed += update.execute(params![partition, next_seq.cast_signed()])? as u64;
    }
    Ok(passed)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
