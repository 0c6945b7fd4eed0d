//! The sum that must come out, for each feed.
//!
//! ```text
//! received + recovered = stored + repeats + rejected + filtered + dropped + undelivered + in flight
//! ```
//!
//! in messages: one whose parts were joined is one. Every message is counted where it comes before it is counted where it
//! leaves, and additions are releases. So the ends of the flow are read first, in the order from the store back to
//! the feeds, and its beginning last: what was read as left had been added to what came. `in_flight`, the difference, is
//! therefore never negative; should it ever be, that is the imbalance, and a fault in the counting.

use crate::observe::counts::{ByReason, FeedCounts, Gauge};
use crate::reject::{Dropped, Filtered, Reject};

/// The terms of one feed's sum, as they were at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Messages received.
    pub received: u64,
    /// Messages that the start found undecided in the journal, or in the dead letters.
    pub recovered: u64,
    /// Messages committed to the store.
    pub stored: u64,
    /// Messages heard before.
    pub repeats: u64,
    /// Messages refused, by reason.
    pub rejected: [u64; Reject::COUNT],
    /// Messages left out on purpose, by reason.
    pub filtered: [u64; Filtered::COUNT],
    /// Messages lost for want of room, by reason.
    pub dropped: [u64; Dropped::COUNT],
    /// Messages that lie in the dead letters.
    pub undelivered: u64,
}

impl Sums {
    /// Reads a feed's counters, the end of the flow first.
    #[must_use]
    pub fn read(counts: &FeedCounts) -> Self {
        // A message leaves the dead letters before it is counted as stored, filtered or dropped, so those are read first.
        let stored = counts.stored.get();
        let filtered = by_reason(&counts.filtered);
        let dropped = by_reason(&counts.dropped);
        let undelivered = in_them(&counts.undelivered);
        let repeats = counts.repeats.get();
        let rejected = by_reason(&counts.rejected);
        let recovered = counts.recovered.get();
        let received = counts.received.get();
        Self { received, recovered, stored, repeats, rejected, filtered, dropped, undelivered }
    }

    /// Everything that came.
    #[must_use]
    pub const fn came(&self) -> u64 {
        self.received + self.recovered
    }

    /// Everything that is decided.
    #[must_use]
    pub fn left(&self) -> u64 {
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let refused = sum(&self.rejected) + sum(&self.filtered) + sum(&self.dropped);
        self.stored + self.repeats + refused + self.undelivered
    }

    /// Messages on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.came().saturating_sub(self.left())
    }

    /// Messages that left without having come; anything but 0 is a fault in the counting.
    #[must_use]
    pub fn imbalance(&self) -> u64 {
        self.left().saturating_sub(self.came())
    }
}

fn in_them(letters: &Gauge) -> u64 {
    u64::try_from(letters.get()).unwrap_or(0)
}

fn by_reason<const N: usize>(counts: &ByReason<N>) -> [u64; N] {
    std::array::from_fn(|reason| counts.of(reason).get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn what_is_not_decided_is_in_flight() {
        let counts = FeedCounts::default();
        counts.received.add(100);
        counts.recovered.add(5);
        counts.stored.add(60);
        counts.repeats.add(20);
        counts.rejected.of(Reject::Checksum as usize).add(3);
        counts.filtered.of(Filtered::Thinned as usize).add(2);
        counts.dropped.of(Dropped::JournalFull as usize).add(1);
        counts.undelivered.set(4);
        let sums = Sums::read(&counts);
        assert_eq!((sums.in_flight(), sums.imbalance()), (15, 0));
    }

    #[test]
    fn more_leaving_than_came_is_an_imbalance() {
        let counts = FeedCounts::default();
        counts.stored.add(2);
        let sums = Sums::read(&counts);
        assert_eq!((sums.in_flight(), sums.imbalance()), (0, 2));
    }

    #[test]
    fn a_reader_never_sees_more_leaving_than_came() {
        let counts = Arc::new(FeedCounts::default());
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (counts, stop) = (Arc::clone(&counts), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    counts.received.add(3);
                    counts.stored.add(1);
                    counts.rejected.of(0).add(1);
                    counts.repeats.add(1);
                    // Given up, then delivered after all.
                    counts.received.add(1);
                    counts.undelivered.set(1);
                    counts.undelivered.set(0);
                    counts.stored.add(1);
                    // Given up, then cleared away.
                    counts.received.add(1);
                    counts.undelivered.set(1);
                    counts.undelivered.set(0);
                    counts.dropped.of(Dropped::LettersCleared as usize).add(1);
                }
            }
        });
        for _ in 0..20_000 {
            assert_eq!(Sums::read(&counts).imbalance(), 0);
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        assert_eq!(Sums::read(&counts).in_flight(), 0);
    }
}
