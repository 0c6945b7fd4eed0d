//! Fills chunks ahead of the sender, on a thread of its own: bytes ready to be sent and the ledger's entries for them.
//!
//! In:    the traffic, how many messages, how often copies
//! Out:   chunks, through a bounded queue
//! Waits: when the queue is full; the clock of a run starts only when it is, or when everything has been made
//!
//! Each transmission is heard by one receiver at once, and by up to as many as there are within the next second: they all
//! write down the same sentences, each on its own way to the target. What was garbled is heard once.
//!
//! A copy follows its message within a second of the schedule and within 20 000 messages: a daemon that reads slower
//! than it is sent to still meets both within its dedup window.

use crate::civil::now_us;
use crate::ledger::{Entry, Expect};
use crate::random::Random;
use crate::recording::Recording;
use crate::schedule::Schedule;
use crate::traffic::{Moment, Traffic};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes at which a chunk is handed on.
const CHUNK_BYTES: usize = 256 * 1024;
/// Memory that one chunk takes, its entries included.
const CHUNK_MEMORY: usize = 432 * 1024;
/// How far a copy may follow its message.
const REPEAT_MESSAGES_MAX: u64 = 20_000;

/// A stretch of the stream.
#[derive(Default)]
pub struct Chunk {
    /// The lines of all messages.
    pub bytes: Vec<u8>,
    /// One for each message, in order; their lengths add up to the bytes.
    pub entries: Vec<Entry>,
}

/// What the stream is to be.
#[derive(Clone, Debug)]
pub struct Order {
    /// Distinct messages at most.
    pub count: u64,
    /// When distinct messages are due, in the time of the fleet.
    pub schedule: Arc<Schedule>,
    /// Whether times come from the schedule; else from the clock when a chunk is made.
    pub scheduled: bool,
    /// Share of messages of which a copy follows.
    pub repeats: f64,
    /// How many receivers hear the fleet, at least one.
    pub receivers: u8,
    /// When the run is meant to start, microseconds since 1970.
    pub start_us: u64,
    /// Seed for the copies.
    pub seed: u64,
    /// Memory for chunks made ahead.
    pub ahead_bytes: usize,
}

/// The receiving end of the stream.
pub struct Stream {
    /// Chunks in order; ends when all were made.
    pub chunks: Receiver<Chunk>,
    /// Where used chunks go.
    pub used: SyncSender<Chunk>,
    made: Arc<Made>,
    depth: usize,
}

#[derive(Default)]
struct Made {
    chunks: AtomicUsize,
    finished: AtomicBool,
}

impl Stream {
    /// Starts making chunks.
    pub fn start(makes: Makes, order: Order) -> std::io::Result<Self> {
        let depth = (order.ahead_bytes / CHUNK_MEMORY).max(4);
        let (full, chunks) = sync_channel(depth);
        let (used, empty) = sync_channel(depth);
        let made = Arc::new(Made::default());
        let progress = Arc::clone(&made);
        thread::Builder::new().name("generate".into()).spawn(move || {
            let mut source = Source::new(makes, order);
            while let Some(chunk) = source.fill(&empty) {
                if full.send(chunk).is_err() {
                    break;
                }
                progress.chunks.fetch_add(1, Ordering::Release);
            }
            progress.finished.store(true, Ordering::Release);
        })?;
        Ok(Self { chunks, used, made, depth })
    }

    /// Whether everything has been made.
    pub fn is_made(&self) -> bool {
        self.made.finished.load(Ordering::Acquire)
    }

