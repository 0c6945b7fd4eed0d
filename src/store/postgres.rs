//! The store for years: Postgres, rows and offsets in one transaction.
//!
//! In:      batches of rows with the offsets that they move to
//! Out:     binary COPY into `positions` and `messages`, one upsert of `vessels`, `aisd_offsets`
//! Drops:   rows that are older than what is kept, and rows that the server refuses for good, which go to the dead letters
//! Metrics: `ais_store_*`, `circuit_breaker_*{name="postgres"}`
//!
//! **The fence.** Each connection raises the epoch of its offsets before anything else, which waits for a commit of the
//! connection before that is still under way, and tells whether it came through. A commit moves offsets only from where they
//! were and only in its own epoch; how many rows that touched is looked at *before* `COMMIT` is sent. So a server process that
//! was frozen inside a commit and wakes after the next connection was made stores nothing twice.
//!
//! Every call has a deadline that holds against a server that does not answer ([`wire`]).

pub mod copy;
pub mod errors;
pub mod poison;
pub mod vessels;
pub mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::{Committed, Offsets, Store, StoreError};
use crate::clock::Clock;
use crate::config::StoreConfig;
use crate::observe::counts::Counts;
use crate::partition::PARTITIONS;
use crate::resilience::dead_letters::DeadLetters;
use crate::rows::Rows;
use errors::sorted;
use wire::{Answer, Target, Wire, WireError};

/// A lock that somebody else holds is waited for no longer than this: less than Postgres waits before it looks for
/// a deadlock, so there is never one.
const LOCK_MS: u64 = 500;

/// Bounds that hold when nobody is there to hear the answer any more: of the session, or of one transaction where a pooler
/// hands every transaction to another session.
const SETTINGS: &str = "SELECT set_config('lock_timeout', $1, $3::bool), set_config('statement_timeout', $2, $3::bool), \
    set_config('idle_in_transaction_session_timeout', $2, $3::bool)";
const FIND_INSTANCE: &str = "SELECT id FROM aisd_instances WHERE instance = $1::uuid";
const ADD_INSTANCE: &str =
    "INSERT INTO aisd_instances (instance) VALUES ($1::uuid) ON CONFLICT DO NOTHING";
/// All writers' rows, in an order that two connections share, so that they cannot wait for each other.
const LOCK_OFFSETS: &str = "SELECT writer, array_to_string(next_seq, ' ') FROM aisd_offsets WHERE instance = $1::int2 \
    ORDER BY writer FOR UPDATE";
const ADD_OFFSETS: &str = "INSERT INTO aisd_offsets (instance, writer, epoch, owner, next_seq) \
    VALUES ($1::int2, $2::int2, 0, $3::uuid, array_fill(0::int8, ARRAY[64])) ON CONFLICT DO NOTHING";
/// Its own row, and those that another process left: whatever that one still has under way comes to nothing.
const RAISE_EPOCH: &str = "UPDATE aisd_offsets SET epoch = epoch + 1, owner = $3::uuid \
    WHERE instance = $1::int2 AND (writer = $2::int2 OR owner <> $3::uuid) RETURNING writer, epoch";
/// What a connection begins with: of each of its partitions the highest number of all rows.
const TAKE_OFFSETS: &str = "UPDATE aisd_offsets SET next_seq = $3::int8[] \
    WHERE instance = $1::int2 AND writer = $2::int2";
const MOVE_OFFSETS: &str = "UPDATE aisd_offsets SET next_seq = $5::int8[] \
    WHERE instance = $1::int2 AND writer = $2::int2 AND epoch = $3::int8 AND next_seq = $4::int8[]";
const OWNER: &str = "SELECT count(*) FROM aisd_offsets \
    WHERE instance = $1::int2 AND writer = $2::int2 AND owner <> $3::uuid";
const NAME_SOURCES: &str = "INSERT INTO sources (instance, id, name) \
    SELECT $1::int2, id, name FROM unnest($2::int2[], $3::text[]) AS v (id, name) \
    ON CONFLICT (instance, id) DO UPDATE SET name = excluded.name WHERE sources.name <> excluded.name";

/// What a Postgres store is given at its birth.
pub struct Parts {
    /// Where to connect.
    pub target: Target,
    /// The server in words, for errors.
    pub shown: String,
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
    /// Where rows go that the server refuses for good.
    pub letters: Arc<Mutex<DeadLetters>>,
    /// Where a call is noted that outlives its deadline.
    pub counts: Arc<Counts>,
    /// The time of day.
    pub clock: Clock,
}

impl Parts {
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
    /// What the last commit that failed would not have stored.
    doubtful: Committed,
}

/// Why a transaction did not come through.
enum Failed {
    /// The server refuses one of its rows, whichever that is.
    OnARow,
    /// Something else.
    Store(StoreError),
}

/// A connection that owns its offsets.
struct Connection {
    wire: Wire,
    /// The numbers of the instance and the writer here.
    instance: String,
    writer: String,
    epoch: String,
    /// What is in the table.
    offsets: Offsets,
}

