//! The embedded store: one SQLite file, nothing to install.
//!
//! WAL mode with `synchronous = FULL`: a commit is on disk when it returns. One process writes (the data directory is locked), so
//! the offsets need no fence here. The WAL is moved into the database by a thread of its own as it fills ([`checkpoint`]), so that a
//! commit rarely waits for more than its own sync.

mod checkpoint;
mod files;
mod rows;
#[cfg(test)]
mod tests;
mod tracks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use uuid::Uuid;

use super::schema;
use super::{Offsets, Store, StoreError};
use crate::config::{Index, StoreConfig};
use crate::partition::PARTITIONS;
use crate::rows::{FileMark, PositionRow, Rows};
use crate::taken::Taken;
use checkpoint::Checkpointer;
use tracks::{Run, Tracks};

/// What the file in the data directory is called.
pub const FILE_NAME: &str = "aisd.db";
/// SQLite's own number for this kind of file, "AISD".
const APPLICATION_ID: i32 = 0x4149_5344;

/// The embedded store.
pub struct Sqlite {
    path: PathBuf,
    instance: Uuid,
    config: StoreConfig,
    connection: Option<Connection>,
    checkpointer: Option<Checkpointer>,
    /// What is in the table, so that only changes are written.
    offsets: Offsets,
    run: Run,
    /// None when there is no index of tracks.
    tracks: Option<Tracks>,
    /// How far files were read, for the next commit.
    files: Vec<FileMark>,
    /// Who is told what is taken of files.
    taken: Arc<Taken>,
}

impl Sqlite {
    /// The store in this data directory.
    #[must_use]
    pub fn new(data_dir: &Path, instance: Uuid, config: StoreConfig) -> Self {
        Self {
            path: data_dir.join(FILE_NAME),
            instance,
            config,
            connection: None,
            checkpointer: None,
            offsets: [0; PARTITIONS],
            run: Run::default(),
            tracks: None,
            files: Vec::new(),
            taken: Arc::default(),
        }
    }

    /// Tells this one what is taken of files.
    #[must_use]
    pub fn telling(self, taken: Arc<Taken>) -> Self {
        Self { taken, ..self }
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        self.connection
            .as_mut()
            .ok_or_else(|| StoreError::Transient("the store is not connected".to_owned()))
    }
}

impl Store for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn connect(&mut self) -> Result<Offsets, StoreError> {
        self.checkpointer = None;
        self.connection = None;
        let mut connection = open(&self.path, self.config.cache_bytes)?;
        migrate(&mut connection, &self.path)?;
        self.offsets = read_offsets(&connection, &self.instance)?;
        self.taken.tell(files::read(&connection, &self.instance)?);
        self.run = Run::last(&connection)?;
        self.tracks = match self.config.index {
            Index::Append => None,
            Index::Track => {
                let rows = tracks::track_missing(&mut connection, decided(&self.offsets))?;
                if rows > 0 {
                    tracing::info!(rows, "sorted positions by vessel that were stored without");
                }
                Some(Tracks::new())
            }
        };
        self.checkpointer = Some(Checkpointer::start(&self.path, &connection)?);
        self.connection = Some(connection);
        Ok(self.offsets)
    }

    fn name_sources(&mut self, names: &[String]) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let transaction = connection.transaction()?;
        for (id, name) in names.iter().enumerate() {
            let id = i64::try_from(id).unwrap_or(i64::MAX);
            transaction.execute(schema::SET_SOURCE, params![id, name])?;
        }
        Ok(transaction.commit()?)
    }

    fn carry(&mut self, files: &[FileMark]) {
        self.files.clear();
        self.files.extend_from_slice(files);
    }

    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        if self.connection.is_none() {
            self.connect()?;
        }
        let result = self.transact(rows, offsets);
        if result.is_err() {
            // What was half done in memory is forgotten with the connection.
            self.connection = None;
        }
        result
    }

    fn idle(&mut self) {
        if self.tracks.as_ref().is_some_and(Tracks::is_due)
            && let Err(error) = self.sweep()
        {
            tracing::warn!(%error, "cannot sort positions by vessel; trying again at the next commit");
            self.connection = None;
        }
        if let (Some(checkpointer), Some(connection)) = (&self.checkpointer, &self.connection) {
            checkpointer.idle(connection);
        }
    }

    fn close(&mut self) {
        if let Err(error) = self.sweep_all() {
            tracing::warn!(%error, "cannot sort the last positions by vessel; the next start does");
        }
        self.checkpointer = None;
        self.connection = None;
    }
}

