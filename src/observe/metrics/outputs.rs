//! Metrics of outputs: what was heard for each, and what became of it.

use super::list::{Metric, Points};
use super::seen::{Seen, float, signed};
use crate::observe::counts::OutputCounts;

const OUTPUT: &[&str] = &["output"];
const OUTPUT_REASON: &[&str] = &["output", "reason"];

/// Metrics of outputs.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "ais_output_messages_heard_total",
        OUTPUT,
        "Messages that could be sent on: no repeats, not of recordings.",
        |seen, out| each(seen, out, |output| float(output.heard.get())),
    ),
    Metric::counter(
        "ais_output_sentences_sent_total",
        OUTPUT,
        "Sentences sent on.",
        |seen, out| {
            each(seen, out, |output| float(output.sent.get()));
        },
    ),
    Metric::counter("ais_output_bytes_sent_total", OUTPUT, "Bytes sent on.", |seen, out| {
        each(seen, out, |output| float(output.bytes.get()));
    }),
    Metric::counter(
        "ais_output_messages_filtered_total",
        OUTPUT_REASON,
        "Messages that an output's filters do not want, or that it has had from another feed.",
        |seen, out| {
            for output in &seen.counts.outputs {
                for (reason, count) in output.left_out() {
                    out.put(&[&output.name, reason], float(count.get()));
                }
            }
        },
    ),
    Metric::counter(
        "ais_output_messages_dropped_total",
        OUTPUT_REASON,
        "Messages not sent on: the output's queue was full, they were more than ten seconds old, or their connection broke.",
        |seen, out| {
            for output in &seen.counts.outputs {
                for (reason, count) in output.dropped() {
                    out.put(&[&output.name, reason], float(count.get()));
                }
            }
        },
    ),
    Metric::gauge(
        "ais_output_messages_waiting",
        OUTPUT,
        "Messages that wait to be sent on.",
        |seen, out| each(seen, out, |output| signed(output.waiting.get())),
    ),
    Metric::gauge(
        "ais_output_connected",
        OUTPUT,
        "Whether the output has a connection, or over UDP a socket.",
        |seen, out| each(seen, out, |output| signed(output.connected.get())),
    ),
    Metric::counter(
        "ais_output_connections_total",
        OUTPUT,
        "Connections that the output has made.",
        |seen, out| each(seen, out, |output| float(output.connections.get())),
    ),
];

fn each(seen: &Seen, out: &mut Points, read: fn(&OutputCounts) -> f64) {
    for output in &seen.counts.outputs {
        out.put(&[&output.name], read(output));
    }
}
