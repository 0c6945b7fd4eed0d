//! When a recorded message is due, if a file is read at its recorded pace.
//!
//! The first message that carries a time is due at once; each later one as much later as its own time is, divided by the
//! factor. A message without a time is due with the one before it, and so is one whose time lies before it. A gap of more
//! than an hour, forwards or backwards, is not waited for: the recording was interrupted, or a clock was wrong.

use super::FeedSink;
use crate::clock::SECOND_US;
use crate::nmea::{Message, Note, Sink};
use crate::reject::Reject;

/// Recorded gaps longer than this are skipped.
const GAP_MAX_US: i64 = 3600 * SECOND_US;

/// The relation between recorded time and the clock.
pub struct Pace {
    factor: f64,
    anchor: Option<Anchor>,
}

#[derive(Clone, Copy)]
struct Anchor {
    now_us: i64,
    first_us: i64,
    last_us: i64,
}

impl Pace {
    /// This many times faster than recorded; `None` unless that is a number above 0.
    #[must_use]
    pub fn new(factor: f64) -> Option<Self> {
        (factor.is_finite() && factor > 0.0).then_some(Self { factor, anchor: None })
    }

    /// When the message that was sent at `sent_us` is due, not before `now_us`.
    pub fn due_us(&mut self, sent_us: i64, now_us: i64) -> i64 {
        let fresh = Anchor { now_us, first_us: sent_us, last_us: sent_us };
        let anchor = self.anchor.get_or_insert(fresh);
        if sent_us.abs_diff(anchor.last_us) > GAP_MAX_US.unsigned_abs() {
            *anchor = fresh;
        }
        anchor.last_us = sent_us;
        let recorded_us = sent_us.saturating_sub(anchor.first_us).max(0);
        let after_us = self.scaled(recorded_us);
        self.anchor.map_or(now_us, |anchor| anchor.now_us.saturating_add(after_us)).max(now_us)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a cast to an integer saturates, and a wait need not be exact to the microsecond"
    )]
    fn scaled(&self, recorded_us: i64) -> i64 {
        (recorded_us as f64 / self.factor) as i64
    }
}

/// A sink that notes when its messages are due.
pub struct Paced<'a> {
    sink: &'a mut FeedSink,
    pace: &'a mut Pace,
    now_us: i64,
    due_us: Option<i64>,
}

impl<'a> Paced<'a> {
    /// For messages that are read now.
    #[must_use]
    pub const fn new(sink: &'a mut FeedSink, pace: &'a mut Pace, now_us: i64) -> Self {
        Self { sink, pace, now_us, due_us: None }
    }

    /// When the last message is due, if one was not due yet.
    #[must_use]
    pub const fn due_us(&self) -> Option<i64> {
        self.due_us
    }
}

impl Sink for Paced<'_> {
    fn message(&mut self, message: &Message<'_>) {
        if self.sink.is_line_known() {
            return self.sink.message(message);
        }
        let now_us = self.due_us.unwrap_or(self.now_us);
        let due_us = message.sent_us.map_or(now_us, |sent_us| self.pace.due_us(sent_us, now_us));
        if due_us > now_us {
            // Those before it are due. If there is no room for them, they go with it.
            self.sink.hand_on();
            self.due_us = Some(due_us);
        }
        self.sink.message(&Message { received_us: due_us, ..*message });
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.sink.reject(reason, line);
    }

    fn note(&mut self, note: Note, count: u64) {
        self.sink.note(note, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND_US;

    /// When messages sent at these seconds are due, in seconds from now, if no time passes.
    fn check(factor: f64, sent: &[i64], due: &[i64]) {
        let mut pace = Pace::new(factor).unwrap();
        let answers: Vec<i64> =
            sent.iter().map(|at| (pace.due_us(at * SECOND_US, NOW) - NOW) / SECOND_US).collect();
        assert_eq!(answers, due, "{factor} {sent:?}");
    }

    #[test]
    fn messages_are_due_as_they_were_recorded_times_the_factor() {
        check(1.0, &[100, 101, 105, 105], &[0, 1, 5, 5]);
        check(10.0, &[100, 110, 300], &[0, 1, 20]);
        check(0.5, &[100, 101], &[0, 2]);
    }

    #[test]
    fn a_time_that_goes_back_a_little_is_due_at_once() {
        check(1.0, &[100, 90, 102], &[0, 0, 2]);
    }

    #[test]
    fn an_interruption_is_not_waited_for() {
        check(1.0, &[100, 101, 10_000, 10_002], &[0, 1, 0, 2]);
        check(1.0, &[10_000, 100, 101], &[0, 0, 1]);
        check(1e-300, &[i64::MIN / SECOND_US, 0, i64::MAX / SECOND_US], &[0, 0, 0]);
    }

    #[test]
    fn only_factors_above_nothing_are_taken() {
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Pace::new(factor).is_none(), "{factor}");
        }
    }
}
