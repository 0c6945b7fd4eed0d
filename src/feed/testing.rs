//! What the tests of feeds share: a context with a real queue, and what came out of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::FeedContext;
use crate::clock::Clock;
use crate::config::{BreakerConfig, NmeaConfig};
use crate::observe::counts::{Counts, FeedCounts};
use crate::observe::samples::Samples;
use crate::queue::{Inlet, Outlet, Poll, bounded};
use crate::record::{Batch, Record, Walk};
use crate::stage::{Spot, Stage, Turn, parking};
use crate::taken::Taken;

/// A good sentence.
pub const SENTENCE: &[u8] = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27";

/// The good sentence this many times, each followed by `end`.
pub fn lines(count: usize, end: &str) -> Vec<u8> {
    [SENTENCE, end.as_bytes()].concat().repeat(count)
}

/// A line with its end.
pub fn with_newline(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}

/// A journal's queue and everything else that a feed needs.
pub struct Bench {
    counts: Arc<Counts>,
    outlet: Outlet<Batch>,
    inlet: Inlet<Batch>,
    stopping: Arc<AtomicBool>,
    clock: Clock,
    pub taken: Arc<Taken>,
    _spot: Spot,
}

impl Bench {
    /// With room for this many batches, and the system's clock.
    pub fn new(batches: usize) -> Self {
        Self::with_clock(batches, Clock::System)
    }

    /// With a clock.
    pub fn with_clock(batches: usize, clock: Clock) -> Self {
        let (spot, waker) = parking();
        let (outlet, inlet) = bounded(batches, &waker);
        let feeds = vec![FeedCounts { name: "feed".to_owned(), ..FeedCounts::default() }];
        let counts = Arc::new(Counts { feeds, ..Counts::default() });
        let stopping = Arc::new(AtomicBool::new(false));
        let taken = Arc::new(Taken::default());
        taken.tell(Vec::new());
        Self { counts, outlet, inlet, stopping, clock, taken, _spot: spot }
    }

    pub fn context(&self) -> FeedContext {
        FeedContext {
            happening: crate::feed::Happening::Live,
            id: 0,
            counts: Arc::clone(&self.counts),
            samples: Arc::new(Samples::default()),
            journal: self.outlet.clone(),
            nmea: NmeaConfig::default(),
            breakers: BreakerConfig::default(),
            clock: self.clock.clone(),
            taken: Arc::clone(&self.taken),
            stopping: Arc::clone(&self.stopping),
        }
    }

    pub fn counts(&self) -> &FeedCounts {
        &self.counts.feeds[0]
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Takes all batches out of the queue.
    pub fn batches(&self) -> Vec<Batch> {
        let next = || if let Poll::Item(batch) = self.inlet.poll() { Some(batch) } else { None };
        std::iter::from_fn(next).collect()
    }

    /// Takes all batches out of the queue: the bytes of each.
    pub fn batch_bytes(&self) -> Vec<usize> {
        let mut sizes = Vec::new();
        while let Poll::Item(batch) = self.inlet.poll() {
            sizes.push(batch.bytes().len());
        }
        sizes
    }

    /// Takes all batches out of the queue: the sender's time of each message.
    pub fn times(&self) -> Vec<Option<i64>> {
        let mut times = Vec::new();
        while let Poll::Item(batch) = self.inlet.poll() {
            times.extend(Walk::new(batch.bytes()).map(|record| Record::view(record).sent_us));
        }
        times
    }

    /// Takes all batches out of the queue: received time and raw lines of each message.
    pub fn records(&self) -> Vec<(i64, Vec<u8>)> {
        let mut records = Vec::new();
        while let Poll::Item(batch) = self.inlet.poll() {
            for record in Walk::new(batch.bytes()).map(Record::view) {
                records.push((record.received_us, record.raw.to_vec()));
            }
        }
        records
    }
}

/// Turns until this is so; gives up after 5 seconds.
pub fn turn_until(stage: &mut dyn Stage, mut done: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !done() {
        assert!(began.elapsed().as_secs() < 5, "it did not come so far in 5 s");
        if stage.turn().unwrap() == Turn::Finished {
            assert!(done(), "finished before");
            return;
        }
    }
}

/// Bytes that look like noise, the same for the same seed.
pub fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..count).map(next).collect()
}

/// Bytes of memory that the process holds now.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
