//! A batch that holds rows which the server refuses for good: those are found by halving, and all others are stored.
//!
//! In:      a batch that failed for a value or a constraint
//! Out:     one transaction with everything that can be stored, and the offsets
//! Drops:   what the server refuses alone; it goes to the dead letters, on disk before the commit that passes it
//!
//! Each half is tried behind a savepoint, so one bad row among n costs at most 2·log2 n statements more. A message with two
//! rows (type 19) is stored whole or not at all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connection::{Connection, begin};
use super::fault::{self, Kind};
use super::kept::Kept;
use super::wire::{Wire, WireError};
use super::{Parts, copy, vessels};
use crate::resilience::dead_letters::{Letter, Refusal};
use crate::rows::{MessageRow, PositionRow, Rows, StaticRow};
use crate::store::{COMMIT_ROWS_MIN, Committed, Offsets, StoreError};

const TRY: &str = "SAVEPOINT aisd_part";
const KEEP: &str = "RELEASE SAVEPOINT aisd_part";
const UNDO: &str = "ROLLBACK TO SAVEPOINT aisd_part";
/// Constraints that somebody deferred would speak up only at the end, and not tell which row they mean.
pub(super) const AT_ONCE: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// What is stored behind a savepoint, message by message if need be.
pub(super) trait Storable: Sized {
    /// Adds the statements that store these.
    fn add(wire: &mut Wire, instance: &str, part: &[Self]) -> Result<(), WireError>;
}

/// The rows of one message.
#[derive(Default)]
struct Message<'a> {
    position: Option<&'a PositionRow>,
    data: Option<&'a StaticRow>,
    other: Option<(&'a Rows, &'a MessageRow)>,
}

/// A message that the server refuses, and why.
pub(super) struct Refused<'a, M> {
    pub(super) message: &'a M,
    pub(super) code: String,
    pub(super) reason: String,
}

/// Whether an error is about a row.
pub fn is_poison(error: &WireError) -> bool {
    error.code().is_some_and(|code| fault::kind(code) == Kind::Poison)
}

impl Connection {
    /// Stores what can be stored of a batch, and tells what cannot.
    pub(super) fn transact_without_poison(
        &mut self,
        parts: &Parts,
        (rows, kept): (&[Rows], Kept),
        offsets: &Offsets,
        out: &mut Committed,
    ) -> Result<(), StoreError> {
        let failed = |error| fault::of_wire("commit", &error);
        let seconds = parts.config.commit_seconds;
        self.wire.until(Instant::now() + Duration::from_secs(seconds));
        // What failed has ended its transaction, or is still in it.
        self.wire.add("ROLLBACK", &[]).map_err(failed)?;
        self.wire.exchange().map_err(failed)?;
        begin(&mut self.wire, seconds).map_err(failed)?;
        self.wire.add(AT_ONCE, &[]).map_err(failed)?;
        self.add_offsets(offsets).map_err(failed)?;
        let moved = self.wire.exchange();
        moved.map_err(|error| self.failed(parts, &error).or(|| failed(error)))?;

        let messages = by_number(rows, kept);
        let refused = self.store_all_but_refused(&messages, seconds).map_err(failed)?;
        let now_us = parts.clock.now_us();
        let letters: Vec<Letter> =
            refused.iter().flat_map(|refused| refused.letters(now_us)).collect();
        if !letters.is_empty() {
            let kept = parts.letters.lock().keep(&letters);
            kept.map_err(|error| StoreError::Transient(error.to_string()))?;
        }
        for Refused { message, .. } in &refused {
            out.undelivered.push(message.feed());
            out.rows_left_out.positions += u64::from(message.position.is_some());
            out.rows_left_out.statics += u64::from(message.data.is_some());
            out.rows_left_out.messages += u64::from(message.other.is_some());
        }
        self.wire.until(Instant::now() + Duration::from_secs(seconds));
        let why = "commit: the server refuses it for a row, and no row alone";
        self.commit_transaction(parts)
            .map_err(|failed| failed.or(|| StoreError::Transient(why.to_owned())))
    }

    /// Stores these in the transaction that is open, but for those that the server refuses alone. Of many that are all refused the search
    /// does not end in time; then a smaller batch comes next.
    pub(super) fn store_all_but_refused<'a, M: Storable>(
        &mut self,
        messages: &'a [M],
        seconds: u64,
    ) -> Result<Vec<Refused<'a, M>>, WireError> {
        let (mut left, mut refused) = (vec![messages], Vec::new());
        left.retain(|part| !part.is_empty());
        let end = Instant::now() + Duration::from_secs(seconds);
        while let Some(part) = left.pop() {
            let now = Instant::now();
            // So few are not halved any more, and searched for as long as it takes.
            if now >= end && messages.len() > COMMIT_ROWS_MIN {
                return Err(WireError::Late);
            }
            self.wire.until(now + Duration::from_secs(seconds));
            let error = match self.try_part(part) {
                Ok(()) => continue,
                Err(error) if is_poison(&error) => error,
                Err(error) => return Err(error),
            };
            self.wire.add(UNDO, &[])?;
            self.wire.exchange()?;
            match (part, error) {
                ([message], WireError::Server { code, message: reason }) => {
                    refused.push(Refused { message, code, reason });
                }
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([second, first]);
                }
            }
        }
        Ok(refused)
    }

    fn try_part<M: Storable>(&mut self, part: &[M]) -> Result<(), WireError> {
        let Self { wire, instance, .. } = self;
        wire.add(TRY, &[])?;
        M::add(wire, instance, part)?;
        wire.add(KEEP, &[])?;
        wire.exchange().map(drop)
    }
}

impl Storable for Message<'_> {
    fn add(wire: &mut Wire, instance: &str, part: &[Self]) -> Result<(), WireError> {
        copy::add_positions(wire, instance, part.iter().filter_map(|message| message.position))?;
        copy::add_messages(wire, instance, part.iter().filter_map(|message| message.other))?;
        let statics: Vec<&StaticRow> = part.iter().filter_map(|message| message.data).collect();
        vessels::add_statics(wire, instance, &statics)
    }
}

/// The messages of a batch, in the order of the journal.
fn by_number(rows: &[Rows], kept: Kept) -> Vec<Message<'_>> {
    let mut messages: BTreeMap<u64, Message<'_>> = BTreeMap::new();
    for rows in rows {
        for row in rows.positions.iter().filter(|row| kept.has(&row.origin)) {
            messages.entry(row.origin.seq).or_default().position = Some(row);
        }
        for row in &rows.statics {
            messages.entry(row.origin.seq).or_default().data = Some(row);
        }
        for row in rows.messages.iter().filter(|row| kept.has(&row.origin)) {
            messages.entry(row.origin.seq).or_default().other = Some((rows, row));
        }
    }
    messages.into_values().collect()
}

impl Message<'_> {
    fn feed(&self) -> u8 {
        let position = self.position.map(|row| row.origin.feed);
        let data = self.data.map(|row| row.origin.feed);
        position.or(data).or(self.other.map(|(_, row)| row.origin.feed)).unwrap_or(0)
    }
}

impl Refused<'_, Message<'_>> {
    fn letters(&self, at_us: i64) -> impl Iterator<Item = Letter> {
        let refusal = Refusal { sqlstate: &self.code, reason: &self.reason, at_us };
        let position = self.message.position.map(|row| Letter::of_position(row, &refusal));
        let data = self.message.data.map(|row| Letter::of_static(row, &refusal));
        let other = self.message.other.map(|(rows, row)| Letter::of_message(rows, row, &refusal));
        position.into_iter().chain(data).chain(other)
    }
}
