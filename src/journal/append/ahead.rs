//! Zeros that are written ahead of the records, into room that is preallocated.
//!
//! What is preallocated is marked as never written. A sync of bytes that are written for the first time has the file system take that
//! mark off in a journal of its own, which everybody shares who syncs or extends a file there, the store above all. Over bytes that
//! were written before, a sync is of those bytes alone. So the marks of a mebibyte go at once, before its records come: at 10 000
//! messages a second the journal of an ext4 was written 115 times a minute instead of 5 986.
//!
//! From some 20 000 messages a second on the zeros are more than what the file system writes of its own at each sync, and are left out.

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::clock;
use crate::disk::File;

/// How much at once.
const AHEAD: u64 = 1 << 20;
/// What fills sooner is left as it is.
const FILLED_SOON: Duration = Duration::from_millis(500);
const ZEROS: &[u8] = &[0; 64 << 10];

/// How far ahead of the records a segment has been looked after.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    end: u64,
    since: Option<Instant>,
}

impl Ahead {
    /// Writes zeros behind `end`, to which records are about to be written, if they come near.
    pub fn reach(&mut self, file: &File, end: u64, capacity: u64) {
        if end <= self.end {
            return;
        }
        let now = clock::now();
        let soon =
            self.since.is_some_and(|since| now.saturating_duration_since(since) < FILLED_SOON);
        (self.end, self.since) = ((end + AHEAD).min(capacity), Some(now));
        let mut at = end;
        while !soon && at < self.end {
            let left = usize::try_from(self.end - at).unwrap_or(0);
            let bytes = left.min(ZEROS.len());
            // A disk that refuses them will say so of the records.
            if file.write_all_at(&ZEROS[..bytes], at).is_err() {
                return;
            }
            at += bytes as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Mode;

    const CAPACITY: u64 = 10 * AHEAD + 1000;

    #[test]
    fn a_mebibyte_is_written_ahead_unless_the_last_was_soon_full_and_nothing_behind_the_segment() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(&dir.path().join("segment"), Mode::New).unwrap();
        let began = Instant::now();
        let mut ahead = Ahead::default();
        let mut reach = |end, after_ms, expected| {
            clock::testing::stop_at(began + Duration::from_millis(after_ms));
            ahead.reach(&file, end, CAPACITY);
            assert_eq!(file.length().unwrap(), expected, "to {end} after {after_ms} ms");
        };
        reach(100, 0, 100 + AHEAD);
        // There already.
        reach(100 + AHEAD, 1000, 100 + AHEAD);
        reach(101 + AHEAD, 1000, 101 + 2 * AHEAD);
        reach(102 + 2 * AHEAD, 1499, 101 + 2 * AHEAD);
        // What was left as it is counts as a mebibyte too.
        reach(102 + 3 * AHEAD, 2000, 101 + 2 * AHEAD);
        reach(103 + 3 * AHEAD, 2000, 103 + 4 * AHEAD);
        reach(CAPACITY - 10, 3000, CAPACITY);
        reach(CAPACITY, 4000, CAPACITY);
    }

    #[test]
    fn what_is_written_before_the_end_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(&dir.path().join("segment"), Mode::New).unwrap();
        file.write_all_at(&[7; 5000], 0).unwrap();
        Ahead::default().reach(&file, 5000, CAPACITY);
        let mut bytes = [1; 6000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes[..5000].iter().all(|byte| *byte == 7));
        assert!(bytes[5000..].iter().all(|byte| *byte == 0));
    }
}
