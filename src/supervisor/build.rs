//! The parts of the engine and how they are joined: every queue between two steps is made here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::limits::{cores, raise_file_limit};
use super::run_file::{self, Addresses};
use super::threads::{Plan, Role, Threads};
use crate::clock::{Clock, SECOND_US};
use crate::config::{Config, FeedKind};
use crate::exit::{self, Failure};
use crate::feed::{self, FeedContext, Happening};
use crate::http::{self, Face};
use crate::journal::append::{Append, Appender};
use crate::journal::directory::{Directory, Unavailable};
use crate::journal::feeds::FeedNames;
use crate::journal::open::{open, replay_from};
use crate::journal::retention::Retention;
use crate::journal::sync::{Sync, SyncQueue};
use crate::journal::tail::Tail;
use crate::journal::{Chunk, Place, Shared};
use crate::observe::counts::{Counts, FeedCounts, ShardCounts, StageCounts};
use crate::observe::latency::Latency;
use crate::observe::metrics::Sources;
use crate::observe::neighbours::Neighbours;
use crate::observe::process::ProcessWatch;
use crate::observe::samples::Samples;
use crate::observe::status::Status;
use crate::queue::{Inlet, Outlet, bounded};
use crate::record::Batch;
use crate::rows::Rows;
use crate::shard::decide::{Decider, Rules};
use crate::shard::fleet::ShardedFleet;
use crate::shard::vessels::Vessels;
use crate::shard::{Recovery, Shard};
use crate::stage::pin::CORES_MIN_TO_PIN;
use crate::stage::{Spot, Stage, parking};
use crate::store::reader::SqliteReader;
use crate::store::sqlite::{self, Sqlite};
use crate::store::writer::{Links, Writer};
use crate::store::{Offsets, Store, StoreError};

/// Batches of one feed that may wait for the journal.
const FEED_QUEUE: usize = 16;
/// Chunks that may wait for a shard; more are read back.
const SHARD_QUEUE: usize = 64;
/// Batches of rows of one shard that may wait for the store.
const STORE_QUEUE: usize = 8;

/// The engine, its threads running.
pub struct Engine {
    /// All threads.
    pub threads: Threads,
    /// Everything that is counted.
    pub counts: Arc<Counts>,
    /// What it is about.
    pub status: Arc<Status>,
    /// Shards that have not yet looked at everything that earlier runs left.
    pub shards_recovering: Arc<AtomicUsize>,
    /// Set to make the feeds finish.
    pub stopping: Arc<AtomicBool>,
    /// Set to have the live picture written for the last time, when the flow has ended.
    pub live_stopping: Arc<AtomicBool>,
    /// Set to make the faces finish, last of all.
    pub faces_stopping: Arc<AtomicBool>,
    /// What was bound.
    pub addresses: Addresses,
    /// When it was started.
    pub since: Instant,
}

/// What the parts share.
pub(super) struct Common {
    pub(super) counts: Arc<Counts>,
    latency: Arc<Mutex<Latency>>,
    samples: Arc<Samples>,
    pub(super) vessels: Vec<Arc<Mutex<Vessels>>>,
    stopping: Arc<AtomicBool>,
    pub(super) live_stopping: Arc<AtomicBool>,
    pub(super) clock: Clock,
    shards: usize,
}

