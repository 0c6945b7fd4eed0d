//! What people ask for: that letters are tried now, and that letters go.
//!
//! Both are done a chunk at a time, so that whoever has the letters behind a lock can let the store's writer in between.
//! What is under way, or not passed yet, is left alone.

use rusqlite::params;

use super::retry::Gone;
use super::{DeadLetterError, DeadLetters, begin};
use crate::reject::Dropped;

/// Letters that one call changes at most, about.
pub const CHUNK: u32 = 2000;

/// Which letters are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are tried again by themselves.
    Pending,
    /// Those that are not.
    Dead,
}

/// Whether a letter was refused before a moment; while the clock was ahead, by an hour or more, as well.
macro_rules! refused_before {
    ($moment:literal) => {
        concat!("(last_failed_us < ", $moment, " OR last_failed_us > ", $moment, " + 3600000000)")
    };
}

const HURRY: &str = concat!(
    "UPDATE letters SET next_try_us = 0 WHERE seq IN (SELECT seq FROM letters WHERE dead = 0 AND next_try_us > 0 AND ",
    refused_before!("?2"),
    " LIMIT ?1)"
);
const REVIVE: &str = concat!(
    "UPDATE letters SET dead = 0, retries = 0, next_try_us = 0 WHERE seq IN (SELECT seq FROM letters WHERE dead = 1 AND ",
    refused_before!("?2"),
    " LIMIT ?1) AND dead = 1"
);
const CLEAR: &str = concat!(
    "DELETE FROM letters WHERE seq IN (SELECT seq FROM letters WHERE dead = ?1 AND passed = 1 AND trying = 0 AND ",
    refused_before!("?3"),
    " ORDER BY dead, next_try_us, seq LIMIT ?2) RETURNING seq, partition, source, dead, kind"
);

impl DeadLetters {
    /// Has some of these tried as soon as possible, dead ones with all their tries again; how many letters that were, 0 when
    /// there is none left to hurry. Those that were refused since this time, microseconds since 1970, have been tried.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn hurry(&mut self, which: Which, since_us: i64) -> Result<u64, DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "have letters tried", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let update = if which == Which::Dead { REVIVE } else { HURRY };
        let changed = transaction.execute(update, params![CHUNK, since_us]).map_err(failed)? as u64;
        transaction.commit().map_err(failed)?;
        if which == Which::Dead {
            self.dead = self.dead.saturating_sub(changed);
            self.show();
        }
        Ok(changed)
    }

    /// Clears some of these away, and counts their messages as dropped; how many letters that were, 0 when there is none left
    /// to clear. Those that were refused since this time stay.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn clear(&mut self, which: Which, since_us: i64) -> Result<u64, DeadLetterError> {
        let failed = |error| DeadLetterError::io(&self.path, "clear letters", error);
        let transaction = begin(&mut self.connection).map_err(failed)?;
        let mut gone = Gone::default();
        let keys = params![which == Which::Dead, CHUNK, since_us];
        gone.delete(&transaction, CLEAR, keys).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        self.counts.dead_letters.cleared.add(gone.rows);
        self.leave(&gone, |feed| feed.dropped.of(Dropped::LettersCleared as usize));
        Ok(gone.rows)
    }
}
