//! Which days have partitions of their own: what the writers ask, and what the thread that makes them answers.
//!
//! A row whose day has no partition goes to the default one, and then its day can have none any more: a partition is
//! only made while the default one holds no row of its day. So a writer asks *before* it writes, and waits for the answer, for a
//! bounded time. The answer is final: once a writer has gone on without a partition none is made for the asking, so that nothing
//! changes under a COPY that is under way.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::{Clock, SECOND_US};
use crate::stage::Waker;

const DAY_US: i64 = 86_400 * SECOND_US;
/// Days that may wait for their partition at once; more share the default one.
const ASKED_MAX: usize = 4096;
/// While nothing can be made, a writer has it tried again at once, since it has a connection, so the server is likely to be
/// back; but not sooner after the last time than this, then twice as long, and so on until something could be made.
const URGE_AFTER: Duration = Duration::from_secs(1);
const URGE_AFTER_MAX: Duration = Duration::from_secs(600);

/// The day of a time, in days since 1970, UTC.
#[must_use]
pub fn day_of(time_us: i64) -> i32 {
    // Microseconds in 64 bits are 107 million days at most.
    i32::try_from(time_us.div_euclid(DAY_US)).unwrap_or(0)
}

/// The times of a day.
#[must_use]
pub fn times_of(day: i32) -> Range<i64> {
    let begin = i64::from(day).saturating_mul(DAY_US);
    begin..begin.saturating_add(DAY_US)
}

#[derive(Default)]
struct State {
    /// Days with partitions of their own.
    own: Vec<Range<i32>>,
    /// Days that share the default partition.
    shared: BTreeSet<i32>,
    /// Days that somebody waits for.
    asked: BTreeSet<i32>,
    /// The one that is being made.
    making: Option<i32>,
    /// Nothing can be made now.
    is_away: bool,
    /// Somebody wants it to be tried again now.
    is_urged: bool,
    /// When that may be wanted again, and how long after that.
    urge: Option<(Instant, Duration)>,
    /// Attempts to find out what there is.
    attempts: u64,
    /// The day that it is by the server's clock, and when it said so.
    server: Option<(i32, Instant)>,
}

impl State {
    fn has(&self, day: i32) -> bool {
        self.own.iter().any(|range| range.contains(&day))
    }

    fn is_known(&self, day: i32) -> bool {
        self.has(day) || self.shared.contains(&day)
    }

    /// Whether there is an answer to wait for.
    fn is_open(&self, day: i32) -> bool {
        !self.is_away && !self.is_known(day)
    }
}

/// The days, shared by the writers and the thread that makes partitions.
pub struct Days {
    state: Mutex<State>,
    changed: Condvar,
    /// Of the thread that makes them.
    waker: Waker,
    retention_days: u64,
    clock: Clock,
}

