//! Deletes segments that nobody needs any more.
//!
//! A segment may go when every partition's committed offset has passed it *and* its newest record is older than the
//! dedup window before the oldest offset: a restart rebuilds the window from what is kept.
//!
//! Both times are taken from the headers: what a segment holds was received before the next one was begun, and the record at an
//! offset was received after the segment that holds it was begun, or not long before. `SLACK_US` covers the way from socket to segment.
//! Of segments of this run it is also known when they were begun on a clock that nobody sets: one of the two is enough, or a time
//! of day that was set back by a day would keep everything for a day.
//!
//! While the store cannot be asked there are only offsets out of a copy, and nothing is deleted for what a copy says.
//!
//! When nothing is undecided, what comes next is received now, so now is where the window ends. Without that a journal that
//! filled up within one window would stay full for ever: no segment could be begun whose time tells that the window is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::segment::{Segment, numbers_end};
use crate::clock::{self, Clock, SECOND_US};
use crate::disk;
use crate::observe::counts::Counts;

/// How long a message may take from its receipt to its segment, for the purpose of keeping enough.
const SLACK_US: i64 = 5 * SECOND_US;
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What is kept, and when it was last looked at.
pub struct Retention {
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    window_us: i64,
    keep_all: bool,
    clock: Clock,
    last: Option<Instant>,
}

impl Retention {
    /// Keeps one dedup window of `window_us` before the oldest offset, or everything.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        counts: Arc<Counts>,
        window_us: i64,
        (keep_all, clock): (bool, Clock),
    ) -> Self {
        Self { shared, counts, window_us, keep_all, clock, last: None }
    }

    /// Deletes what may go, at most once a second.
    pub fn sweep_if_due(&mut self) {
        if self.last.is_some_and(|last| clock::since(last) < SWEEP_EVERY) {
            return;
        }
        self.last = Some(clock::now());
        if !self.keep_all {
            self.sweep();
        }
        self.counts.journal.bytes.set(i64::try_from(self.shared.bytes()).unwrap_or(i64::MAX));
        let segments = self.shared.segments.read().len();
        self.counts.journal.segments.set(i64::try_from(segments).unwrap_or(i64::MAX));
        if let Ok(space) = disk::space(&self.shared.dir) {
            self.counts.journal.disk_free.set(i64::try_from(space.free).unwrap_or(i64::MAX));
            self.counts.journal.disk_size.set(i64::try_from(space.size).unwrap_or(i64::MAX));
        }
    }

    fn sweep(&self) {
        if !self.shared.is_told() {
            return;
        }
        // In this order: what is appended meanwhile is received now.
        let now = (self.clock.now_us(), clock::now());
        let (committed, next_seq) = (self.shared.committed(), self.shared.next_seq());
        let segments = self.shared.segments.read().clone();
        let deletable = deletable(&segments, (committed, next_seq), now, self.window_us);
        for oldest in &segments[..deletable] {
            if let Err(error) = self.shared.remove(oldest.index) {
                tracing::warn!(path = %oldest.path.display(), %error, "cannot delete a segment; trying again");
                break;
            }
            self.counts.journal.deleted.add(1);
        }
        // Or a power cut brings it back, beside what took its room.
        if deletable > 0
            && let Err(error) = disk::sync_directory(&self.shared.dir)
        {
            tracing::warn!(%error, "cannot sync the journal's directory");
        }
    }
}

