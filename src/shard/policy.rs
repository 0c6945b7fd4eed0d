//! What the operator wants of the shards beyond thresholds: what is stored and shown, what is thinned out, how far sources are believed.

use super::audience::Audiences;
use super::plausibility::metres_between;
use super::said::Said;
use super::weight::Weight;
use crate::clock::SECOND_US;
use crate::config::{Config, FusionConfig, ThinningConfig};
use crate::filter::{Filter, Sinks};
use crate::reject::Filtered;
use crate::report::Place;

/// What a shard is told of that, the same for all.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What is stored.
    pub store: Filter,
    /// What is known of vessels and shown.
    pub live: Filter,
    /// Who wants what which feed brings: these two, and the outputs.
    pub audiences: Audiences,
    /// Which positions are not stored, if any.
    pub thinning: Option<Thinning>,
    /// How far each feed is believed, by its number.
    pub weights: Vec<Weight>,
    /// For how long what a vessel told goes on to hold, microseconds.
    pub window_us: i64,
}

impl Policy {
    /// Of a configuration, with the names of all feeds and their kinds by number.
    #[must_use]
    pub fn new(config: &Config, names: &[String], kinds: &[String]) -> Self {
        let fusion = &config.fusion;
        let kinds = kinds.iter().map(String::as_str).chain(std::iter::repeat(""));
        let weight = |(name, kind): (&String, &str)| Weight::new(fusion.weight(name, kind));
        let filter = |wanted| Filter::new(wanted, names);
        let (store, live) = (filter(&config.store_filter), filter(&config.live_filter));
        let outputs: Vec<_> = config.outputs.iter().map(|output| filter(&output.filter)).collect();
        let mut sinks = vec![(Sinks::STORE, &store), (Sinks::LIVE, &live)];
        sinks.extend(outputs.iter().enumerate().map(|(at, it)| (Sinks::output(at), it)));
        let audiences = Audiences::new(&sinks);
        Self {
            store,
            live,
            audiences,
            thinning: Thinning::new(&config.thinning),
            weights: names.iter().zip(kinds).map(weight).collect(),
            window_us: seconds_us(fusion.window_seconds),
        }
    }

    /// How far this feed is believed.
    #[must_use]
    pub fn weight(&self, feed: u8) -> Weight {
        self.weights.get(usize::from(feed)).copied().unwrap_or_default()
    }
}

impl Default for Policy {
    /// Everything is stored and shown, and all sources are believed alike.
    fn default() -> Self {
        let (store, live, weights) = (Filter::default(), Filter::default(), Vec::new());
        let window_us = seconds_us(FusionConfig::default().window_seconds);
        let audiences = Audiences::default();
        Self { store, live, audiences, thinning: None, weights, window_us }
    }
}

fn seconds_us(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / SECOND_US).saturating_mul(SECOND_US)
}

/// Who does not want a message, and why.
pub struct Wanted {
    /// Why it is not to be stored.
    pub unstored: Option<Unwanted>,
    /// Why it is not to be shown.
    pub unshown: Option<Unwanted>,
}

/// Why a sink does not want a message.
#[derive(Clone, Copy)]
pub enum Unwanted {
    /// Its filter says so.
    Filtered(Filtered),
    /// It has had it from another source.
    Had,
}

impl Wanted {
    /// The verdict of both filters on a message of this feed that is new to these.
    pub fn by(policy: &Policy, said: &Said<'_>, (feed, new_to): (u8, Sinks)) -> Self {
        let (store, live) = (Sinks::STORE, Sinks::LIVE);
        let is_new = store.and(live).but(new_to) == Sinks::NONE;
        if is_new && policy.store.is_open() && policy.live.is_open() {
            return Self { unstored: None, unshown: None };
        }
        let traits = said.traits(feed);
        let judge = |filter: &Filter, sink| {
            let had = (!new_to.has(sink)).then_some(Unwanted::Had);
            filter.judge(&traits).map(Unwanted::Filtered).or(had)
        };
        Self { unstored: judge(&policy.store, store), unshown: judge(&policy.live, live) }
    }
}

/// Positions that are near to the last stored one of their vessel, in place and in time.
#[derive(Clone, Copy, Debug)]
pub struct Thinning {
    distance_m: f64,
    interval_us: i64,
}

impl Thinning {
    /// None unless it is wanted.
    #[must_use]
    pub fn new(config: &ThinningConfig) -> Option<Self> {
        let interval_us = seconds_us(config.max_interval_seconds);
        config.enabled.then_some(Self { distance_m: config.min_distance_m, interval_us })
    }

    /// Whether a position here and then says little more than the last stored one.
    #[must_use]
    pub fn leaves_out(&self, (here, now_us): (Place, i64), stored: (Place, i64)) -> bool {
        let (there, then_us) = stored;
        now_us.abs_diff(then_us) < self.interval_us.unsigned_abs()
            && metres_between(here, there) < self.distance_m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_in_place_and_time_is_left_out() {
        let config =
            ThinningConfig { enabled: true, min_distance_m: 1852.0, max_interval_seconds: 600 };
        let thinning = Thinning::new(&config).unwrap();
        // So many hundredths of a nautical mile north.
        let at = |north: i32| Place::new(2_400_000, 31_200_000 + north * 100).unwrap();
        let check = |north, after_s: i64, expected| {
            let (here, stored) = ((at(north), after_s * SECOND_US), (at(0), 0));
            assert_eq!(thinning.leaves_out(here, stored), expected, "{north} {after_s}");
        };
        check(0, 0, true);
        check(99, 599, true);
        check(-99, -599, true);
        check(101, 1, false);
        check(0, 600, false);
        check(0, -600, false);
        assert!(Thinning::new(&ThinningConfig::default()).is_none());
    }
}
