//! The parts of the engine and how they are joined: every queue between two steps is made here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::data_dir;
use super::face::face;
use super::ingest::{Sites, feed_queues};
use super::limits::{cores, give_memory_back, raise_file_limit};
use super::outputs;
use super::run_file::{self, Addresses};
use super::stores::{self, Beginnings, Server};
use super::threads::{Plan, Role, Threads};
use super::writers::{self, ShardEnds};
use crate::clock::{Clock, SECOND_US};
use crate::config::{Config, FeedKind};
use crate::exit::{self, Failure};
use crate::feed::{self, FeedContext, Happening};
use crate::given::Given;
use crate::heard::Hearer;
use crate::http::Face;
use crate::journal::append::{Append, Appender};
use crate::journal::directory::Directory;
use crate::journal::feeds::FeedNames;
use crate::journal::open::{marks, open};
use crate::journal::retention::Retention;
use crate::journal::sync::{Sync, SyncQueue};
use crate::journal::tail::Tail;
use crate::journal::{Chunk, Place, Shared};
use crate::observe::counts::{Counts, FeedCounts, ShardCounts, StageCounts};
use crate::observe::latency::Latency;
use crate::observe::neighbours::Neighbours;
use crate::observe::samples::Samples;
use crate::observe::status::Status;
use crate::partition;
use crate::queue::{Inlet, Outlet, bounded};
use crate::record::Batch;
use crate::resilience::reserve::Reserve;
use crate::shard::decide::{NOTHING_UNDECIDED, Rules};
use crate::shard::policy::Policy;
use crate::shard::vessels::Vessels;
use crate::shard::{Begin, Recovery, Shard};
use crate::stage::pin::CORES_MIN_TO_PIN;
use crate::stage::{Spot, Stage, parking};
use crate::taken::Taken;

/// Chunks that may wait for a shard; more are read back.
const SHARD_QUEUE: usize = 64;

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
    /// What HTTP is answered from, where it is.
    pub face: Option<Arc<Face>>,
    /// What was bound.
    pub addresses: Addresses,
    /// The journal, for the copy of what is committed.
    pub journal: Arc<Shared>,
    /// The room on the disk for dead letters and notes.
    pub reserve: Arc<Reserve>,
    /// When it was started.
    pub since: Instant,
}

/// What the parts share.
pub(super) struct Common {
    pub(super) counts: Arc<Counts>,
    pub(super) latency: Arc<Mutex<Latency>>,
    samples: Arc<Samples>,
    pub(super) vessels: Vec<Arc<Mutex<Vessels>>>,
    stopping: Arc<AtomicBool>,
    pub(super) live_stopping: Arc<AtomicBool>,
    pub(super) clock: Clock,
    pub(super) shards: usize,
    pub(super) policy: Arc<Policy>,
    /// The Postgres that is stored in, if it is one.
    pub(super) server: Option<Server>,
    pub(super) instance: Uuid,
    /// What is taken of files.
    taken: Arc<Taken>,
}

