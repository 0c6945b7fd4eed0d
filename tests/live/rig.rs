//! The stage of the live picture, driven by hand between tables of vessels and a real Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aisd::clock::Clock;
use aisd::config::{BreakerConfig, RedisConfig};
use aisd::live::{Links, Live};
use aisd::observe::counts::Counts;
use aisd::partition::{self, PARTITIONS};
use aisd::resilience::attempts::Attempts;
use aisd::resilience::backoff::Backoff;
use aisd::rows::Origin;
use aisd::shard::fleet::ShardedFleet;
use aisd::shard::standing::Standing;
use aisd::shard::vessel::Fix;
use aisd::shard::vessels::Vessels;
use aisd::shard::weight::Weight;
use aisd::stage::{Stage, Turn};
use parking_lot::Mutex;
use redis::{Connection, ConnectionLike, cmd};

use super::made::{position, writer};
use crate::support::process::wait_until;

const SHARDS: usize = 2;
/// How long Redis may take for an answer.
pub const TIMEOUT_MS: u64 = 300;

/// The stage and what is around it.
pub struct Rig {
    pub live: Live,
    pub counts: Arc<Counts>,
    stopping: Arc<AtomicBool>,
    shards: Vec<Arc<Mutex<Vessels>>>,
    reports: u64,
}

impl Rig {
    /// With a table for so many vessels; a breaker that is quick to open and to close.
    pub fn new(config: RedisConfig, vessels_max: usize) -> Self {
        let config =
            RedisConfig { interval_ms: 1, busy_percent: 100, timeout_ms: TIMEOUT_MS, ..config };
        let table = || Arc::new(Mutex::new(Vessels::new(vessels_max / SHARDS).watched()));
        let shards: Vec<_> = (0..SHARDS).map(|_| table()).collect();
        let (counts, stopping) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let breaker = BreakerConfig {
            failures_to_open: 3,
            open_ms: 50,
            successes_to_close: 1,
            ..BreakerConfig::default()
        };
        let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
        let links = Links {
            changes: Arc::new(ShardedFleet::new(shards.clone())),
            attempts: Attempts::new(Arc::clone(&counts.neighbours.redis), &breaker, backoff),
            counts: Arc::clone(&counts),
            clock: Clock::System,
            stopping: Arc::clone(&stopping),
            writer: Box::new(writer(config.clone())),
        };
        Self { live: Live::new(links, &config), counts, stopping, shards, reports: 0 }
    }

    /// A vessel moves, now.
    pub fn moves(&mut self, mmsi: u32) {
        self.reports += 1;
        let now_us = Clock::System.now_us();
        let origin =
            Origin { seq: self.reports, time_us: now_us, received_us: now_us, mmsi, feed: 0 };
        let mut vessels = self.shards[partition::owner(partition::of(mmsi), SHARDS)].lock();
        let vessel = vessels.heard(mmsi);
        let had_changed = vessel.changed.any();
        vessel.heard(now_us);
        let lon = i32::try_from(self.reports).unwrap();
        let (position, weight) = (position(lon, 0), Weight::default());
        vessel.moved(Fix { origin, position, flags: 0, weight }, Standing::Here, 300_000_000);
        if !had_changed {
            vessels.note_changed(mmsi);
        }
    }

    /// One turn of the stage.
    pub fn turn(&mut self) -> Turn {
        self.live.turn().unwrap()
    }

    /// Lets the stage do its work until something is so.
    pub fn turn_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        wait_until(what, || {
            for _ in 0..5 {
                self.turn();
            }
            is_so(self)
        });
    }

    /// Lets the stage do its work until nothing waits to be shown.
    pub fn turn_until_all_is_shown(&mut self, redis: &mut Connection) {
        self.turn_until("everything is shown", |rig| rig.is_shown("vessel:", redis));
    }

    /// Whether the newest report of every vessel is there, under keys that begin so.
    pub fn is_shown(&self, keys: &str, redis: &mut dyn ConnectionLike) -> bool {
        self.newest().into_iter().all(|(mmsi, seq)| {
            let get = cmd("HGET").arg(format!("{keys}{mmsi}")).arg("seq").take();
            get.query::<Option<u64>>(redis).unwrap() == Some(seq)
        })
    }

    fn newest(&self) -> Vec<(u32, u64)> {
        let of = |shard: &Arc<Mutex<Vessels>>| -> Vec<(u32, u64)> {
            let vessels = shard.lock();
            vessels.iter().map(|(mmsi, vessel)| (mmsi, vessel.fix.unwrap().origin.seq)).collect()
        };
        self.shards.iter().flat_map(of).collect()
    }

    /// Nothing will change any more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// What is told of the present trouble with Redis.
    pub fn trouble(&self) -> String {
        self.counts.neighbours.redis.trouble().map(|it| it.cause).unwrap_or_default()
    }

    /// How many vessels wait.
    pub fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().waiting()).sum()
    }
}

/// Partitions are by vessel: a rig whose vessels all fell to one shard would show less than it seems to.
#[test]
fn vessels_of_a_rig_fall_to_both_shards() {
    let owners = (0..100).map(|mmsi| partition::owner(partition::of(mmsi), SHARDS));
    assert!(owners.collect::<std::collections::HashSet<_>>().len() == 2 && PARTITIONS > SHARDS);
}
