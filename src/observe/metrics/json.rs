//! The same as JSON, with exact quantiles since the start, for a client's window and over the last minute.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::seen::Seen;
use crate::observe::accounting::Sums;
use crate::observe::counts::{Counter, FeedCounts, OutputCounts, ShardCounts, StageCounts};
use crate::observe::latency::Quantiles;
use crate::observe::log;
use crate::observe::neighbours::Neighbour;
use crate::observe::source_counts::score;
use crate::reject::{Dropped, Filtered, Reject};
use crate::rows::flags;

/// Everything, for programs that measure.
#[must_use]
pub fn to_json(seen: &Seen) -> Value {
    json!({
        "name": "aisd",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": seen.uptime_seconds(),
        "state": seen.state.label(),
        "latency_ms": {
            "start": quantiles(&seen.latency.start),
            "window": quantiles(&seen.latency.window),
            "minute": quantiles(&seen.latency.minute),
        },
        "memory": {
            "rss_bytes": seen.process.rss_bytes,
            "rss_peak_bytes": seen.process.rss_peak_bytes,
            "rss_peak_window_bytes": seen.process.rss_peak_window_bytes,
        },
        "cpu_seconds": seen.process.cpu_seconds,
        "clock_steps": seen.counts.clock_steps.get(),
        "config_reloads": {
            "applied": seen.counts.reloads.applied.get(),
            "unchanged": seen.counts.reloads.unchanged.get(),
            "refused": seen.counts.reloads.refused.get(),
        },
        "log_lines": log::lines().map(|(level, count)| (level.to_owned(), json!(count))).into_iter()
            .collect::<Map<_, _>>(),
        "feeds": seen.feeds()
            .map(|(counts, sums)| (counts.name.clone(), feed(counts, sums, seen.now_us)))
            .collect::<Map<_, _>>(),
        "shards": seen.counts.shards.iter().map(shard).collect::<Vec<_>>(),
        "journal": journal(seen),
        "store": store(seen),
        "dead_letters": {
            "rows": seen.counts.dead_letters.rows.get(),
            "rows_max": seen.counts.dead_letters.rows_max.get(),
            "dead": seen.counts.dead_letters.dead.get(),
            "given_up": seen.counts.dead_letters.given_up.get(),
            "refused": seen.counts.dead_letters.refused.get(),
            "retried": seen.counts.dead_letters.retried.get(),
            "delivered": seen.counts.dead_letters.delivered.get(),
            "died": seen.counts.dead_letters.died.get(),
            "cleared": seen.counts.dead_letters.cleared.get(),
            "dropped": seen.counts.dead_letters.dropped.get(),
            "quarantined": seen.counts.dead_letters.quarantined.get(),
            "retry_us": seen.counts.dead_letters.retry_us.get(),
        },
        "neighbours": each_neighbour(seen, neighbour),
        "live": live(seen),
        "outputs": outputs(seen),
        "http": {
            "requests": seen.counts.http.requests.get(),
            "refused": seen.counts.http.refused.get(),
            "connections": seen.counts.http.connections.get(),
        },
        "accounting": { "imbalance": seen.imbalance(), "in_flight": seen.in_flight() },
        "threads": seen.stages.iter().map(|stage| thread(seen, stage)).collect::<Vec<_>>(),
    })
}

/// The few numbers that the deployment checklist looks at.
#[must_use]
pub fn summary(seen: &Seen) -> Value {
    let rejected: u64 = seen.sums.iter().map(|sums| sums.rejected.iter().sum::<u64>()).sum();
    let received: u64 = seen.sums.iter().map(|sums| sums.received).sum();
    json!({
        "state": seen.state.label(),
        "uptime_seconds": seen.uptime_seconds(),
        "received": received,
        "processed": seen.stored(),
        "rejected": rejected,
        "failed": {
            "db": seen.counts.dead_letters.given_up.get(),
            "redis": seen.counts.live.failed_vessels.get(),
        },
        "in_flight": seen.in_flight(),
        "latency_ms": quantiles(&seen.latency.minute),
        "oldest_unstored_seconds": seen.oldest_unstored_seconds(),
        "dlq_size": seen.counts.dead_letters.rows.get(),
        "circuit_breakers": each_neighbour(seen, |it| json!(it.state().label())),
        "memory_bytes": seen.process.rss_bytes,
    })
}

