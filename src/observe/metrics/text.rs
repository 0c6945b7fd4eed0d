//! Prometheus text, encoded by the `prometheus` crate from families that are made when somebody asks.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric as Sample};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

use super::list::{self, Kind, Metric, Point, PointValue, Points};
use super::seen::{Seen, float};
use crate::observe::latency::BUCKETS_US;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric that has a value, in the order of the list.
#[must_use]
pub fn to_text(seen: &Seen) -> Vec<u8> {
    let families: Vec<MetricFamily> =
        list::all().filter_map(|metric| family(metric, seen)).collect();
    let mut text = Vec::with_capacity(32 * 1024);
    if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
        // Only a family without a name or a value is refused, and there is none.
        tracing::error!("encode metrics: {error}");
    }
    text
}

fn family(metric: &Metric, seen: &Seen) -> Option<MetricFamily> {
    let mut points = Points::default();
    (metric.read)(seen, &mut points);
    if points.0.is_empty() {
        return None;
    }
    let mut family = MetricFamily::default();
    family.set_name(metric.name.to_owned());
    family.set_help(metric.help.to_owned());
    family.set_field_type(match metric.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    let samples: Vec<Sample> = points.0.iter().map(|point| sample(metric, point)).collect();
    family.set_metric(samples);
    Some(family)
}

fn sample(metric: &Metric, point: &Point) -> Sample {
    let pair = |(name, value): (&&str, &String)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value.clone());
        pair
    };
    let labels: Vec<LabelPair> = metric.labels.iter().zip(&point.labels).map(pair).collect();
    let mut sample = Sample::from_label(labels);
    match (&point.value, metric.kind) {
        (PointValue::Buckets { counts, sum_us }, _) => {
            sample.set_histogram(histogram(counts, *sum_us));
        }
        (PointValue::Number(value), Kind::Counter) => {
            let mut counter = Counter::default();
            counter.set_value(*value);
            sample.set_counter(counter);
        }
        (PointValue::Number(value), _) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*value);
            sample.set_gauge(gauge);
        }
    }
    sample
}

fn histogram(counts: &[u64; BUCKETS_US.len() + 1], sum_us: u64) -> Histogram {
    let mut below = 0;
    let bucket = |(bound_us, count): (&u64, &u64)| {
        below += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(float(*bound_us) / 1e6);
        bucket.set_cumulative_count(below);
        bucket
    };
    let buckets: Vec<Bucket> = BUCKETS_US.iter().zip(counts).map(bucket).collect();
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(counts.iter().sum());
    histogram.set_sample_sum(float(sum_us) / 1e6);
    histogram
}
