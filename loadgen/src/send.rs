//! Sends the stream at its pace and keeps the ledger of what went out.
//!
//! In:    chunks from the stream
//! Out:   bytes to the target; the ledger; notes for the follower of the live picture; counts that others may watch
//! Waits: for the schedule, for a TCP target that does not read, at most [`tcp::STALL_MAX`], and for a follower that
//!        is far behind

pub mod http;
pub mod tcp;
pub mod udp;

use crate::civil::now_us;
use crate::commits::Followed;
use crate::ledger::{Entry, Ledger};
use crate::live::Teller;
use crate::pace::Pace;
use crate::stream::{Chunk, Stream};
use hdrhistogram::Histogram;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Messages handed to a sink at once.
const SLICE_MAX: usize = 1024;

/// Where messages go.
pub trait Sink {
    /// Sends whole messages: `entries` say where each ends in `bytes`.
    ///
    /// # Errors
    /// When the target is gone.
    fn send(&mut self, bytes: &[u8], entries: &[Entry]) -> io::Result<()>;

    /// Says that nothing more comes.
    fn finish(&mut self) {}

    /// Datagrams that nobody was there to take.
    fn refused(&self) -> u64 {
        0
    }

    /// What the target answered, if it answers.
    fn answers(&self) -> Option<http::Answers> {
        None
    }
}

/// Takes everything and does nothing: measures the generator itself.
pub struct Null;

impl Sink for Null {
    fn send(&mut self, _: &[u8], _: &[Entry]) -> io::Result<()> {
        Ok(())
    }
}

/// How far the sender is, for those who watch.
#[derive(Default)]
pub struct Watched {
    /// Distinct messages sent.
    pub sent: AtomicU64,
    /// Set when the sender is done.
    pub done: AtomicBool,
}

/// What came of sending.
pub struct Sent {
    /// What was sent.
    pub ledger: Ledger,
    /// Messages whose commit is followed.
    pub followed: Followed,
    /// When the first message was sent.
    pub started: Instant,
    /// The same moment in microseconds since 1970.
    pub started_us: u64,
    /// How late each slice was sent after its first message was due, in microseconds.
    pub late_us: Histogram<u64>,
    /// From the first message to the last.
    pub took: Duration,
    /// The longest that a message was sent after it was due.
    pub late_max: Duration,
    /// Processor time of the sending thread.
    pub busy: Option<Duration>,
    /// Datagrams refused.
    pub refused: u64,
    /// What the target answered, if it answers.
    pub answers: Option<http::Answers>,
    /// What ended it early.
    pub failure: Option<io::Error>,
}

/// Sends everything; returns when the stream or the time is over, or the target is gone.
pub fn run(
    stream: &Stream,
    sink: &mut dyn Sink,
    pace: Pace,
    (ledger, followed): (Ledger, Followed),
    teller: Option<Teller>,
    watched: &Watched,
) -> io::Result<Sent> {
    let _done = Done(watched);
    let busy_before = busy();
    let (late_max, last, started) = (Duration::ZERO, pace.elapsed(), pace.started());
    // The two clocks, read one after the other.
    let started_us = now_us().saturating_sub(u64::try_from(last.as_micros()).unwrap_or(0));
    let late_us = Histogram::new_with_bounds(1, 3_600_000_000, 3).map_err(io::Error::other)?;
    let mut sender =
        Sender { sink, pace, ledger, followed, teller, watched, late_us, late_max, last };
    let mut failure = None;
    for chunk in &stream.chunks {
        match sender.chunk(&chunk) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        // A full return queue only means that there is memory enough.
        let _ = stream.used.try_send(chunk);
    }
    let Sender { ledger, followed, late_us, late_max, last, .. } = sender;
    sink.finish();
    let (refused, answers) = (sink.refused(), sink.answers());
    let took = last;
    let busy = busy().zip(busy_before).map(|(now, before)| now.saturating_sub(before));
    Ok(Sent {
        ledger,
        followed,
        started,
        started_us,
        late_us,
        took,
        late_max,
        busy,
        refused,
        answers,
        failure,
    })
}

/// Tells those who watch that it is over, however it ends.
struct Done<'a>(&'a Watched);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Release);
    }
}

struct Sender<'a> {
    sink: &'a mut dyn Sink,
    pace: Pace,
    ledger: Ledger,
    followed: Followed,
    teller: Option<Teller>,
    watched: &'a Watched,
    late_us: Histogram<u64>,
    late_max: Duration,
    last: Duration,
}

