//! Metrics of the dead letters, beside those that the checklist asks for.

use super::list::Metric;
use super::seen::{float, signed};

/// Metrics of the dead letters.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "ais_dlq_dead",
        &[],
        "Rows in the dead letters that are not tried again by themselves.",
        |seen, out| out.put(&[], signed(seen.counts.dead_letters.dead.get())),
    ),
    Metric::counter(
        "ais_dlq_retried_total",
        &[],
        "Rows of the dead letters sent to the store again, counted at each try.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.retried.get())),
    ),
    Metric::counter(
        "ais_dlq_delivered_total",
        &[],
        "Rows of the dead letters that the store has taken after all.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.delivered.get())),
    ),
    Metric::counter(
        "ais_dlq_died_total",
        &[],
        "Rows of the dead letters that have used up their tries.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.died.get())),
    ),
    Metric::counter(
        "ais_dlq_cleared_total",
        &[],
        "Rows of the dead letters that somebody cleared away.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.cleared.get())),
    ),
    Metric::counter(
        "ais_dlq_dropped_total",
        &[],
        "Rows of the dead letters that gave way to newer ones at the bound.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.dropped.get())),
    ),
    Metric::counter(
        "ais_dlq_quarantined_total",
        &[],
        "Files of dead letters that were damaged and put aside.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.quarantined.get())),
    ),
    Metric::counter(
        "ais_dlq_retry_seconds_total",
        &[],
        "Time that writers spent in trying dead letters again.",
        |seen, out| out.put(&[], float(seen.counts.dead_letters.retry_us.get()) / 1e6),
    ),
];