impl Days {
    /// None is known yet. `waker` wakes the thread that makes partitions.
    #[must_use]
    pub fn new(retention_days: u64, clock: Clock, waker: Waker) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { state, changed: Condvar::new(), waker, retention_days, clock })
    }

    /// Whether the day has a partition of its own.
    #[must_use]
    pub fn has(&self, day: i32) -> bool {
        self.state.lock().has(day)
    }

    /// Whether it is settled where rows of the day go.
    #[must_use]
    pub fn is_known(&self, day: i32) -> bool {
        self.state.lock().is_known(day)
    }

    /// The day it is.
    #[must_use]
    pub fn today(&self) -> i32 {
        day_of(self.clock.now_us())
    }

    /// The first day that is kept, if not all are: by our clock and by the server's, so that nothing expires by one that is wrong. All
    /// are kept until the server was asked.
    #[must_use]
    pub fn expires_before(&self) -> Option<i32> {
        if self.retention_days == 0 {
            return None;
        }
        let retention = i32::try_from(self.retention_days).unwrap_or(i32::MAX);
        let (day, asked) = self.state.lock().server?;
        let since = i32::try_from(asked.elapsed().as_secs() / 86_400).unwrap_or(i32::MAX);
        Some(self.today().min(day.saturating_add(since)).saturating_sub(retention))
    }

    /// Waits until the server was asked for the first time, where its day is needed.
    pub fn wait_for_server(&self, at_most: Duration) {
        if self.retention_days == 0 {
            return;
        }
        let deadline = Instant::now() + at_most;
        let mut state = self.state.lock();
        while state.server.is_none() && !state.is_away {
            self.waker.wake();
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    /// Asks for partitions of these days, and waits until it is settled where their rows go: for `at_most`, and for a
    /// partition that is just being made. To be called before their rows are written; a day that is known costs a look.
    pub fn ask_for(&self, days: &[i32], at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut state = self.state.lock();
        if state.is_away && days.iter().any(|day| !state.is_known(*day)) {
            self.urge(&mut state, deadline);
        }
        let mut open: Vec<i32> = days.iter().copied().filter(|day| state.is_open(*day)).collect();
        if open.is_empty() {
            return;
        }
        let room = ASKED_MAX.saturating_sub(state.asked.len());
        state.asked.extend(open.iter().take(room));
        self.waker.wake();
        loop {
            open.retain(|day| state.is_open(*day));
            let is_late = Instant::now() >= deadline;
            if is_late {
                // One that is being made is waited for; the others are given up.
                open.retain(|day| state.making == Some(*day) || !state.give_up(*day));
            }
            if open.is_empty() {
                return;
            }
            if is_late {
                self.changed.wait(&mut state);
            } else {
                self.changed.wait_until(&mut state, deadline);
            }
        }
    }

    /// Has it tried again whether partitions can be made, and waits for the outcome.
    fn urge(&self, state: &mut MutexGuard<'_, State>, deadline: Instant) {
        let now = Instant::now();
        let (from, wait) = state.urge.unwrap_or((now, URGE_AFTER));
        if now < from {
            return;
        }
        state.urge = Some((now + wait, (wait * 2).min(URGE_AFTER_MAX)));
        state.is_urged = true;
        self.waker.wake();
        let before = state.attempts;
        while state.attempts == before && !self.changed.wait_until(state, deadline).timed_out() {}
    }

    /// Whether somebody wants it to be tried again now; asked once.
    pub(super) fn take_urge(&self) -> bool {
        std::mem::take(&mut self.state.lock().is_urged)
    }

    /// Days that share the default partition, as far as anybody asked.
    pub(super) fn shared(&self) -> usize {
        self.state.lock().shared.len()
    }

    /// These are the days with partitions now, when it is this day by the server's clock.
    pub(super) fn listed(&self, own: Vec<Range<i32>>, servers_today: i32) {
        let mut state = self.state.lock();
        state.server = Some((servers_today, Instant::now()));
        state.attempts += 1;
        state.is_away = false;
        state.shared.retain(|day| !own.iter().any(|range| range.contains(day)));
        state.asked.retain(|day| !own.iter().any(|range| range.contains(day)));
        state.own = own;
        self.changed.notify_all();
    }

    /// A day that somebody waits for, the newest first; it is being made from now on.
    pub(super) fn next_asked(&self) -> Option<i32> {
        let mut state = self.state.lock();
        state.making = state.asked.pop_last();
        state.making
    }

    /// It is settled where rows of a day go.
    pub(super) fn settled(&self, day: i32, has_its_own: bool) {
        let mut state = self.state.lock();
        state.making = None;
        if has_its_own {
            state.urge = None;
            state.own.push(day..day.saturating_add(1));
            state.asked.remove(&day);
        } else {
            state.give_up(day);
        }
        self.changed.notify_all();
    }

    /// Nothing can be made now: nobody waits any more.
    pub(super) fn away(&self) {
        let mut state = self.state.lock();
        state.attempts += 1;
        state.is_away = true;
        state.asked.clear();
        state.making = None;
        self.changed.notify_all();
    }
}

impl State {
    /// Rows of the day go to the default partition; always true.
    fn give_up(&mut self, day: i32) -> bool {
        self.asked.remove(&day);
        self.shared.insert(day);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::parking;

    const NOT_AT_ALL: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(20);

    fn days(retention_days: u64) -> Arc<Days> {
        Days::new(retention_days, Clock::manual(20_000 * DAY_US + 5), parking().1)
    }

    fn wait_for_question(days: &Days) -> Option<i32> {
        std::iter::repeat_with(|| days.next_asked()).find(Option::is_some).flatten()
    }

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let check = |us: i64, day: i32| {
            assert_eq!(day_of(us), day, "{us}");
            assert!(times_of(day).contains(&us) || us == i64::MAX, "{us}");
        };
        check(0, 0);
        check(DAY_US - 1, 0);
        check(DAY_US, 1);
        check(-1, -1);
        check(i64::MAX, 106_751_991);
        check(i64::MIN, -106_751_992);
    }

    /// A clock that was set ahead, as after a rollover of GPS, had a whole backlog expire, and all dead letters.
    #[test]
    fn a_day_expires_by_both_clocks_or_not_at_all() {
        let check = |retention_days, servers_today, expected| {
            let days = days(retention_days);
            assert_eq!(days.expires_before(), None, "the server was not asked");
            days.listed(Vec::new(), servers_today);
            assert_eq!(days.expires_before(), expected, "{retention_days} {servers_today}");
        };
        check(0, 20_000, None);
        check(30, 20_000, Some(19_970));
        check(30, 19_900, Some(19_870));
        check(30, 20_100, Some(19_970));
        check(u64::MAX, 20_000, Some(20_000 - i32::MAX));
    }

    #[test]
    fn who_waits_hears_what_becomes_of_each_day() {
        let days = days(0);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| days.ask_for(&[7, 8, 7], LONG));
            for (day, own) in [(8, true), (7, false)] {
                assert_eq!(wait_for_question(&days), Some(day));
                assert!(!writer.is_finished());
                days.settled(day, own);
            }
        });
        assert!(days.has(8) && !days.has(7) && days.is_known(7) && !days.is_known(9));
        assert_eq!(days.shared(), 1);
        // Known days are not waited for, nor are any while nothing can be made.
        days.ask_for(&[7, 8], LONG);
        days.away();
        days.ask_for(&[7, 8], LONG);
        days.ask_for(&[9], NOT_AT_ALL);
        assert!(!days.is_known(9) && days.next_asked().is_none());
    }

    #[test]
    fn while_nothing_can_be_made_one_who_asks_has_it_tried_again_now_and_then() {
        let days = days(0);
        days.away();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| days.ask_for(&[7], LONG));
            while !days.take_urge() {
                std::thread::yield_now();
            }
            assert!(!writer.is_finished());
            days.away();
        });
        // Not again so soon.
        days.ask_for(&[7], LONG);
        assert!(!days.take_urge() && !days.is_known(7));
        // But so once something could be made meanwhile.
        days.settled(5, true);
        days.away();
        std::thread::scope(|scope| {
            scope.spawn(|| days.ask_for(&[7], LONG));
            while !days.take_urge() {
                std::thread::yield_now();
            }
            days.listed(Vec::new(), 20_000);
            assert_eq!(wait_for_question(&days), Some(7));
            days.settled(7, true);
        });
        assert!(days.has(7));
    }

    #[test]
    fn a_day_that_was_not_made_in_time_is_not_made_any_more() {
        let days = days(0);
        days.ask_for(&[7], NOT_AT_ALL);
        assert!(days.is_known(7) && !days.has(7));
        assert_eq!(days.next_asked(), None);
    }

    #[test]
    fn a_day_that_is_being_made_is_waited_for() {
        let days = days(0);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| days.ask_for(&[6, 7], Duration::from_millis(20)));
            assert_eq!(wait_for_question(&days), Some(7));
            while !days.is_known(6) {
                std::thread::yield_now();
            }
            assert!(!writer.is_finished());
            days.settled(7, true);
        });
        assert!(days.has(7) && !days.has(6));
    }

    #[test]
    fn a_list_replaces_what_was_known_and_answers_who_waits() {
        let days = days(0);
        days.ask_for(&[3], NOT_AT_ALL);
        std::thread::scope(|scope| {
            scope.spawn(|| days.ask_for(&[5], LONG));
            while days.state.lock().asked.is_empty() {
                std::thread::yield_now();
            }
            days.listed(vec![2..4, 5..6], 20_000);
        });
        assert!(days.has(3) && days.has(5) && !days.has(4) && days.shared() == 0);
        days.listed(Vec::new(), 20_000);
        assert!(!days.has(3));
    }
}
