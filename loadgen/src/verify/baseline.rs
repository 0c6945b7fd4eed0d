//! Where the tables stood before the run, so that rows of earlier ones are left alone.

use crate::stored::{At, Marks, Outcome, StoredRows};
use std::collections::HashMap;

/// The state of a store before the run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Rows above these came later.
    pub marks: Marks,
    /// `static_reports` by MMSI.
    pub statics: HashMap<u32, u64>,
}

impl Baseline {
    /// Reads it; a store that does not exist yet is empty.
    ///
    /// # Errors
    /// When there is a store that cannot be read.
    pub fn read(store: &At) -> Outcome<Self> {
        let Some(mut rows) = store.open()? else { return Ok(Self::default()) };
        let read = Self::of(&mut *rows);
        read.map_err(|error| format!("{store}: {error}"))
    }

    fn of(rows: &mut dyn StoredRows) -> Outcome<Self> {
        let mut statics = HashMap::new();
        rows.vessels(&mut |vessel| {
            statics.insert(super::mmsi(vessel.mmsi), vessel.static_reports);
        })?;
        Ok(Self { marks: rows.marks()?, statics })
    }
}