/// Builds the engine and starts its threads, the end of the flow first.
///
/// # Errors
/// What could not be had, with the exit code for that.
pub fn engine(config: &Config) -> Result<Engine, Failure> {
    let since = Instant::now();
    raise_file_limit();
    let mut directory = Directory::take(&config.data_dir).map_err(|error| match error {
        Unavailable::Owned { .. } | Unavailable::Io { .. } | Unavailable::Damaged { .. } => {
            Failure::new(exit::DATA_DIR, error.to_string())
        }
    })?;
    // Only now: before, the file may be that of a daemon that runs.
    run_file::remove(directory.root());
    let io_failure = |doing: &'static str| {
        move |error: std::io::Error| Failure::new(exit::IO, format!("{doing}: {error}"))
    };
    let names: Vec<String> = config.feeds.iter().filter_map(|feed| feed.name.clone()).collect();
    let mut known =
        FeedNames::read(directory.root()).map_err(io_failure("read the feeds' names"))?;
    let ids = known.number(directory.root(), &names).map_err(io_failure("number the feeds"))?;
    let common = common(config, &known, &ids);
    let (store, offsets) = store(config, &directory, &known)?;
    let journal = open(&mut directory, &common.counts).map_err(io_failure("open the journal"))?;
    let oldest = offsets.iter().copied().min().unwrap_or(0);
    let from =
        replay_from(&journal, oldest, window_us(config)).map_err(io_failure("read the journal"))?;

    let recovering = Arc::new(AtomicUsize::new(common.shards));
    let seed = directory.instance().as_u64_pair().0;
    let start = Start { journal: &journal, from, offsets, seed, recovering: &recovering };
    let queues = rows_queues(common.shards);
    let (to_store, from_shards): (Vec<_>, Vec<_>) = queues.to_store.into_iter().unzip();
    let (spare, emptied): (Vec<_>, Vec<_>) = queues.spare.into_iter().unzip();
    let writer = Writer::new(
        store,
        offsets,
        Links {
            shards: from_shards,
            spare,
            journal: Arc::clone(&journal),
            counts: Arc::clone(&common.counts),
            latency: Arc::clone(&common.latency),
            clock: common.clock.clone(),
        },
        config.store.clone(),
    );
    let mut plans = vec![flow(Box::new(writer), queues.store_spot)];
    let (shard_plans, to_shards): (Vec<_>, Vec<_>) = to_store
        .into_iter()
        .zip(emptied)
        .enumerate()
        .map(|(index, rows)| plan_shard(config, &common, &start, index, rows))
        .unzip();
    plans.extend(shard_plans);
    let (feeds, inlets, spot) = feed_queues(&ids);
    plans.extend(plan_journal(config, &common, directory, journal, (inlets, to_shards), spot));
    let (feed_plans, addresses) = plan_feeds(config, &common, feeds)?;
    plans.extend(feed_plans.into_iter().chain(super::live::plan(config, &common)?));
    start_threads(config, common, plans, addresses, recovering, since)
}

type FeedQueues = (Vec<(u8, Outlet<Batch>)>, Vec<Inlet<Batch>>, Spot);

/// A queue from each feed to the journal, and where the journal waits for all of them.
fn feed_queues(ids: &[u8]) -> FeedQueues {
    let (spot, waker) = parking();
    let (feeds, inlets) = ids
        .iter()
        .map(|id| {
            let (outlet, inlet) = bounded(FEED_QUEUE, &waker);
            ((*id, outlet), inlet)
        })
        .unzip();
    (feeds, inlets, spot)
}

/// The two threads of the journal.
fn plan_journal(
    config: &Config,
    common: &Common,
    directory: Directory,
    journal: Arc<Shared>,
    (feeds, shards): (Vec<Inlet<Batch>>, Vec<Outlet<Arc<Chunk>>>),
    spot: Spot,
) -> [Plan; 2] {
    let counts = || Arc::clone(&common.counts);
    let queue = Arc::new(SyncQueue::default());
    let (sync_spot, sync_waker) = parking();
    let keep_all = config.journal.keep_all;
    let retention = Retention::new(Arc::clone(&journal), counts(), window_us(config), keep_all);
    let interval = Duration::from_millis(config.journal.sync_interval_ms);
    let sync = Sync::new(Arc::clone(&journal), Arc::clone(&queue), retention, counts(), interval);
    let append = Append::new(Appender {
        directory,
        shared: journal,
        sync: queue,
        sync_waker,
        feeds,
        shards,
        config: config.journal.clone(),
        counts: counts(),
        clock: common.clock.clone(),
    });
    [flow(Box::new(sync), sync_spot), flow(Box::new(append), spot)]
}

fn window_us(config: &Config) -> i64 {
    i64::try_from(config.shards.dedup_seconds).unwrap_or(i64::MAX / SECOND_US) * SECOND_US
}

