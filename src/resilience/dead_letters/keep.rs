//! How letters come: all of a batch or none, synced, and within the bound.

use rusqlite::{Transaction, params};

use super::letter::Letter;
use super::retry::{self, Gone};
use super::{DeadLetterError, DeadLetters, begin};
use crate::config::{AtBound, DeadLetterConfig};
use crate::reject::Dropped;

const KEEP: &str = "INSERT INTO letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, \
    ?13, ?14, ?15, 0) \
    ON CONFLICT DO UPDATE SET row = excluded.row, sqlstate = excluded.sqlstate, reason = excluded.reason, \
    attempts = min(attempts + excluded.attempts, 4294967295), last_failed_us = excluded.last_failed_us, \
    next_try_us = excluded.next_try_us";
const DROP: &str = "DELETE FROM letters WHERE seq = ?1 AND passed = 1 AND trying = 0 \
    RETURNING seq, partition, source, dead, kind";
/// Dead ones, and then all.
const OLDEST: [&str; 2] = [
    "SELECT DISTINCT seq FROM letters WHERE dead = 1 AND passed = 1 AND trying = 0 ORDER BY seq LIMIT ?1",
    "SELECT DISTINCT seq FROM letters WHERE passed = 1 AND trying = 0 ORDER BY seq LIMIT ?1",
];

impl DeadLetters {
    /// Keeps letters; they are on disk when it returns. One that is there already has been refused once more. All are
    /// kept or none.
    ///
    /// # Errors
    /// When there is no room, or the disk does not do it: the offsets that pass them must then not be committed.
    pub fn keep(&mut self, letters: &[Letter]) -> Result<(), DeadLetterError> {
        self.with_room(|here| here.keep_all(letters))
    }

    fn keep_all(&mut self, letters: &[Letter]) -> Result<(), DeadLetterError> {
        let Self { rows, config, path, .. } = self;
        let rows_max = u64::try_from(config.rows_max).unwrap_or(u64::MAX);
        let failed = |error| DeadLetterError::io(path, "keep letters", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut kept = Kept::default();
        for letter in letters {
            kept.put(&transaction, letter, config).map_err(failed)?;
        }
        let over = (*rows + kept.rows).saturating_sub(rows_max);
        let mut gone = Gone::default();
        if kept.rows > 0 && over > 0 {
            if config.at_bound == AtBound::Drop {
                gone = drop_oldest(&transaction, over).map_err(failed)?;
            }
            if gone.rows < over {
                self.counts.dead_letters.refused.add(kept.rows);
                return Err(DeadLetterError::Full { rows: *rows, rows_max });
            }
        }
        transaction.commit().map_err(failed)?;
        self.rows += kept.rows;
        self.dead += kept.dead;
        self.to_pass += kept.rows;
        self.messages += kept.messages.len() as u64;
        for (partition, feed) in kept.messages {
            self.by_feed[usize::from(feed)] += u64::from(self.is_settled(partition));
        }
        self.counts.dead_letters.given_up.add(kept.rows);
        self.counts.dead_letters.dropped.add(gone.rows);
        self.leave(&gone, |feed| feed.dropped.of(Dropped::LettersFull as usize));
        Ok(())
    }
}

/// What [`DeadLetters::keep`] adds.
#[derive(Default)]
struct Kept {
    rows: u64,
    dead: u64,
    /// Partition and feed of each message that had no letter before.
    messages: Vec<(u8, u8)>,
}

impl Kept {
    fn put(
        &mut self,
        transaction: &Transaction<'_>,
        letter: &Letter,
        config: &DeadLetterConfig,
    ) -> rusqlite::Result<()> {
        let seq = letter.seq.cast_signed();
        let mut select = transaction.prepare_cached("SELECT kind FROM letters WHERE seq = ?1")?;
        let kinds = select.query_map([seq], |row| row.get(0))?;
        let kinds: Vec<String> = kinds.collect::<Result<_, _>>()?;
        let kind = letter.kind.label();
        let is_new = !kinds.iter().any(|known| known == kind);
        let is_dead = letter.is_dead || config.retries_max == 0;
        self.rows += u64::from(is_new);
        self.dead += u64::from(is_new && is_dead);
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
            letter.retries,
            retry::next_try_us(letter.last_failed_us, config),
            is_dead,
        ])?;
        Ok(())
    }
}

/// Deletes the oldest letters, dead ones first, whole messages, until so many rows are gone.
fn drop_oldest(transaction: &Transaction<'_>, rows: u64) -> rusqlite::Result<Gone> {
    let mut gone = Gone::default();
    for select in OLDEST {
        let mut select = transaction.prepare_cached(select)?;
        let oldest = select.query_map([rows.cast_signed()], |row| row.get(0))?;
        for seq in oldest.collect::<Result<Vec<i64>, _>>()? {
            if gone.rows >= rows {
                return Ok(gone);
            }
            gone.delete(transaction, DROP, [seq])?;
        }
    }
    Ok(gone)
}
