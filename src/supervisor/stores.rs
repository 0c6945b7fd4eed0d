//! The stores of the writers, connected if that is possible now, and what begins when they are not.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use uuid::Uuid;

use super::build::{Common, flow};
use super::threads::{Plan, Role};
use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::exit::{self, Failure};
use crate::journal::directory::Directory;
use crate::journal::feeds::FeedNames;
use crate::journal::open::replay_from;
use crate::journal::{COUNTER_BITS, Place, Shared, committed};
use crate::observe::counts::Counts;
use crate::partition::{self, PARTITIONS};
use crate::resilience::dead_letters::DeadLetters;
use crate::resilience::reserve::Reserve;
use crate::shard::{Begin, Start};
use crate::stage::{Spot, parking};
use crate::store::postgres::address::Address;
use crate::store::postgres::deadline::Watchdog;
use crate::store::postgres::link::Dialer;
use crate::store::postgres::partitions::days::Days;
use crate::store::postgres::partitions::{self, Partitions};
use crate::store::postgres::wire::Target;
use crate::store::postgres::{Parts, Postgres};
use crate::store::sqlite::Sqlite;
use crate::store::writer::Known;
use crate::store::{Offsets, Store, StoreError};
use crate::taken::Taken;

/// A store for one writer.
pub struct Opened {
    /// The store.
    pub store: Box<dyn Store>,
    /// Its offsets, if it could be asked.
    pub offsets: Option<Offsets>,
    /// The shards whose rows it takes.
    pub shards: Vec<usize>,
}

/// Opens one store for each writer.
///
/// # Errors
/// When the embedded store cannot be opened, or a Postgres is misconfigured.
pub fn open(
    config: &Config,
    directory: &Directory,
    known: &FeedNames,
    server: Option<&Server>,
    (shards_total, counts): (usize, &Arc<Counts>),
    taken: &Arc<Taken>,
) -> Result<Vec<Opened>, Failure> {
    let Some(server) = server else {
        return Ok(vec![embedded(config, directory, known, (shards_total, taken))?]);
    };
    let writers = config.store.writers.min(shards_total);
    let owner = Uuid::new_v4();
    let address = &server.dialer.address;
    let target = Target::of(address, server.pooled).map_err(|error| {
        Failure::new(exit::CONFIG, format!("store.url is {}: {error}", config.store.url))
    })?;
    let migrated = Arc::new(AtomicBool::new(false));
    let mut is_away = false;
    let letters = &server.letters;
    let mut open_one = |writer| {
        let shards: Vec<usize> =
            (0..shards_total).filter(|shard| shard % writers == writer).collect();
        let parts = Parts {
            target: target.clone(),
            shown: address.shown(),
            direct: server.direct.clone(),
            migrated: Arc::clone(&migrated),
            instance: directory.instance(),
            owner,
            writer,
            partitions: partitions_of(&shards, shards_total),
            config: config.store.clone(),
            days: Arc::clone(&server.days),
            letters: Arc::clone(letters),
            retry_percent: config.dead_letters.retry_percent,
            counts: Arc::clone(counts),
            clock: Clock::System,
            taken: Arc::clone(taken),
        };
        let mut store = Postgres::new(parts);
        // Once is enough to know that it is away; its writers go on trying.
        let connected = if is_away { None } else { Some(connect(&mut store, known)) };
        let offsets = match connected {
            Some(Ok(offsets)) => Some(offsets),
            Some(Err(error)) => {
                tracing::warn!(%error, "starting without the store; messages are kept in the journal");
                is_away = true;
                None
            }
            None => None,
        };
        Opened { store: Box::new(store), offsets, shards }
    };
    Ok((0..writers).map(&mut open_one).collect())
}

fn partitions_of(shards: &[usize], shards_total: usize) -> Vec<u8> {
    let all = 0..u8::try_from(PARTITIONS).unwrap_or(u8::MAX);
    all.filter(|partition| shards.contains(&partition::owner(*partition, shards_total))).collect()
}

/// Connects and makes the feeds' names known.
fn connect(store: &mut dyn Store, known: &FeedNames) -> Result<Offsets, StoreError> {
    let offsets = store.connect()?;
    store.name_sources(known.all())?;
    Ok(offsets)
}

/// The embedded store. It lies in the data directory: without it there is no point in starting.
fn embedded(
    config: &Config,
    directory: &Directory,
    known: &FeedNames,
    (shards, taken): (usize, &Arc<Taken>),
) -> Result<Opened, Failure> {
    let store = Sqlite::new(directory.root(), directory.instance(), config.store.clone());
    let mut store = store.telling(Arc::clone(taken));
    let failed = |error: StoreError| Failure::new(exit::IO, format!("open the store: {error}"));
    let offsets = connect(&mut store, known).map_err(failed)?;
    Ok(Opened { store: Box::new(store), offsets: Some(offsets), shards: (0..shards).collect() })
}

/// The highest generation of numbers that a store knows of.
fn generation(offsets: &[u64]) -> u64 {
    offsets.iter().copied().max().unwrap_or(0) >> COUNTER_BITS
}

/// Takes numbers above all that the store knows of: a copy of the data directory may have used the next ones.
///
/// # Errors
/// When the new generation cannot be made durable.
pub fn begin_above(opened: &[Opened], directory: &mut Directory) -> io::Result<()> {
    let newest =
        opened.iter().filter_map(|store| store.offsets.as_ref()).map(|it| generation(it)).max();
    match newest {
        Some(newest) if newest >= directory.generation() => {
            tracing::warn!(
                "the store knows higher numbers than this data directory: was it copied, or put back?"
            );
            directory.generation_after(newest).map(drop)
        }
        _ => Ok(()),
    }
}