/// Joins the faces to the engine and starts everything.
fn start_threads(
    config: &Config,
    common: Common,
    mut plans: Vec<Plan>,
    mut addresses: Addresses,
    shards_recovering: Arc<AtomicUsize>,
    since: Instant,
) -> Result<Engine, Failure> {
    let status = Arc::new(Status::new(common.clock.now_us()));
    let mut stages: Vec<Arc<StageCounts>> =
        plans.iter().map(|plan| Arc::new(StageCounts::new(plan.stage.name()))).collect();
    let faces_stopping = Arc::new(AtomicBool::new(false));
    if !config.http.address.is_empty() {
        stages.extend(["http", "http-api"].map(|name| Arc::new(StageCounts::new(name))));
        let face = face(config, &common, &status, &stages)?;
        let (spot, waker) = parking();
        let (front, api) = http::open(&config.http, &face, &waker, &faces_stopping)
            .map_err(|broken| Failure::new(exit::IO, broken.to_string()))?;
        addresses.http = Some(front.address());
        plans.push(Plan { role: Role::Face, ..flow(Box::new(front), parking().0) });
        plans.push(Plan { role: Role::Face, ..flow(Box::new(api), spot) });
    }
    let mut threads = Threads::new();
    for (plan, counts) in plans.into_iter().zip(stages) {
        threads
            .start(plan, counts)
            .map_err(|error| Failure::new(exit::SOFTWARE, format!("start a thread: {error}")))?;
    }
    Ok(Engine {
        threads,
        counts: common.counts,
        status,
        shards_recovering,
        stopping: common.stopping,
        live_stopping: common.live_stopping,
        faces_stopping,
        addresses,
        since,
    })
}

/// What the HTTP face answers from.
fn face(
    config: &Config,
    common: &Common,
    status: &Arc<Status>,
    stages: &[Arc<StageCounts>],
) -> Result<Arc<Face>, Failure> {
    let within = Duration::from_secs(config.store.query_seconds);
    let reader = SqliteReader::open(&config.data_dir.join(sqlite::FILE_NAME), within)
        .map_err(|error| Failure::new(exit::IO, format!("open the store for reading: {error}")))?;
    Ok(Arc::new(Face {
        sources: Sources {
            counts: Arc::clone(&common.counts),
            latency: Arc::clone(&common.latency),
            stages: stages.to_vec(),
            status: Arc::clone(status),
            clock: common.clock.clone(),
            process: ProcessWatch::default(),
        },
        fleet: Arc::new(ShardedFleet::new(common.vessels.clone())),
        reader: Mutex::new(Box::new(reader)),
    }))
}

fn common(config: &Config, known: &FeedNames, ids: &[u8]) -> Common {
    let shards = if config.shards.count == 0 { cores() } else { config.shards.count };
    let mut feeds: Vec<FeedCounts> = known
        .all()
        .iter()
        .map(|name| FeedCounts { name: name.clone(), ..FeedCounts::default() })
        .collect();
    for (id, feed) in ids.iter().zip(&config.feeds) {
        feeds[usize::from(*id)].kind = feed.kind.label().to_owned();
    }
    let counts = Counts {
        feeds,
        shards: (0..shards).map(|_| ShardCounts::default()).collect(),
        neighbours: Neighbours::of(config),
        ..Counts::default()
    };
    for neighbour in counts.neighbours.all().into_iter().filter(|it| it.is_configured()) {
        neighbour.begin(&config.breakers);
    }
    counts.journal.bytes_max.set(i64::try_from(config.journal.bytes_max).unwrap_or(i64::MAX));
    Common {
        counts: Arc::new(counts),
        latency: Arc::new(Mutex::new(Latency::default())),
        samples: Arc::new(Samples::default()),
        vessels: super::live::tables(config, shards),
        stopping: Arc::new(AtomicBool::new(false)),
        live_stopping: Arc::new(AtomicBool::new(false)),
        clock: Clock::System,
        shards,
    }
}

