//! The store for years: Postgres, rows and offsets in one transaction.
//!
//! In:      batches of rows with the offsets that they move to
//! Out:     binary COPY into `positions` and `messages`, one upsert of `vessels`, `aisd_offsets`
//! Drops:   rows that are older than what is kept, and rows that the server refuses for good, which go to the dead letters
//! Metrics: `ais_store_*`, `circuit_breaker_*{name="postgres"}`
//!
//! **The fence.** Each connection raises the epoch of its offsets before anything else, which waits for a commit of the
//! connection before that is still under way, and tells whether it came through. A commit moves offsets only from where they
//! were and only in its own epoch; where they are not, the server itself raises, and the transaction comes to nothing whatever
//! was sent behind (`0004_fence.sql`). So a server process that was frozen inside a commit and wakes after the next connection
//! was made stores nothing twice, and `COMMIT` goes with the rows: a small transaction is one round trip.
//!
//! **Ahead.** The rows of a large transaction are sent while the one before it is under way, so the server never waits for
//! its next work; its own `COMMIT` is sent when that one is answered. If that one came to nothing, the offsets are not
//! where this one says they were, and it comes to nothing too. Its time begins when the server comes to it.
//!
//! Every call has a deadline that holds against a server that does not answer ([`wire`]).

pub mod address;
mod connection;
pub mod copy;
pub mod deadline;
pub mod fault;
mod files;
mod held;
mod kept;
pub mod link;
mod look_up;
pub mod migrate;
mod pace;
pub mod partitions;
pub mod poison;
pub mod pool;
pub mod reader;
mod retry;
pub mod tls;
mod under_way;
pub mod vessels;
pub mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::{Committed, Offsets, Store, StoreError};
use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::observe::counts::Counts;
use crate::resilience::dead_letters::DeadLetters;
use crate::rows::{FileMark, Rows};
use crate::taken::Taken;
use connection::Connection;
use link::Dialer;
use migrate::{Build, Wanted, migrate};
use pace::Pace;
use partitions::days::Days;
use under_way::Part;
use wire::Target;

const NAME_SOURCES: &str = "INSERT INTO sources (instance, id, name) \
    SELECT $1::int2, id, name FROM unnest($2::int2[], $3::text[]) AS v (id, name) \
    ON CONFLICT (instance, id) DO UPDATE SET name = excluded.name WHERE sources.name <> excluded.name";

/// From so many rows on a transaction is sent behind a COMMIT under way: fewer are there sooner when they gather a while more.
const ROWS_AHEAD: usize = 4096;

/// What a Postgres store is given at its birth.
pub struct Parts {
    /// Where to connect.
    pub target: Target,
    /// The server in words, for errors.
    pub shown: String,
    /// Past any pooler, for the tables.
    pub direct: Dialer,
    /// Whether the tables are known to be those of this program.
    pub migrated: Arc<AtomicBool>,
    /// The data directory's name in the database.
    pub instance: Uuid,
    /// This process' name in the database.
    pub owner: Uuid,
    /// The number of the writer.
    pub writer: usize,
    /// The partitions whose rows come here.
    pub partitions: Vec<u8>,
    /// Bounds.
    pub config: StoreConfig,
    /// Which days have partitions, and which are kept.
    pub days: Arc<Days>,
    /// Where rows go that the server refuses for good.
    pub letters: Arc<Mutex<DeadLetters>>,
    /// Percent of its time that trying those again may take.
    pub retry_percent: u32,
    /// Where a call is noted that outlives its deadline.
    pub counts: Arc<Counts>,
    /// The time of day.
    pub clock: Clock,
    /// Who is told what is taken of files.
    pub taken: Arc<Taken>,
}

impl Parts {
    /// Brings the tables to the version of this program, the first time.
    fn migrate_once(&self) -> Result<(), StoreError> {
        if self.migrated.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut say = |text: &str| tracing::info!("{text}");
        let wanted = Wanted {
            index: self.config.index,
            build: Build::Later,
            answer_within: Duration::from_secs(self.config.connect_seconds),
        };
        let done = migrate(&self.direct, wanted, &mut say)?;
        for step in &done.applied {
            tracing::info!("{}: took step {step}", self.shown);
        }
        for warning in done.warnings {
            tracing::warn!("{}: {warning}", self.shown);
        }
        self.migrated.store(true, Ordering::Release);
        Ok(())
    }

    /// The offsets of its own partitions.
    fn own(&self, offsets: &Offsets) -> Vec<(u8, u64)> {
        let own = self.partitions.iter();
        own.map(|partition| (*partition, offsets[usize::from(*partition)])).collect()
    }