/// How the shards begin, and where; what the writers know.
pub struct Beginnings {
    /// Where the journal is read from.
    pub from: Place,
    /// Of each shard.
    pub begins: Vec<Begin>,
    /// Of each writer.
    pub known: Vec<Known>,
}

/// Decides how the shards begin: with their store where it is there, ahead of it where it is not.
///
/// # Errors
/// When the journal cannot be read.
pub fn beginnings(
    opened: &[Opened],
    journal: &Arc<Shared>,
    directory: &Directory,
    window_us: i64,
    shards_total: usize,
) -> io::Result<Beginnings> {
    let copy = committed::load(directory.root());
    let mut oldest = u64::MAX;
    for store in opened {
        let offsets = store.offsets.unwrap_or(copy);
        for partition in partitions_of(&store.shards, shards_total).into_iter().map(usize::from) {
            oldest = oldest.min(offsets[partition]);
            match store.offsets {
                Some(_) => journal.set_committed(partition, offsets[partition]),
                None => journal.guess_committed(partition, offsets[partition]),
            }
        }
    }
    let from = replay_from(journal, oldest, window_us)?;
    let mut begins: Vec<Option<Begin>> = (0..shards_total).map(|_| None).collect();
    let mut known = Vec::new();
    for Opened { offsets, shards, .. } in opened {
        let cell = Arc::new(OnceLock::new());
        for shard in shards {
            begins[*shard] = Some(match offsets {
                Some(offsets) => Begin::Storing(Box::new(Start { offsets: *offsets, from })),
                None => Begin::Ahead(Arc::clone(&cell)),
            });
        }
        known.push(match offsets {
            Some(offsets) => Known::Connected(Box::new(*offsets)),
            None => {
                let owned = partitions_of(shards, shards_total);
                let journal = Arc::clone(journal);
                Known::Away(Box::new(move |offsets| {
                    // Other writers may have been there before, and have stored numbers of this run.
                    let owned = owned.into_iter().map(|partition| offsets[usize::from(partition)]);
                    let owned: Vec<u64> = owned.collect();
                    if generation(&owned) >= journal.next_seq() >> COUNTER_BITS {
                        return Err(io::Error::other(
                            "the store has numbers of this run already, from a copy of the data directory; a new start takes higher ones",
                        ));
                    }
                    let oldest = owned.into_iter().min().unwrap_or(0);
                    let from = replay_from(&journal, oldest, window_us)?;
                    let _ = cell.set(Start { offsets: *offsets, from });
                    Ok(())
                }))
            }
        });
    }
    let begins = begins.into_iter().map(|begin| begin.unwrap_or(Begin::Ahead(Arc::default())));
    Ok(Beginnings { from, begins: begins.collect(), known })
}

/// The Postgres of a configuration.
#[derive(Clone)]
pub struct Server {
    /// Where to connect to, perhaps through a pooler.
    pub dialer: Dialer,
    /// Past it.
    pub direct: Dialer,
    /// Whether there is one.
    pub pooled: bool,
    /// Where rows go that it refuses for good.
    pub letters: Arc<Mutex<DeadLetters>>,
    /// Which days have partitions.
    pub days: Arc<Days>,
    /// Where the thread that makes them waits; for one to take.
    pub spot: Arc<Mutex<Option<Spot>>>,
}

/// The Postgres of a configuration, if it names one.
///
/// # Errors
/// What is wrong with its URLs, or with the file of dead letters.
pub fn server(
    config: &Config,
    counts: &Arc<Counts>,
    reserve: &Arc<Reserve>,
) -> Result<Option<Server>, Failure> {
    let store = &config.store;
    if store.url.is_empty() {
        return Ok(None);
    }
    let watchdog = Watchdog::start(Arc::clone(counts))
        .map_err(|error| Failure::new(exit::SOFTWARE, format!("start a thread: {error}")))?;
    let dialer = |key: &str, url: &Secret| {
        let address = Address::parse(url.reveal())
            .map_err(|error| Failure::new(exit::CONFIG, format!("{key} is {url}: {error}")))?;
        Ok(Dialer { address, watchdog: Arc::clone(&watchdog) })
    };
    let pooled = !store.direct_url.is_empty();
    let direct = if pooled {
        dialer("store.direct_url", &store.direct_url)?
    } else {
        dialer("store.url", &store.url)?
    };
    let letters = DeadLetters::open(&config.data_dir, &config.dead_letters, counts)
        .map_err(|error| Failure::new(exit::IO, error.to_string()))?;
    let (spot, waker) = parking();
    Ok(Some(Server {
        letters: Arc::new(Mutex::new(letters.with_reserve(Arc::clone(reserve)))),
        dialer: dialer("store.url", &store.url)?,
        direct,
        pooled,
        days: Days::new(store.retention_days, Clock::System, waker),
        spot: Arc::new(Mutex::new(Some(spot))),
    }))
}

/// The stage that keeps the partitions of a Postgres. It ends with the live picture, when nothing is written any more.
#[must_use]
pub fn plan_partitions(config: &Config, common: &Common) -> Option<Plan> {
    let server = common.server.as_ref()?;
    let parts = partitions::Parts {
        dialer: server.direct.clone(),
        days: Arc::clone(&server.days),
        config: config.store.clone(),
        ahead_hours_max: config.shards.ahead_hours_max,
        counts: Arc::clone(&common.counts),
        stopping: Arc::clone(&common.live_stopping),
    };
    let stage = Box::new(Partitions::new(parts));
    let spot = server.spot.lock().take()?;
    Some(Plan { role: Role::Live, call_max: partitions::CALL_MAX, ..flow(stage, spot) })
}
