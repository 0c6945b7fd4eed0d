//! The writers, each joined to its shards.

use std::sync::Arc;
use std::time::Duration;

use super::build::{Common, flow};
use super::stores::Opened;
use super::threads::Plan;
use crate::config::Config;
use crate::journal::Shared;
use crate::queue::{Inlet, Outlet, bounded};
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::rows::Rows;
use crate::stage::{Waker, parking};
use crate::store::writer::{Known, Links, Writer};

/// Batches of rows of one shard that may wait for the store.
const STORE_QUEUE: usize = 8;

/// A shard's ends of its queues: for rows, and for emptied ones.
pub type ShardEnds = (Outlet<Rows>, Inlet<Rows>);

/// A writer's: for the rows of each shard, by its number, and for emptied ones.
pub type WriterEnds = (Vec<(usize, Inlet<Rows>)>, Vec<Outlet<Rows>>);

/// The writers, and of each shard the ends of its queues to and from its writer.
pub fn plan(
    config: &Config,
    common: &Common,
    journal: &Arc<Shared>,
    feed_names: &[String],
    writers: Vec<(Opened, Known)>,
) -> (Vec<Plan>, Vec<ShardEnds>) {
    // Emptied rows wake nobody: a shard takes them when it needs some.
    let (_, nobody) = parking();
    let mut ends: Vec<Option<ShardEnds>> = (0..common.shards).map(|_| None).collect();
    let mut plans = Vec::new();
    for (number, (opened, known)) in writers.into_iter().enumerate() {
        let (spot, waker) = parking();
        let (shards, spare) = join(opened.shards, STORE_QUEUE, (&waker, &nobody), &mut ends);
        let links = Links {
            shards,
            spare,
            shards_total: common.shards,
            feed_names: feed_names.to_vec(),
            journal: Arc::clone(journal),
            counts: Arc::clone(&common.counts),
            latency: Arc::clone(&common.latency),
            clock: common.clock.clone(),
        };
        let backoff = Backoff::default();
        let neighbour = Arc::clone(&common.counts.neighbours.store);
        let attempts = Attempts::new(neighbour, &config.breakers, backoff);
        let store = (opened.store, known, attempts);
        let writer = Writer::new(number, store, links, config.store.clone());
        plans.push(Plan { call_max: call_max(config), ..flow(Box::new(writer), spot) });
    }
    (plans, ends.into_iter().flatten().collect())
}

/// How long a turn of a writer may take: it connects, or it tries dead letters again and commits.
const fn call_max(config: &Config) -> Duration {
    Duration::from_secs(config.store.connect_seconds + 2 * config.store.commit_seconds)
}

/// Joins a writer to its shards by queues of this length, one of which wakes the writer and one a shard. Each shard's ends are put in
/// its place.
pub fn join(
    shards: Vec<usize>,
    queue: usize,
    (writer, shard): (&Waker, &Waker),
    ends: &mut [Option<ShardEnds>],
) -> WriterEnds {
    let join_one = |number: usize| {
        let (to_store, from_shard) = bounded(queue, writer);
        let (spare_to, spare_from) = bounded(queue, shard);
        ends[number] = Some((to_store, spare_from));
        ((number, from_shard), spare_to)
    };
    shards.into_iter().map(join_one).unzip()
}