impl Sender<'_> {
    /// Sends one chunk; says whether there is time for more.
    fn chunk(&mut self, chunk: &Chunk) -> io::Result<bool> {
        let (mut entries, mut bytes) = (&chunk.entries[..], &chunk.bytes[..]);
        while !entries.is_empty() {
            let elapsed = self.pace.elapsed();
            let Some(due) = self.pace.due(elapsed) else { return Ok(false) };
            let (count, length) = slice(entries, due.saturating_sub(self.ledger.sent));
            if count == 0 {
                self.pace.sleep_until(self.ledger.sent, elapsed);
                continue;
            }
            let late = self.pace.lateness(self.ledger.sent, elapsed);
            self.late_max = self.late_max.max(late);
            let late_us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            self.late_us.saturating_record(late_us.max(1));
            let (now, later) = entries.split_at(count);
            let (now_bytes, later_bytes) = bytes.split_at(length);
            if let Some(teller) = &self.teller {
                let (pace, first) = (&self.pace, self.ledger.sent);
                let due = |number| pace.started() + pace.meant_at(first + number, elapsed);
                teller.tell(now_us(), now, due);
            }
            let first = self.ledger.sent;
            self.followed.note(now, |number| self.pace.meant_at(first + number, elapsed));
            if let Err(error) = self.sink.send(now_bytes, now) {
                self.ledger.cut_off(now);
                return Err(error);
            }
            self.last = self.pace.elapsed();
            self.ledger.note(now);
            self.watched.sent.store(self.ledger.sent, Ordering::Relaxed);
            (entries, bytes) = (later, later_bytes);
        }
        Ok(true)
    }
}

/// How many entries, and their bytes, until so many distinct messages have been taken.
fn slice(entries: &[Entry], allowed: u64) -> (usize, usize) {
    let (mut distinct, mut length) = (0, 0);
    for (at, entry) in entries.iter().take(SLICE_MAX).enumerate() {
        distinct += u64::from(!entry.repeat);
        if distinct > allowed {
            return (at, length);
        }
        length += usize::from(entry.length);
    }
    (entries.len().min(SLICE_MAX), length)
}

/// Processor time of this thread so far.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Fleet;
    use crate::profile::Profile;
    use crate::schedule::Schedule;
    use crate::stream::{Makes, Order};
    use crate::traffic::{Style, Traffic};
    use std::sync::Arc;

    /// Takes so many slices.
    struct Breaks(u32);

    impl Sink for Breaks {
        fn send(&mut self, _: &[u8], _: &[Entry]) -> io::Result<()> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("it broke"))?;
            Ok(())
        }
    }

    /// A slice of which a part had gone out was nowhere in the ledger, and its rows were rows that nobody sent.
    #[test]
    fn what_was_being_sent_when_the_way_broke_is_noted_apart() {
        let traffic = Traffic::new(Fleet::new(500, 1, 0), Style::clean(Profile::World, 1, 1000));
        let order = Order {
            count: 5000,
            schedule: Arc::new(Schedule::even(1e6)),
            scheduled: false,
            repeats: 0.0,
            receivers: 1,
            start_us: now_us(),
            seed: 1,
            ahead_bytes: 1,
        };
        let stream = Stream::start(Makes::Fleet(Box::new(traffic)), order).unwrap();
        let pace = Pace::start(None, Some(Duration::from_secs(60)));
        let noted = (Ledger::default(), Followed::default());
        let sent = run(&stream, &mut Breaks(2), pace, noted, None, &Watched::default()).unwrap();
        assert_eq!(sent.failure.unwrap().to_string(), "it broke");
        let slice = SLICE_MAX as u64;
        assert_eq!((sent.ledger.sent, sent.ledger.expected()), (2 * slice, 2 * slice));
        assert!(!sent.ledger.is_partial());
        assert_eq!(sent.ledger.cut_off.unwrap().sent, slice);
    }

    #[test]
    fn a_slice_ends_before_the_first_message_that_is_not_due() {
        let entry = |repeat| Entry { length: 10, repeat, ..Entry::NONE };
        let entries = [entry(false), entry(true), entry(false), entry(false)];
        assert_eq!(slice(&entries, 0), (0, 0));
        assert_eq!(slice(&entries, 1), (2, 20));
        assert_eq!(slice(&entries, 2), (3, 30));
        assert_eq!(slice(&entries, 9), (4, 40));
    }
}
