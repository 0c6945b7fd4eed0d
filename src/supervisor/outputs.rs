//! Joins outputs to the shards, where some are configured and what is heard is live.

use std::sync::Arc;
use std::time::Duration;

use super::Mode;
use super::build::{Common, flow};
use super::threads::{Plan, Role};
use crate::config::Config;
use crate::forward::{Forward, Links};
use crate::heard::{Hearer, Telling};
use crate::observe::counts::OutputCounts;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::stage::parking;

/// Batches that may wait for one output; messages have a bound of their own.
const QUEUE: usize = 4096;
/// The shortest and the longest wait between two attempts.
const WAIT_SHORTEST: Duration = Duration::from_millis(500);
const WAIT_LONGEST: Duration = Duration::from_secs(30);
/// A name is looked up in the system's own time.
const CALL_MAX: Duration = Duration::from_secs(30);

/// The configuration for what the engine is run for: a recording that is replayed is not sent on.
#[must_use]
pub fn configured(config: Config, mode: Mode) -> Config {
    if mode == Mode::Serve || config.outputs.is_empty() {
        return config;
    }
    tracing::info!("a replay is not live: nothing is sent on");
    Config { outputs: Vec::new(), ..config }
}

/// The counters of each.
pub fn counts(config: &Config) -> Vec<OutputCounts> {
    let named = |name: Option<&str>| OutputCounts {
        name: name.unwrap_or_default().to_owned(),
        ..OutputCounts::default()
    };
    config.outputs.iter().map(|output| named(output.name.as_deref())).collect()
}

/// The stages of the outputs, and the queues to them; the feeds have these names by their numbers.
pub fn plan(config: &Config, common: &Common, feeds: &[String]) -> (Vec<Plan>, Vec<Hearer>) {
    let one = |(at, output): (usize, &crate::config::OutputConfig)| {
        let (spot, waker) = parking();
        let (outlet, inlet) = crate::queue::bounded(QUEUE, &waker);
        let backoff = Backoff::new(WAIT_SHORTEST, WAIT_LONGEST);
        let neighbour = Arc::clone(&common.counts.neighbours.outputs[at]);
        let links = Links {
            inlet,
            at,
            attempts: Attempts::new(neighbour, &config.breakers, backoff),
            counts: Arc::clone(&common.counts),
            clock: common.clock.clone(),
            stopping: Arc::clone(&common.live_stopping),
        };
        let stage = Box::new(Forward::new(links, output, feeds));
        let plan = Plan { role: Role::Live, call_max: CALL_MAX, ..flow(stage, spot) };
        (plan, Hearer { outlet, at, waiting_max: i64::from(output.waiting_max) })
    };
    config.outputs.iter().enumerate().map(one).unzip()
}

/// What a shard tells them; nothing where there are none.
pub fn telling(hearers: &[Hearer], common: &Common, from_seq: u64) -> Option<Telling> {
    let counts = Arc::clone(&common.counts);
    (!hearers.is_empty()).then(|| Telling::new(hearers.to_vec(), counts, from_seq))
}