impl Postgres {
    /// A store that is not connected yet.
    #[must_use]
    pub const fn new(parts: Parts) -> Self {
        Self {
            parts,
            connection: None,
            doubtful: Committed { expired: Vec::new(), undelivered: Vec::new() },
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.parts.config.commit_seconds)
    }
}

impl Store for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn connect(&mut self) -> Result<Offsets, StoreError> {
        self.connection = None;
        let deadline = Instant::now() + Duration::from_secs(self.parts.config.connect_seconds);
        let connected = Connection::open(&self.parts, deadline);
        self.parts.note_end(deadline);
        let doing = || format!("connect to {}", self.parts.shown);
        let connection = connected.map_err(|error| sorted(&doing(), error))?;
        let offsets = connection.offsets;
        // What was refused in a commit that never came through is decided again.
        let settled = self.parts.letters.lock().settle(self.parts.own(&offsets));
        settled.map_err(|error| StoreError::Transient(error.to_string()))?;
        self.connection = Some(connection);
        Ok(offsets)
    }

    fn name_sources(&mut self, names: &[String]) -> Result<(), StoreError> {
        let deadline = self.deadline();
        let Some(Connection { wire, instance, .. }) = &mut self.connection else {
            return Err(not_connected());
        };
        let ids = array(0..names.len());
        let names = text_array(names);
        wire.until(deadline);
        let named = wire
            .add(NAME_SOURCES, &[instance, &ids, &names])
            .and_then(|()| wire.exchange())
            .map_err(|error| sorted("name the feeds", error));
        if named.is_err() {
            self.connection = None;
        }
        self.parts.note_end(deadline);
        named.map(drop)
    }

    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<Committed, StoreError> {
        let deadline = self.deadline();
        let Self { parts, connection: Some(connection), doubtful } = self else {
            return Err(not_connected());
        };
        connection.wire.until(deadline);
        *doubtful = Committed::default();
        let result = match connection.transact(parts, rows, offsets) {
            Err(Failed::OnARow) => {
                let result = connection.transact_without_poison(parts, rows, offsets, doubtful);
                result.map(|()| std::mem::take(doubtful))
            }
            Err(Failed::Store(error)) => Err(error),
            Ok(()) => Ok(Committed::default()),
        };
        // The search for a poison row puts it off with each step.
        let deadline = connection.wire.deadline();
        match &result {
            Ok(_) => {
                connection.offsets = *offsets;
                if let Err(error) = parts.letters.lock().passed(parts.own(offsets)) {
                    tracing::error!(%error, "cannot note which dead letters the store has passed");
                }
            }
            Err(_) => self.connection = None,
        }
        self.parts.note_end(deadline);
        result
    }

    fn doubtful(&mut self) -> Committed {
        std::mem::take(&mut self.doubtful)
    }

    fn close(&mut self) {
        self.connection = None;
    }
}

impl Connection {
    fn open(parts: &Parts, deadline: Instant) -> Result<Self, WireError> {
        let mut wire = Wire::connect(&parts.target, deadline)?;
        let writer = parts.writer.to_string();
        let owner = parts.owner.to_string();
        settings(&mut wire, parts, parts.config.connect_seconds)?;
        let instance = find_instance(&mut wire, &parts.instance.to_string())?;
        begin(&mut wire, parts, parts.config.connect_seconds)?;
        wire.add(ADD_OFFSETS, &[&instance, &writer, &owner])?;
        wire.add(LOCK_OFFSETS, &[&instance])?;
        wire.add(RAISE_EPOCH, &[&instance, &writer, &owner])?;
        let answers = wire.exchange()?;
        let [.., rows, raised] = &answers[..] else { return Err(strange()) };
        let mine = raised.rows.iter().find(|row| row.first() == Some(&Some(writer.clone())));
        let epoch = mine.and_then(|row| row.get(1)?.clone()).ok_or_else(strange)?;
        let offsets = highest(rows);
        wire.add(TAKE_OFFSETS, &[&instance, &writer, &array(offsets)])?;
        wire.add("COMMIT", &[])?;
        wire.exchange()?;
        settings(&mut wire, parts, parts.config.commit_seconds)?;
        Ok(Self { wire, instance, writer, epoch, offsets })
    }

    /// Everything in one transaction: two round trips.
    fn transact(&mut self, parts: &Parts, rows: &[Rows], offsets: &Offsets) -> Result<(), Failed> {
        let failed = |error| {
            if poison::is_poison(&error) {
                Failed::OnARow
            } else {
                Failed::Store(sorted("commit", error))
            }
        };
        begin(&mut self.wire, parts, parts.config.commit_seconds).map_err(failed)?;
        self.add_offsets(offsets).map_err(failed)?;
        let index = parts.config.index;
        copy::add(&mut self.wire, &self.instance, rows, index).map_err(failed)?;
        vessels::add(&mut self.wire, &self.instance, rows).map_err(failed)?;
        let answers = self.wire.exchange().map_err(failed)?;
        self.check_fence(parts, &answers).map_err(Failed::Store)?;
        self.commit_transaction()
    }

