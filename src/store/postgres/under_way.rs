//! A transaction whose rows were sent, up to the answer to its COMMIT.

use std::time::Duration;

use super::connection::Connection;
use super::kept::Kept;
use super::{Failed, Parts, Postgres, fault, not_connected};
use crate::rows::Rows;
use crate::store::{Committed, Offsets, Store, StoreError};

/// What a transaction leaves out of the rows that it is for.
pub struct Part {
    kept: Kept,
    /// Where it moves the offsets from.
    from: Offsets,
    pub(super) left_out: Committed,
    /// Its COMMIT is answered already.
    is_answered: bool,
}

impl Part {
    fn of(rows: &[Rows], kept: Kept, from: Offsets) -> Self {
        Self { kept, from, left_out: kept.left_out(rows), is_answered: false }
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
        connection.transact_without_poison(parts, of, offsets, &mut self.left_out)?;
        connection.offsets = *offsets;
        self.is_answered = true;
        Ok(())
    }
}

impl Postgres {
    /// Sends a transaction: all of it, or its rows alone.
    pub(super) fn send_rows(
        &mut self,
        rows: &[Rows],
        offsets: &Offsets,
        whole: bool,
    ) -> Result<Part, StoreError> {
        let deadline = self.deadline();
        let Some(connection) = &mut self.connection else { return Err(not_connected()) };
        let kept = Kept::now(&self.parts.days);
        kept.make_days(&self.parts.days, rows);
        connection.wire.until(deadline);
        let from = connection.offsets;
        let added = connection.add_rows(&self.parts, (rows, kept), offsets);
        let sent = added.and_then(|()| {
            if whole { connection.send_commit(offsets) } else { connection.wire.send() }
        });
        sent.map_err(|error| fault::of_wire("commit", &error))?;
        Ok(Part::of(rows, kept, from))
    }

    /// Sends the COMMIT of rows that were sent alone, and waits until the server has done with those: what comes while it does goes into
    /// the next transaction. All others are committed if it refuses one of them.
    pub(super) fn ask_for_commit(
        &mut self,
        rows: &[Rows],
        offsets: &Offsets,
    ) -> Result<(), StoreError> {
        let Self { parts, connection: Some(connection), under_way: Some(part), .. } = self else {
            return Err(not_connected());
        };
        let sent = connection.send_commit(offsets);
        sent.map_err(|error| fault::of_wire("commit", &error))?;
        match connection.rows_answered(parts) {
            Ok(()) => Ok(()),
            Err(Failed::OnARow) => part.commit_others(connection, parts, rows, offsets),
            Err(Failed::Store(error)) => Err(error),
        }
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
        let mut ago = Duration::ZERO;
        if !part.is_answered {
            match connection.commit_answered(parts) {
                Ok(answered) => ago = answered,
                // What was sent behind it is in the way of the search.
                Err(Failed::OnARow) if ahead.is_some() => {
                    let why = "commit: the server refuses it for a row when all were sent";
                    return Err(StoreError::Transient(why.to_owned()));
                }
                Err(Failed::OnARow) => part.commit_others(connection, parts, rows, offsets)?,
                Err(Failed::Store(error)) => return Err(error),
            }
        }
        if let Err(error) = parts.letters.lock().passed(parts.own(offsets)) {
            tracing::error!(%error, "cannot note which dead letters the store has passed");
        }
        Ok(Committed { ago, ..self.doubtful() })
    }
}
