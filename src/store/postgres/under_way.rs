//! A transaction whose rows were sent, up to the answer to its COMMIT.

use std::time::{Duration, Instant};

use super::connection::Connection;
use super::kept::{Kept, make_days};
use super::wire::{Wire, WireError};
use super::{Failed, Parts, Postgres, ROWS_AHEAD, fault, not_connected};
use crate::rows::{FileMark, Rows};
use crate::store::{Committed, Offsets, Store, StoreError};

/// A transaction: what it leaves out of the rows that it is for, and how far it is.
pub struct Part {
    kept: Kept,
    /// Where it moves the offsets from.
    from: Offsets,
    /// How far files were read by its records.
    files: Vec<FileMark>,
    pub(super) left_out: Committed,
    to_read: ToRead,
    deadline: Instant,
}

/// Answers that nobody has read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ToRead {
    /// One to the rows, and one to the COMMIT that was sent on its own.
    Two,
    /// One to the COMMIT, and to the rows if they were sent with it.
    One,
    None,
}

impl Part {
    /// Whether the server is still at its rows, as far as one can see.
    pub(super) fn is_at_rows(&self, wire: &mut Wire) -> bool {
        self.to_read == ToRead::Two && wire.awaits_first()
    }

    /// The same, and there is time left.
    pub(super) fn is_at_rows_in_time(&self, wire: &mut Wire) -> bool {
        self.is_at_rows(wire) && Instant::now() < self.deadline
    }

    /// The server comes to it only now.
    pub(super) fn until(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }

    /// Commits all rows but those that the server refuses.
    fn commit_others(
        &mut self,
        connection: &mut Connection,
        parts: &Parts,
        rows: &[Rows],
        offsets: &Offsets,
    ) -> Result<(), StoreError> {
        let of = (rows, self.kept);
        connection.offsets = self.from;
        let next = std::mem::replace(&mut connection.files, std::mem::take(&mut self.files));
        connection.transact_without_poison(parts, of, offsets, &mut self.left_out)?;
        (connection.offsets, connection.files) = (*offsets, next);
        self.to_read = ToRead::None;
        Ok(())
    }

    /// Reads them, in its own time unless they are there; how long ago the last came.
    fn read(&self, connection: &mut Connection) -> Result<Duration, WireError> {
        let answers = match self.to_read {
            ToRead::Two => 2,
            ToRead::One => 1,
            ToRead::None => return Ok(Duration::ZERO),
        };
        if connection.wire.can_listen() && !connection.wire.has_ended(answers) {
            connection.wire.until(self.deadline);
        }
        if self.to_read == ToRead::Two {
            connection.rows_answered()?;
        }
        connection.commit_answered()
    }
}

impl Postgres {
    /// A transaction for these rows.
    pub(super) fn part_of(&mut self, rows: &[Rows]) -> Result<Part, StoreError> {
        let deadline = self.deadline();
        let Self { parts, connection: Some(connection), under_way, .. } = self else {
            return Err(not_connected());
        };
        let kept = Kept::now(&parts.days);
        let days = kept.days_of(rows);
        let is_new = days.iter().any(|day| !parts.days.is_known(*day));
        // A table that somebody puts rows into is not given a partition.
        if is_new && under_way.as_ref().is_some_and(|part| part.is_at_rows(&mut connection.wire)) {
            connection.wire.wait_first();
        }
        make_days(&parts.days, &days);
        Ok(Part {
            kept,
            from: connection.offsets,
            files: connection.files.clone(),
            left_out: kept.left_out(rows),
            to_read: ToRead::Two,
            deadline,
        })
    }

    /// Sends rows behind a COMMIT that is under way.
    pub(super) fn send_ahead(
        &mut self,
        rows: &[Rows],
        offsets: &Offsets,
    ) -> Result<Part, StoreError> {
        let part = self.part_of(rows)?;
        let Self { parts, connection: Some(connection), under_way: Some(before), .. } = self else {
            return Err(not_connected());
        };
        // Its time begins when the server comes to it.
        if before.is_at_rows(&mut connection.wire) {
            connection.wire.until(before.deadline);
            connection.wire.give_then(Duration::from_secs(parts.config.commit_seconds));
        } else {
            connection.wire.until(part.deadline);
        }
        let sent = connection.add_rows(parts, (rows, part.kept), offsets);
        let sent = sent.and_then(|()| connection.wire.send());
        sent.map_err(|error| fault::of_wire("commit", &error))?;
        Ok(part)
    }

    /// Sends what is not sent yet of the transaction that is under way: all of it as one if it is small, or its rows, and then its
    /// COMMIT.
    pub(super) fn send_under_way(
        &mut self,
        rows: &[Rows],
        offsets: &Offsets,
        has_rows: bool,
    ) -> Result<(), StoreError> {
        let Self { parts, connection: Some(connection), under_way: Some(part), .. } = self else {
            return Err(not_connected());
        };
        connection.wire.until(part.deadline);
        let is_small = !has_rows && rows.iter().map(Rows::len).sum::<usize>() < ROWS_AHEAD;
        let send = |connection: &mut Connection| {
            if !has_rows {
                connection.add_rows(parts, (rows, part.kept), offsets)?;
                if !is_small {
                    connection.wire.send()?;
                }
            }
            connection.send_commit(offsets)
        };
        send(connection).map_err(|error| fault::of_wire("commit", &error))?;
        if is_small {
            part.to_read = ToRead::One;
            return Ok(());
        }
        if connection.wire.can_listen() {
            connection.wire.await_answers(2);
            return Ok(());
        }
        // Who cannot look when the server has done with the rows waits for that here.
        match connection.rows_answered().map_err(|error| connection.failed(parts, &error)) {
            Ok(()) => part.to_read = ToRead::One,
            Err(Failed::OnARow) => part.commit_others(connection, parts, rows, offsets)?,
            Err(Failed::Store(error)) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the answer.
    pub(super) fn wait_for_commit(
        &mut self,
        rows: &[Rows],
        offsets: &Offsets,
    ) -> Result<Committed, StoreError> {
        let Self { parts, connection: Some(connection), under_way: Some(part), ahead, .. } = self
        else {
            return Err(not_connected());
        };
        let ago = match part.read(connection) {
            Ok(ago) => ago,
            Err(error) => {
                // What was sent behind it has come to nothing too, and is sent again.
                if ahead.take().is_some() && error.code().is_some() {
                    let _ = connection.wire.answers();
                }
                match connection.failed(parts, &error) {
                    Failed::OnARow => part.commit_others(connection, parts, rows, offsets)?,
                    Failed::Store(error) => return Err(error),
                }
                Duration::ZERO
            }
        };
        if let Err(error) = parts.letters.lock().passed(parts.own(offsets)) {
            tracing::error!(%error, "cannot note which dead letters the store has passed");
        }
        Ok(Committed { ago, ..self.doubtful() })
    }
}
