//! What a shard counts while it decides: in plain integers, added to the counters of all once a turn.

use super::quality::Verdict;
use crate::clock::SECOND_US;
use crate::observe::counts::{Counts, FeedCounts};
use crate::observe::source_counts::SourceCounts;
use crate::record::Record;
use crate::reject::{Filtered, Reject};
use crate::rows::{Origin, flags};

/// A source counts as stuck for a little longer than it takes to be judged again.
const STUCK_SHOWN_US: i64 = 90 * SECOND_US;

/// What happened since it was last told.
pub struct Tally {
    /// Records looked at.
    pub records: u64,
    /// Positions flagged as implausible.
    suspect: u64,
    /// Messages that the live picture does not want, by [`Filtered`].
    pub unshown: [u64; Filtered::COUNT],
    /// Sources that were judged, when, and how; each once.
    judged: Vec<(u8, i64, Verdict)>,
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
    /// Brought by nobody before.
    pub first: u64,
    /// Brought before by the feed itself.
    pub own_repeats: u64,
    flagged: [u64; flags::JUDGED.len()],
    timed: u64,
    delay_us: u64,
}

impl Tally {
    /// Nothing happened.
    #[must_use]
    pub fn new() -> Self {
        let feeds = vec![FeedTally::default(); 256];
        Self { records: 0, suspect: 0, unshown: [0; Filtered::COUNT], judged: Vec::new(), feeds }
    }

    /// That of a feed, to be counted in.
    pub fn of(&mut self, feed: u8) -> &mut FeedTally {
        let tally = &mut self.feeds[usize::from(feed)];
        tally.touched = true;
        tally
    }

    /// Counts a position with these flags, and what it says of its source if the message was undecided.
    pub fn position(&mut self, record: &Record<'_>, origin: &Origin, bits: u16, undecided: bool) {
        self.suspect += u64::from(bits & flags::SUSPECT != 0);
        if undecided {
            let tally = self.of(record.feed);
            tally.flag(bits);
            if !record.recorded && origin.time_us != origin.received_us {
                tally.took(origin.received_us - origin.time_us);
            }
        }
    }

    /// Notes how a source was judged; of one that nobody asked about the last verdict.
    pub fn judge(&mut self, feed: u8, at_us: i64, verdict: Verdict) {
        self.judged.retain(|(known, ..)| *known != feed);
        self.judged.push((feed, at_us, verdict));
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
        for (feed, at_us, verdict) in self.judged.drain(..) {
            if let Some(feed) = counts.feeds.get(usize::from(feed)) {
                tell_verdict(&feed.source, at_us, verdict);
            }
        }
    }

    /// Forgets what was looked at: another has counted it.
    pub fn forget_looks(&mut self) {
        (self.records, self.suspect, self.unshown) = (0, 0, [0; Filtered::COUNT]);
        self.judged.clear();
    }
}

fn tell_verdict(source: &SourceCounts, at_us: i64, verdict: Verdict) {
    if let Some(until_us) = verdict.demoted_until_us {
        source.demotions.add(u64::from(!source.is_demoted(at_us)));
        source.demoted_until_us.raise(until_us);
    }
    if verdict.is_stuck {
        source.stuck_until_us.raise(at_us + STUCK_SHOWN_US);
    }
}

impl FeedTally {
    /// Counts a position with these flags.
    fn flag(&mut self, bits: u16) {
        // Most have none.
        if bits & flags::JUDGED_BITS == 0 {
            return;
        }
        for ((flag, _), count) in flags::JUDGED.iter().zip(&mut self.flagged) {
            *count += u64::from(bits & flag != 0);
        }
    }

    /// Counts how long a message took that tells when it was made.
    const fn took(&mut self, us: i64) {
        self.timed += 1;
        self.delay_us += if us > 0 { us.unsigned_abs() } else { 0 };
    }

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
        feed.source.first.add(self.first);
        feed.source.own_repeats.add(self.own_repeats);
        for (flag, count) in self.flagged.into_iter().enumerate() {
            feed.source.flagged.of(flag).add(count);
        }
        feed.source.timed.add(self.timed);
        feed.source.delay_us.add(self.delay_us);
    }
}
