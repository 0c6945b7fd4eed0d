//! Compares the store with the ledger, row by row, without asking the daemon anything.
//!
//! In:  the ledger; the store, opened for reading only; where the tables stood before the run
//! Out: how many messages are there, there twice, not there, and how many rows nobody sent
//!
//! Everything goes by digests: both sides are sorted and walked together. A row with one wrong field is a lost message
//! and an unexpected row. Only a `messages` row whose JSON lacks a field that the digest needs is matched by its MMSI
//! and type alone: `by_count` says how many were, and one is as bad as a wrong one. Rows that share a number of the journal are counted whatever they say.
//!
//! When a message happened is part of its digest: the time that its sender told, to the microsecond; or else the UTC second
//! of the report, and its row must then be dated within half a minute of its receipt ([`Dated`]).
//!
//! Memory: 8 bytes for each row beside the ledger, and about a bit for its number.

pub mod baseline;
mod dated;
mod numbers;
pub mod others;
pub mod positions;
pub mod statics;

use crate::commits::{Latencies, Timing};
use crate::digest::{Fix, When};
use crate::fleet::particulars::Particulars;
use crate::ledger::Ledger;
use crate::stored::{Outcome, StoredRows};
use baseline::Baseline;
pub use dated::Dated;
use numbers::Numbers;
use std::time::Instant;

/// What came of comparing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages that are in the store.
    pub stored: u64,
    /// Further copies of them that are in the store.
    pub duplicates: u64,
    /// Messages that are not in the store.
    pub lost: u64,
    /// Rows that nobody sent.
    pub unexpected: u64,
    /// Ships whose row does not say what they said.
    pub wrong: u64,
    /// Messages matched by MMSI and type alone, since their rows say too little to be compared; part of `stored`.
    pub by_count: u64,
    /// Messages that must appear exactly like another one: 0 unless the fleet is too small for the rate.
    pub indistinct: u64,
    /// Rows of `positions` and `messages`.
    pub rows: u64,
    /// Rows that have the number of another one.
    pub same_seq: u64,
    /// Rows whose event time or time of receipt is not of this run, or that are dated too far from their receipt.
    pub misdated: u64,
}

const NOTHING: Verdict = Verdict {
    stored: 0,
    duplicates: 0,
    lost: 0,
    unexpected: 0,
    wrong: 0,
    by_count: 0,
    indistinct: 0,
    rows: 0,
    same_seq: 0,
    misdated: 0,
};

impl Verdict {
    /// Whether everything is there exactly once and nothing else is.
    pub const fn is_good(&self) -> bool {
        let in_rows = self.duplicates + self.unexpected + self.same_seq + self.misdated;
        in_rows + self.lost + self.wrong + self.by_count == 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            stored: self.stored + other.stored,
            duplicates: self.duplicates + other.duplicates,
            lost: self.lost + other.lost,
            unexpected: self.unexpected + other.unexpected,
            wrong: self.wrong + other.wrong,
            by_count: self.by_count + other.by_count,
            indistinct: self.indistinct + other.indistinct,
            rows: self.rows + other.rows,
            same_seq: self.same_seq + other.same_seq,
            misdated: self.misdated + other.misdated,
        }
    }
}

/// What is noticed of a row before it is compared.
pub struct Seen {
    timing: Option<Timing>,
    numbers: Numbers,
    dated: Dated,
    misdated: u64,
}

impl Seen {
    /// Nothing yet; rows of this run are dated like this.
    pub fn new(dated: Dated, timing: Option<Timing>) -> Self {
        Self { timing, numbers: Numbers::default(), dated, misdated: 0 }
    }

    /// The row of a position that was compared.
    pub fn time(&mut self, fix: &Fix, digest: u64, seq: i64, received_us: i64) {
        if let Some(timing) = &mut self.timing {
            timing.row(fix, digest, seq, received_us);
        }
    }

    /// One row: its number, who it is from, its type, its event time and when it was received. When that says that it happened.
    pub fn note(
        &mut self,
        seq: i64,
        (mmsi, msg_type): (u32, u8),
        (time_us, received_us): (i64, i64),
    ) -> When {
        self.numbers.put(seq);
        if let Some(timing) = &mut self.timing {
            timing.stored(mmsi, seq);
        }
        let (when, is_right) = self.dated.judge(msg_type, time_us, received_us);
        self.misdated += u64::from(!is_right);
        when
    }
}

impl Seen {
    /// What the rows alone tell.
    const fn verdict(&self) -> Verdict {
        let (rows, same_seq) = (self.numbers.rows, self.numbers.twice);
        Verdict { rows, same_seq, misdated: self.misdated, ..NOTHING }
    }

    /// When the last row was seen committed, if that was watched.
    pub fn last_commit(&self) -> Option<Instant> {
        self.timing.as_ref()?.last_commit()
    }

    /// How long the messages took, if that was measured.
    pub fn latencies(self) -> Option<Latencies> {
        self.timing.map(|timing| timing.latencies)
    }
}

/// Compares everything; without a store nothing is there.
///
/// # Errors
/// When the store cannot be read.
pub fn verify(
    ledger: &mut Ledger,
    store: Option<&mut dyn StoredRows>,
    before: &Baseline,
    seen: &mut Seen,
    fleet: impl Iterator<Item = Particulars>,
) -> Outcome<Verdict> {
    let Some(store) = store else {
        return Ok(Verdict { lost: ledger.expected(), ..Verdict::default() });
    };
    let mut lost_with_statics = Vec::new();
    let both = std::mem::take(&mut ledger.both);
    let (marks, is_partial) = (before.marks, ledger.is_partial());
    let json = ledger.by_type[0] > 0 && !is_partial;
    // What was being sent when the way broke may be there or not.
    let cut_off = ledger.cut_off.as_deref();
    let mut perhaps = std::mem::take(&mut ledger.perhaps);
    perhaps.extend(cut_off.iter().flat_map(|it| &it.positions));
    let sent = (&mut ledger.positions[..], &mut perhaps[..]);
    let positions = positions::compare(store, marks.positions, seen, sent, json, |digest| {
        lost_with_statics.extend(both.get(&digest).copied());
    })?;
    if is_partial {
        return Ok(positions.and(seen.verdict()));
    }
    let perhaps = cut_off.map_or(&[][..], |it| &it.others);
    let others = others::compare(store, marks.messages, seen, (&mut ledger.others, perhaps))?;
    let statics = statics::compare(store, &before.statics, ledger, &lost_with_statics, fleet)?;
    Ok(positions.and(others).and(statics).and(seen.verdict()))
}

/// The MMSI of a row; one that no ship can have when it is none.
fn mmsi(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
