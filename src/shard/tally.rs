//! What a shard counts while it decides: in plain integers, added to the counters of all once a turn.

use crate::observe::counts::{Counts, FeedCounts};
use crate::reject::{Filtered, Reject};

/// What happened since it was last told.
pub struct Tally {
    /// Records looked at.
    pub records: u64,
    /// Positions flagged as implausible.
    pub suspect: u64,
    /// Messages that the live picture does not want, by [`Filtered`].
    pub unshown: [u64; Filtered::COUNT],
    feeds: Vec<FeedTally>,
}

/// What happened to the records of one feed since it was last told.
#[derive(Clone, Copy, Default)]
pub struct FeedTally {
    touched: bool,
    /// Left undecided by an earlier run.
    pub recovered: u64,
    /// Heard before.
    pub repeats: u64,
    /// Refused.
    pub rejected: [u64; Reject::COUNT],
    /// Left out on purpose.
    pub filtered: [u64; Filtered::COUNT],
}

impl Tally {
    /// Nothing happened.
    #[must_use]
    pub fn new() -> Self {
        let feeds = vec![FeedTally::default(); 256];
        Self { records: 0, suspect: 0, unshown: [0; Filtered::COUNT], feeds }
    }

    /// That of a feed, to be counted in.
    pub fn of(&mut self, feed: u8) -> &mut FeedTally {
        let tally = &mut self.feeds[usize::from(feed)];
        tally.touched = true;
        tally
    }

    /// Adds what became of messages.
    pub fn tell_messages(&mut self, counts: &Counts) {
        for (tally, feed) in self.feeds.iter_mut().zip(&counts.feeds) {
            if std::mem::take(&mut tally.touched) {
                std::mem::take(tally).tell(feed);
            }
        }
    }

    /// Adds what was looked at.
    pub fn tell_looks(&mut self, counts: &Counts, shard: usize) {
        let shard = &counts.shards[shard];
        shard.records.add(std::mem::take(&mut self.records));
        shard.suspect.add(std::mem::take(&mut self.suspect));
        for (reason, count) in self.unshown.iter_mut().enumerate() {
            counts.live.filtered.of(reason).add(std::mem::take(count));
        }
    }

    /// Forgets what was looked at: another has counted it.
    pub fn forget_looks(&mut self) {
        (self.records, self.suspect, self.unshown) = (0, 0, [0; Filtered::COUNT]);
    }
}

impl FeedTally {
    /// Adds it, what came before what left.
    fn tell(self, feed: &FeedCounts) {
        feed.recovered.add(self.recovered);
        feed.repeats.add(self.repeats);
        for (reason, count) in self.rejected.into_iter().enumerate() {
            feed.rejected.of(reason).add(count);
        }
        for (reason, count) in self.filtered.into_iter().enumerate() {
            feed.filtered.of(reason).add(count);
        }
    }
}
