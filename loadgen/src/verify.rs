//! Compares the store with the ledger, row by row, without asking the daemon anything.
//!
//! In:  the ledger; the store, opened for reading only; where the tables stood before the run
//! Out: how many messages are there, there twice, not there, and how many rows nobody sent
//!
//! Everything goes by digests: both sides are sorted and walked together. A row with one wrong field is a lost message
//! and an unexpected row. Only a `messages` row whose JSON lacks a field that the digest needs is matched by its MMSI
//! and type alone; `by_count` says how many were.

pub mod baseline;
pub mod others;
pub mod positions;
pub mod statics;

use crate::fleet::particulars::Particulars;
use crate::ledger::Ledger;
use baseline::Baseline;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long a read waits for a lock.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// What came of comparing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages that are in the store.
    pub stored: u64,
    /// Further copies of them that are in the store.
    pub duplicates: u64,
    /// Messages that are not in the store.
    pub lost: u64,
    /// Rows that nobody sent.
    pub unexpected: u64,
    /// Ships whose name, call sign or IMO number is wrong.
    pub wrong: u64,
    /// Messages matched by MMSI and type alone; part of `stored`.
    pub by_count: u64,
    /// Messages that must appear exactly like another one: 0 unless the fleet is too small for the rate.
    pub indistinct: u64,
}

impl Verdict {
    /// Whether everything is there exactly once and nothing else is.
    pub const fn is_good(&self) -> bool {
        self.duplicates + self.lost + self.unexpected + self.wrong == 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            lost: self.lost + other.lost,
            unexpected: self.unexpected + other.unexpected,
            wrong: self.wrong + other.wrong,
            by_count: self.by_count + other.by_count,
            indistinct: self.indistinct + other.indistinct,
        }
    }
}

/// Compares everything.
///
/// # Errors
/// When the store cannot be read.
pub fn verify(
    ledger: &mut Ledger,
    store: &Path,
    before: &Baseline,
    fleet: impl Iterator<Item = Particulars>,
) -> rusqlite::Result<Verdict> {
    if ledger.sent > 0 && !store.exists() {
        return Ok(Verdict { lost: ledger.sent, ..Verdict::default() });
    }
    let db = open(store)?;
    let mut lost_with_statics = Vec::new();
    let both = std::mem::take(&mut ledger.both);
    let positions = positions::compare(&db, before.positions, &mut ledger.positions, |digest| {
        lost_with_statics.extend(both.get(&digest).copied());
    })?;
    let others = others::compare(&db, before.messages, &mut ledger.others)?;
    let statics = statics::compare(&db, &before.statics, ledger, &lost_with_statics, fleet)?;
    Ok(positions.and(others).and(statics))
}

/// Opens a store for reading beside a running daemon, or after it.
///
/// # Errors
/// When there is no store to read.
pub fn open(store: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(store, flags)?;
    db.busy_timeout(BUSY_MAX)?;
    Ok(db)
}

/// Whether a table has all these columns; false when there is no such table.
fn has(db: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<bool> {
    let mut query = db.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = query.query_map([table], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(columns.iter().all(|column| names.iter().any(|name| name == column)))
}

#[cfg(test)]
#[path = "verify/tests.rs"]
mod tests;
