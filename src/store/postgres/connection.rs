//! A connection that owns its offsets: how it takes them over, and what one transaction is.

use std::time::{Duration, Instant};

use postgres::types::Type;

use super::kept::Kept;
use super::wire::{Answer, Parameter, Wire, WireError};
use super::{Failed, Parts, array, copy, fault, files, poison, vessels};
use crate::partition::PARTITIONS;
use crate::rows::{FileMark, Rows};
use crate::store::{Offsets, StoreError};

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
const MOVE_OFFSETS: &str = "SELECT aisd_move_offsets($1, $2, $3, $4, $5)";
/// What that says where they are not.
const MOVED: &str = "MOVED";
const OWNER: &str = "SELECT count(*) FROM aisd_offsets \
    WHERE instance = $1::int2 AND writer = $2::int2 AND owner <> $3::uuid";

/// A connection that owns its offsets.
pub struct Connection {
    pub(super) wire: Wire,
    /// The numbers of the instance and the writer here.
    pub(super) instance: String,
    pub(super) writer: String,
    pub(super) epoch: String,
    /// What is in the table when what was sent last has come through.
    pub(super) offsets: Offsets,
    /// How far files were read, for the next transaction.
    pub(super) files: Vec<FileMark>,
}

impl Connection {
    pub(super) fn open(parts: &Parts, deadline: Instant) -> Result<Self, WireError> {
        let mut wire = Wire::connect(&parts.target, deadline)?;
        let writer = parts.writer.to_string();
        let owner = parts.owner.to_string();
        settings(&mut wire, parts.config.connect_seconds)?;
        let instance = find_instance(&mut wire, &parts.instance.to_string())?;
        begin(&mut wire, parts.config.connect_seconds)?;
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
        settings(&mut wire, parts.config.commit_seconds)?;
        Ok(Self { wire, instance, writer, epoch, offsets, files: Vec::new() })
    }

    /// Tells what is taken of files, the first time.
    pub(super) fn tell_files(&mut self, parts: &Parts) -> Result<(), StoreError> {
        if parts.taken.is_told() {
            return Ok(());
        }
        let failed = |error| fault::of_wire("read how far files were read", &error);
        begin(&mut self.wire, parts.config.connect_seconds).map_err(failed)?;
        let marks = files::read(&mut self.wire, &self.instance).map_err(failed)?;
        self.wire.add("COMMIT", &[]).and_then(|()| self.wire.exchange()).map_err(failed)?;
        parts.taken.tell(marks);
        Ok(())
    }

    /// Adds everything of one transaction but its COMMIT.
    pub(super) fn add_rows(
        &mut self,
        parts: &Parts,
        (rows, kept): (&[Rows], Kept),
        offsets: &Offsets,
    ) -> Result<(), WireError> {
        begin(&mut self.wire, parts.config.commit_seconds)?;
        self.add_offsets(offsets)?;
        let index = parts.config.index;
        copy::add(&mut self.wire, &self.instance, rows, (index, kept))?;
        vessels::add(&mut self.wire, &self.instance, rows)
    }

    /// Sends what was added and the end of the transaction, which moves the offsets to there.
    pub(super) fn send_commit(&mut self, offsets: &Offsets) -> Result<(), WireError> {
        self.wire.add("COMMIT", &[])?;
        self.wire.send()?;
        self.offsets = *offsets;
        Ok(())
    }

    /// What the server says to rows whose COMMIT was sent behind them, on its own. One that refuses them has rolled back there.
    pub(super) fn rows_answered(&mut self) -> Result<(), WireError> {
        let Err(error) = self.wire.answers() else { return Ok(()) };
        // Nothing to be done about a connection that has ended.
        let _ = self.wire.answers();
        Err(error)
    }

    /// What the server says to the COMMIT and what was sent with it, and how long ago. A constraint that somebody deferred speaks up
    /// here.
    pub(super) fn commit_answered(&mut self) -> Result<Duration, WireError> {
        let answers = self.wire.answers()?;
        if answers.last().is_some_and(|answer| answer.tag == "COMMIT") {
            return Ok(self.wire.heard_ago());
        }
        Err(WireError::Io("the server rolled it back".to_owned()))
    }

    /// Ends a transaction that does not move the offsets any more, and waits for it.
    pub(super) fn commit_transaction(&mut self, parts: &Parts) -> Result<(), Failed> {
        let offsets = self.offsets;
        let ended = self.send_commit(&offsets).and_then(|()| self.commit_answered());
        ended.map(drop).map_err(|error| self.failed(parts, &error))
    }

    /// Whether it is about a row, or the offsets were not where they were left. Nothing may be left to read of what was sent.
    pub(super) fn failed(&mut self, parts: &Parts, error: &WireError) -> Failed {
        if poison::is_poison(error) {
            Failed::OnARow
        } else if error.code() == Some(MOVED) {
            Failed::Store(self.why_fenced(parts))
        } else {
            Failed::Store(fault::of_wire("commit", error))
        }
    }

    /// Adds the statement that moves the offsets, and how far files were read with them.
    pub(super) fn add_offsets(&mut self, offsets: &Offsets) -> Result<(), WireError> {
        let [was, upto] = [&self.offsets, offsets].map(|offsets| offsets.map(u64::cast_signed));
        let parameters = [
            Parameter::Text(&self.instance),
            Parameter::Text(&self.writer),
            Parameter::Text(&self.epoch),
            Parameter::Binary(&was.as_slice(), Type::INT8_ARRAY),
            Parameter::Binary(&upto.as_slice(), Type::INT8_ARRAY),
        ];
        self.wire.add_with(MOVE_OFFSETS, parameters.into_iter())?;
        files::add(&mut self.wire, &self.instance, &self.writer, &self.files)
    }

    /// The offsets are not where they were left: whether another process took them.
    pub(super) fn why_fenced(&mut self, parts: &Parts) -> StoreError {
        let owner = parts.owner.to_string();
        let asked = self
            .wire
            .add("ROLLBACK", &[])
            .and_then(|()| self.wire.add(OWNER, &[&self.instance, &self.writer, &owner]))
            .and_then(|()| self.wire.exchange());
        let strangers = match asked {
            Ok(answers) => answers.last().and_then(Answer::number),
            Err(error) => return fault::of_wire("read the offsets again", &error),
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
pub fn begin(wire: &mut Wire, seconds: u64) -> Result<(), WireError> {
    wire.add("BEGIN", &[])?;
    if wire.is_pooled() { add_settings(wire, seconds, "true") } else { Ok(()) }
}

/// Sets the bounds of the session, if it stays the same.
fn settings(wire: &mut Wire, seconds: u64) -> Result<(), WireError> {
    if wire.is_pooled() {
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
