//! How good the sources are: which of them is believed less for a while, and which only brings again what it brought before.
//!
//! A source is judged by what it brought within a minute of received time, once it brought enough. Of more than 30 % errors (refused, or
//! a move or a speed that cannot be), or less than half of what positions can tell, it counts for half an hour as much as
//! [`Weight::DEMOTED`]. One that brought nothing but what it had brought before is *stuck*: a buffer that goes round shows ships where they were.
//! One that brings too little to be judged for ten minutes is not stuck any more.
//!
//! A feed stamps what it receives in order, so one whose receipts go back by more than a minute says that our own clock was ahead.
//!
//! Each shard judges by the vessels that are its own, from the records alone, so that running them again comes to the same; after a start
//! nothing is held against anybody.

use super::policy::Policy;
use super::weight::Weight;
use crate::clock::SECOND_US;
use crate::report::Position;
use crate::rows::flags;

/// A source is judged over this long.
const WINDOW_US: i64 = 60 * SECOND_US;
/// With fewer messages than this its window goes on,
const MESSAGES_MIN: u32 = 50;
/// but no longer than this.
const WINDOW_US_MAX: i64 = 600 * SECOND_US;
/// A feed whose receipts go back by more than this tells of a clock that was set, and others may have been ahead by this more than it.
const BACK_MIN_US: i64 = 60 * SECOND_US;
const ERRORS_PERCENT_MAX: u64 = 30;
const TOLD_PERCENT_MIN: u64 = 50;
/// So long a source that is not good counts for less.
const DEMOTED_US: i64 = 1800 * SECOND_US;
/// Of a hundred messages of a source that is stuck, fewer than this are new.
const NEW_PERCENT_STUCK: u64 = 1;
/// Messages of a source that are remembered, in sets: so many sets,
const SETS: usize = 128;
/// of so many, at 4 bytes each. A buffer of more than some 300 messages of one shard that goes round is not known as one.
const WAYS: usize = 8;
/// Values that a position can tell and that count: place, speed, course, heading.
const VALUES: u32 = 4;

/// What is known of all sources, by number of the feed.
#[derive(Clone)]
pub struct Sources {
    feeds: Vec<Source>,
    /// What was received up to this time may have been received by a clock that has been set back since; 0 for nothing.
    ahead_until_us: i64,
}

/// What is known of one.
#[derive(Clone, Default)]
struct Source {
    last_us: i64,
    since_us: i64,
    messages: u32,
    errors: u32,
    /// Positions, and values that they told.
    positions: u32,
    told: u32,
    /// Messages that it had brought before.
    again: u32,
    demoted_until_us: i64,
    is_stuck: bool,
    seen: Option<Box<[[u32; WAYS]; SETS]>>,
}

/// What became of a source when it was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Until when it counts for less, microseconds since 1970.
    pub demoted_until_us: Option<i64>,
    /// Whether it brings only what it brought before.
    pub is_stuck: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { feeds: vec![Source::default(); 256], ahead_until_us: 0 }
    }
}

impl Sources {
    /// Notes that a message of this hash came; whether this source had brought it before.
    pub fn came(&mut self, feed: u8, hash: u64) -> bool {
        let source = &mut self.feeds[usize::from(feed)];
        source.messages += 1;
        let seen = source.seen.get_or_insert_with(|| Box::new([[0; WAYS]; SETS]));
        let [a, b, c, d, e, ..] = hash.to_le_bytes();
        let set = &mut seen[usize::from(a) % SETS];
        // Never 0, which is a place that nobody used.
        let mark = u32::from_le_bytes([b, c, d, e]) | 1;
        let is_again = set.contains(&mark);
        if !is_again {
            set.copy_within(..WAYS - 1, 1);
            set[0] = mark;
        }
        source.again += u32::from(is_again);
        is_again
    }

    /// Notes that a message came that is refused unread.
    pub fn refused(&mut self, feed: u8) {
        self.feeds[usize::from(feed)].messages += 1;
        self.erred(feed);
    }

    /// Notes that what it brought cannot be.
    pub fn erred(&mut self, feed: u8) {
        self.feeds[usize::from(feed)].errors += 1;
    }