    /// Ends the transaction. A constraint that somebody deferred speaks up here.
    fn commit_transaction(&mut self) -> Result<(), Failed> {
        let sent = self.wire.add("COMMIT", &[]).and_then(|()| self.wire.exchange());
        match sent {
            Ok(answers) if answers.first().is_some_and(|answer| answer.tag == "COMMIT") => Ok(()),
            Ok(_) => {
                let why = "commit: the server rolled it back".to_owned();
                Err(Failed::Store(StoreError::Transient(why)))
            }
            Err(error) if poison::is_poison(&error) => Err(Failed::OnARow),
            Err(error) => Err(Failed::Store(sorted("commit", error))),
        }
    }

    /// Whether the offsets were moved by what was just sent.
    fn check_fence(&mut self, parts: &Parts, answers: &[Answer]) -> Result<(), StoreError> {
        if answers.iter().any(|answer| answer.tag == "UPDATE 1") {
            return Ok(());
        }
        Err(self.why_fenced(parts))
    }

    /// Adds the statement that moves the offsets; it must touch one row.
    fn add_offsets(&mut self, offsets: &Offsets) -> Result<(), WireError> {
        let (was, upto) = (array(self.offsets), array(offsets));
        let parameters = [&self.instance, &self.writer, &self.epoch, &was, &upto];
        self.wire.add(MOVE_OFFSETS, &parameters.map(String::as_str))
    }

    /// The offsets are not where they were left: whether another process took them.
    fn why_fenced(&mut self, parts: &Parts) -> StoreError {
        let owner = parts.owner.to_string();
        let asked = self
            .wire
            .add("ROLLBACK", &[])
            .and_then(|()| self.wire.add(OWNER, &[&self.instance, &self.writer, &owner]))
            .and_then(|()| self.wire.exchange());
        let strangers = match asked {
            Ok(answers) => answers.last().and_then(Answer::number),
            Err(error) => return sorted("read the offsets again", error),
        };
        if strangers.is_some_and(|count| count != 0) {
            return StoreError::Fenced(format!(
                "another process stores for instance {} since; only one may: is there a copy of the data directory?",
                parts.instance
            ));
        }
        StoreError::Transient("commit: the offsets moved; reading them again".to_owned())
    }
}

/// Of each partition the highest number of all rows.
fn highest(rows: &Answer) -> Offsets {
    let mut offsets = [0; PARTITIONS];
    for numbers in rows.rows.iter().filter_map(|row| row.get(1)?.as_ref()) {
        for (offset, number) in offsets.iter_mut().zip(numbers.split(' ')) {
            *offset = number.parse().map_or(*offset, |number: u64| number.max(*offset));
        }
    }
    offsets
}

/// Begins a transaction.
fn begin(wire: &mut Wire, parts: &Parts, seconds: u64) -> Result<(), WireError> {
    wire.add("BEGIN", &[])?;
    if parts.target.pooled { add_settings(wire, seconds, "true") } else { Ok(()) }
}

/// Sets the bounds of the session, if it stays the same.
fn settings(wire: &mut Wire, parts: &Parts, seconds: u64) -> Result<(), WireError> {
    if parts.target.pooled {
        return Ok(());
    }
    add_settings(wire, seconds, "false")?;
    wire.exchange().map(drop)
}

/// How long a lock may be waited for, and how long a statement may take.
fn add_settings(wire: &mut Wire, seconds: u64, local: &str) -> Result<(), WireError> {
    wire.add(SETTINGS, &[&LOCK_MS.to_string(), &(seconds * 1000).to_string(), local])
}

fn strange() -> WireError {
    WireError::Io("aisd_offsets does not hold what was just put there".to_owned())
}

/// The number of an instance, given when it comes for the first time.
fn find_instance(wire: &mut Wire, instance: &str) -> Result<String, WireError> {
    let number = |answers: Vec<Answer>| {
        answers.last().and_then(|answer| answer.rows.first()?.first()?.clone())
    };
    wire.add(FIND_INSTANCE, &[instance])?;
    if let Some(known) = number(wire.exchange()?) {
        return Ok(known);
    }
    wire.add(ADD_INSTANCE, &[instance])?;
    wire.add(FIND_INSTANCE, &[instance])?;
    number(wire.exchange()?)
        .ok_or_else(|| WireError::Io("aisd_instances does not hold what was just put there".into()))
}

fn not_connected() -> StoreError {
    StoreError::Transient("not connected".to_owned())
}

/// Numbers as Postgres writes an array.
fn array<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Texts as Postgres writes an array.
fn text_array(texts: &[String]) -> String {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", texts.iter().map(quoted).collect::<Vec<_>>().join(","))
}
