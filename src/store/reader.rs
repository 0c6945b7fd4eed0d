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

/// From the tracks, and from the rows that are not yet in them: those are the newest of the newest runs. The second half
/// also serves a store that keeps no tracks, by reading the runs that the times lie in.
const TRACK: &str = "
SELECT positions.ts, lon, lat, sog, cog, heading
FROM runs CROSS JOIN tracks ON tracks.run = runs.run CROSS JOIN positions ON positions.seq = tracks.seq
WHERE runs.ts_max >= ?2 AND runs.ts_min < ?3 AND tracks.mmsi = ?1 AND tracks.ts >= ?2 AND tracks.ts < ?3
  AND lat IS NOT NULL
UNION
SELECT positions.ts, lon, lat, sog, cog, heading
FROM runs CROSS JOIN positions
  ON positions.seq BETWEEN max(runs.seq_min, (SELECT seq FROM tracked_to)) AND runs.seq_max
WHERE runs.ts_max >= ?2 AND runs.ts_min < ?3 AND runs.seq_max >= (SELECT seq FROM tracked_to)
  AND positions.mmsi = ?1 AND positions.ts >= ?2 AND positions.ts < ?3 AND lat IS NOT NULL
ORDER BY 1 LIMIT ?4";

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
