//! Deletes segments that nobody needs any more.
//!
//! A segment may go when every partition's committed offset has passed it *and* its newest record is older than the
//! dedup window before the oldest offset: a restart rebuilds the window from what is kept.
//!
//! Both times are taken from the headers: what a segment holds was received before the next one was begun, and the record at an
//! offset was received after the segment that holds it was begun, or not long before. `SLACK_US` covers the way from socket to segment.
//!
//! While the store cannot be asked there are only offsets out of a copy, and nothing is deleted for what a copy says.
//!
//! When nothing is undecided, what comes next is received now, so now is where the window ends. Without that a journal that
//! filled up within one window would stay full for ever: no segment could be begun whose time tells that the window is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::segment::Segment;
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
        let (now_us, committed) = (self.clock.now_us(), self.shared.committed());
        let idle_us = (committed >= self.shared.next_seq()).then_some(now_us);
        let deletable = {
            let segments = self.shared.segments.read();
            deletable(&segments, (committed, idle_us), self.window_us)
        };
        for _ in 0..deletable {
            let Some(oldest) = self.shared.segments.read().first().cloned() else { return };
            if let Err(error) = disk::remove(&oldest.path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %oldest.path.display(), %error, "cannot delete a segment; trying again");
                return;
            }
            self.shared.segments.write().remove(0);
            self.counts.journal.deleted.add(1);
        }
    }
}

/// How many of the oldest segments may go. `idle_us` is the present time when nothing is undecided.
fn deletable(
    segments: &[Arc<Segment>],
    (committed, idle_us): (u64, Option<i64>),
    window_us: i64,
) -> usize {
    // The segment that holds the oldest offset: the last that begins at or before it.
    let Some(holds_offset) =
        segments.iter().rposition(|segment| segment.header.first_seq <= committed)
    else {
        return 0;
    };
    let begun_us = segments[holds_offset].header.created_us;
    let begun_us = idle_us.map_or(begun_us, |now_us| now_us.max(begun_us));
    let keep_from_us = begun_us.saturating_sub(SLACK_US).saturating_sub(window_us);
    segments[..holds_offset]
        .iter()
        .zip(&segments[1..])
        .take_while(|(_, next)| next.header.created_us < keep_from_us)
        .count()
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
            let found = deletable(&segments, (committed, None), 10 * SECOND_US);
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
            let idle = (300, Some(now_s * SECOND_US));
            assert_eq!(deletable(&segments, idle, 10 * SECOND_US), expected, "{now_s}");
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

    /// A header that states the beginning of time, or a window without end: the subtraction went round, and everything
    /// was older than what had to be kept.
    #[test]
    fn nothing_goes_when_the_window_reaches_behind_the_beginning_of_time() {
        let dir = tempfile::tempdir().unwrap();
        let segments = segments(dir.path(), &[-9_223_372_036_853, 0, -9_223_372_036_853, 200]);
        assert_eq!(deletable(&segments, (250, None), 10 * SECOND_US), 0);
        assert_eq!(deletable(&segments, (300, None), i64::MAX), 0);
    }
}
