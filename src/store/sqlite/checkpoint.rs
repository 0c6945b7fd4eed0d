//! Moves the write-ahead log into the database without making commits wait for most of it.
//!
//! A thread with a connection of its own runs passive checkpoints while commits go on. It never catches the very last frames, so the log
//! would grow for ever; when the thread has just finished, the writer moves the few that came since, and the next commit begins the log anew.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// The thread begins once the log has grown by this much. The same few pages are written by commit after commit, so a
/// longer log costs hardly more to move, and commits wait for it less often.
const BEGIN_BYTES: u64 = 128 << 20;
/// The thread looks up this often when nobody wakes it.
const PARK: Duration = Duration::from_millis(200);

thread_local! {
    /// Pages in the log after the last commit of this thread. The length of the file says nothing: it stays as it was when the log is begun anew.
    static LOG_PAGES: Cell<u64> = const { Cell::new(0) };
}

#[derive(Default)]
struct State {
    /// There is enough to move.
    wanted: AtomicBool,
    /// The thread is done: the writer may move the rest.
    done: AtomicBool,
    stopping: AtomicBool,
    failures: AtomicU64,
}

/// The thread, and what the writer tells it.
pub struct Checkpointer {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
    /// Pages of the log with which it begins.
    begin_pages: u64,
}

impl Checkpointer {
    /// Starts the thread, for commits that this connection makes.
    pub fn start(path: &Path, writer: &Connection) -> Result<Self, StoreError> {
        let page_bytes: u32 = writer.pragma_query_value(None, "page_size", |row| row.get(0))?;
        writer.wal_hook(Some(note_pages));
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "synchronous", "full")?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&connection, &shared))
            .map_err(|error| {
                StoreError::Transient(format!("start the checkpoint thread: {error}"))
            })?;
        let begin_pages = BEGIN_BYTES / u64::from(page_bytes.max(1));
        Ok(Self { state, thread: Some(thread), begin_pages })
    }

    /// After a commit: moves the rest when the thread has done its part, or wakes it when there is enough for it.
    pub fn committed(&self, connection: &Connection) {
        if self.state.done.swap(false, Ordering::AcqRel) {
            let _ = checkpoint(connection);
        } else if !self.state.wanted.load(Ordering::Acquire) && LOG_PAGES.get() >= self.begin_pages
        {
            self.state.wanted.store(true, Ordering::Release);
            if let Some(thread) = &self.thread {
                thread.thread().unpark();
            }
        }
    }

    /// While nothing waits to be committed.
    pub fn idle(&self, connection: &Connection) {
        if self.state.done.swap(false, Ordering::AcqRel) {
            let _ = checkpoint(connection);
        }
    }
}

fn note_pages(_log: &Wal, pages: std::ffi::c_int) -> rusqlite::Result<()> {
    LOG_PAGES.set(u64::try_from(pages).unwrap_or(0));
    Ok(())
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, state: &State) {
    while !state.stopping.load(Ordering::Acquire) {
        if !state.wanted.load(Ordering::Acquire) {
            std::thread::park_timeout(PARK);
            continue;
        }
        if let Err(error) = checkpoint(connection) {
            // A log that cannot be moved grows, and is moved later; say so once.
            if state.failures.fetch_add(1, Ordering::AcqRel) == 0 {
                tracing::warn!(%error, "checkpoint of the embedded store failed; trying again");
            }
        }
        state.done.store(true, Ordering::Release);
        state.wanted.store(false, Ordering::Release);
    }
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