fn quantiles(quantiles: &Quantiles) -> Value {
    let Quantiles { count, p50, p95, p99, p999, max } = quantiles;
    json!({ "count": count, "p50": p50, "p95": p95, "p99": p99, "p999": p999, "max": max })
}

fn reasons<R: Copy>(all: &[R], label: fn(R) -> &'static str, counts: &[u64]) -> Value {
    let named =
        all.iter().zip(counts).map(|(reason, count)| (label(*reason).to_owned(), json!(count)));
    Value::Object(named.collect())
}

fn feed(counts: &FeedCounts, sums: &Sums, now_us: i64) -> Value {
    json!({
        "kind": counts.kind,
        "received": sums.received,
        "recovered": sums.recovered,
        "stored": sums.stored,
        "repeats": sums.repeats,
        "rejected": reasons(Reject::ALL, Reject::label, &sums.rejected),
        "filtered": reasons(Filtered::ALL, Filtered::label, &sums.filtered),
        "dropped": reasons(Dropped::ALL, Dropped::label, &sums.dropped),
        "undelivered": sums.undelivered,
        "in_flight": sums.in_flight(),
        "ignored": counts.ignored.get(),
        "fragments_expired": counts.fragments_expired.get(),
        "tag_blocks_ignored": counts.tag_blocks_ignored.get(),
        "dollar_sentences": counts.dollar_sentences.get(),
        "bytes": counts.bytes.get(),
        "bytes_expected": counts.bytes_expected.get(),
        "file_read": counts.file_read.get(),
        "damaged": counts.damaged.get(),
        "kernel_drops": counts.kernel_drops.get(),
        "receive_buffer_bytes": counts.receive_buffer_bytes.get(),
        "connections": counts.connections.get(),
        "connections_total": counts.connections_total.get(),
        "connections_refused": counts.connections_refused.get(),
        "connections_crowded": counts.connections_crowded.get(),
        "connections_idle": counts.connections_idle.get(),
        "connect_failures": counts.connect_failures.get(),
        "last_message_us": counts.last_message_us.get(),
        "first_heard": counts.source.first.get(),
        "own_repeats": counts.source.own_repeats.get(),
        "flagged": flags::JUDGED.iter().enumerate()
            .map(|(at, (_, name))| ((*name).to_owned(), json!(counts.source.flagged.of(at).get())))
            .collect::<Map<_, _>>(),
        "delay_us": counts.source.delay_us.get(),
        "timed": counts.source.timed.get(),
        "weight_percent": counts.source.weight_percent.get(),
        "score": score(counts, sums, now_us),
        "demotions": counts.source.demotions.get(),
        "demoted_until_us": counts.source.demoted_until_us.get(),
        "stuck_until_us": counts.source.stuck_until_us.get(),
    })
}

fn shard(counts: &ShardCounts) -> Value {
    json!({
        "records": counts.records.get(),
        "read_back": counts.read_back.get(),
        "cache_hits": counts.cache_hits.get(),
        "cache_misses": counts.cache_misses.get(),
        "cache_evictions": counts.cache_evictions.get(),
        "vessels": counts.vessels.get(),
        "dedup_keys": counts.dedup_keys.get(),
        "dedup_evictions": counts.dedup_evictions.get(),
        "suspect": counts.suspect.get(),
        "next_seq": counts.next_seq.get(),
    })
}

fn journal(seen: &Seen) -> Value {
    let journal = &seen.counts.journal;
    json!({
        "appended": journal.appended.get(),
        "appended_bytes": journal.appended_bytes.get(),
        "syncs": journal.syncs.get(),
        "sync_us": journal.sync_us.get(),
        "failures": journal.failures.get(),
        "segments": journal.segments.get(),
        "bytes": journal.bytes.get(),
        "bytes_max": journal.bytes_max.get(),
        "reserve_bytes": journal.reserve_bytes.get(),
        "disk_free_bytes": journal.disk_free.get(),
        "disk_size_bytes": journal.disk_size.get(),
        "full_turns": journal.full_turns.get(),
        "corrupt_records": journal.corrupt_records.get(),
        "quarantined": journal.quarantined.get(),
        "deleted": journal.deleted.get(),
        "next_seq": journal.next_seq.get(),
        "synced_seq": journal.synced_seq.get(),
    })
}