    /// Notes how much a position told, and whether its flags say that it cannot be.
    pub fn told(&mut self, feed: u8, position: &Position, bits: u16) {
        let source = &mut self.feeds[usize::from(feed)];
        source.errors += u32::from(bits & flags::WRONG != 0);
        source.positions += 1;
        source.told += u32::from(position.place.is_some())
            + u32::from(position.sog.is_some())
            + u32::from(position.cog.is_some())
            + u32::from(position.heading.is_some());
    }

    /// How far it is believed at this time.
    #[must_use]
    pub fn weight(&self, policy: &Policy, feed: u8, received_us: i64) -> Weight {
        let weight = policy.weight(feed);
        let until_us = self.feeds[usize::from(feed)].demoted_until_us;
        if received_us < until_us { weight.min(Weight::DEMOTED) } else { weight }
    }

    /// Whether it brings only what it brought before.
    #[must_use]
    pub fn is_stuck(&self, feed: u8) -> bool {
        self.feeds[usize::from(feed)].is_stuck
    }

    /// Up to which time what was received may have been received by a clock that has been set back since; 0 for nothing.
    #[must_use]
    pub const fn ahead_until_us(&self) -> i64 {
        self.ahead_until_us
    }

    /// Notes a receipt. Batches of two feeds may be in any order, so that one of them is earlier says nothing.
    fn received(&mut self, feed: u8, received_us: i64) {
        let last_us = &mut self.feeds[usize::from(feed)].last_us;
        let last_us = std::mem::replace(last_us, received_us);
        // From here on nothing is left that could be ahead by more than that, whether an hour has passed or the clock was set once more.
        let over_us = self.ahead_until_us - 2 * BACK_MIN_US;
        if last_us - received_us > BACK_MIN_US {
            self.ahead_until_us = self.ahead_until_us.max(last_us + BACK_MIN_US);
        } else if last_us <= over_us && received_us > over_us {
            self.ahead_until_us = 0;
        }
    }

    /// Judges a source when its window is over.
    pub fn judge_if_due(&mut self, feed: u8, received_us: i64) -> Option<Verdict> {
        self.received(feed, received_us);
        let source = &mut self.feeds[usize::from(feed)];
        let lasted_us = received_us - source.since_us;
        // A clock that was set back ends a window as well.
        if (0..WINDOW_US).contains(&lasted_us) {
            return None;
        }
        source.end_window(received_us, lasted_us)
    }
}

impl Source {
    fn end_window(&mut self, received_us: i64, lasted_us: i64) -> Option<Verdict> {
        let is_over = !(0..WINDOW_US_MAX).contains(&lasted_us);
        let is_enough = self.messages >= MESSAGES_MIN && lasted_us >= 0;
        if !is_enough && !is_over {
            return None;
        }
        if is_over {
            self.is_stuck = false;
            // What was found by a clock that was set back since would hold until that time comes again.
            self.demoted_until_us = self.demoted_until_us.min(received_us + DEMOTED_US);
        }
        // What a feed that was silent brought long ago says nothing of now.
        let verdict = (is_enough && !is_over).then(|| self.judge(received_us));
        (self.since_us, self.messages, self.errors) = (received_us, 0, 0);
        (self.positions, self.told, self.again) = (0, 0, 0);
        verdict
    }