/// Builds the engine and starts its threads, the end of the flow first.
///
/// # Errors
/// What could not be had, with the exit code for that.
pub fn engine(config: &Config, mut given: Given) -> Result<Engine, Failure> {
    let since = Instant::now();
    raise_file_limit();
    give_memory_back();
    let reserve = Arc::new(Reserve::new(&config.data_dir, config.journal.reserve_bytes));
    let mut directory = data_dir::take(&config.data_dir, &reserve)?;
    // Only now: before, the file may be that of a daemon that runs.
    run_file::remove(directory.root());
    let io_failure = |doing: &'static str| {
        move |error: std::io::Error| Failure::new(exit::IO, format!("{doing}: {error}"))
    };
    let names: Vec<String> = config.feeds.iter().filter_map(|feed| feed.name.clone()).collect();
    let mut known =
        FeedNames::read(directory.root()).map_err(io_failure("read the feeds' names"))?;
    let ids = known.number(directory.root(), &names).map_err(io_failure("number the feeds"))?;
    let common = common(config, (&known, &ids), directory.instance(), &reserve)?;
    let opened = stores::open(
        config,
        &directory,
        &known,
        common.server.as_ref(),
        (common.shards, &common.counts),
        &common.taken,
    )?;
    stores::begin_above(&opened, &mut directory).map_err(io_failure("begin new numbers"))?;
    let journal = open(&mut directory, &common.counts).map_err(io_failure("open the journal"))?;
    let window_us = window_us(config);
    let Beginnings { from, begins, known: offsets } =
        stores::beginnings(&opened, &journal, &directory, window_us, common.shards)
            .map_err(io_failure("read the journal"))?;
    if config.feeds.iter().any(|feed| matches!(feed.kind, FeedKind::File { .. })) {
        // What is before this is in the store; of one that is away nobody knows yet what.
        let from = if journal.is_told() { from } else { Place::default() };
        common.taken.add(marks(&journal, from).map_err(io_failure("read the journal"))?);
    }
    let recovering = Arc::new(AtomicUsize::new(common.shards));
    let seed = directory.instance().as_u64_pair().0;
    let (output_plans, hearers) = outputs::plan(config, &common, known.all());
    let start = Start { journal: &journal, from, seed, recovering: &recovering, hearers };
    let writers = opened.into_iter().zip(offsets).collect();
    let (mut plans, ends) = writers::plan(config, &common, &journal, known.all(), writers);
    let (shard_plans, to_shards): (Vec<_>, Vec<_>) = begins
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(index, (begin, rows))| plan_shard(config, &common, &start, (index, begin), rows))
        .unzip();
    plans.extend(shard_plans);
    plans.extend(output_plans);
    drop(start);
    let (feeds, inlets, spot) = feed_queues(&ids);
    let shared = Arc::clone(&journal);
    plans.extend(plan_journal(config, &common, directory, shared, (inlets, to_shards), spot));
    let mut sites = Sites::of(config)?;
    let (feed_plans, addresses) = plan_feeds(config, &common, feeds, (&mut sites, &mut given))?;
    plans.extend(feed_plans.into_iter().chain(super::live::plan(config, &common)?));
    plans.extend(stores::plan_partitions(config, &common));
    let shared = (journal, reserve, recovering, since);
    start_threads(config, common, (plans, sites), (addresses, given), shared)
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
    let kept = (config.journal.keep_all, common.clock.clone());
    let retention = Retention::new(Arc::clone(&journal), counts(), window_us(config), kept);
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

/// How much is remembered of what was heard, and so read again at a start, and kept for that.
fn window_us(config: &Config) -> i64 {
    let shards = &config.shards;
    let again = config.feeds.iter().any(|feed| feed.kind.may_come_again());
    let seconds =
        if again { shards.dedup_seconds.max(shards.retry_seconds) } else { shards.dedup_seconds };
    i64::try_from(seconds).unwrap_or(i64::MAX / SECOND_US) * SECOND_US
}

/// Joins the faces to the engine and starts everything.
fn start_threads(
    config: &Config,
    common: Common,
    (mut plans, sites): (Vec<Plan>, Sites),
    (mut addresses, mut given): (Addresses, Given),
    (journal, reserve, shards_recovering, since): (
        Arc<Shared>,
        Arc<Reserve>,
        Arc<AtomicUsize>,
        Instant,
    ),
) -> Result<Engine, Failure> {
    let status = Arc::new(Status::new(common.clock.now_us()));
    let mut stages: Vec<Arc<StageCounts>> =
        plans.iter().map(|plan| Arc::new(StageCounts::new(plan.stage.name()))).collect();
    let faces_stopping = Arc::new(AtomicBool::new(false));
    let mut shown = None;
    if sites.are_open(config) {
        stages.extend(sites.threads(config).iter().map(|name| Arc::new(StageCounts::new(name))));
        let face = face(config, &common, &status, &stages)?;
        let taken = (&mut addresses, &mut given);
        plans.extend(sites.open(config, &face, &faces_stopping, taken)?);
        shown = Some(face);
    }
    given.finish();
    addresses.warn_of_others();
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
        face: shown,
        addresses,
        journal,
        reserve,
        since,
    })
}

fn common(
    config: &Config,
    (known, ids): (&FeedNames, &[u8]),
    instance: Uuid,
    reserve: &Arc<Reserve>,
) -> Result<Common, Failure> {
    let shards = match config.shards.count {
        0 => partition::shards_on(cores()),
        count => count,
    };
    let mut feeds: Vec<FeedCounts> = known
        .all()
        .iter()
        .map(|name| FeedCounts { name: name.clone(), ..FeedCounts::default() })
        .collect();
    for (id, feed) in ids.iter().zip(&config.feeds) {
        feeds[usize::from(*id)].kind = feed.kind.label().to_owned();
    }
    let kinds: Vec<String> = feeds.iter().map(|feed| feed.kind.clone()).collect();
    let policy = Arc::new(Policy::new(config, known.all(), &kinds));
    for (number, feed) in (0..=u8::MAX).zip(&feeds) {
        feed.source.weight_percent.set(policy.weight(number).percent());
    }
    let counts = Counts {
        feeds,
        shards: (0..shards).map(|_| ShardCounts::default()).collect(),
        outputs: outputs::counts(config),
        neighbours: Neighbours::of(config),
        ..Counts::default()
    };
    for neighbour in counts.neighbours.all().into_iter().filter(|it| it.is_configured()) {
        neighbour.begin(&config.breakers);
    }
    counts.journal.bytes_max.set(i64::try_from(config.journal.bytes_max).unwrap_or(i64::MAX));
    let counts = Arc::new(counts);
    Ok(Common {
        server: stores::server(config, &counts, reserve)?,
        instance,
        taken: Arc::default(),
        counts,
        latency: Arc::new(Mutex::new(Latency::default())),
        samples: Arc::new(Samples::default()),
        vessels: super::live::tables(config, shards),
        stopping: Arc::new(AtomicBool::new(false)),
        live_stopping: Arc::new(AtomicBool::new(false)),
        clock: Clock::System,
        shards,
        policy,
    })
}

