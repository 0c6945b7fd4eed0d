//! The writers, each joined to its shards.

use std::sync::Arc;

use super::build::{Common, flow};
use super::stores::Opened;
use super::threads::Plan;
use crate::config::Config;
use crate::journal::Shared;
use crate::queue::{Inlet, Outlet, bounded};
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::rows::Rows;
use crate::stage::parking;
use crate::store::writer::{Known, Links, Writer};

/// Batches of rows of one shard that may wait for the store.
const STORE_QUEUE: usize = 8;

/// A shard's ends of its queues: for rows, and for emptied ones.
pub type ShardEnds = (Outlet<Rows>, Inlet<Rows>);

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
        let (mut from_shards, mut spare) = (Vec::new(), Vec::new());
        for shard in opened.shards {
            let (to_store, from_shard) = bounded(STORE_QUEUE, &waker);
            let (spare_to, spare_from) = bounded(STORE_QUEUE, &nobody);
            from_shards.push((shard, from_shard));
            spare.push(spare_to);
            ends[shard] = Some((to_store, spare_from));
        }
        let links = Links {
            shards: from_shards,
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
        plans.push(flow(Box::new(writer), spot));
    }
    (plans, ends.into_iter().flatten().collect())
}
