//! The names that the deployment checklist asks for, there from the first scrape, also with nothing configured.

use super::list::{Kind, Metric, Point, PointValue, Points};
use super::seen::{Seen, float, signed};
use crate::observe::neighbours::Neighbour;

/// The checklist's metrics, and latency as a histogram beside its gauges.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "ais_messages_processed_total",
        &[],
        "Messages stored, of all feeds.",
        |seen, out| out.put(&[], float(seen.stored())),
    ),
    Metric::counter(
        "ais_messages_failed_redis_total",
        &[],
        "Vessels whose writing to Redis failed, counted at each attempt; they are tried again. 0 while no live sink is configured.",
        |seen, out| out.put(&[], float(seen.counts.live.failed_vessels.get())),
    ),
    Metric::counter(
        "ais_messages_failed_db_total",
        &[],
        "Rows given up to the dead letters. A commit that fails is tried again and not counted here.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.given_up.get())),
    ),
    Metric::gauge(
        "ais_latency_p50_ms",
        &[],
        "Median from receipt to commit over the last 60 seconds, in milliseconds. Not to be averaged over processes.",
        |seen, out| out.put(&[], seen.latency.minute.p50),
    ),
    Metric::gauge(
        "ais_latency_p95_ms",
        &[],
        "95th percentile from receipt to commit over the last 60 seconds, in milliseconds.",
        |seen, out| out.put(&[], seen.latency.minute.p95),
    ),
    Metric::gauge(
        "ais_latency_p99_ms",
        &[],
        "99th percentile from receipt to commit over the last 60 seconds, in milliseconds.",
        |seen, out| out.put(&[], seen.latency.minute.p99),
    ),
    Metric {
        name: "ais_ingest_latency_seconds",
        help: "From the kernel's receipt of a message to the commit that holds it.",
        kind: Kind::Histogram,
        labels: &["stage"],
        read: read_latency,
    },
    Metric::gauge("ais_dlq_size", &[], "Rows in the dead letters.", |seen, out| {
        out.put(&[], signed(seen.counts.dead_letters.rows.get()));
    }),
    Metric::gauge(
        "ais_dlq_limit_rows",
        &[],
        "Rows in the dead letters at which the store has to wait.",
        |seen, out| out.put(&[], signed(seen.counts.dead_letters.rows_max.get())),
    ),
    Metric::counter(
        "ais_dlq_refused_total",
        &[],
        "Rows that the dead letters had no room for; each is tried again.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.refused.get())),
    ),
    Metric::gauge("ais_active_connections", &[], "Connections of feeds open now.", |seen, out| {
        let open = seen.counts.feeds.iter().map(|feed| feed.connections.get()).sum();
        out.put(&[], signed(open));
    }),
    Metric::gauge(
        "circuit_breaker_state",
        &["name"],
        "Circuit breaker of a neighbour: 0 closed, 1 half-open, 2 open.",
        |seen, out| each_neighbour(seen, out, |it| f64::from(it.state().number())),
    ),
    Metric::counter(
        "circuit_breaker_trips_total",
        &["name"],
        "Times that the circuit breaker of a neighbour opened, also after a probe in vain.",
        |seen, out| each_neighbour(seen, out, |it| float(it.trips.get())),
    ),
    Metric::counter(
        "ais_neighbour_failures_total",
        &["name"],
        "Attempts at a neighbour that failed.",
        |seen, out| each_neighbour(seen, out, |it| float(it.failures.get())),
    ),
];

fn each_neighbour(seen: &Seen, out: &mut Points, value: fn(&Neighbour) -> f64) {
    for neighbour in seen.counts.neighbours.all() {
        out.put(&[neighbour.name()], value(neighbour));
    }
}

fn read_latency(seen: &Seen, out: &mut Points) {
    let value = PointValue::Buckets { counts: seen.latency.buckets, sum_us: seen.latency.sum_us };
    out.0.push(Point { labels: vec!["total".to_owned()], value });
}
