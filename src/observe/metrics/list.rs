//! The one list of metrics: name, help, type, labels, and where the value comes from.
//!
//! Counters end in `_total`, units are base units, labels come from closed sets and never hold an MMSI. The `_ms` gauges are names of the
//! backend that aisd replaces; each has a conventional twin.

use super::seen::Seen;
use super::{checklist, engine, feeds, letters, live, machine, outputs, sources};
use crate::observe::latency::BUCKETS_US;

/// What kind of value a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// One metric.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it says, for people.
    pub help: &'static str,
    /// What kind of value it has.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Adds its values.
    pub read: fn(&Seen, &mut Points),
}

impl Metric {
    /// A counter.
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&Seen, &mut Points),
    ) -> Self {
        Self { name, help, kind: Kind::Counter, labels, read }
    }

    /// A gauge.
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        read: fn(&Seen, &mut Points),
    ) -> Self {
        Self { name, help, kind: Kind::Gauge, labels, read }
    }
}

/// The values of one metric.
#[derive(Default)]
pub struct Points(pub Vec<Point>);

/// One value.
pub struct Point {
    /// Label values, in the order of the metric's label names.
    pub labels: Vec<String>,
    /// The value.
    pub value: PointValue,
}

/// A number, or the counts of a histogram.
pub enum PointValue {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram whose bounds are [`BUCKETS_US`].
    Buckets {
        /// Each bucket alone, the last without a bound.
        counts: [u64; BUCKETS_US.len() + 1],
        /// Microseconds together.
        sum_us: u64,
    },
}

impl Points {
    /// Adds a number under these label values.
    pub fn put(&mut self, labels: &[&str], value: f64) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.push(Point { labels, value: PointValue::Number(value) });
    }
}

/// Every metric.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    let parts = [checklist::METRICS, feeds::METRICS, engine::METRICS];
    let more =
        [sources::METRICS, letters::METRICS, live::METRICS, outputs::METRICS, machine::METRICS];
    parts.into_iter().chain(more).flatten()
}
