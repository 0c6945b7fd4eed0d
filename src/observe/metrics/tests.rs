//! Facts about the list of metrics and both of its forms.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::list::{Kind, all};
use super::{Sources, summary, to_json, to_text};
use crate::clock::Clock;
use crate::config::BreakerConfig;
use crate::observe::counts::{Counts, FeedCounts, OutputCounts, ShardCounts, StageCounts};
use crate::observe::latency::Latency;
use crate::observe::process::ProcessWatch;
use crate::observe::status::{State, Status};
use crate::reject::Reject;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;

const START_US: i64 = 1_700_000_000_000_000;

fn sources(counts: Counts) -> Sources {
    Sources {
        counts: Arc::new(counts),
        latency: Arc::new(Mutex::new(Latency::default())),
        stages: vec![Arc::new(StageCounts::new("shard-0"))],
        status: Arc::new(Status::new(START_US)),
        clock: Clock::manual(START_US + 2_500_000),
        process: ProcessWatch::default(),
    }
}

fn one_feed() -> Counts {
    let feed =
        FeedCounts { name: "udp".to_owned(), kind: "udp".to_owned(), ..FeedCounts::default() };
    let (shards, outputs) = (vec![ShardCounts::default()], vec![OutputCounts::default()]);
    Counts { feeds: vec![feed], shards, outputs, ..Counts::default() }
}

fn text(sources: &Sources) -> String {
    String::from_utf8(to_text(&sources.look())).unwrap()
}

#[test]
fn no_two_metrics_share_a_name_and_each_has_help() {
    let mut names = BTreeSet::new();
    for metric in all() {
        assert!(names.insert(metric.name), "{} is there twice", metric.name);
        assert!(metric.help.ends_with('.') && metric.help.len() > 5, "{}", metric.name);
        assert_eq!(
            metric.kind == Kind::Counter,
            metric.name.ends_with("_total"),
            "{}",
            metric.name
        );
        assert!(!metric.labels.contains(&"mmsi"), "{}", metric.name);
    }
}

#[test]
fn every_metric_gives_as_many_label_values_as_it_has_names() {
    let seen = sources(one_feed()).look();
    for metric in all() {
        let mut points = super::list::Points::default();
        (metric.read)(&seen, &mut points);
        for point in points.0 {
            assert_eq!(point.labels.len(), metric.labels.len(), "{}", metric.name);
        }
    }
}

#[test]
fn the_checklist_finds_its_names_with_nothing_configured() {
    let text = text(&sources(Counts::default()));
    for line in [
        "ais_messages_processed_total 0",
        "ais_messages_failed_redis_total 0",
        "ais_messages_failed_db_total 0",
        "ais_latency_p50_ms 0",
        "ais_latency_p95_ms 0",
        "ais_latency_p99_ms 0",
        "ais_dlq_size 0",
        "ais_active_connections 0",
        "circuit_breaker_state{name=\"sqlite\"} 0",
        "circuit_breaker_trips_total{name=\"sqlite\"} 0",
        "circuit_breaker_state{name=\"redis\"} 0",
        "circuit_breaker_trips_total{name=\"redis\"} 0",
        "ais_cache_hits_total 0",
        "ais_ingest_latency_seconds_bucket{stage=\"total\",le=\"0.03\"} 0",
        "ais_ingest_latency_seconds_count{stage=\"total\"} 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "no line `{line}`");
    }
}

#[test]
fn every_metric_and_every_reason_is_there_from_the_first_scrape() {
    let text = text(&sources(one_feed()));
    // A thread that is not running has no processor time yet.
    for metric in all().filter(|metric| metric.name != "ais_thread_cpu_seconds_total") {
        assert!(text.contains(&format!("# TYPE {} ", metric.name)), "{}", metric.name);
    }
    for reason in Reject::ALL {
        let line =
            format!("ais_messages_rejected_total{{feed=\"udp\",reason=\"{}\"}} 0", reason.label());
        assert!(text.contains(&line), "{line}");
    }
}