    fn judge(&mut self, received_us: i64) -> Verdict {
        let percent = |part: u32, whole: u32| u64::from(part) * 100 / u64::from(whole.max(1));
        let is_wrong = percent(self.errors, self.messages) > ERRORS_PERCENT_MAX;
        let is_poor = self.positions >= MESSAGES_MIN
            && percent(self.told, self.positions * VALUES) < TOLD_PERCENT_MIN;
        if is_wrong || is_poor {
            self.demoted_until_us = received_us + DEMOTED_US;
        }
        let new = u64::from(self.messages - self.again);
        self.is_stuck = new * 100 < u64::from(self.messages) * NEW_PERCENT_STUCK;
        let demoted_until_us = (is_wrong || is_poor).then_some(self.demoted_until_us);
        Verdict { demoted_until_us, is_stuck: self.is_stuck }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shard::testing::{NOW, at, metres};

    const DAY_US: i64 = 86_400 * SECOND_US;

    /// A source brings so many messages in a minute, each as `bring` says; the verdict.
    fn after(messages: u64, bring: impl Fn(&mut Sources, u64)) -> Option<Verdict> {
        let mut sources = Sources::default();
        assert_eq!(sources.judge_if_due(1, NOW), None, "it begins");
        for n in 0..messages {
            bring(&mut sources, n);
        }
        assert_eq!(sources.judge_if_due(1, NOW + WINDOW_US - 1), None);
        sources.judge_if_due(1, NOW + WINDOW_US)
    }

    fn hash(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn a_source_of_more_than_thirty_errors_in_a_hundred_counts_less_for_half_an_hour() {
        let check = |errors: u64, expected: bool| {
            let verdict = after(100, |sources, n| {
                sources.came(1, hash(n));
                if n < errors {
                    sources.erred(1);
                }
            });
            let until_us = expected.then_some(NOW + WINDOW_US + DEMOTED_US);
            assert_eq!(verdict.unwrap().demoted_until_us, until_us, "{errors}");
        };
        check(30, false);
        check(31, true);
    }

    #[test]
    fn a_source_that_tells_less_than_half_counts_less() {
        let check = |poor: u64, expected: bool| {
            let verdict = after(100, |sources, n| {
                let mut position = at(metres(0, 0));
                if n < poor {
                    (position.sog, position.cog, position.heading) = (None, None, None);
                }
                sources.came(1, hash(n));
                sources.told(1, &position, 0);
            });
            assert_eq!(verdict.unwrap().demoted_until_us.is_some(), expected, "{poor}");
        };
        check(66, false);
        check(67, true);
    }

    #[test]
    fn a_source_that_only_brings_again_what_it_brought_is_stuck() {
        let check = |distinct: u64, expected: bool| {
            let verdict = after(2000, |sources, n| {
                sources.came(1, hash(n % distinct));
            });
            assert_eq!(verdict.unwrap().is_stuck, expected, "{distinct}");
        };
        // Of 2000, the first time that each comes is new.
        check(10, true);
        check(19, true);
        check(30, false);
        check(2000, false);
    }

    #[test]
    fn few_messages_are_no_reason_to_judge() {
        let wrong = |sources: &mut Sources, n: u64| {
            sources.came(1, hash(n));
            sources.erred(1);
        };
        assert_eq!(after(49, wrong), None);
        assert!(after(50, wrong).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_begins_a_new_window() {
        let mut sources = Sources::default();
        sources.judge_if_due(1, NOW);
        assert_eq!(sources.judge_if_due(1, NOW - 3600 * SECOND_US), None);
        for n in 0..100 {
            sources.came(1, hash(n));
        }
        let later = NOW - 3600 * SECOND_US + WINDOW_US;
        assert_eq!(sources.judge_if_due(1, later), Some(Verdict::default()));
    }

    /// A source that was found bad while the clock stood in another year was to count for less until half an hour after that.
    #[test]
    fn what_is_held_against_a_source_ends_when_the_clock_is_set_back() {
        let mut sources = Sources::default();
        let policy = Policy { weights: vec![Weight::new(0.9); 2], ..Policy::default() };
        sources.judge_if_due(1, NOW + DAY_US);
        for n in 0..100 {
            sources.came(1, hash(n));
            sources.erred(1);
        }
        let found = sources.judge_if_due(1, NOW + DAY_US + WINDOW_US).unwrap();
        assert!(found.demoted_until_us.is_some());
        sources.judge_if_due(1, NOW);
        assert_eq!(sources.weight(&policy, 1, NOW), Weight::DEMOTED);
        assert_eq!(sources.weight(&policy, 1, NOW + DEMOTED_US), Weight::new(0.9));
    }

    #[test]
    fn who_is_demoted_is_believed_less_until_the_time_is_over_and_never_more() {
        let mut sources = Sources::default();
        sources.feeds[1].demoted_until_us = NOW + 1;
        let mut policy = Policy { weights: vec![Weight::new(0.9); 2], ..Policy::default() };
        assert_eq!(sources.weight(&policy, 1, NOW), Weight::DEMOTED);
        assert_eq!(sources.weight(&policy, 1, NOW + 1), Weight::new(0.9));
        assert_eq!(sources.weight(&policy, 0, NOW), Weight::new(0.9));
        policy.weights[1] = Weight::new(0.1);
        assert_eq!(sources.weight(&policy, 1, NOW), Weight::new(0.1));
    }
}
