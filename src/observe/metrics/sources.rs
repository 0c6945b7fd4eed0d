//! Metrics of feeds as sources: beside how much each brings, how good that is.

use super::list::{Metric, Points};
use super::seen::{Seen, float, signed};
use crate::observe::source_counts::{SourceCounts, score};
use crate::rows::flags;

const FEED: &[&str] = &["feed"];

/// Metrics of feeds as sources.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "ais_source_first_heard_total",
        FEED,
        "Messages that no feed had brought before.",
        |seen, out| each(seen, out, |source, _| float(source.first.get())),
    ),
    Metric::counter(
        "ais_source_own_repeats_total",
        FEED,
        "Messages that the feed had brought before itself.",
        |seen, out| each(seen, out, |source, _| float(source.own_repeats.get())),
    ),
    Metric::counter(
        "ais_source_positions_flagged_total",
        &["feed", "flag"],
        "Positions that are remarkable; they are stored.",
        |seen, out| {
            for feed in &seen.counts.feeds {
                for (at, (_, name)) in flags::JUDGED.iter().enumerate() {
                    out.put(&[&feed.name, name], float(feed.source.flagged.of(at).get()));
                }
            }
        },
    ),
    Metric::counter(
        "ais_source_delay_seconds_total",
        FEED,
        "Time from when messages were made to their receipt, where they tell it.",
        |seen, out| each(seen, out, |source, _| float(source.delay_us.get()) / 1e6),
    ),
    Metric::counter(
        "ais_source_timed_messages_total",
        FEED,
        "Messages that tell when they were made.",
        |seen, out| each(seen, out, |source, _| float(source.timed.get())),
    ),
    Metric::gauge("ais_source_weight", FEED, "How far it is believed, 0 to 1.", |seen, out| {
        each(seen, out, SourceCounts::weight);
    }),
    Metric::gauge(
        "ais_source_score",
        FEED,
        "What it is worth now, 0 to 1, for what it brought lately, how far it is believed and how much of that can be; 0 while it has brought nothing.",
        |seen, out| {
            for (feed, sums) in seen.feeds() {
                out.put(&[&feed.name], score(feed, sums, seen.now_us).unwrap_or(0.0));
            }
        },
    ),
    Metric::gauge(
        "ais_source_demoted",
        FEED,
        "Whether it is believed less for a while, for many errors or few values: 1 or 0.",
        |seen, out| each(seen, out, |source, now_us| truth(source.is_demoted(now_us))),
    ),
    Metric::counter(
        "ais_source_demotions_total",
        FEED,
        "Times that it began to be believed less.",
        |seen, out| each(seen, out, |source, _| float(source.demotions.get())),
    ),
    Metric::gauge(
        "ais_source_stuck",
        FEED,
        "Whether it brings only what it brought before: 1 or 0.",
        |seen, out| each(seen, out, |source, now_us| truth(source.is_stuck(now_us))),
    ),
];

fn each(seen: &Seen, out: &mut Points, value: fn(&SourceCounts, i64) -> f64) {
    for feed in &seen.counts.feeds {
        out.put(&[&feed.name], value(&feed.source, seen.now_us));
    }
}

fn truth(it: bool) -> f64 {
    signed(i64::from(it))
}