/// The embedded store, connected. It lies in the data directory: without it there is no point in starting.
fn store(
    config: &Config,
    directory: &Directory,
    known: &FeedNames,
) -> Result<(Box<dyn Store>, Offsets), Failure> {
    let mut store = Sqlite::new(directory.root(), directory.instance(), config.store.clone());
    let connected = store.connect().and_then(|offsets| {
        store.name_sources(known.all())?;
        Ok(offsets)
    });
    let failed = |error: StoreError| Failure::new(exit::IO, format!("open the store: {error}"));
    let offsets = connected.map_err(failed)?;
    Ok((Box::new(store), offsets))
}

/// The queues between each shard and the store, in both directions.
struct RowsQueues {
    store_spot: Spot,
    to_store: Vec<(Outlet<Rows>, Inlet<Rows>)>,
    spare: Vec<(Outlet<Rows>, Inlet<Rows>)>,
}

fn rows_queues(shards: usize) -> RowsQueues {
    let (store_spot, store_waker) = parking();
    // Emptied rows wake nobody: a shard takes them when it needs some.
    let (_, nobody) = parking();
    RowsQueues {
        to_store: (0..shards).map(|_| bounded(STORE_QUEUE, &store_waker)).collect(),
        spare: (0..shards).map(|_| bounded(STORE_QUEUE, &nobody)).collect(),
        store_spot,
    }
}

/// Where the shards begin to read.
struct Start<'a> {
    journal: &'a Arc<Shared>,
    from: Place,
    offsets: Offsets,
    seed: u64,
    recovering: &'a Arc<AtomicUsize>,
}

/// One shard's plan, and the queue that feeds it.
fn plan_shard(
    config: &Config,
    common: &Common,
    start: &Start<'_>,
    index: usize,
    rows: (Outlet<Rows>, Inlet<Rows>),
) -> (Plan, Outlet<Arc<Chunk>>) {
    let (spot, waker) = parking();
    let (outlet, inlet) = bounded(SHARD_QUEUE, &waker);
    let counts = Arc::clone(&common.counts);
    let tail =
        Tail::new(Arc::clone(start.journal), inlet, start.from, Arc::clone(&counts), index == 0);
    let recovery =
        Recovery { until: start.journal.head(), shards_left: Arc::clone(start.recovering) };
    let decider = Decider::new(Rules {
        shard: index,
        shards: common.shards,
        config: config.shards.clone(),
        offsets: start.offsets,
        run_from: start.journal.next_seq(),
        seed: start.seed,
        samples: Arc::clone(&common.samples),
        vessels: Arc::clone(&common.vessels[index]),
    });
    let stage = Box::new(Shard::new((index, tail, recovery), decider, rows, counts));
    let pin = config.shards.pin.unwrap_or_else(|| cores() >= CORES_MIN_TO_PIN);
    let core = pin.then_some(index);
    (Plan { stage, spot, role: Role::Flow, may_finish: false, core }, outlet)
}

/// Opens the feeds; their sockets are bound here, so that nothing is lost while the threads start.
fn plan_feeds(
    config: &Config,
    common: &Common,
    queues: Vec<(u8, Outlet<Batch>)>,
) -> Result<(Vec<Plan>, Addresses), Failure> {
    let (mut plans, mut addresses) = (Vec::new(), Addresses::default());
    for (feed, (id, journal)) in config.feeds.iter().zip(queues) {
        let context = FeedContext {
            id,
            happening: Happening::Live,
            counts: Arc::clone(&common.counts),
            samples: Arc::clone(&common.samples),
            journal,
            nmea: config.nmea.clone(),
            clock: common.clock.clone(),
            stopping: Arc::clone(&common.stopping),
        };
        let opened = feed::open(feed, context).map_err(|text| Failure::new(exit::IO, text))?;
        let name = feed.name.clone().unwrap_or_default();
        addresses.feeds.push((name, feed.kind.label().to_owned(), opened.address));
        let (spot, _) = parking();
        let may_finish = matches!(feed.kind, FeedKind::File { .. });
        plans.push(Plan { stage: opened.stage, spot, role: Role::Feed, may_finish, core: None });
    }
    Ok((plans, addresses))
}

const fn flow(stage: Box<dyn Stage>, spot: Spot) -> Plan {
    Plan { stage, spot, role: Role::Flow, may_finish: false, core: None }
}
