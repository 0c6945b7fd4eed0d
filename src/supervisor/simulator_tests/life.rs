//! One process of the daemon, its stages in a row, from its start to its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use parking_lot::Mutex;

use super::database::{Database, Session};
use super::picture::{Link, Picture};
use super::time::Time;
use crate::config::{BreakerConfig, JournalConfig, RedisConfig, ShardConfig, StoreConfig};
use crate::journal::append::{Append, Appender};
use crate::journal::directory::Directory;
use crate::journal::feeds::FeedNames;
use crate::journal::open::open;
use crate::journal::retention::Retention;
use crate::journal::sync::{Sync, SyncQueue};
use crate::journal::tail::Tail;
use crate::journal::{Chunk, Place, Shared};
use crate::live::{Links as LiveLinks, Live};
use crate::observe::counts::{Counts, FeedCounts, ShardCounts};
use crate::observe::latency::Latency;
use crate::observe::samples::Samples;
use crate::partition::{self, PARTITIONS};
use crate::queue::{Inlet, Outlet, bounded};
use crate::record::Batch;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::shard::decide::{NOTHING_UNDECIDED, Rules};
use crate::shard::fleet::ShardedFleet;
use crate::shard::vessels::Vessels;
use crate::shard::{Begin, Recovery, Shard};
use crate::stage::{Stage, parking};
use crate::store::Store;
use crate::store::writer::{Known, Links, Writer};
use crate::supervisor::stores::{self, Beginnings, Opened};
use crate::supervisor::writers::{ShardEnds, join};

/// Feeds of a history.
pub const FEEDS: usize = 2;
/// A queue that is never full.
const PLENTY: usize = 4096;

/// How the daemon is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    pub shards: usize,
    pub writers: usize,
    pub queue: usize,
    pub rows_waiting_max: usize,
    pub journal: JournalConfig,
    pub shard: ShardConfig,
    pub store: StoreConfig,
}

/// What is outside of the process.
pub struct Outside {
    pub time: Time,
    pub database: Arc<Mutex<Database>>,
    pub picture: Arc<Mutex<Picture>>,
    pub latency: Arc<Mutex<Latency>>,
}

/// The stages, none of them there any more once it has finished.
pub struct Life {
    pub append: Option<Append>,
    pub sync: Option<Sync>,
    pub shards: Vec<Option<Shard>>,
    pub writers: Vec<Option<Writer>>,
    pub live: Option<Live>,
    pub live_stopping: Arc<AtomicBool>,
    pub feeds: Vec<Outlet<Batch>>,
    /// Sees every chunk that is published.
    pub chunks: Inlet<Arc<Chunk>>,
    pub journal: Arc<Shared>,
    pub counts: Arc<Counts>,
}

fn patient() -> Backoff {
    let wait = Duration::from_millis(100);
    Backoff::new(wait, wait)
}

/// Starts as the supervisor does.
///
/// # Errors
/// What could not be had.
pub fn start(root: &Path, setup: &Setup, outside: &Outside) -> Result<Life, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut directory = Directory::take(root).map_err(|error| error.to_string())?;
    let names: Vec<String> = (0..FEEDS).map(|feed| format!("feed-{feed}")).collect();
    let mut known = FeedNames::read(root).map_err(failed)?;
    known.number(root, &names).map_err(failed)?;
    let counts = Arc::new(Counts {
        feeds: (0..FEEDS).map(|_| FeedCounts::default()).collect(),
        shards: (0..setup.shards).map(|_| ShardCounts::default()).collect(),
        ..Counts::default()
    });
    let opened = open_stores(setup, outside);
    stores::begin_above(&opened, &mut directory).map_err(failed)?;
    let journal = open(&mut directory, &counts).map_err(failed)?;
    let window_us = i64::try_from(setup.shard.dedup_seconds).unwrap() * 1_000_000;
    let Beginnings { from, begins, known } =
        stores::beginnings(&opened, &journal, &directory, window_us, setup.shards)
            .map_err(failed)?;
    let parts = Parts { setup, outside, counts: &counts, journal: &journal };
    let (writers, ends) = parts.writers(names, opened.into_iter().zip(known));
    let vessels: Vec<_> = (0..setup.shards)
        .map(|_| Arc::new(Mutex::new(Vessels::new(setup.shard.vessels_max).watched())))
        .collect();
    let seed = directory.instance().as_u64_pair().0;
    let (shards, mut to_shards): (Vec<_>, Vec<_>) = begins
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(index, (begin, ends))| {
            let (shard, chunks) = parts.shard((index, begin, from), seed, &vessels[index], ends);
            (Some(shard), chunks)
        })
        .unzip();
    let (nowhere, waker) = parking();
    drop(nowhere);
    let (spy, chunks) = bounded(PLENTY, &waker);
    to_shards.push(spy);
    let (feeds, append, sync) = parts.journal(directory, window_us, to_shards);
    let (live, live_stopping) = parts.live(&vessels);
    let (append, sync, live) = (Some(append), Some(sync), Some(live));
    Ok(Life { append, sync, shards, writers, live, live_stopping, feeds, chunks, journal, counts })
}

