//! Where reports land: the trait that a back end fulfils, and the one thread that uses it.
//!
//! In:      rows of the shards, each with how far the shard has come
//! Out:     one transaction at a time: rows and offsets together
//! Drops:   never; a full queue makes the shards wait, and they read back from the journal later

pub mod postgres;
pub mod reader;
pub mod schema;
pub mod sqlite;
mod stored;
pub mod writer;

use std::time::Duration;

use crate::partition::PARTITIONS;
use crate::picture::VesselView;
use crate::rows::{FileMark, Rows};

/// A commit that does not come through in its time is tried with fewer rows, but never with fewer than these: 64 kbit/s carry as many in a second.
const COMMIT_ROWS_MIN: usize = 64;

/// Per partition, the first sequence number that is not yet decided.
pub type Offsets = [u64; PARTITIONS];

/// Why the store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It may work later: busy, away, out of room.
    #[error("{0}")]
    Transient(String),
    /// It will not work until somebody changes something.
    #[error("{0}")]
    Setup(String),
    /// Somebody else moved the offsets: this process no longer owns them.
    #[error("{0}")]
    Fenced(String),
}

/// Rows by their table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Of `positions`.
    pub positions: u64,
    /// For `vessels`.
    pub statics: u64,
    /// Of `messages`.
    pub messages: u64,
}

/// What became of a commit that came through.
#[derive(Debug, Default)]
pub struct Committed {
    /// How long ago its answer came: what was sent behind it may have kept its reader.
    pub ago: Duration,
    /// Messages that are older than what is kept, by their feed.
    pub expired: Vec<u8>,
    /// Messages that went to the dead letters, by their feed.
    pub undelivered: Vec<u8>,
    /// The rows of all those messages.
    pub rows_left_out: RowCounts,
}

/// What a back end does for the writer.
pub trait Store: Send {
    /// The name of the back end, the `name` label of its breaker.
    fn name(&self) -> &'static str;

    /// Connects, creates or migrates the tables, and reads this instance's offsets.
    ///
    /// # Errors
    /// When that is not possible now, or not at all.
    fn connect(&mut self) -> Result<Offsets, StoreError>;

    /// Makes the names of feeds known, by their number.
    ///
    /// # Errors
    /// When they cannot be written.
    fn name_sources(&mut self, names: &[String]) -> Result<(), StoreError>;

    /// Has the next transaction carry how far files were read. To be called before each [`Store::send`], and before each
    /// [`Store::commit`] of what was not sent, also before one that is tried again.
    fn carry(&mut self, files: &[FileMark]);

    /// So many rows make it worth while to [`Store::send`] them behind a commit whose answer has not come; none where
    /// that cannot be done.
    fn rows_ahead(&self) -> Option<usize> {
        None
    }

    /// Sends rows while a commit is under way, which is to be finished next, and then this one committed. That one's answer is not
    /// waited for, so the store has work while it comes.
    ///
    /// # Errors
    /// When the store is not connected any more. Of these rows nothing is stored; whether the commit before them came through, the
    /// next [`Store::connect`] tells.
    fn send(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<(), StoreError> {
        Ok(())
    }

    /// Commits rows and offsets in one transaction, or has that under way: [`Store::finish`] is to follow, for the same. If they
    /// were sent already, it is with these rows and offsets.
    ///
    /// # Errors
    /// When nothing was committed, or nobody knows: then the store is not connected any more, and the next [`Store::connect`]
    /// tells by its offsets.
    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError>;

    /// Whether it is still busy with the rows of the commit that is under way, so that more may gather for the next.
    fn is_at_rows(&mut self) -> bool {
        false
    }

    /// Waits until what was committed last has come through.
    ///
    /// # Errors
    /// As of [`Store::commit`].
    fn finish(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<Committed, StoreError> {
        Ok(Committed::default())
    }

    /// What the last commit that failed would have left out, for when it turns out that it came through.
    fn doubtful(&mut self) -> Committed {
        Committed::default()
    }

    /// Tries some rows again that were refused before, if any is due and they have not had their share of the time. To be called
    /// between commits.
    ///
    /// # Errors
    /// When the store is not connected any more; what was tried is found out at the next [`Store::connect`].
    fn retry(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Work that can be done while nothing waits to be committed; short.
    fn idle(&mut self) {}

    /// Work that is left to do when nothing more will be committed.
    fn close(&mut self) {}
}

/// A stored position, as readers see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackPoint {
    /// Event time, microseconds since 1970.
    pub time_us: i64,
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// Knots.
    pub sog: Option<f64>,
    /// Degrees.
    pub cog: Option<f64>,
    /// Degrees.
    pub heading: Option<u16>,
}

/// What a back end does for those who ask. Every answer is bounded, in size by its limit and in time by the reader.
pub trait StoreReader: Send {
    /// A vessel: its newest stored position, and what it said of itself.
    ///
    /// # Errors
    /// When the store cannot answer now.
    fn vessel(&mut self, mmsi: u32) -> Result<Option<VesselView>, StoreError>;

    /// Vessels with a stored position since a time (inclusive), by MMSI, from the first after `after`, at most `limit`. Of
    /// positions that were dated ahead of their receipt nothing is told.
    ///
    /// # Errors
    /// When the store cannot answer now.
    fn newest(
        &mut self,
        since_us: i64,
        after: u32,
        limit: usize,
    ) -> Result<Vec<VesselView>, StoreError>;

    /// The positions of a vessel from one time (inclusive) to another (exclusive), oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot answer now.
    fn track(
        &mut self,
        mmsi: u32,
        from_us: i64,
        to_us: i64,
        limit: usize,
    ) -> Result<Vec<TrackPoint>, StoreError>;
}
