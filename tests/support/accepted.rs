//! What a journal has accepted, and which of that a store must hold.
//!
//! Each repeat is found by a rule written here a second time: the same payload within ten seconds of its last receipt. What
//! remains must be stored, row by row, by number.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::journal::{Entry, JournalReader};

const WINDOW_MS: i64 = 10_000;

/// What a journal says must be stored.
#[derive(Default)]
pub struct Accepted {
    reader: JournalReader,
    /// When the payload was last heard, and in which generation.
    pub heard: HashMap<Vec<u8>, (i64, u64)>,
    /// All records: number, partition, whether it must have a row.
    pub records: Vec<(u64, u8, bool)>,
    pub repeats_across_a_kill: u64,
}

impl Accepted {
    /// Reads what a daemon that is gone has left.
    pub fn read(&mut self, data: &Path) {
        for Entry { seq, received_us, partition, payload } in self.reader.new_entries(data) {
            let (ms, generation) = (received_us / 1000, seq >> 40);
            let before = self.heard.get(&payload);
            let repeat = before.is_some_and(|(heard, _)| (ms - heard).abs() <= WINDOW_MS);
            let across = before.is_some_and(|(_, earlier)| *earlier != generation);
            self.repeats_across_a_kill += u64::from(repeat && across);
            self.heard.insert(payload, (ms, generation));
            self.records.push((seq, partition, !repeat));
        }
    }

    /// Records that a store with these offsets has not decided.
    pub fn undecided(&self, offsets: &[u64; 64]) -> u64 {
        let undecided =
            |(seq, partition, _): &&(u64, u8, bool)| *seq >= offsets[*partition as usize];
        self.records.iter().filter(undecided).count() as u64
    }

    /// The numbers of all rows of a store with these offsets.
    pub fn rows(&self, offsets: &[u64; 64]) -> Vec<u64> {
        let stored = self
            .records
            .iter()
            .filter(|(seq, partition, row)| *row && *seq < offsets[*partition as usize]);
        stored.map(|(seq, ..)| *seq).collect()
    }

    /// Refuses the rows of a store with these offsets unless they are all that must be there, each once.
    pub fn assert_rows(&self, offsets: &[u64; 64], found: &[u64]) {
        let expected = self.rows(offsets);
        if expected == found {
            return;
        }
        let expected: BTreeSet<u64> = expected.into_iter().collect();
        let found_once: BTreeSet<u64> = found.iter().copied().collect();
        let lost: Vec<_> = expected.difference(&found_once).take(5).collect();
        let made_up: Vec<_> = found_once.difference(&expected).take(5).collect();
        let (all, distinct) = (found.len(), found_once.len());
        panic!(
            "{} rows expected, {all} found, {distinct} distinct; lost {lost:?}, made up {made_up:?}",
            expected.len()
        );
    }
}
