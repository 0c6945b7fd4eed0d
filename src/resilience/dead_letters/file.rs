//! The file of dead letters: its table, and what can be read from it, also beside a running daemon.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, params};

use super::letter::{Kind, Letter};
use super::{DeadLetterError, FILE_NAME};
use crate::resilience::words::one_line;

/// SQLite's own number for this kind of file, "AISL".
const APPLICATION_ID: i32 = 0x4149_534C;
/// Version of the table, kept in `user_version`; a newer one is refused.
const VERSION: i32 = 2;
/// Bytes of the smallest page that SQLite knows.
const PAGE_BYTES_MIN: u64 = 512;
/// How long another process that holds the file is waited for.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Where a file goes that cannot be read, beside the journal's.
const QUARANTINE: &str = "journal/quarantine";

/// `passed` is 1 when the store has committed offsets behind the letter: only then the journal need not bring it again. `trying` is 1
/// from before it is sent to the store again until the answer is known. What no program of ours writes is refused by the
/// checks, also when the file is opened. Both rows of a message share what is known of its retries.
const TABLE: &str = "
CREATE TABLE letters (
  seq             INTEGER NOT NULL CHECK (seq >= 0), -- number in the journal
  kind            TEXT NOT NULL CHECK (kind IN ('position', 'vessel', 'message')),
  partition       INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 63),
  mmsi            INTEGER NOT NULL CHECK (mmsi BETWEEN 0 AND 4294967295),
  source          INTEGER NOT NULL CHECK (source BETWEEN 0 AND 255), -- the feed
  received_us     INTEGER NOT NULL,
  row             TEXT NOT NULL,    -- JSON: the columns of the store's table
  sqlstate        TEXT NOT NULL,
  reason          TEXT NOT NULL,
  attempts        INTEGER NOT NULL CHECK (attempts BETWEEN 0 AND 4294967295),
  first_failed_us INTEGER NOT NULL,
  last_failed_us  INTEGER NOT NULL,
  passed          INTEGER NOT NULL CHECK (passed IN (0, 1)),
  retries         INTEGER NOT NULL CHECK (retries BETWEEN 0 AND 4294967295),
  next_try_us     INTEGER NOT NULL, -- 0 for at once
  dead            INTEGER NOT NULL CHECK (dead IN (0, 1)),   -- not tried again by itself
  trying          INTEGER NOT NULL CHECK (trying IN (0, 1)),
  PRIMARY KEY (seq, kind)
) STRICT;
CREATE INDEX letters_of_partition ON letters (partition, seq, source);
CREATE INDEX letters_to_pass ON letters (partition, seq) WHERE passed = 0;
CREATE INDEX letters_by_next_try ON letters (dead, next_try_us, seq);
CREATE INDEX letters_dead ON letters (seq) WHERE dead = 1;
CREATE INDEX letters_in_doubt ON letters (seq) WHERE trying = 1;
";

/// From a file of version 1, which had no retries.
const TO_VERSION_2: &str = "
ALTER TABLE letters RENAME TO letters_1;
DROP INDEX letters_of_partition;
DROP INDEX letters_to_pass;
";
const COPY_VERSION_1: &str =
    "INSERT INTO letters SELECT *, 0, 0, 0, 0 FROM letters_1; DROP TABLE letters_1;";

/// Opens the file for writing, and makes it when it is not there. One that is damaged is put aside, untouched, and a new
/// one begun: messages must not be kept waiting for it.
pub fn open(data_dir: &Path) -> Result<(Connection, Option<PathBuf>), DeadLetterError> {
    let path = data_dir.join(FILE_NAME);
    match try_open(&path) {
        Err(error) if error.is_damage() => {
            let aside = put_aside(data_dir, &path)?;
            tracing::error!(
                "{error}; it is kept as {}, and its letters are delivered no more",
                aside.display()
            );
            Ok((try_open(&path)?, Some(aside)))
        }
        opened => Ok((opened?, None)),
    }
}

