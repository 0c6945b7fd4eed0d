//! Fills chunks ahead of the sender, on a thread of its own: bytes ready to be sent and the ledger's entries for them.
//!
//! In:    the traffic, how many messages, how often copies
//! Out:   chunks, through a bounded queue
//! Waits: when the queue is full; the clock of a run starts only when it is, or when everything has been made
//!
//! A copy follows its message within a second of the schedule and within 20 000 messages: a daemon that reads slower
//! than it is sent to still meets both within its dedup window.

use crate::civil::now_us;
use crate::ledger::Entry;
use crate::random::Random;
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
const REPEAT_MESSAGES_MAX: f64 = 20_000.0;

/// A stretch of the stream.
#[derive(Default)]
pub struct Chunk {
    /// The lines of all messages.
    pub bytes: Vec<u8>,
    /// One for each message, in order; their lengths add up to the bytes.
    pub entries: Vec<Entry>,
}

/// What the stream is to be.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Distinct messages at most.
    pub count: u64,
    /// Distinct messages a second, for the schedule of the fleet.
    pub rate: f64,
    /// Whether times come from the schedule; else from the clock when a chunk is made.
    pub scheduled: bool,
    /// Share of messages of which a copy follows.
    pub repeats: f64,
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
    pub fn start(traffic: Traffic, order: Order) -> std::io::Result<Self> {
        let depth = (order.ahead_bytes / CHUNK_MEMORY).max(4);
        let (full, chunks) = sync_channel(depth);
        let (used, empty) = sync_channel(depth);
        let made = Arc::new(Made::default());
        let progress = Arc::clone(&made);
        thread::Builder::new().name("generate".into()).spawn(move || {
            let mut source = Source::new(traffic, order);
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

/// Makes the stream, chunk by chunk.
pub struct Source {
    traffic: Traffic,
    order: Order,
    made: u64,
    random: Random,
    copies: BinaryHeap<Reverse<Copy>>,
    began: Instant,
}

impl Source {
    /// From the first message.
    pub fn new(traffic: Traffic, order: Order) -> Self {
        let random = Random::new(order.seed ^ 0x7265_7065_6174);
        let copies = BinaryHeap::new();
        Self { traffic, order, made: 0, random, copies, began: Instant::now() }
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
        let virtual_s = self.made as f64 / self.order.rate;
        let wall_us =
            if self.order.scheduled { self.order.start_us + whole(virtual_s * 1e6) } else { now.0 };
        let start = chunk.bytes.len();
        let entry = self.traffic.next(Moment { virtual_s, wall_us }, &mut chunk.bytes);
        chunk.entries.push(entry);
        self.made += 1;
        if self.order.repeats > 0.0 {
            if self.random.unit() < self.order.repeats {
                let reach = self.order.rate.min(REPEAT_MESSAGES_MAX);
                let due = self.made + whole(self.random.unit() * reach);
                let entry = Entry { repeat: true, ..entry };
                self.copies.push(Reverse(Copy { due, entry, bytes: chunk.bytes[start..].into() }));
            }
            self.due_copies(self.made, chunk);
        }
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
    use crate::fleet::Fleet;
    use crate::profile::Profile;

    fn made(count: u64, repeats: f64) -> Chunk {
        let traffic = Traffic::new(Fleet::new(100, 1, 0), Profile::World, 1, 1000, false);
        let order = Order {
            count,
            rate: 1000.0,
            scheduled: true,
            repeats,
            start_us: 1_700_000_000_000_000,
            seed: 1,
            ahead_bytes: 0,
        };
        let mut source = Source::new(traffic, order);
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
        let mut at = 0;
        let mut first = std::collections::HashMap::new();
        let mut distinct = 0;
        for entry in &all.entries {
            let bytes = &all.bytes[at..at + usize::from(entry.length)];
            at += bytes.len();
            if entry.repeat {
                let original: &u64 = first.get(bytes).expect("a copy follows its message");
                assert!(distinct - original <= 1001);
            } else {
                distinct += 1;
                first.insert(bytes, distinct);
            }
        }
    }
}
