//! Metrics of feeds: the terms of the sum that must come out, and what else is known of each.

use super::list::{Metric, Points};
use super::seen::{Seen, float, seconds, signed};
use crate::observe::accounting::Sums;
use crate::observe::counts::FeedCounts;
use crate::reject::{Dropped, Filtered, Reject};

const FEED: &[&str] = &["feed"];
const FEED_REASON: &[&str] = &["feed", "reason"];

/// Metrics of feeds.
pub const METRICS: &[Metric] = &[
    Metric::counter("ais_messages_received_total", FEED, "Messages received.", |seen, out| {
        each_sum(seen, out, |sums| sums.received);
    }),
    Metric::counter(
        "ais_messages_recovered_total",
        FEED,
        "Messages that a start found undecided in the journal, or in the dead letters.",
        |seen, out| each_sum(seen, out, |sums| sums.recovered),
    ),
    Metric::counter("ais_messages_stored_total", FEED, "Messages stored.", |seen, out| {
        each_sum(seen, out, |sums| sums.stored);
    }),
    Metric::counter(
        "ais_messages_repeated_total",
        FEED,
        "Messages heard before within the dedup window, not stored again.",
        |seen, out| each_sum(seen, out, |sums| sums.repeats),
    ),
    Metric::counter(
        "ais_messages_rejected_total",
        FEED_REASON,
        "Messages refused.",
        |seen, out| {
            each_reason(seen, out, Reject::ALL, |reason| reason.label(), |sums| &sums.rejected);
        },
    ),
    Metric::counter(
        "ais_messages_filtered_total",
        FEED_REASON,
        "Good messages left out on purpose.",
        |seen, out| {
            each_reason(seen, out, Filtered::ALL, |reason| reason.label(), |sums| &sums.filtered);
        },
    ),
    Metric::counter(
        "ais_messages_dropped_total",
        FEED_REASON,
        "Messages lost for want of room, or by damage to the journal.",
        |seen, out| {
            each_reason(seen, out, Dropped::ALL, |reason| reason.label(), |sums| &sums.dropped);
        },
    ),
    Metric::gauge(
        "ais_messages_undelivered",
        FEED,
        "Messages that lie in the dead letters.",
        |seen, out| each_sum(seen, out, |sums| sums.undelivered),
    ),
    Metric::gauge(
        "ais_messages_in_flight",
        FEED,
        "Messages received and not yet decided.",
        |seen, out| each_sum(seen, out, Sums::in_flight),
    ),
    Metric::gauge(
        "ais_accounting_imbalance",
        &[],
        "Messages that left without having come; anything but 0 is a fault in the counting.",
        |seen, out| out.put(&[], float(seen.imbalance())),
    ),
    Metric::counter("ais_feed_lines_ignored_total", FEED, "Lines that are no AIS.", |seen, out| {
        each(seen, out, |feed| float(feed.ignored.get()));
    }),
    Metric::counter(
        "ais_feed_fragments_expired_total",
        FEED,
        "Parts of messages that found no partner in time, or lost their place to newer ones.",
        |seen, out| each(seen, out, |feed| float(feed.fragments_expired.get())),
    ),
    Metric::counter(
        "ais_feed_tag_blocks_ignored_total",
        FEED,
        "Tag blocks left out because their checksum is wrong.",
        |seen, out| each(seen, out, |feed| float(feed.tag_blocks_ignored.get())),
    ),
    Metric::counter(
        "ais_feed_dollar_sentences_total",
        FEED,
        "Sentences that begin with a dollar sign.",
        |seen, out| each(seen, out, |feed| float(feed.dollar_sentences.get())),
    ),
    Metric::counter("ais_feed_received_bytes_total", FEED, "Bytes read.", |seen, out| {
        each(seen, out, |feed| float(feed.bytes.get()));
    }),
    Metric::gauge(
        "ais_feed_expected_bytes",
        FEED,
        "Bytes of the feed's file, as it lies on the disk; 0 when it has none.",
        |seen, out| each(seen, out, |feed| signed(feed.bytes_expected.get())),
    ),
    Metric::gauge(
        "ais_feed_file_read_bytes",
        FEED,
        "Bytes of the feed's file, as it lies on the disk, that are read.",
        |seen, out| each(seen, out, |feed| signed(feed.file_read.get())),
    ),
    Metric::counter(
        "ais_feed_archives_damaged_total",
        FEED,
        "Archives that are cut off or damaged; what was whole before that is kept.",
        |seen, out| each(seen, out, |feed| float(feed.damaged.get())),
    ),
    Metric::counter(
        "ais_feed_kernel_drops_total",
        FEED,
        "Datagrams that the kernel dropped for want of receive buffer.",
        |seen, out| each(seen, out, |feed| float(feed.kernel_drops.get())),
    ),
    Metric::gauge(
        "ais_feed_receive_buffer_bytes",
        FEED,
        "Receive buffer that the kernel granted.",
        |seen, out| each(seen, out, |feed| signed(feed.receive_buffer_bytes.get())),
    ),
    Metric::gauge("ais_feed_connections", FEED, "Connections open now.", |seen, out| {
        each(seen, out, |feed| signed(feed.connections.get()));
    }),
    Metric::counter("ais_feed_connections_opened_total", FEED, "Connections made.", |seen, out| {
        each(seen, out, |feed| float(feed.connections_total.get()));
    }),
    Metric::counter(
        "ais_feed_connections_refused_total",
        FEED,
        "Connections refused at the bound.",
        |seen, out| each(seen, out, |feed| float(feed.connections_refused.get())),
    ),
    Metric::counter(
        "ais_feed_connections_crowded_total",
        FEED,
        "Connections refused because their address has its part of the places already.",
        |seen, out| each(seen, out, |feed| float(feed.connections_crowded.get())),
    ),
    Metric::counter(
        "ais_feed_connections_silent_total",
        FEED,
        "Connections closed because they were silent for too long.",
        |seen, out| each(seen, out, |feed| float(feed.connections_idle.get())),
    ),
    Metric::counter(
        "ais_feed_connect_failures_total",
        FEED,
        "Attempts to connect that failed.",
        |seen, out| each(seen, out, |feed| float(feed.connect_failures.get())),
    ),
    Metric::gauge(
        "ais_feed_last_message_timestamp_seconds",
        FEED,
        "When the last message came, seconds since 1970; 0 for never.",
        |seen, out| each(seen, out, |feed| seconds(feed.last_message_us.get())),
    ),
];

fn each(seen: &Seen, out: &mut Points, value: fn(&FeedCounts) -> f64) {
    for feed in &seen.counts.feeds {
        out.put(&[&feed.name], value(feed));
    }
}

fn each_sum(seen: &Seen, out: &mut Points, value: fn(&Sums) -> u64) {
    for (feed, sums) in seen.feeds() {
        out.put(&[&feed.name], float(value(sums)));
    }
}

/// Every reason is shown, also at 0: a vector without children exports nothing.
fn each_reason<R: Copy, const N: usize>(
    seen: &Seen,
    out: &mut Points,
    reasons: &[R],
    label: fn(R) -> &'static str,
    counts: fn(&Sums) -> &[u64; N],
) {
    for (feed, sums) in seen.feeds() {
        for (reason, count) in reasons.iter().zip(counts(sums)) {
            out.put(&[&feed.name, label(*reason)], float(*count));
        }
    }
}
