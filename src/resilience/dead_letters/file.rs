//! The file of dead letters: its table, and what can be read from it, also beside a running daemon.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, params};

use super::letter::{Kind, Letter};
use super::{DeadLetterError, FILE_NAME};

/// SQLite's own number for this kind of file, "AISL".
const APPLICATION_ID: i32 = 0x4149_534C;
/// Version of the table, kept in `user_version`; a newer one is refused.
const VERSION: i32 = 1;
/// How long another process that holds the file is waited for.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// `passed` is 1 when the store has committed offsets behind the letter: only then the journal need not bring it again.
const TABLE: &str = "
CREATE TABLE letters (
  seq             INTEGER NOT NULL, -- number in the journal
  kind            TEXT NOT NULL,    -- position, vessel or message
  partition       INTEGER NOT NULL,
  mmsi            INTEGER NOT NULL,
  source          INTEGER NOT NULL, -- the feed
  received_us     INTEGER NOT NULL,
  row             TEXT NOT NULL,    -- JSON: the columns of the store's table
  sqlstate        TEXT NOT NULL,
  reason          TEXT NOT NULL,
  attempts        INTEGER NOT NULL,
  first_failed_us INTEGER NOT NULL,
  last_failed_us  INTEGER NOT NULL,
  passed          INTEGER NOT NULL,
  PRIMARY KEY (seq, kind)
) STRICT;
CREATE INDEX letters_of_partition ON letters (partition, seq, source);
CREATE INDEX letters_to_pass ON letters (partition, seq) WHERE passed = 0;
";

/// Opens the file for writing, and makes it when it is not there.
pub fn open(data_dir: &Path) -> Result<Connection, DeadLetterError> {
    let path = data_dir.join(FILE_NAME);
    let failed = |error| DeadLetterError::io(&path, "open it", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    let prepare = |connection: &Connection| {
        connection.busy_timeout(BUSY_MAX)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A letter is on disk when keeping it returns: the offsets that pass it are committed elsewhere.
        connection.pragma_update(None, "synchronous", "full")
    };
    prepare(&connection).map_err(failed)?;
    if is_new(&connection, &path)? {
        make(&mut connection).map_err(failed)?;
    }
    Ok(connection)
}

fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLE)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Whether the file has no table yet; refuses one that is not ours or newer than we know.
fn is_new(connection: &Connection, path: &Path) -> Result<bool, DeadLetterError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let failed = |error| DeadLetterError::io(path, "read it", error);
    let application = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => Ok(false),
        (0, 0) => Ok(true),
        (APPLICATION_ID, newer) => Err(DeadLetterError::Foreign {
            path: path.display().to_string(),
            what: format!("a table of version {newer}, this program knows version {VERSION}"),
        }),
        _ => Err(DeadLetterError::Foreign {
            path: path.display().to_string(),
            what: "something else".to_owned(),
        }),
    }
}

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Letters.
    pub rows: u64,
    /// Messages that they are of.
    pub messages: u64,
    /// Letters by the SQLSTATE of their last refusal.
    pub by_sqlstate: BTreeMap<String, u64>,
}

/// Reads the file without changing it.
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// The file of this data directory; nothing when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(data_dir: &Path) -> Result<Option<Self>, DeadLetterError> {
        let path = data_dir.join(FILE_NAME);
        if !path.exists() {
            return Ok(None);
        }
        let failed = |error| DeadLetterError::io(&path, "open it", error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_MAX).map_err(failed)?;
        let is_new = is_new(&connection, &path)?;
        Ok((!is_new).then_some(Self { connection }))
    }

    /// What is in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stats(&self) -> rusqlite::Result<Stats> {
        let (rows, messages) = totals(&self.connection)?;
        let mut select = self.connection.prepare(
            "SELECT sqlstate, count(*) FROM letters GROUP BY sqlstate ORDER BY sqlstate",
        )?;
        let by_sqlstate = select.query_map([], |row| Ok((row.get(0)?, unsigned(row, 1)?)))?;
        Ok(Stats { rows, messages, by_sqlstate: by_sqlstate.collect::<Result<_, _>>()? })
    }

    /// At most so many letters, of the oldest messages first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn peek(&self, count: usize) -> rusqlite::Result<Vec<Letter>> {
        let mut select = self.connection.prepare(
            "SELECT seq, kind, mmsi, source, received_us, row, sqlstate, reason, attempts, first_failed_us, last_failed_us \
             FROM letters ORDER BY seq, kind LIMIT ?1",
        )?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        select.query_map([count], letter)?.collect()
    }
}

/// Letters, and messages that they are of.
pub fn totals(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    connection.query_row("SELECT count(*), count(DISTINCT seq) FROM letters", params![], |row| {
        Ok((unsigned(row, 0)?, unsigned(row, 1)?))
    })
}

/// A count out of a row.
pub fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let kind: String = row.get(1)?;
    let known = Kind::ALL.into_iter().find(|known| known.label() == kind);
    Ok(Letter {
        seq: unsigned(row, 0)?,
        kind: known.ok_or_else(|| strange(1, &kind))?,
        mmsi: row.get(2)?,
        feed: row.get(3)?,
        received_us: row.get(4)?,
        row: row.get(5)?,
        sqlstate: row.get(6)?,
        reason: row.get(7)?,
        attempts: row.get(8)?,
        first_failed_us: row.get(9)?,
        last_failed_us: row.get(10)?,
    })
}

fn strange(column: usize, kind: &str) -> rusqlite::Error {
    let text = format!("\"{kind}\" is no kind of letter");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, text.into())
}