fn open_stores(setup: &Setup, outside: &Outside) -> Vec<Opened> {
    let open_one = |writer| {
        let shards: Vec<usize> =
            (0..setup.shards).filter(|shard| shard % setup.writers == writer).collect();
        let owned = (0..PARTITIONS).filter(|partition| {
            let partition = u8::try_from(*partition).unwrap();
            shards.contains(&partition::owner(partition, setup.shards))
        });
        let mut store = Session::new(&outside.database, owned.collect());
        let offsets = store.connect().ok();
        Opened { store: Box::new(store), offsets, shards }
    };
    (0..setup.writers).map(open_one).collect()
}

/// What the parts are made from.
struct Parts<'a> {
    setup: &'a Setup,
    outside: &'a Outside,
    counts: &'a Arc<Counts>,
    journal: &'a Arc<Shared>,
}

impl Parts<'_> {
    fn writers(
        &self,
        names: Vec<String>,
        opened: impl Iterator<Item = (Opened, Known)>,
    ) -> (Vec<Option<Writer>>, Vec<ShardEnds>) {
        let (_, waker) = parking();
        let mut ends: Vec<Option<ShardEnds>> = (0..self.setup.shards).map(|_| None).collect();
        let mut writers = Vec::new();
        for (number, (opened, known)) in opened.enumerate() {
            let (shards, spare) =
                join(opened.shards, self.setup.queue, (&waker, &waker), &mut ends);
            let links = Links {
                shards,
                spare,
                shards_total: self.setup.shards,
                feed_names: names.clone(),
                journal: Arc::clone(self.journal),
                counts: Arc::clone(self.counts),
                latency: Arc::clone(&self.outside.latency),
                clock: self.outside.time.wall.clone(),
            };
            let neighbour = Arc::clone(&self.counts.neighbours.store);
            let attempts = Attempts::new(neighbour, &BreakerConfig::default(), patient());
            let store = (opened.store, known, attempts);
            let mut writer = Writer::new(number, store, links, self.setup.store.clone());
            writer.start().unwrap();
            writers.push(Some(writer));
        }
        (writers, ends.into_iter().flatten().collect())
    }

    fn shard(
        &self,
        (index, begin, from): (usize, Begin, Place),
        seed: u64,
        vessels: &Arc<Mutex<Vessels>>,
        ends: ShardEnds,
    ) -> (Shard, Outlet<Arc<Chunk>>) {
        let (_, waker) = parking();
        let (outlet, inlet) = bounded(self.setup.queue, &waker);
        let counts = Arc::clone(self.counts);
        let tail =
            Tail::new(Arc::clone(self.journal), inlet, from, Arc::clone(&counts), index == 0);
        let shards_left = Arc::new(AtomicUsize::new(self.setup.shards));
        let recovery = Recovery { until: self.journal.head(), shards_left };
        let rules = Rules {
            shard: index,
            shards: self.setup.shards,
            config: self.setup.shard.clone(),
            offsets: NOTHING_UNDECIDED,
            run_from: self.journal.next_seq(),
            seed,
            samples: Arc::new(Samples::default()),
            vessels: Arc::clone(vessels),
            policy: Arc::default(),
        };
        let shard = Shard::new((tail, begin, recovery), rules, ends, counts);
        (shard.with_rows_waiting_max(self.setup.rows_waiting_max), outlet)
    }

    fn journal(
        &self,
        directory: Directory,
        window_us: i64,
        shards: Vec<Outlet<Arc<Chunk>>>,
    ) -> (Vec<Outlet<Batch>>, Append, Sync) {
        let (_, waker) = parking();
        let (feeds, inlets) = (0..FEEDS).map(|_| bounded(self.setup.queue, &waker)).unzip();
        let queue = Arc::new(SyncQueue::default());
        let config = self.setup.journal.clone();
        let (journal, counts) = (|| Arc::clone(self.journal), || Arc::clone(self.counts));
        let keep = (config.keep_all, self.outside.time.wall.clone());
        let retention = Retention::new(journal(), counts(), window_us, keep);
        let interval = Duration::from_millis(config.sync_interval_ms);
        let sync = Sync::new(journal(), Arc::clone(&queue), retention, counts(), interval);
        let append = Append::new(Appender {
            directory,
            shared: journal(),
            sync: queue,
            sync_waker: waker,
            feeds: inlets,
            shards,
            config,
            counts: counts(),
            clock: self.outside.time.wall.clone(),
        });
        (feeds, append, sync)
    }

    fn live(&self, vessels: &[Arc<Mutex<Vessels>>]) -> (Live, Arc<AtomicBool>) {
        let stopping = Arc::new(AtomicBool::new(false));
        let redis = Arc::clone(&self.counts.neighbours.redis);
        let links = LiveLinks {
            changes: Arc::new(ShardedFleet::new(vessels.to_vec())),
            writer: Box::new(Link(Arc::clone(&self.outside.picture), false)),
            attempts: Attempts::new(redis, &BreakerConfig::default(), patient()),
            counts: Arc::clone(self.counts),
            clock: self.outside.time.wall.clone(),
            stopping: Arc::clone(&stopping),
        };
        let config = RedisConfig { interval_ms: 50, busy_percent: 100, ..RedisConfig::default() };
        (Live::new(links, &config), stopping)
    }
}
