//! Rows that are committed together.

use std::time::Instant;

use crate::rows::{FileMark, Origin, Rows};
use crate::store::Offsets;

/// What a commit holds, part by part as it came from the shards.
#[derive(Debug, Default)]
pub struct Batch {
    /// As they came.
    pub parts: Vec<Rows>,
    /// Rows in all of them.
    pub rows: usize,
    /// When the first came, where that matters.
    pub since: Option<Instant>,
    /// How far each shard was before it, and the receipt of the last record that it had seen.
    pub before: Vec<(u64, i64)>,
    /// How far files were read by its records, and is not committed yet.
    pub files: Vec<FileMark>,
    /// The journal's number up to which it must be on disk before that is.
    pub files_seq: u64,
}

/// A batch whose commit is under way, or in doubt.
#[derive(Debug)]
pub struct Sent {
    /// Its rows.
    pub batch: Batch,
    /// Where it moves the offsets.
    pub offsets: Offsets,
    /// When that began.
    pub began: Instant,
}

impl Batch {
    /// Adds a part.
    pub fn push(&mut self, mut part: Rows) {
        if !part.files.is_empty() {
            self.files_seq = self.files_seq.max(part.next_seq);
            part.files.drain(..).for_each(|mark| mark.note_in(&mut self.files));
        }
        self.rows += part.len();
        self.parts.push(part);
    }

    /// Puts what came before in front of it.
    pub fn put_before(&mut self, mut earlier: Self) {
        earlier.rows += self.rows;
        earlier.parts.append(&mut self.parts);
        earlier.files_seq = earlier.files_seq.max(self.files_seq);
        self.files.drain(..).for_each(|mark| mark.note_in(&mut earlier.files));
        *self = earlier;
    }

    /// Where its messages came from, each once.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.parts.iter().flat_map(origins)
    }
}

/// The same of one part.
pub fn origins(rows: &Rows) -> impl Iterator<Item = &Origin> {
    let positions = rows.positions.iter().map(|row| &row.origin);
    let statics = rows.statics.iter().filter(|row| !row.beside_position).map(|row| &row.origin);
    positions.chain(statics).chain(rows.messages.iter().map(|row| &row.origin))
}