#[test]
fn what_is_counted_is_shown_in_both_forms() {
    let sources = sources(one_feed());
    let feed = &sources.counts.feeds[0];
    feed.received.add(10);
    feed.rejected.of(Reject::Checksum as usize).add(3);
    feed.stored.add(5);
    sources.counts.shards[0].unstored_us.set(START_US + 1_000_000);
    sources.latency.lock().record(30_000, 4);
    sources.latency.lock().record(30_001, 1);
    sources.status.set(State::Ready);
    let text = text(&sources);
    for line in [
        "ais_messages_processed_total 5",
        "ais_messages_in_flight{feed=\"udp\"} 2",
        "ais_messages_rejected_total{feed=\"udp\",reason=\"checksum\"} 3",
        "ais_ingest_latency_seconds_bucket{stage=\"total\",le=\"0.03\"} 4",
        "ais_ingest_latency_seconds_bucket{stage=\"total\",le=\"0.05\"} 5",
        "ais_ingest_latency_seconds_sum{stage=\"total\"} 0.150001",
        "ais_oldest_unstored_seconds 1.5",
        "ais_ready 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "no line `{line}`");
    }
    let json = to_json(&sources.look());
    assert_eq!(json["uptime_seconds"], 2.5);
    assert_eq!(json["state"], "ready");
    assert_eq!(json["feeds"]["udp"]["in_flight"], 2);
    assert_eq!(json["feeds"]["udp"]["rejected"]["checksum"], 3);
    assert_eq!(json["latency_ms"]["start"]["count"], 5);
    assert_eq!(json["accounting"]["imbalance"], 0);
    assert!(json["memory"]["rss_peak_bytes"].as_u64() > Some(0));
    assert_eq!(summary(&sources.look())["processed"], 5);
}

#[test]
fn the_breaker_of_a_neighbour_is_shown_as_it_is() {
    let sources = sources(Counts::default());
    let limits = BreakerConfig { failures_to_open: 2, ..BreakerConfig::default() };
    let redis = Arc::clone(&sources.counts.neighbours.redis);
    let mut attempts = Attempts::new(redis, &limits, Backoff::default());
    let shows = |lines: [&str; 3], label: &str| {
        let text = text(&sources);
        for line in lines {
            assert!(text.lines().any(|shown| shown == line), "no line `{line}`");
        }
        assert_eq!(summary(&sources.look())["circuit_breakers"]["redis"], label);
    };
    attempts.failed("connect to redis at cache:6379: connection refused");
    shows(
        [
            "circuit_breaker_state{name=\"redis\"} 0",
            "circuit_breaker_trips_total{name=\"redis\"} 0",
            "ais_neighbour_failures_total{name=\"redis\"} 1",
        ],
        "closed",
    );
    attempts.failed("connect to redis at cache:6379: connection refused");
    shows(
        [
            "circuit_breaker_state{name=\"redis\"} 2",
            "circuit_breaker_trips_total{name=\"redis\"} 1",
            "ais_neighbour_failures_total{name=\"redis\"} 2",
        ],
        "open",
    );
    let json = &to_json(&sources.look())["neighbours"]["redis"];
    assert_eq!((json["breaker"].as_str(), json["trips"].as_u64()), (Some("open"), Some(1)));
    assert!(json["trouble"].as_str().unwrap().contains("refused (attempt 2, next in "), "{json}");
}

#[test]
fn a_reset_answers_the_window_until_then() {
    let sources = sources(one_feed());
    sources.latency.lock().record(1000, 7);
    let until_then = to_json(&sources.look_and_reset_window());
    assert_eq!(until_then["latency_ms"]["window"]["count"], 7);
    let after = to_json(&sources.look());
    assert_eq!(after["latency_ms"]["window"]["count"], 0);
    assert_eq!(after["latency_ms"]["start"]["count"], 7);
}