/// Where the shards begin to read.
struct Start<'a> {
    journal: &'a Arc<Shared>,
    from: Place,
    seed: u64,
    recovering: &'a Arc<AtomicUsize>,
    hearers: Vec<Hearer>,
}

/// One shard's plan, and the queue that feeds it.
fn plan_shard(
    config: &Config,
    common: &Common,
    start: &Start<'_>,
    (index, begin): (usize, Begin),
    rows: ShardEnds,
) -> (Plan, Outlet<Arc<Chunk>>) {
    let (spot, waker) = parking();
    let (outlet, inlet) = bounded(SHARD_QUEUE, &waker);
    let counts = Arc::clone(&common.counts);
    let tail =
        Tail::new(Arc::clone(start.journal), inlet, start.from, Arc::clone(&counts), index == 0);
    let recovery =
        Recovery { until: start.journal.head(), shards_left: Arc::clone(start.recovering) };
    let rules = Rules {
        shard: index,
        shards: common.shards,
        config: config.shards.clone(),
        offsets: NOTHING_UNDECIDED,
        run_from: start.journal.next_seq(),
        seed: start.seed,
        samples: Arc::clone(&common.samples),
        vessels: Arc::clone(&common.vessels[index]),
        policy: Arc::clone(&common.policy),
    };
    let telling = outputs::telling(&start.hearers, common, start.journal.next_seq());
    let shard = Shard::new((tail, begin, recovery), rules, rows, counts);
    let stage = Box::new(shard.telling(telling).into_server(common.server.is_some()));
    let pin = config.shards.pin.unwrap_or_else(|| cores() >= CORES_MIN_TO_PIN);
    let core = pin.then_some(index);
    (Plan { core, ..flow(stage, spot) }, outlet)
}

/// Opens the feeds; their sockets are bound here, so that nothing is lost while the threads start.
fn plan_feeds(
    config: &Config,
    common: &Common,
    queues: Vec<(u8, Outlet<Batch>)>,
    (sites, given): (&mut Sites, &mut Given),
) -> Result<(Vec<Plan>, Addresses), Failure> {
    let (mut plans, mut addresses) = (Vec::new(), Addresses::default());
    for (at, (feed, (id, journal))) in config.feeds.iter().zip(queues).enumerate() {
        let context = FeedContext {
            id,
            happening: Happening::Live,
            counts: Arc::clone(&common.counts),
            samples: Arc::clone(&common.samples),
            journal,
            nmea: config.nmea.clone(),
            breakers: config.breakers,
            clock: common.clock.clone(),
            taken: Arc::clone(&common.taken),
            stopping: Arc::clone(&common.stopping),
        };
        let name = feed.name.clone().unwrap_or_default();
        let mut address = None;
        if let FeedKind::Http { address, .. } = &feed.kind {
            plans.extend(sites.plan(config, context, (&name, address, at)));
        } else {
            let opened = feed::open(feed, context, given);
            let opened = opened.map_err(|text| Failure::new(exit::IO, text))?;
            let (spot, _) = parking();
            let may_finish = matches!(feed.kind, FeedKind::File { .. });
            let stage = opened.stage;
            address = opened.address;
            plans.push(Plan { role: Role::Feed, may_finish, ..flow(stage, spot) });
        }
        addresses.feeds.push((name, feed.kind.label().to_owned(), address));
    }
    Ok((plans, addresses))
}

pub(super) const fn flow(stage: Box<dyn Stage>, spot: Spot) -> Plan {
    let call_max = Duration::ZERO;
    Plan { stage, spot, role: Role::Flow, may_finish: false, core: None, call_max }
}
