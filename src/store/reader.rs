//! Reads what was stored, beside the writer: each reader has a connection of its own that cannot write.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::{StoreError, StoreReader, TrackPoint};

/// A reader of the embedded store.
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_millis(500))?;
        Ok(Self { connection })
    }
}

const TRACK: &str = "SELECT ts, lon, lat, sog, cog, heading FROM positions \
    WHERE mmsi = ?1 AND ts >= ?2 AND ts < ?3 AND lat IS NOT NULL ORDER BY ts LIMIT ?4";

impl StoreReader for SqliteReader {
    fn track(
        &mut self,
        mmsi: u32,
        from_us: i64,
        to_us: i64,
        limit: usize,
    ) -> Result<Vec<TrackPoint>, StoreError> {
        let mut select = self.connection.prepare_cached(TRACK)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let points = select.query_map(params![mmsi, from_us, to_us, limit], |row| {
            Ok(TrackPoint {
                time_us: row.get(0)?,
                lon: row.get(1)?,
                lat: row.get(2)?,
                sog: row.get(3)?,
                cog: row.get(4)?,
                heading: row.get(5)?,
            })
        })?;
        Ok(points.collect::<Result<_, _>>()?)
    }
}