    /// Notes by how much a call that is over has outlived its deadline.
    fn note_end(&self, deadline: Instant) {
        let late = Instant::now().saturating_duration_since(deadline);
        self.counts.store.overrun_us_max.raise(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
    }
}

/// The store.
pub struct Postgres {
    parts: Parts,
    connection: Option<Connection>,
    /// The commit whose answer is to come, or would tell what became of it.
    under_way: Option<Part>,
    /// What was sent behind it.
    ahead: Option<Part>,
    /// When dead letters are tried again, and how many.
    pace: Pace,
}

/// Why a transaction did not come through.
enum Failed {
    /// The server refuses one of its rows, whichever that is.
    OnARow,
    /// Something else.
    Store(StoreError),
}

impl Failed {
    /// Why, where no row is to be found for it.
    fn or(self, on_a_row: impl FnOnce() -> StoreError) -> StoreError {
        match self {
            Self::OnARow => on_a_row(),
            Self::Store(error) => error,
        }
    }
}

impl Postgres {
    /// A store that is not connected yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let pace = Pace::new(parts.retry_percent, Instant::now());
        Self { parts, connection: None, under_way: None, ahead: None, pace }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.parts.config.commit_seconds)
    }

    /// A call of the writer has ended. The search for a poison row puts its deadline off with each step.
    fn end<T>(&mut self, called: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(connection) = &self.connection {
            self.parts.note_end(connection.wire.deadline());
        }
        if called.is_err() {
            (self.connection, self.ahead) = (None, None);
        }
        called
    }
}

impl Store for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn connect(&mut self) -> Result<Offsets, StoreError> {
        self.connection = None;
        self.parts.migrate_once()?;
        let deadline = Instant::now() + Duration::from_secs(self.parts.config.connect_seconds);
        let connected = Connection::open(&self.parts, deadline);
        self.parts.note_end(deadline);
        let doing = || format!("connect to {}", self.parts.shown);
        let mut connection = connected.map_err(|error| fault::of_wire(&doing(), &error))?;
        let offsets = connection.offsets;
        // What was refused in a commit that never came through is decided again.
        let settled = self.parts.letters.lock().settle(self.parts.own(&offsets));
        settled.map_err(|error| StoreError::Transient(error.to_string()))?;
        connection.ask_for_letters(&self.parts)?;
        connection.tell_files(&self.parts)?;
        self.connection = Some(connection);
        Ok(offsets)
    }

    fn name_sources(&mut self, names: &[String]) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let Some(Connection { wire, instance, .. }) = &mut self.connection else {
            return Err(not_connected());
        };
        let ids = array(0..names.len());
        let names = text_array(names.iter().map(Some));
        wire.until(deadline);
        let named = wire
            .add(NAME_SOURCES, &[instance, &ids, &names])
            .and_then(|()| wire.exchange())
            .map_err(|error| fault::of_wire("name the feeds", &error));
        if named.is_err() {
            self.connection = None;
        }
        self.parts.note_end(deadline);
        named.map(drop)
    }

    fn carry(&mut self, files: &[FileMark]) {
        if let Some(connection) = &mut self.connection {
            connection.files.clear();
            connection.files.extend_from_slice(files);
        }
    }

    fn rows_ahead(&self) -> Option<usize> {
        // A pooler hands the next transaction to another session.
        let wire = self.connection.as_ref().map(|connection| &connection.wire)?;
        (!wire.is_pooled()).then_some(ROWS_AHEAD)
    }

    fn send(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        let sent = self.send_ahead(rows, offsets).map(|part| self.ahead = Some(part));
        self.end(sent)
    }

    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        // What became of the one before is known; of this one nobody may know from its first byte on.
        let deadline = self.deadline();
        self.under_way = self.ahead.take().map(|part| part.until(deadline));
        let has_rows = self.under_way.is_some();
        let part = if has_rows {
            Ok(())
        } else {
            self.part_of(rows).map(|part| self.under_way = Some(part))
        };
        let asked = part.and_then(|()| self.send_under_way(rows, offsets, has_rows));
        self.end(asked)
    }

    fn is_at_rows(&mut self) -> bool {
        let Self { connection: Some(connection), under_way: Some(part), .. } = self else {
            return false;
        };
        part.is_at_rows_in_time(&mut connection.wire)
    }

    fn finish(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<Committed, StoreError> {
        let answered = self.wait_for_commit(rows, offsets);
        self.end(answered)
    }

    fn doubtful(&mut self) -> Committed {
        self.under_way.take().map(|part| part.left_out).unwrap_or_default()
    }

    fn retry(&mut self) -> Result<(), StoreError> {
        let counts = &self.parts.counts.dead_letters;
        let began = Instant::now();
        if counts.rows.get() <= counts.dead.get() || !self.pace.is_due(began) {
            return Ok(());
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let tried = connection.retry(&self.parts, self.pace.messages());
        match &tried {
            Ok(None) => self.pace.found_none(began),
            Ok(Some(tried)) => {
                counts.retry_us.add(self.pace.did(*tried, began, Instant::now()));
            }
            Err(_) => {
                counts.retry_us.add(self.pace.failed(began, Instant::now()));
                self.connection = None;
            }
        }
        tried.map(drop)
    }

    fn idle(&mut self) {
        self.pace.say(Instant::now());
    }

    fn close(&mut self) {
        self.connection = None;
    }
}

fn not_connected() -> StoreError {
    StoreError::Transient("not connected".to_owned())
}

/// Numbers as Postgres writes an array.
fn array<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Texts as Postgres writes an array, NULL for those that are not there.
fn text_array<T: AsRef<str>>(texts: impl IntoIterator<Item = Option<T>>) -> String {
    let mut out = String::from("{");
    for (n, text) in texts.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        let Some(text) = text else {
            out.push_str("NULL");
            continue;
        };
        out.push('"');
        for letter in text.as_ref().chars() {
            if matches!(letter, '"' | '\\') {
                out.push('\\');
            }
            out.push(letter);
        }
        out.push('"');
    }
    out.push('}');
    out
}
