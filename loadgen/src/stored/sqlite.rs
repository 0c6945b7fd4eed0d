//! The embedded store: a file, opened for reading only.

use super::{Marks, Message, Outcome, Position, StoredRows, Vessel};
use rusqlite::{Connection, OpenFlags, Row};
use std::path::Path;
use std::time::Duration;

/// How long a read waits for a lock.
const BUSY_MAX: Duration = Duration::from_secs(10);

const POSITIONS: &str = "SELECT seq, ts, received_at, mmsi, msg_type, lon, lat, sog, cog, heading, rot, nav_status \
     FROM positions WHERE seq > ?1";
const MESSAGES: &str =
    "SELECT seq, ts, received_at, mmsi, msg_type, json FROM messages WHERE seq > ?1";
const VESSELS: &str = "SELECT mmsi, coalesce(static_reports, 0), name, callsign, imo, ship_type, to_bow, to_stern, to_port, \
     to_starboard, draught, destination, eta FROM vessels";
const OFFSETS: &str = "SELECT partition, next_seq FROM offsets";
/// A type 19 is a position and a static report, and one message.
const COUNT: &str = "SELECT (SELECT count(*) FROM positions WHERE ts >= ?1) \
     + (SELECT count(*) FROM messages WHERE ts >= ?1) \
     + (SELECT coalesce(sum(static_reports), 0) FROM vessels) \
     - (SELECT count(*) FROM positions WHERE ts >= ?1 AND msg_type = 19)";

/// A connection that cannot write.
pub struct Sqlite(Connection);

impl Sqlite {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(file: &Path) -> Outcome<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(file, flags).map_err(text)?;
        db.busy_timeout(BUSY_MAX).map_err(text)?;
        Ok(Self(db))
    }

    fn has(&self, table: &str) -> Outcome<bool> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        self.0.query_row(sql, [table], |row| row.get(0)).map_err(text)
    }

    fn highest(&self, table: &str) -> Outcome<i64> {
        if !self.has(table)? {
            return Ok(0);
        }
        let sql = format!("SELECT coalesce(max(seq), 0) FROM {table}");
        self.0.query_row(&sql, [], |row| row.get(0)).map_err(text)
    }
}

impl StoredRows for Sqlite {
    fn marks(&mut self) -> Outcome<Marks> {
        Ok(Marks { positions: self.highest("positions")?, messages: self.highest("messages")? })
    }

    fn version(&mut self) -> Outcome<String> {
        let version = self.0.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        version.map(|version| version.to_string()).map_err(text)
    }

    fn count(&mut self, since_us: i64) -> Outcome<u64> {
        let rows = self.0.query_row(COUNT, [since_us], |row| row.get::<_, i64>(0));
        rows.map(|rows| u64::try_from(rows).unwrap_or(0)).map_err(text)
    }

    fn offsets(&mut self, each: &mut dyn FnMut(u8, i64)) -> Outcome<()> {
        let mut query = self.0.prepare_cached(OFFSETS).map_err(text)?;
        let mut rows = query.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            each(row.get(0).map_err(text)?, row.get(1).map_err(text)?);
        }
        Ok(())
    }

    fn positions(&mut self, above: i64, each: &mut dyn FnMut(&Position)) -> Outcome<()> {
        if !self.has("positions")? {
            return Ok(());
        }
        let mut query = self.0.prepare(POSITIONS).map_err(text)?;
        let mut rows = query.query([above]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            each(&position(row).map_err(text)?);
        }
        Ok(())
    }

    fn messages(&mut self, above: i64, each: &mut dyn FnMut(&Message<'_>)) -> Outcome<()> {
        if !self.has("messages")? {
            return Ok(());
        }
        let mut query = self.0.prepare(MESSAGES).map_err(text)?;
        let mut rows = query.query([above]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            each(&message(row).map_err(text)?);
        }
        Ok(())
    }

    fn vessels(&mut self, each: &mut dyn FnMut(&Vessel<'_>)) -> Outcome<()> {
        if !self.has("vessels")? {
            return Ok(());
        }
        let mut query = self.0.prepare(VESSELS).map_err(text)?;
        let mut rows = query.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            each(&vessel(row).map_err(text)?);
        }
        Ok(())
    }
}

fn position(row: &Row<'_>) -> rusqlite::Result<Position> {
    Ok(Position {
        seq: row.get(0)?,
        time_us: row.get(1)?,
        received_us: row.get(2)?,
        mmsi: row.get(3)?,
        msg_type: row.get(4)?,
        lon: row.get(5)?,
        lat: row.get(6)?,
        sog: row.get(7)?,
        cog: row.get(8)?,
        heading: row.get(9)?,
        rot: row.get(10)?,
        nav_status: row.get(11)?,
    })
}

fn message<'a>(row: &'a Row<'_>) -> rusqlite::Result<Message<'a>> {
    Ok(Message {
        seq: row.get(0)?,
        time_us: row.get(1)?,
        received_us: row.get(2)?,
        mmsi: row.get(3)?,
        msg_type: row.get(4)?,
        json: row.get_ref(5)?.as_bytes().unwrap_or_default(),
    })
}

fn vessel<'a>(row: &'a Row<'_>) -> rusqlite::Result<Vessel<'a>> {
    let words = |column| -> rusqlite::Result<_> { Ok(row.get_ref(column)?.as_str_or_null()?) };
    Ok(Vessel {
        mmsi: row.get(0)?,
        static_reports: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        name: words(2)?,
        callsign: words(3)?,
        imo: row.get(4)?,
        ship_type: row.get(5)?,
        dimensions: [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?],
        draught: row.get(10)?,
        destination: words(11)?,
        eta: words(12)?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn text(error: rusqlite::Error) -> String {
    error.to_string()
}
