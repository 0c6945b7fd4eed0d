//! Joins the live picture to the engine, where Redis is configured, and lets it write what is left at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Mode;
use super::build::{Common, Engine, flow};
use super::threads::{Plan, Role};
use crate::config::{Config, Secret};
use crate::exit::{self, Failure};
use crate::live::writer::Writer;
use crate::live::{Links, Live};
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::shard::fleet::ShardedFleet;
use crate::shard::vessels::Vessels;
use crate::stage::parking;

/// How long the last writing is waited for.
const LAST_MAX: Duration = Duration::from_secs(4);
/// Calls of one turn at most: to connect, to ask what there is, to write.
const CALLS_MAX: u32 = 8;
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The configuration for what the engine is run for: a recording that is replayed is not live.
#[must_use]
pub fn configured(config: Config, mode: Mode) -> Config {
    if mode == Mode::Serve || config.redis.url.is_empty() {
        return config;
    }
    tracing::info!("a replay is not live: nothing is shown in Redis");
    Config {
        redis: crate::config::RedisConfig { url: Secret::default(), ..config.redis },
        ..config
    }
}

/// The tables of vessels, one for each shard; they list what changes when somebody shows it.
#[must_use]
pub fn tables(config: &Config, shards: usize) -> Vec<Arc<Mutex<Vessels>>> {
    let max = config.shards.vessels_max.div_ceil(shards);
    let table = || match config.redis.url.is_empty() {
        true => Vessels::new(max),
        false => Vessels::new(max).watched(),
    };
    (0..shards).map(|_| Arc::new(Mutex::new(table()))).collect()
}

/// The stage that shows what the shards know.
///
/// # Errors
/// When the URL cannot be used.
pub fn plan(config: &Config, common: &Common) -> Result<Option<Plan>, Failure> {
    if config.redis.url.is_empty() {
        return Ok(None);
    }
    let counts = &common.counts;
    let sources = counts.feeds.iter().map(|feed| feed.name.clone()).collect();
    let writer = Writer::new(config.redis.clone(), sources)
        .map_err(|text| Failure::new(exit::CONFIG, text))?;
    let redis = Arc::clone(&counts.neighbours.redis);
    let links = Links {
        changes: Arc::new(ShardedFleet::new(common.vessels.clone())),
        writer: Box::new(writer),
        attempts: Attempts::new(redis, &config.breakers, Backoff::default()),
        counts: Arc::clone(counts),
        clock: common.clock.clone(),
        stopping: Arc::clone(&common.live_stopping),
    };
    let stage = Box::new(Live::new(links, &config.redis));
    let (spot, _) = parking();
    let call_max = CALLS_MAX * Duration::from_millis(config.redis.timeout_ms);
    Ok(Some(Plan { role: Role::Live, call_max, ..flow(stage, spot) }))
}

/// Has what is left written once, when nothing changes any more.
pub fn finish(engine: &mut Engine) {
    engine.live_stopping.store(true, Ordering::Release);
    let began = Instant::now();
    while engine.threads.running(Role::Live) > 0 && began.elapsed() < LAST_MAX {
        let _ = engine.threads.next_ended(LOOK_EVERY);
    }
    let waiting = engine.counts.live.waiting.get();
    if waiting > 0 {
        tracing::warn!(
            vessels = waiting,
            "the newest of these is not shown in Redis; aisd redis rebuild shows what is stored"
        );
    }
}
