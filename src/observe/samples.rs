//! The last refused lines of each reason, kept for looking at.
//!
//! Bounded by count and length; a line that comes while another thread looks is not kept. Refused input is never retried.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::reject::Reject;

/// Lines kept for each reason.
const LINES_PER_REASON: usize = 8;
/// Bytes kept of a line.
const LINE_BYTES: usize = 256;

/// A refused line.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The feed it came from.
    pub feed: u8,
    /// Its first bytes.
    pub line: Vec<u8>,
}

/// Bounded samples of what was refused, by reason.
#[derive(Debug)]
pub struct Samples {
    reasons: [Mutex<VecDeque<Sample>>; Reject::COUNT],
}

impl Default for Samples {
    fn default() -> Self {
        Self { reasons: std::array::from_fn(|_| Mutex::new(VecDeque::new())) }
    }
}

impl Samples {
    /// Keeps the beginning of a refused line, in place of the oldest of its reason.
    pub fn keep(&self, feed: u8, reason: Reject, line: &[u8]) {
        let Some(mut kept) = self.reasons[reason as usize].try_lock() else { return };
        if kept.len() == LINES_PER_REASON {
            kept.pop_front();
        }
        kept.push_back(Sample { feed, line: line[..line.len().min(LINE_BYTES)].to_vec() });
    }

    /// The kept lines of a reason, oldest first.
    #[must_use]
    pub fn of(&self, reason: Reject) -> Vec<Sample> {
        self.reasons[reason as usize].lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_lines_are_kept_and_only_their_beginning() {
        let samples = Samples::default();
        for n in 0..100_u8 {
            samples.keep(1, Reject::Checksum, &[n; 1000]);
        }
        let kept = samples.of(Reject::Checksum);
        assert_eq!(kept.len(), LINES_PER_REASON);
        assert!(kept.iter().all(|sample| sample.line.len() == LINE_BYTES));
        assert_eq!(kept.last().map(|sample| sample.line[0]), Some(99));
    }
}
