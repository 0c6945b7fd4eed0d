//! Metrics of the live picture in Redis.

use super::list::Metric;
use super::seen::{float, signed};
use crate::reject::Filtered;

/// Metrics of the live picture in Redis.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "ais_live_vessels_written_total",
        &[],
        "Vessels written to Redis; one that changes often between two writings is written once.",
        |seen, out| out.put(&[], float(seen.counts.live.written.get())),
    ),
    Metric::counter("ais_live_flushes_total", &[], "Writings to Redis done.", |seen, out| {
        out.put(&[], float(seen.counts.live.flushes.get()));
    }),
    Metric::counter(
        "ais_live_flush_seconds_total",
        &[],
        "Time spent in writing to Redis, attempts that failed included.",
        |seen, out| out.put(&[], float(seen.counts.live.flush_us.get()) / 1e6),
    ),
    Metric::counter(
        "ais_live_failures_total",
        &[],
        "Attempts to write to Redis that failed and were made again.",
        |seen, out| out.put(&[], float(seen.counts.live.failures.get())),
    ),
    Metric::gauge(
        "ais_live_vessels_waiting",
        &[],
        "Vessels that changed and are not written to Redis yet.",
        |seen, out| out.put(&[], signed(seen.counts.live.waiting.get())),
    ),
    Metric::counter(
        "ais_live_evicted_total",
        &[],
        "Vessels put out of the cache before their last change was written to Redis.",
        |seen, out| out.put(&[], float(seen.counts.live.evicted.get())),
    ),
    Metric::counter(
        "ais_live_older_refused_total",
        &[],
        "Positions not written to Redis because a newer one of their vessel was there.",
        |seen, out| out.put(&[], float(seen.counts.live.refused.get())),
    ),
    Metric::counter(
        "ais_live_messages_filtered_total",
        &["reason"],
        "Messages that the live picture is not to have.",
        |seen, out| {
            for reason in Filtered::BY_WISH {
                let count = seen.counts.live.filtered.of(*reason as usize).get();
                out.put(&[reason.label()], float(count));
            }
        },
    ),
];