fn store(seen: &Seen) -> Value {
    let store = &seen.counts.store;
    json!({
        "name": seen.store(),
        "up": store.up.get() != 0,
        "positions": store.positions.get(),
        "statics": store.statics.get(),
        "messages": store.messages.get(),
        "commits": store.commits.get(),
        "commit_us": store.commit_us.get(),
        "failures": store.failures.get(),
        "batch_rows_max": store.batch_rows_max.get(),
        "batch_rows_limit": store.batch_rows_limit.get(),
        "calls_cut": store.calls_cut.get(),
        "partitions": store.partitions.get(),
        "partitions_late": store.partitions_late.get(),
        "partitions_missing": store.partitions_missing.get(),
        "partitions_dropped": store.partitions_dropped.get(),
        "partition_failures": store.partition_failures.get(),
        "next_seq": store.next_seq.get(),
        "overrun_us_max": store.overrun_us_max.get(),
        "oldest_unstored_seconds": seen.oldest_unstored_seconds(),
    })
}

fn each_neighbour(seen: &Seen, value: fn(&Neighbour) -> Value) -> Value {
    let neighbours = seen.counts.neighbours.all().into_iter();
    Value::Object(neighbours.map(|it| (it.name().to_owned(), value(it))).collect())
}

fn neighbour(neighbour: &Neighbour) -> Value {
    json!({
        "configured": neighbour.is_configured(),
        "breaker": neighbour.state().label(),
        "trips": neighbour.trips.get(),
        "failures": neighbour.failures.get(),
        "opened_for": neighbour.opened_for(),
        "trouble": neighbour.trouble().map(|trouble| trouble.text(Instant::now())),
    })
}

fn counted((reason, count): (&'static str, &Counter)) -> (String, Value) {
    (reason.to_owned(), json!(count.get()))
}

fn outputs(seen: &Seen) -> Value {
    let of = |it: &OutputCounts| {
        json!({
            "heard": it.heard.get(),
            "sent": it.sent.get(),
            "bytes": it.bytes.get(),
            "filtered": it.left_out().map(counted).collect::<Map<_, _>>(),
            "dropped": it.dropped().map(counted).into_iter().collect::<Map<_, _>>(),
            "waiting": it.waiting.get(),
            "connected": it.connected.get(),
            "connections": it.connections.get(),
        })
    };
    seen.counts.outputs.iter().map(|it| (it.name.clone(), of(it))).collect::<Map<_, _>>().into()
}

fn live(seen: &Seen) -> Value {
    let live = &seen.counts.live;
    json!({
        "written": live.written.get(),
        "flushes": live.flushes.get(),
        "flush_us": live.flush_us.get(),
        "failures": live.failures.get(),
        "failed_vessels": live.failed_vessels.get(),
        "waiting": live.waiting.get(),
        "evicted": live.evicted.get(),
        "older_refused": live.refused.get(),
        "filtered": Filtered::BY_WISH.iter()
            .map(|reason| (reason.label().to_owned(), json!(live.filtered.of(*reason as usize).get())))
            .collect::<Map<_, _>>(),
    })
}

fn thread(seen: &Seen, counts: &StageCounts) -> Value {
    let cpu = seen.process.thread_cpu_seconds.iter().find(|(name, _)| *name == counts.name);
    json!({
        "name": counts.name,
        "turns_busy": counts.turns_busy.get(),
        "turns_idle": counts.turns_idle.get(),
        "turns_stalled": counts.turns_stalled.get(),
        "busy_ns": counts.busy_ns.get(),
        "turn_us_max": counts.turn_us_max.get(),
        "cpu_seconds": cpu.map_or(0.0, |(_, seconds)| *seconds),
    })
}
