//! How far files were read, into the table and out of it.

use rusqlite::{Connection, Result, Transaction, params};
use uuid::Uuid;

use crate::record::{Mark, Place};
use crate::rows::FileMark;
use crate::store::schema;
use crate::taken::READINGS_MAX;

/// Notes how far files were read, where that is further than before.
pub fn note(transaction: &Transaction<'_>, instance: &Uuid, files: &[FileMark]) -> Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let instance = instance.to_string();
    let mut set = transaction.prepare_cached(schema::SET_FILE)?;
    for FileMark { mark: Mark { reading, place, digest }, feed } in files {
        set.execute(params![
            instance,
            reading.cast_signed(),
            feed,
            place.bytes.cast_signed(),
            place.nth,
            digest.cast_signed(),
        ])?;
    }
    Ok(())
}

/// The last mark of each reading.
pub fn read(connection: &Connection, instance: &Uuid) -> Result<Vec<Mark>> {
    let limit = i64::try_from(READINGS_MAX).unwrap_or(i64::MAX);
    let mut read = connection.prepare(schema::FILES_OF)?;
    let rows = read.query_map(params![instance.to_string(), limit], |row| {
        let word = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let place = Place { bytes: word(1)?, nth: row.get(2)? };
        Ok(Mark { reading: word(0)?, place, digest: word(3)? })
    })?;
    rows.collect()
}
