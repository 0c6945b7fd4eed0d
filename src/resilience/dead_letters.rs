//! Rows that the store refuses for good, kept on disk, so that all others can be committed and none is lost.
//!
//! In:      rows that were refused, with the reason
//! Out:     the file `dead_letters.db` in the data directory, for looking at; letters that are due, to be tried again
//! Drops:   at its bound, where so configured, the oldest; and what somebody clears away; both counted. Else it refuses
//!          at its bound, and the store waits
//! Metrics: `ais_dlq_*`, `ais_messages_failed_db_total`, `ais_messages_undelivered`
//!
//! A letter is kept, and synced, *before* the store commits the offsets that pass it ([`DeadLetters::keep`]). When that commit has come
//! through the letter is *passed* ([`DeadLetters::passed`]). Whoever connects to the store tells its offsets
//! ([`DeadLetters::settle`]): a letter that they have not passed goes, since the journal brings its message again, and perhaps
//! it is taken then. A letter that was passed stays, whatever a store says later.
//!
//! Letters that are passed and due are tried again, some at a time ([`retry`]), until they are delivered, or *dead*: kept and
//! shown, but tried again only when somebody asks for it. [`clear`] is what people ask for.
//!
//! A message has one row or two (type 19: a position and static data), which share their fate; it is undelivered when they lie here.
//! What earlier runs left counts as recovered and undelivered once the store has told its offsets, so the sum of
//! `observe::accounting` comes out.
//!
//! A file that is damaged is put aside into the journal's `quarantine`, said and counted, and the daemon starts without it; one of a newer
//! program, or of another kind, is refused.

mod clear;
mod file;
mod keep;
mod letter;
mod retry;
mod settle;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use clear::{CHUNK, Which};
pub use file::{Reader, Stats};
pub use letter::{Kind, Letter, Refusal};
pub use retry::{Answer, Fate, Owned, Tried};

use crate::config::{AtBound, DeadLetterConfig};
use crate::observe::counts::{Counter, Counts, FeedCounts};
use crate::partition::PARTITIONS;
use crate::resilience::reserve::Reserve;
use file::Totals;
use retry::Gone;

/// What the file in the data directory is called.
pub const FILE_NAME: &str = "dead_letters.db";

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
    /// What the file holds cannot be right.
    #[error("dead letters {path}: the file is damaged: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        what: String,
    },
    /// A damaged file cannot be put aside.
    #[error("dead letters {path}: the file is damaged and cannot be put aside: {error}")]
    Aside {
        /// The file.
        path: String,
        /// Why not.
        error: String,
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

    fn is_full_disk(&self) -> bool {
        let Self::Io { error, .. } = self else { return false };
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
    }

    /// Whether the file itself is broken.
    fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Damaged { .. } => true,
            Self::Io { error, .. } => {
                matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            _ => false,
        }
    }
}

/// The dead letters of a data directory. One for the process: who has several writers puts it behind a lock.
pub struct DeadLetters {
    connection: Connection,
    path: PathBuf,
    config: DeadLetterConfig,
    rows: u64,
    dead: u64,
    messages: u64,
    /// Letters whose offsets are not known to be committed.
    to_pass: u64,
    /// Partitions whose offsets the store has told.
    settled: [bool; PARTITIONS],
    /// Room for them on a full disk.
    reserve: Option<Arc<Reserve>>,
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
        config: &DeadLetterConfig,
        counts: &Arc<Counts>,
    ) -> Result<Self, DeadLetterError> {
        let (connection, aside) = file::open(data_dir)?;
        let path = data_dir.join(FILE_NAME);
        let failed = |error| DeadLetterError::io(&path, "read it", error);
        let Totals { rows, messages, dead } = file::totals(&connection).map_err(failed)?;
        let select = "SELECT count(*) FROM letters WHERE passed = 0";
        let to_pass =
            connection.query_row(select, [], |row| file::unsigned(row, 0)).map_err(failed)?;
        let rows_max = config.rows_max;
        tracing::info!("DLQ service started: {rows} dead letters, at most {rows_max} are kept");
        counts.dead_letters.rows_max.set(i64::try_from(rows_max).unwrap_or(i64::MAX));
        counts.dead_letters.gives_way.set(i64::from(config.at_bound == AtBound::Drop));
        counts.dead_letters.quarantined.add(u64::from(aside.is_some()));
        let letters = Self {
            connection,
            path,
            config: *config,
            rows,
            dead,
            messages,
            to_pass,
            settled: [false; PARTITIONS],
            reserve: None,
            by_feed: [0; 256],
            counts: Arc::clone(counts),
        };
        letters.show();
        Ok(letters)
    }

    /// With room on the disk that is kept for them.
    #[must_use]
    pub fn with_reserve(mut self, reserve: Arc<Reserve>) -> Self {
        self.reserve = Some(reserve);
        self
    }

    /// Does something with the file; on a full disk with what the reserve gives, as long as it gives anything.
    fn with_room<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, DeadLetterError>,
    ) -> Result<T, DeadLetterError> {
        loop {
            match work(self) {
                Err(error) if error.is_full_disk() && self.give() => {}
                done => return done,
            }
        }
    }

    fn give(&self) -> bool {
        self.reserve.as_ref().is_some_and(|reserve| reserve.give())
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

    fn is_settled(&self, partition: u8) -> bool {
        self.settled.get(usize::from(partition)).is_some_and(|settled| *settled)
    }

    /// Takes messages out of what is counted, and then counts them as what became of them. Those of partitions that the
    /// store has not told of yet were not counted as recovered.
    fn leave(&mut self, gone: &Gone, as_what: fn(&FeedCounts) -> &Counter) {
        self.rows = self.rows.saturating_sub(gone.rows);
        self.dead = self.dead.saturating_sub(gone.dead);
        self.messages = self.messages.saturating_sub(gone.messages.len() as u64);
        let mut left = [0_u64; 256];
        for (partition, feed) in &gone.messages {
            let settled = self.is_settled(*partition);
            let feed = usize::from(*feed);
            left[feed] += 1;
            self.by_feed[feed] = self.by_feed[feed].saturating_sub(u64::from(settled));
            if let (false, Some(counts)) = (settled, self.counts.feeds.get(feed)) {
                counts.recovered.add(1);
            }
        }
        self.show();
        for (feed, messages) in self.counts.feeds.iter().zip(left) {
            as_what(feed).add(messages);
        }
    }

    fn show(&self) {
        self.counts.dead_letters.rows.set(signed(self.rows));
        self.counts.dead_letters.dead.set(signed(self.dead));
        for (feed, messages) in self.counts.feeds.iter().zip(self.by_feed) {
            feed.undelivered.set(signed(messages));
        }
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