/// How many of the oldest segments may go.
fn deletable(
    segments: &[Arc<Segment>],
    (committed, next_seq): (u64, u64),
    now: (i64, Instant),
    window_us: i64,
) -> usize {
    let Some(last) = segments.len().checked_sub(1) else { return 0 };
    // The first that may hold what is undecided. The last is written to.
    let holds = (0..last).find(|&at| numbers_end(segments, at, next_seq) > committed);
    let holds = holds.unwrap_or(last);
    let (mut begun_us, mut begun) = (segments[holds].header.created_us, segments[holds].begun);
    if committed >= next_seq {
        (begun_us, begun) = (begun_us.max(now.0), begun.max(now.1));
    }
    let keep_from_us = begun_us.saturating_sub(SLACK_US).saturating_sub(window_us);
    let keep = Duration::from_micros(window_us.saturating_add(SLACK_US).unsigned_abs());
    let is_past = |next: &Segment| {
        next.header.created_us < keep_from_us || begun.saturating_duration_since(next.begun) > keep
    };
    let pairs = segments[..holds].iter().zip(&segments[1..]);
    pairs.take_while(|(_, next)| is_past(next)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::segment::Header;

    /// Segments begun at these seconds, 100 numbers each.
    fn segments(dir: &std::path::Path, begun_s: &[i64]) -> Vec<Arc<Segment>> {
        let header = |n: usize, begun_s: i64| Header {
            instance: [1; 16],
            first_seq: n as u64 * 100,
            created_us: begun_s * SECOND_US,
            is_again: false,
        };
        let make = |(n, begun_s): (usize, &i64)| {
            let index = u32::try_from(n).unwrap();
            Arc::new(Segment::create(dir, index, header(n, *begun_s), 4096).unwrap().0)
        };
        begun_s.iter().enumerate().map(make).collect()
    }

    #[test]
    fn a_segment_goes_only_when_it_is_committed_and_the_window_has_left_it() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path(), &[0, 100, 112, 200]);
        let check = |committed, expected| {
            let now = (1000 * SECOND_US, clock::now());
            let found = deletable(&segments, (committed, 6000), now, 10 * SECOND_US);
            assert_eq!(found, expected, "{committed}");
        };
        check(0, 0);
        check(99, 0);
        // The offset lies in the segment begun at 100 s; the first may hold records up to then.
        check(199, 0);
        // In the one begun at 112 s: 15 s before is 97 s, and the first may reach to 100 s.
        check(250, 0);
        check(300, 2);
        check(5000, 2);
    }

    #[test]
    fn when_nothing_is_undecided_the_window_ends_now() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path(), &[100, 101, 102]);
        let check = |now_s: i64, expected| {
            let now = (now_s * SECOND_US, clock::now());
            assert_eq!(deletable(&segments, (300, 300), now, 10 * SECOND_US), expected, "{now_s}");
        };
        check(103, 0);
        check(116, 0);
        check(117, 1);
        // Never the last, which is written to.
        check(1000, 2);
        // A clock that went back changes nothing.
        check(5, 0);
    }

    /// The copy of the offsets was of another store, and that store away: retention deleted what nobody had stored.
    #[test]
    fn nothing_goes_for_what_a_copy_of_the_offsets_says() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path(), &[100, 101, 102]);
        let place = crate::journal::Place::default();
        let shared = Arc::new(Shared::new(dir.path().to_owned(), segments, place, 300));
        let counts = Arc::new(Counts::default());
        let kept = (false, Clock::System);
        let retention =
            Retention::new(Arc::clone(&shared), Arc::clone(&counts), 10 * SECOND_US, kept);
        (0..64).for_each(|partition| shared.guess_committed(partition, 1 << 50));
        retention.sweep();
        assert_eq!(counts.journal.deleted.get(), 0);
        // One writer has its store, the other not yet.
        (0..63).for_each(|partition| shared.set_committed(partition, 300));
        retention.sweep();
        assert_eq!(counts.journal.deleted.get(), 0);
        shared.set_committed(63, 300);
        retention.sweep();
        assert_eq!(counts.journal.deleted.get(), 2);
    }

    /// A process died while it wrote again what a sync had lost. The new segment begins with a low number: it was taken for the
    /// one that holds the offset, and those before it went, with all that had not been written again.
    #[test]
    fn what_was_written_again_in_part_lets_nothing_go_that_is_undecided() {
        let dir = tempfile::tempdir().unwrap();
        let begin = |index: u32, first_seq, begun_s, is_again| {
            let created_us = begun_s * SECOND_US;
            let header = Header { instance: [1; 16], first_seq, created_us, is_again };
            Arc::new(Segment::create(dir.path(), index, header, 4096).unwrap().0)
        };
        let segments = [
            begin(0, 0, 0, false),
            begin(1, 100, 100, false),
            begin(2, 50, 200, true),
            begin(3, 1000, 300, false),
            begin(4, 1100, 400, false),
        ];
        let check = |committed, expected| {
            let now = (1000 * SECOND_US, clock::now());
            let found = deletable(&segments, (committed, 2000), now, 10 * SECOND_US);
            assert_eq!(found, expected, "{committed}");
        };
        check(60, 0);
        check(99, 0);
        // The second may hold numbers up to the next segment that was not written again.
        check(999, 0);
        check(1000, 2);
    }

    /// The time of day was a day ahead and was set right. What had been received before was kept for a day, the journal filled up
    /// and took nothing until then.
    #[test]
    fn a_time_of_day_that_is_set_back_keeps_nothing_for_longer_than_a_window() {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let at = |s: u64| clock::testing::stop_at(began + Duration::from_secs(s));
        at(0);
        let mut all = segments(dir.path(), &[90_000, 90_001]);
        at(2);
        let later = tempfile::tempdir().unwrap();
        let mut more = segments(later.path(), &[0, 0, 3602]);
        all.push(more.remove(2));
        let check = |passed_s: u64, expected| {
            at(passed_s);
            let now = (3600 + i64::try_from(passed_s).unwrap()) * SECOND_US;
            let found = deletable(&all, (200, 200), (now, clock::now()), 10 * SECOND_US);
            assert_eq!(found, expected, "after {passed_s} s");
        };
        check(3, 0);
        check(15, 0);
        check(16, 1);
        check(18, 2);
    }

    /// A header that states the beginning of time, or a window without end: the subtraction went round, and everything
    /// was older than what had to be kept.
    #[test]
    fn nothing_goes_when_the_window_reaches_behind_the_beginning_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path(), &[-9_223_372_036_853, 0, -9_223_372_036_853, 200]);
        let now = (1000 * SECOND_US, clock::now());
        assert_eq!(deletable(&segments, (250, 400), now, 10 * SECOND_US), 0);
        assert_eq!(deletable(&segments, (300, 400), now, i64::MAX), 0);
    }
}
