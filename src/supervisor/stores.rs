//! The stores of the writers, connected if that is possible now, and what begins when they are not.

use std::io;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Config;
use crate::exit::{self, Failure};
use crate::journal::directory::Directory;
use crate::journal::feeds::FeedNames;
use crate::journal::open::replay_from;
use crate::journal::{Place, Shared, committed};
use crate::observe::counts::Counts;
use crate::partition::{self, PARTITIONS};
use crate::resilience::dead_letters::DeadLetters;
use crate::shard::{Begin, Start};
use crate::store::postgres::wire::{Host, Target};
use crate::store::postgres::{Parts, Postgres};
use crate::store::sqlite::Sqlite;
use crate::store::writer::Known;
use crate::store::{Offsets, Store, StoreError};

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
    (shards_total, counts): (usize, &Arc<Counts>),
) -> Result<Vec<Opened>, Failure> {
    if config.store.url.is_empty() {
        return Ok(vec![embedded(config, directory, known, shards_total)?]);
    }
    let writers = config.store.writers.min(shards_total);
    let owner = Uuid::new_v4();
    let target = target(config)?;
    let letters = DeadLetters::open(directory.root(), config.dead_letters.rows_max, counts)
        .map_err(|error| Failure::new(exit::IO, error.to_string()))?;
    let letters = Arc::new(Mutex::new(letters));
    let open_one = |writer| {
        let shards: Vec<usize> =
            (0..shards_total).filter(|shard| shard % writers == writer).collect();
        let parts = Parts {
            target: target.clone(),
            shown: config.store.url.to_string(),
            instance: directory.instance(),
            owner,
            writer,
            partitions: partitions_of(&shards, shards_total),
            config: config.store.clone(),
            letters: Arc::clone(&letters),
            counts: Arc::clone(counts),
            clock: Clock::System,
        };
        let mut store = Postgres::new(parts);
        let offsets = match connect(&mut store, known) {
            Ok(offsets) => Some(offsets),
            Err(error) => {
                tracing::warn!(%error, "starting without the store; messages are kept in the journal");
                None
            }
        };
        Opened { store: Box::new(store), offsets, shards }
    };
    Ok((0..writers).map(open_one).collect())
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
    shards: usize,
) -> Result<Opened, Failure> {
    let mut store = Sqlite::new(directory.root(), directory.instance(), config.store.clone());
    let failed = |error: StoreError| Failure::new(exit::IO, format!("open the store: {error}"));
    let offsets = connect(&mut store, known).map_err(failed)?;
    Ok(Opened { store: Box::new(store), offsets: Some(offsets), shards: (0..shards).collect() })
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
            journal.set_committed(partition, offsets[partition]);
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
                    let owned = owned.into_iter().map(|partition| offsets[usize::from(partition)]);
                    let from = replay_from(&journal, owned.min().unwrap_or(0), window_us)?;
                    let _ = cell.set(Start { offsets: *offsets, from });
                    Ok(())
                }))
            }
        });
    }
    let begins = begins.into_iter().map(|begin| begin.unwrap_or(Begin::Ahead(Arc::default())));
    Ok(Beginnings { from, begins: begins.collect(), known })
}

/// Where to connect to, from the URL.
fn target(config: &Config) -> Result<Target, Failure> {
    let parsed: postgres::Config = config.store.url.reveal().parse().map_err(|error| {
        Failure::new(exit::CONFIG, format!("store.url {}: {error}", config.store.url))
    })?;
    let port = parsed.get_ports().first().copied().unwrap_or(5432);
    let host = |host: &postgres::config::Host| match host {
        postgres::config::Host::Tcp(name) => Host::Tcp { name: name.clone(), port, tls: None },
        postgres::config::Host::Unix(dir) => Host::Unix(dir.join(format!(".s.PGSQL.{port}"))),
    };
    Ok(Target {
        hosts: parsed.get_hosts().iter().map(host).collect(),
        user: parsed.get_user().unwrap_or("aisd").to_owned(),
        password: parsed.get_password().map(<[u8]>::to_vec),
        pooled: !config.store.direct_url.is_empty(),
        database: parsed.get_dbname().or(parsed.get_user()).unwrap_or("aisd").to_owned(),
    })
}
