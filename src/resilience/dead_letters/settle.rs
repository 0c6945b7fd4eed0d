//! What the store's offsets mean for letters: those that they have passed stay, the journal brings the others again.

use rusqlite::{Transaction, params};

use super::{DeadLetterError, DeadLetters, begin, file};

const PASS: &str = "UPDATE letters SET passed = 1 WHERE passed = 0 AND partition = ?1 AND seq < ?2";
const FORGET: &str = "DELETE FROM letters WHERE passed = 0 AND partition = ?1 AND seq >= ?2 RETURNING seq, source, dead";
const OF_PARTITION: &str =
    "SELECT source, count(DISTINCT seq) FROM letters WHERE partition = ?1 GROUP BY source";

impl DeadLetters {
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
        let offsets: Vec<(u8, u64)> = offsets.into_iter().collect();
        self.with_room(|here| here.pass_below(&offsets))
    }

    fn pass_below(&mut self, offsets: &[(u8, u64)]) -> Result<(), DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "note what is passed", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let passed = pass(&transaction, offsets.iter().copied()).map_err(failed)?;
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
        self.with_room(|here| here.settle_by(&offsets))
    }

    fn settle_by(&mut self, offsets: &[(u8, u64)]) -> Result<u64, DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "compare with the store", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut left = Left::default();
        for (partition, next_seq) in offsets {
            left.forget(&transaction, *partition, *next_seq).map_err(failed)?;
            let known = self.settled.get(usize::from(*partition)).copied().unwrap_or(true);
            if !known {
                left.find(&transaction, *partition).map_err(failed)?;
            }
        }
        let passed = pass(&transaction, offsets.iter().copied()).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.rows = self.rows.saturating_sub(left.rows);
        self.dead = self.dead.saturating_sub(left.dead);
        self.to_pass = self.to_pass.saturating_sub(passed + left.rows);
        self.messages = self.messages.saturating_sub(left.forgotten.len() as u64);
        for (partition, feed) in &left.forgotten {
            let settled = u64::from(self.is_settled(*partition));
            let here = &mut self.by_feed[usize::from(*feed)];
            *here = here.saturating_sub(settled);
        }
        for (feed, messages) in &left.found {
            if let Some(counts) = self.counts.feeds.get(usize::from(*feed)) {
                counts.recovered.add(*messages);
            }
            self.by_feed[usize::from(*feed)] += messages;
        }
        for (partition, _) in offsets {
            if let Some(settled) = self.settled.get_mut(usize::from(*partition)) {
                *settled = true;
            }
        }
        self.show();
        Ok(left.forgotten.len() as u64)
    }
}

/// What [`DeadLetters::settle`] takes away, and what it finds of earlier runs.
#[derive(Default)]
struct Left {
    rows: u64,
    dead: u64,
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
            Ok((row.get::<_, i64>(0)?, row.get::<_, u8>(1)?, row.get::<_, bool>(2)?))
        })?;
        let mut gone: Vec<(i64, u8, bool)> = gone.collect::<Result<_, _>>()?;
        self.rows += gone.len() as u64;
        self.dead += gone.iter().filter(|(.., dead)| *dead).count() as u64;
        gone.sort_unstable();
        gone.dedup();
        self.forgotten.extend(gone.into_iter().map(|(_, feed, _)| (partition, feed)));
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
