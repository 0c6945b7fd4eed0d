//! Letters that are tried again: which are due, and what became of them.
//!
//! A letter is marked, and synced, before it is sent to the store. When the answer is known, the mark goes with it or the letter
//! itself does. Where the process ends between, or the answer is lost, the mark stays: whoever connects next asks the store
//! which of the marked ones it has ([`DeadLetters::in_doubt`]), since it notes each in the transaction that stores it.

use std::collections::BTreeMap;

use rusqlite::{Params, Transaction, params};

use super::file::{self, COLUMNS};
use super::letter::{Kind, Letter, REASON_MAX};
use super::{DeadLetterError, DeadLetters, begin};
use crate::config::DeadLetterConfig;
use crate::reject::Filtered;
use crate::resilience::words::one_line;

const DUE: &str = "SELECT seq FROM letters WHERE dead = 0 AND next_try_us <= ?1 AND passed = 1 AND trying = 0 \
    AND (?2 >> partition) & 1 = 1 ORDER BY next_try_us, seq LIMIT ?3";
/// The same of those that were refused while the clock was ahead, and would wait until it gets there.
const AHEAD: &str = "SELECT seq FROM letters WHERE dead = 0 AND next_try_us > ?1 AND passed = 1 AND trying = 0 \
    AND (?2 >> partition) & 1 = 1 ORDER BY next_try_us, seq LIMIT ?3";
const HOUR_US: i64 = 3_600_000_000;
const MARK: &str = "UPDATE letters SET trying = 1 WHERE seq = ?1";
const UNMARK: &str = "UPDATE letters SET trying = 0 WHERE seq = ?1";
const IN_DOUBT: &str =
    "SELECT DISTINCT seq FROM letters WHERE trying = 1 AND (?1 >> partition) & 1 = 1 ORDER BY seq";
const DELETE: &str =
    "DELETE FROM letters WHERE seq = ?1 RETURNING seq, partition, source, dead, kind";
const REFUSED: &str = "UPDATE letters SET trying = 0, sqlstate = ?2, reason = ?3, attempts = min(attempts + 1, 4294967295), \
    retries = min(retries + 1, 4294967295), last_failed_us = ?4, next_try_us = ?5, dead = retries + 1 >= ?6 \
    WHERE seq = ?1 AND dead = 0 RETURNING dead";

/// Partitions, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned(u64);

impl Owned {
    /// These partitions.
    #[must_use]
    pub fn of(partitions: &[u8]) -> Self {
        Self(partitions.iter().fold(0, |bits, partition| bits | 1 << (partition % 64)))
    }
}

/// What became of a message that was tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The store has it.
    Delivered,
    /// It is older than what the store keeps.
    Expired,
    /// The store refuses it still.
    Refused {
        /// The SQLSTATE.
        sqlstate: String,
        /// What the server said.
        reason: String,
    },
    /// Nothing: it was not sent, or the store does not have it.
    Nothing,
}

/// The number of a message, and what became of it.
pub type Answer = (u64, Fate);

/// Rows that were tried again, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The store has taken them.
    pub delivered: u64,
    /// It has refused them once more.
    pub refused: u64,
    /// Those of the refused that are dead now.
    pub died: u64,
}

/// When a letter that was refused at this time is tried next.
pub fn next_try_us(failed_us: i64, config: &DeadLetterConfig) -> i64 {
    let seconds = i64::try_from(config.retry_seconds).unwrap_or(i64::MAX);
    failed_us.saturating_add(seconds.saturating_mul(1_000_000))
}

