//! Where the tables stood before the run, so that rows of earlier ones are left alone.

use super::{has, open};
use rusqlite::Connection;
use std::collections::HashMap;
use std::path::Path;

/// The state of a store before the run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The highest `seq` of `positions`.
    pub positions: i64,
    /// The highest `seq` of `messages`.
    pub messages: i64,
    /// `static_reports` by MMSI.
    pub statics: HashMap<u32, u64>,
}

impl Baseline {
    /// Reads it; a store or table that does not exist yet is empty.
    ///
    /// # Errors
    /// When there is a store that cannot be read.
    pub fn read(store: &Path) -> rusqlite::Result<Self> {
        if !store.exists() {
            return Ok(Self::default());
        }
        let db = open(store)?;
        Ok(Self {
            positions: highest(&db, "positions")?,
            messages: highest(&db, "messages")?,
            statics: static_reports(&db)?,
        })
    }
}

fn highest(db: &Connection, table: &str) -> rusqlite::Result<i64> {
    if !has(db, table, &["seq"])? {
        return Ok(0);
    }
    let highest = format!("SELECT coalesce(max(seq), 0) FROM {table}");
    db.query_row(&highest, [], |row| row.get(0))
}

/// How many static reports each ship's row was made of.
///
/// # Errors
/// When the store cannot be read.
pub fn static_reports(db: &Connection) -> rusqlite::Result<HashMap<u32, u64>> {
    if !has(db, "vessels", &["mmsi", "static_reports"])? {
        return Ok(HashMap::new());
    }
    let mut query = db.prepare("SELECT mmsi, coalesce(static_reports, 0) FROM vessels")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, u64::from(row.get::<_, u32>(1)?))))?;
    rows.collect()
}