impl Sqlite {
    fn transact(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        let Self {
            connection: Some(connection), tracks, run, instance, offsets: known, files, ..
        } = self
        else {
            return Err(StoreError::Transient("the store is not connected".to_owned()));
        };
        let mut positions: Vec<&PositionRow> = rows.iter().flat_map(|it| &it.positions).collect();
        positions.sort_by_key(|row| row.origin.seq);
        let transaction = connection.transaction()?;
        rows::insert_positions(&transaction, &positions)?;
        *run = run.grow(&transaction, &positions)?;
        if let Some(tracks) = tracks {
            tracks.add(*run, &positions);
            tracks.sweep(&transaction, decided(offsets))?;
        }
        rows::upsert_vessels(&transaction, rows)?;
        rows::insert_messages(&transaction, rows)?;
        set_offsets(&transaction, instance, known, offsets)?;
        files::note(&transaction, instance, files)?;
        transaction.commit()?;
        *known = *offsets;
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.committed(connection);
        }
        Ok(())
    }

    /// Sweeps what is due in a transaction of its own.
    fn sweep(&mut self) -> Result<(), StoreError> {
        let Self { connection: Some(connection), tracks: Some(tracks), offsets, .. } = self else {
            return Ok(());
        };
        let transaction = connection.transaction()?;
        tracks.sweep(&transaction, decided(offsets))?;
        Ok(transaction.commit()?)
    }

    /// Sweeps everything.
    fn sweep_all(&mut self) -> Result<(), StoreError> {
        let Self { connection: Some(connection), tracks: Some(tracks), offsets, .. } = self else {
            return Ok(());
        };
        let transaction = connection.transaction()?;
        tracks.finish(&transaction, decided(offsets))?;
        Ok(transaction.commit()?)
    }
}

/// Every partition is decided below this number.
fn decided(offsets: &Offsets) -> u64 {
    offsets.iter().copied().min().unwrap_or(0)
}

fn set_offsets(
    transaction: &Transaction<'_>,
    instance: &Uuid,
    known: &Offsets,
    offsets: &Offsets,
) -> Result<(), StoreError> {
    let instance = instance.to_string();
    let mut set = transaction.prepare_cached(schema::SET_OFFSET)?;
    for (partition, (next_seq, before)) in offsets.iter().zip(known).enumerate() {
        if next_seq != before {
            let partition = i64::try_from(partition).unwrap_or(0);
            set.execute(params![instance, partition, next_seq.cast_signed()])?;
        }
    }
    Ok(())
}

fn open(path: &Path, cache_bytes: usize) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let kibibytes = i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// Makes the tables of a new file, and what older ones lack; refuses a file that is not ours or newer than we know.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let from = match version {
        schema::VERSION if application == APPLICATION_ID => return Ok(()),
        0 if application == 0 => [schema::TABLES, schema::FILES].concat(),
        1 if application == APPLICATION_ID => schema::FILES.to_owned(),
        newer if application == APPLICATION_ID => {
            return Err(StoreError::Setup(format!(
                "{} has tables of version {newer}, this program knows version {}; run the program that made it",
                path.display(),
                schema::VERSION
            )));
        }
        _ => {
            let text = format!("{} is a database, but not aisd's", path.display());
            return Err(StoreError::Setup(text));
        }
    };
    let transaction = connection.transaction()?;
    transaction.execute_batch(&from)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(transaction.commit()?)
}

fn read_offsets(connection: &Connection, instance: &Uuid) -> Result<Offsets, StoreError> {
    let mut offsets = [0; PARTITIONS];
    let mut read =
        connection.prepare("SELECT partition, next_seq FROM offsets WHERE instance = ?1")?;
    let mut rows = read.query([instance.to_string()])?;
    while let Some(row) = rows.next()? {
        let (partition, next_seq): (u8, i64) = (row.get(0)?, row.get(1)?);
        if let Some(offset) = offsets.get_mut(usize::from(partition)) {
            *offset = next_seq.cast_unsigned();
        }
    }
    Ok(offsets)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen) => {
                Self::Setup(error.to_string())
            }
            _ => Self::Transient(error.to_string()),
        }
    }
}