fn try_open(path: &Path) -> Result<Connection, DeadLetterError> {
    check_size(path)?;
    let failed = |error| DeadLetterError::io(path, "open it", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let prepare = |connection: &Connection| {
        connection.busy_timeout(BUSY_MAX)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A letter is on disk when keeping it returns: the offsets that pass it are committed elsewhere.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(())
    };
    prepare(&connection).map_err(failed)?;
    let version = version(&connection, path)?;
    if version != 0 {
        check(&connection, path)?;
    }
    if version < VERSION {
        make(&mut connection, version).map_err(failed)?;
    }
    Ok(connection)
}

/// SQLite takes a file without one whole page for a new one.
fn check_size(path: &Path) -> Result<(), DeadLetterError> {
    match std::fs::metadata(path).map_or(0, |file| file.len()) {
        bytes @ 1..PAGE_BYTES_MIN => Err(DeadLetterError::Damaged {
            path: path.display().to_string(),
            what: format!("it ends after {bytes} bytes"),
        }),
        _ => Ok(()),
    }
}

/// Reads the whole file once.
fn check(connection: &Connection, path: &Path) -> Result<(), DeadLetterError> {
    let failed = |error| DeadLetterError::io(path, "check it", error);
    let found = "PRAGMA quick_check(1)";
    let found: String = connection.query_row(found, [], |row| row.get(0)).map_err(failed)?;
    if found == "ok" {
        return Ok(());
    }
    let what = one_line(&found, 200);
    Err(DeadLetterError::Damaged { path: path.display().to_string(), what })
}

fn make(connection: &mut Connection, from: i32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    if from == 1 {
        transaction.execute_batch(TO_VERSION_2)?;
    }
    transaction.execute_batch(TABLE)?;
    if from == 1 {
        transaction.execute_batch(COPY_VERSION_1)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Moves the file, and what belongs to it, to where nobody looks for it; where that is.
fn put_aside(data_dir: &Path, path: &Path) -> Result<PathBuf, DeadLetterError> {
    let failed = |error: std::io::Error| DeadLetterError::Aside {
        path: path.display().to_string(),
        error: error.to_string(),
    };
    let folder = data_dir.join(QUARANTINE);
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let free = (1_u32..).map(|n| folder.join(format!("{FILE_NAME}.{n}"))).find(|it| !it.exists());
    let aside = free.unwrap_or_else(|| folder.join(FILE_NAME));
    for end in ["-wal", "-shm", ""] {
        let of = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        match std::fs::rename(of(path), of(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    Ok(aside)
}

/// The version of the table, 0 when there is none yet; refuses a file that is not ours or newer than we know.
fn version(connection: &Connection, path: &Path) -> Result<i32, DeadLetterError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let failed = |error| DeadLetterError::io(path, "read it", error);
    let application = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let foreign = |what| DeadLetterError::Foreign { path: path.display().to_string(), what };
    match (application, version) {
        (APPLICATION_ID, 1..=VERSION) | (0, 0) => Ok(version),
        (APPLICATION_ID, newer) => Err(foreign(format!(
            "a table of version {newer}, this program knows version {VERSION}"
        ))),
        _ => Err(foreign("something else".to_owned())),
    }
}

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Letters.
    pub rows: u64,
    /// Messages that they are of.
    pub messages: u64,
    /// Letters that are not tried again by themselves.
    pub dead: u64,
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
        check_size(&path)?;
        let failed = |error| DeadLetterError::io(&path, "open it", error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_MAX).map_err(failed)?;
        match version(&connection, &path)? {
            0 => Ok(None),
            VERSION => Ok(Some(Self { connection })),
            older => Err(DeadLetterError::Foreign {
                path: path.display().to_string(),
                what: format!("a table of version {older}, which the next start brings up"),
            }),
        }
    }

    /// What is in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stats(&self) -> rusqlite::Result<Stats> {
        let Totals { rows, messages, dead } = totals(&self.connection)?;
        let mut select = self.connection.prepare(
            "SELECT sqlstate, count(*) FROM letters GROUP BY sqlstate ORDER BY sqlstate",
        )?;
        let by_sqlstate = select.query_map([], |row| Ok((row.get(0)?, unsigned(row, 1)?)))?;
        Ok(Stats { rows, messages, dead, by_sqlstate: by_sqlstate.collect::<Result<_, _>>()? })
    }

    /// At most so many letters, of the oldest messages first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn peek(&self, count: usize) -> rusqlite::Result<Vec<Letter>> {
        let mut letters = Vec::new();
        self.each(count, |letter| letters.push(letter))?;
        Ok(letters)
    }

    /// The same, one after the other.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn each(&self, count: usize, mut take: impl FnMut(Letter)) -> rusqlite::Result<()> {
        let select = format!("SELECT {COLUMNS} FROM letters ORDER BY seq, kind LIMIT ?1");
        let mut select = self.connection.prepare(&select)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        for found in select.query_map([count], letter)? {
            take(found?);
        }
        Ok(())
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Letters.
    pub rows: u64,
    /// Messages that they are of.
    pub messages: u64,
    /// Letters that are dead.
    pub dead: u64,
}

/// Counts all letters.
pub fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let select = "SELECT count(*), count(DISTINCT seq), ifnull(sum(dead), 0) FROM letters";
    connection.query_row(select, params![], |row| {
        Ok(Totals { rows: unsigned(row, 0)?, messages: unsigned(row, 1)?, dead: unsigned(row, 2)? })
    })
}

/// A count out of a row.
pub fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// What [`letter`] reads.
pub const COLUMNS: &str = "seq, kind, mmsi, source, received_us, row, sqlstate, reason, attempts, first_failed_us, \
    last_failed_us, retries, next_try_us, dead";

/// A letter out of a row of [`COLUMNS`].
pub fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
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
        retries: row.get(11)?,
        next_try_us: row.get(12)?,
        is_dead: row.get(13)?,
    })
}

fn strange(column: usize, kind: &str) -> rusqlite::Error {
    let text = format!("\"{kind}\" is no kind of letter");
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, text.into())
}