    /// Waits until everything, or as much as may be held, has been made; tells the chunks made so far.
    pub fn wait_until_ready(&self, mut tell: impl FnMut(usize, usize)) {
        loop {
            let chunks = self.made.chunks.load(Ordering::Acquire);
            tell(chunks, self.depth);
            if chunks >= self.depth || self.made.finished.load(Ordering::Acquire) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A copy that is due when so many distinct messages have been made.
struct Copy {
    due: u64,
    entry: Entry,
    bytes: Box<[u8]>,
}

/// Who makes the messages.
pub enum Makes {
    /// A fleet.
    Fleet(Box<Traffic>),
    /// A file, and what must become of each of its lines.
    File(Recording, Vec<Expect>),
}

impl Makes {
    fn next(&mut self, number: u64, moment: Moment, out: &mut Vec<u8>) -> Entry {
        match self {
            Self::Fleet(traffic) => traffic.next(moment, out),
            Self::File(recording, expect) => {
                let at = usize::try_from(number).unwrap_or(usize::MAX);
                let expect = expect.get(at).copied().unwrap_or(Expect::Unknown);
                let second = (moment.wall_us / 1_000_000 % 60).to_le_bytes()[0];
                recording.next(expect, second, out)
            }
        }
    }
}

/// Makes the stream, chunk by chunk.
pub struct Source {
    makes: Makes,
    order: Order,
    made: u64,
    random: Random,
    copies: BinaryHeap<Reverse<Copy>>,
    began: Instant,
}

impl Source {
    /// From the first message.
    pub fn new(makes: Makes, order: Order) -> Self {
        let random = Random::new(order.seed ^ 0x7265_7065_6174);
        let copies = BinaryHeap::new();
        Self { makes, order, made: 0, random, copies, began: Instant::now() }
    }

    /// The next chunk, in memory that was used before if there is some; `None` at the end.
    pub fn fill(&mut self, empty: &mpsc::Receiver<Chunk>) -> Option<Chunk> {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.bytes.clear();
        chunk.entries.clear();
        chunk.bytes.reserve(CHUNK_BYTES + 4096);
        let now = (now_us(), self.began.elapsed());
        while chunk.bytes.len() < CHUNK_BYTES {
            if self.made < self.order.count {
                self.distinct(now, &mut chunk);
            } else if self.copies.is_empty() {
                break;
            } else {
                self.due_copies(u64::MAX, &mut chunk);
            }
        }
        (!chunk.entries.is_empty()).then_some(chunk)
    }

    fn distinct(&mut self, now: (u64, Duration), chunk: &mut Chunk) {
        let virtual_s = self.order.schedule.at_s(self.made);
        let wall_us =
            if self.order.scheduled { self.order.start_us + whole(virtual_s * 1e6) } else { now.0 };
        let start = chunk.bytes.len();
        let moment = Moment { virtual_s, wall_us };
        let mut entry = self.makes.next(self.made, moment, &mut chunk.bytes);
        let receivers = u32::from(self.order.receivers);
        if receivers > 1 {
            entry.receiver = self.random.below(receivers).to_le_bytes()[0];
        }
        chunk.entries.push(entry);
        self.made += 1;
        if !entry.is_refused() {
            if self.order.repeats > 0.0 && self.random.unit() < self.order.repeats {
                self.copy(entry, virtual_s, &chunk.bytes[start..]);
            }
            let others = if receivers > 1 { self.random.below(receivers) } else { 0 };
            for other in 1..=others.to_le_bytes()[0] {
                let receiver = (entry.receiver + other) % self.order.receivers;
                self.copy(Entry { receiver, ..entry }, virtual_s, &chunk.bytes[start..]);
            }
        }
        self.due_copies(self.made, chunk);
    }

    /// Has a message come again within the next second.
    fn copy(&mut self, entry: Entry, virtual_s: f64, bytes: &[u8]) {
        let later = Duration::from_secs_f64(virtual_s + self.random.unit());
        let due = self.order.schedule.due(later).min(self.made + REPEAT_MESSAGES_MAX);
        let entry = Entry { repeat: true, ..entry };
        self.copies.push(Reverse(Copy { due, entry, bytes: bytes.into() }));
    }

    fn due_copies(&mut self, now: u64, chunk: &mut Chunk) {
        while self.copies.peek().is_some_and(|next| next.0.due <= now) {
            if let Some(Reverse(copy)) = self.copies.pop() {
                chunk.bytes.extend_from_slice(&copy.bytes);
                chunk.entries.push(copy.entry);
            }
        }
    }
}

impl PartialEq for Copy {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Copy {}

impl PartialOrd for Copy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Copy {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

/// The whole part of a number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is outside saturates"
)]
pub fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dirt::Dirt;
    use crate::fleet::Fleet;
    use crate::profile::Profile;
    use crate::traffic::Style;

    fn made(count: u64, repeats: f64) -> Chunk {
        made_by(count, repeats, 1, "0")
    }

    fn made_by(count: u64, repeats: f64, receivers: u8, dirt: &str) -> Chunk {
        let dirt = Dirt::parse(dirt).unwrap();
        let style = Style { dirt, ..Style::clean(Profile::World, 1, 1000) };
        let traffic = Traffic::new(Fleet::new(100, 1, 0), style);
        let order = Order {
            count,
            schedule: Arc::new(Schedule::even(1000.0)),
            scheduled: true,
            repeats,
            receivers,
            start_us: 1_700_000_000_000_000,
            seed: 1,
            ahead_bytes: 0,
        };
        let mut source = Source::new(Makes::Fleet(Box::new(traffic)), order);
        let (_, none) = sync_channel(1);
        let mut all = Chunk::default();
        while let Some(chunk) = source.fill(&none) {
            assert!(chunk.bytes.len() < CHUNK_BYTES + 4096);
            all.bytes.extend(chunk.bytes);
            all.entries.extend(chunk.entries);
        }
        all
    }

    #[test]
    fn a_seed_gives_the_same_bytes() {
        assert!(made(5000, 0.3).bytes == made(5000, 0.3).bytes);
    }

    #[test]
    fn lengths_add_up_to_the_bytes() {
        let all = made(9000, 0.5);
        let sum: usize = all.entries.iter().map(|entry| usize::from(entry.length)).sum();
        assert_eq!(sum, all.bytes.len());
        assert_eq!(all.entries.iter().filter(|entry| !entry.repeat).count(), 9000);
    }

    #[test]
    fn the_asked_share_is_copied_and_each_copy_follows_its_message_within_a_second() {
        let all = made(9000, 0.5);
        let copies = all.entries.iter().filter(|entry| entry.repeat).count();
        assert!((4300..4700).contains(&copies), "{copies}");
        follow(&all);
    }

    /// Every copy follows its message within a second; how many receivers wrote each message down.
    fn follow(all: &Chunk) -> Vec<usize> {
        let (mut at, mut distinct) = (0, 0);
        let mut heard = std::collections::HashMap::new();
        for entry in &all.entries {
            let bytes = &all.bytes[at..at + usize::from(entry.length)];
            at += bytes.len();
            if entry.repeat {
                let (original, by): &mut (u64, Vec<u8>) =
                    heard.get_mut(bytes).expect("a copy follows its message");
                assert!(distinct - *original <= 1001);
                by.push(entry.receiver);
            } else {
                distinct += 1;
                heard.insert(bytes, (distinct, vec![entry.receiver]));
            }
        }
        let receivers = heard.into_values().map(|(_, mut by)| {
            by.sort_unstable();
            by.dedup();
            by.len()
        });
        receivers.collect()
    }

    #[test]
    fn each_transmission_is_heard_by_one_to_all_receivers_once_each() {
        let all = made_by(8000, 0.0, 4, "0");
        let heard = follow(&all);
        assert_eq!((heard.len(), heard.iter().sum()), (8000, all.entries.len()));
        for count in 1..=4 {
            let found = heard.iter().filter(|it| **it == count).count();
            assert!((1850..2150).contains(&found), "{found} were heard by {count}");
        }
    }

    #[test]
    fn what_must_be_refused_is_heard_once() {
        let all = made_by(8000, 0.5, 3, "checksum=0.5,lost=0.5,reordered=0.5");
        let refused = all.entries.iter().filter(|entry| entry.is_refused());
        assert!(refused.clone().count() > 3000 && refused.clone().all(|entry| !entry.repeat));
        let reordered = all.entries.iter().filter(|it| it.dirt.is_some() && !it.is_refused());
        assert!(reordered.clone().any(|it| it.repeat) && reordered.clone().any(|it| !it.repeat));
    }
}
