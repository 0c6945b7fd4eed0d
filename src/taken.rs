//! What is known to be taken of files: from the store, and from what the journal holds beyond it.
//!
//! A reading of a file begins behind what is taken of its content. That is known once the journal was looked through and the store was
//! asked; until then feeds of files wait.

use parking_lot::Mutex;

use crate::record::Mark;

/// Readings that a store is asked for at most, the last ones.
pub const READINGS_MAX: usize = 65_536;

/// The last mark of each reading that earlier runs left.
#[derive(Debug, Default)]
pub struct Taken {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    marks: Vec<Mark>,
    is_told: bool,
}

impl Taken {
    /// Adds what the journal holds.
    pub fn add(&self, marks: Vec<Mark>) {
        let known = &mut self.known.lock().marks;
        for mark in marks {
            mark.note_in(known);
        }
    }

    /// Adds what the store holds, and is complete then. What a store that is connected to again says is known already.
    pub fn tell(&self, marks: Vec<Mark>) {
        if !self.is_told() {
            self.add(marks);
            self.known.lock().is_told = true;
        }
    }

    /// Whether the store has told.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.known.lock().is_told
    }

    /// All marks, in the order of their places; none before the store has told.
    #[must_use]
    pub fn all(&self) -> Option<Vec<Mark>> {
        let known = self.known.lock();
        let mut marks = known.is_told.then(|| known.marks.clone())?;
        marks.sort_by_key(|mark| mark.place);
        Some(marks)
    }
}