impl DeadLetters {
    /// Takes letters of these partitions that are due, of at most so many messages; they are marked, and the marks are on
    /// disk when it returns.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn take_due(
        &mut self,
        now_us: i64,
        owned: Owned,
        messages_max: usize,
    ) -> Result<Vec<Letter>, DeadLetterError> {
        if self.rows == self.dead {
            return Ok(Vec::new());
        }
        self.with_room(|here| here.mark_due(now_us, owned, messages_max))
    }

    fn mark_due(
        &mut self,
        now_us: i64,
        owned: Owned,
        messages_max: usize,
    ) -> Result<Vec<Letter>, DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "take letters that are due", error);
        let bounds = (owned, messages_max);
        let mut seqs = due(&self.connection, (DUE, now_us), bounds).map_err(failed)?;
        if seqs.is_empty() {
            let ahead_us = next_try_us(now_us, &self.config).saturating_add(HOUR_US);
            seqs = due(&self.connection, (AHEAD, ahead_us), bounds).map_err(failed)?;
        }
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut letters = Vec::new();
        for seq in seqs {
            mark(&transaction, MARK, seq).map_err(failed)?;
            read(&transaction, seq, &mut letters).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(letters)
    }

    /// Messages of these partitions that were sent to the store, and nobody knows what became of them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn in_doubt(&self, owned: Owned) -> Result<Vec<u64>, DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "read what is in doubt", error);
        let read = || -> rusqlite::Result<Vec<u64>> {
            let mut select = self.connection.prepare_cached(IN_DOUBT)?;
            let found = select.query_map([owned.0.cast_signed()], |row| file::unsigned(row, 0))?;
            found.collect()
        };
        read().map_err(failed)
    }

    /// Notes what became of messages that were tried, and counts it.
    ///
    /// # Errors
    /// When that cannot be written: then they stay in doubt, and the next connect asks for them.
    pub fn tried(&mut self, answers: &[Answer], now_us: i64) -> Result<Tried, DeadLetterError> {
        self.with_room(|here| here.note(answers, now_us))
    }

    fn note(&mut self, answers: &[Answer], now_us: i64) -> Result<Tried, DeadLetterError> {
        let Self { config, path, .. } = self;
        let failed = |error| DeadLetterError::io(path, "note what became of letters", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let (mut stored, mut expired, mut tried) =
            (Gone::default(), Gone::default(), Tried::default());
        for (seq, fate) in answers {
            let key = [seq.cast_signed()];
            match fate {
                Fate::Delivered => stored.delete(&transaction, DELETE, key),
                Fate::Expired => expired.delete(&transaction, DELETE, key),
                Fate::Refused { sqlstate, reason } => {
                    let refusal = (sqlstate.as_str(), reason.as_str(), now_us);
                    refuse(&transaction, *seq, refusal, config, &mut tried)
                }
                Fate::Nothing => mark(&transaction, UNMARK, *seq),
            }
            .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        tried.delivered = stored.rows;
        let counts = &self.counts.dead_letters;
        counts.retried.add(tried.delivered + tried.refused);
        counts.delivered.add(tried.delivered);
        counts.died.add(tried.died);
        let [positions, statics, messages] = stored.by_kind;
        self.counts.store.positions.add(positions);
        self.counts.store.statics.add(statics);
        self.counts.store.messages.add(messages);
        self.dead += tried.died;
        self.leave(&stored, |feed| &feed.stored);
        self.leave(&expired, |feed| feed.filtered.of(Filtered::Expired as usize));
        Ok(tried)
    }
}

fn due(
    connection: &rusqlite::Connection,
    (select, us): (&str, i64),
    (owned, messages_max): (Owned, usize),
) -> rusqlite::Result<Vec<u64>> {
    let mut select = connection.prepare_cached(select)?;
    // A message has two letters at most, side by side in this order.
    let rows_max = i64::try_from(messages_max.saturating_mul(2)).unwrap_or(i64::MAX);
    let found = params![us, owned.0.cast_signed(), rows_max];
    let found = select.query_map(found, |row| file::unsigned(row, 0))?;
    let mut seqs: Vec<u64> = found.collect::<Result<_, _>>()?;
    seqs.dedup();
    seqs.truncate(messages_max);
    Ok(seqs)
}

fn mark(transaction: &Transaction<'_>, how: &str, seq: u64) -> rusqlite::Result<()> {
    transaction.prepare_cached(how)?.execute([seq.cast_signed()]).map(drop)
}

fn read(transaction: &Transaction<'_>, seq: u64, into: &mut Vec<Letter>) -> rusqlite::Result<()> {
    let select = format!("SELECT {COLUMNS} FROM letters WHERE seq = ?1 ORDER BY kind");
    let mut select = transaction.prepare_cached(&select)?;
    for letter in select.query_map([seq.cast_signed()], file::letter)? {
        into.push(letter?);
    }
    Ok(())
}

fn refuse(
    transaction: &Transaction<'_>,
    seq: u64,
    (sqlstate, reason, now_us): (&str, &str, i64),
    config: &DeadLetterConfig,
    tried: &mut Tried,
) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached(REFUSED)?;
    let reason = one_line(reason, REASON_MAX);
    let next_us = next_try_us(now_us, config);
    let row = params![seq.cast_signed(), sqlstate, reason, now_us, next_us, config.retries_max];
    for dead in update.query_map(row, |row| row.get::<_, bool>(0))? {
        tried.refused += 1;
        tried.died += u64::from(dead?);
    }
    // Rows of a message share their fate, unless somebody changed the file.
    mark(transaction, UNMARK, seq)
}

/// Letters that were deleted.
#[derive(Default)]
pub struct Gone {
    /// Letters.
    pub rows: u64,
    /// Those that were dead.
    pub dead: u64,
    /// Letters by their kind, in the order of [`Kind::ALL`].
    pub by_kind: [u64; 3],
    /// Partition and feed of each message.
    pub messages: Vec<(u8, u8)>,
}

impl Gone {
    /// Deletes, whole messages; the statement returns number, partition, feed, whether it was dead, and
    /// the kind.
    pub fn delete(
        &mut self,
        transaction: &Transaction<'_>,
        delete: &str,
        keys: impl Params,
    ) -> rusqlite::Result<()> {
        let mut delete = transaction.prepare_cached(delete)?;
        let mut rows = delete.query(keys)?;
        let mut messages: BTreeMap<i64, (u8, u8)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            self.rows += 1;
            self.dead += u64::from(row.get::<_, bool>(3)?);
            let kind: String = row.get(4)?;
            for (known, rows) in Kind::ALL.iter().zip(&mut self.by_kind) {
                *rows += u64::from(known.label() == kind);
            }
            messages.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        }
        self.messages.extend(messages.into_values());
        Ok(())
    }
}
