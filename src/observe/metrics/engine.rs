//! Metrics of the journal, the shards, the store and the HTTP face.

use super::list::{Metric, Points};
use super::seen::{Seen, float, seconds, signed};
use crate::observe::counts::ShardCounts;

const SHARD: &[&str] = &["shard"];

/// Metrics of the journal, the shards, the store and the HTTP face.
pub const METRICS: &[Metric] = &[
    Metric::counter("ais_journal_records_total", &[], "Records appended.", |seen, out| {
        out.put(&[], float(seen.counts.journal.appended.get()));
    }),
    Metric::counter("ais_journal_appended_bytes_total", &[], "Bytes appended.", |seen, out| {
        out.put(&[], float(seen.counts.journal.appended_bytes.get()));
    }),
    Metric::counter(
        "ais_journal_syncs_total",
        &[],
        "Calls to fdatasync that worked.",
        |seen, out| {
            out.put(&[], float(seen.counts.journal.syncs.get()));
        },
    ),
    Metric::counter(
        "ais_journal_sync_seconds_total",
        &[],
        "Time spent in fdatasync.",
        |seen, out| out.put(&[], microseconds(seen.counts.journal.sync_us.get())),
    ),
    Metric::counter(
        "ais_journal_failures_total",
        &[],
        "Writes and syncs of the journal that failed.",
        |seen, out| out.put(&[], float(seen.counts.journal.failures.get())),
    ),
    Metric::gauge("ais_journal_segments", &[], "Segment files.", |seen, out| {
        out.put(&[], signed(seen.counts.journal.segments.get()));
    }),
    Metric::gauge("ais_journal_bytes", &[], "Bytes of segment files on disk.", |seen, out| {
        out.put(&[], signed(seen.counts.journal.bytes.get()));
    }),
    Metric::gauge(
        "ais_journal_limit_bytes",
        &[],
        "Bytes of segment files at which input has to wait.",
        |seen, out| out.put(&[], signed(seen.counts.journal.bytes_max.get())),
    ),
    Metric::gauge(
        "ais_journal_reserve_bytes",
        &[],
        "Bytes of the disk that are kept for dead letters and notes; fewer than configured on a full disk.",
        |seen, out| out.put(&[], signed(seen.counts.journal.reserve_bytes.get())),
    ),
    Metric::gauge(
        "ais_disk_free_bytes",
        &[],
        "Bytes free on the disk of the data directory.",
        |seen, out| {
            out.put(&[], signed(seen.counts.journal.disk_free.get()));
        },
    ),
    Metric::gauge(
        "ais_disk_size_bytes",
        &[],
        "Bytes of the disk of the data directory, free or not; 0 when nobody has looked yet.",
        |seen, out| out.put(&[], signed(seen.counts.journal.disk_size.get())),
    ),
    Metric::gauge(
        "ais_journal_unsynced_records",
        &[],
        "Records appended and not yet synced.",
        |seen, out| {
            let synced = seen.counts.journal.synced_seq.get();
            let unsynced = seen.counts.journal.next_seq.get().saturating_sub(synced);
            out.put(&[], signed(unsynced.max(0)));
        },
    ),
    Metric::counter(
        "ais_journal_full_turns_total",
        &[],
        "Turns in which input had to wait because the journal is full.",
        |seen, out| out.put(&[], float(seen.counts.journal.full_turns.get())),
    ),
    Metric::counter(
        "ais_journal_corrupt_records_total",
        &[],
        "Records that could not be read again.",
        |seen, out| out.put(&[], float(seen.counts.journal.corrupt_records.get())),
    ),
    Metric::counter(
        "ais_journal_quarantined_files_total",
        &[],
        "Files put aside because they are damaged.",
        |seen, out| out.put(&[], float(seen.counts.journal.quarantined.get())),
    ),
    Metric::counter(
        "ais_journal_segments_deleted_total",
        &[],
        "Segments deleted after everything in them was decided.",
        |seen, out| out.put(&[], float(seen.counts.journal.deleted.get())),
    ),
    Metric::counter("ais_shard_records_total", SHARD, "Records looked at.", |seen, out| {
        each_shard(seen, out, |shard| shard.records.get());
    }),
    Metric::counter(
        "ais_shard_records_read_back_total",
        SHARD,
        "Records read back from segments instead of handed over in memory.",
        |seen, out| each_shard(seen, out, |shard| shard.read_back.get()),
    ),
    Metric::counter(
        "ais_shard_forks_total",
        SHARD,
        "Times that a shard went ahead of a store that took no rows.",
        |seen, out| each_shard(seen, out, |shard| shard.forks.get()),
    ),
    Metric::counter("ais_cache_hits_total", &[], "Vessels found in the cache.", |seen, out| {
        out.put(&[], over_shards(seen, |shard| shard.cache_hits.get()));
    }),
    Metric::counter(
        "ais_cache_misses_total",
        &[],
        "Vessels not found in the cache.",
        |seen, out| {
            out.put(&[], over_shards(seen, |shard| shard.cache_misses.get()));
        },
    ),
    Metric::counter(
        "ais_cache_evictions_total",
        &[],
        "Vessels put out of the cache at its bound.",
        |seen, out| out.put(&[], over_shards(seen, |shard| shard.cache_evictions.get())),
    ),
    Metric::gauge("ais_cache_vessels", &[], "Vessels in the cache.", |seen, out| {
        let vessels = seen.counts.shards.iter().map(|shard| shard.vessels.get()).sum();
        out.put(&[], signed(vessels));
    }),
    Metric::gauge(
        "ais_dedup_keys",
        &[],
        "Messages remembered to recognise repeats.",
        |seen, out| {
            let keys = seen.counts.shards.iter().map(|shard| shard.dedup_keys.get()).sum();
            out.put(&[], signed(keys));
        },
    ),
    Metric::counter(
        "ais_dedup_evictions_total",
        &[],
        "Messages forgotten before their time, at the bound of what is remembered.",
        |seen, out| out.put(&[], over_shards(seen, |shard| shard.dedup_evictions.get())),
    ),
    Metric::counter(
        "ais_positions_suspect_total",
        &[],
        "Positions flagged as implausible; they are stored.",
        |seen, out| out.put(&[], over_shards(seen, |shard| shard.suspect.get())),
    ),
    Metric::gauge("ais_store_up", &[], "Whether the store answers: 1 or 0.", |seen, out| {
        out.put(&[], signed(seen.counts.store.up.get()));
    }),
    Metric::counter("ais_store_rows_total", &["table"], "Rows committed.", |seen, out| {
        out.put(&["positions"], float(seen.counts.store.positions.get()));
        out.put(&["vessels"], float(seen.counts.store.statics.get()));
        out.put(&["messages"], float(seen.counts.store.messages.get()));
    }),
    Metric::counter("ais_store_commits_total", &[], "Commits that worked.", |seen, out| {
        out.put(&[], float(seen.counts.store.commits.get()));
    }),
    Metric::counter(
        "ais_store_commit_seconds_total",
        &[],
        "Time spent in commits.",
        |seen, out| {
            out.put(&[], microseconds(seen.counts.store.commit_us.get()));
        },
    ),
    Metric::counter(
        "ais_store_commit_failures_total",
        &[],
        "Commits that failed and were tried again.",
        |seen, out| out.put(&[], float(seen.counts.store.failures.get())),
    ),
    Metric::counter(
        "ais_store_calls_cut_total",
        &[],
        "Calls to Postgres that were cut off at their deadline.",
        |seen, out| out.put(&[], float(seen.counts.store.calls_cut.get())),
    ),
    Metric::gauge("ais_store_partitions", &[], "Day partitions of positions.", |seen, out| {
        out.put(&[], signed(seen.counts.store.partitions.get()));
    }),
    Metric::counter(
        "ais_store_partitions_late_total",
        &[],
        "Day partitions that were made because late reports came.",
        |seen, out| out.put(&[], float(seen.counts.store.partitions_late.get())),
    ),
    Metric::gauge(
        "ais_store_partitions_missing",
        &[],
        "Days without a partition of their own, as far as reports of them came.",
        |seen, out| out.put(&[], signed(seen.counts.store.partitions_missing.get())),
    ),
    Metric::counter(
        "ais_store_partitions_dropped_total",
        &[],
        "Day partitions dropped after their retention, of all tables.",
        |seen, out| out.put(&[], float(seen.counts.store.partitions_dropped.get())),
    ),
    Metric::counter(
        "ais_store_partition_failures_total",
        &[],
        "Attempts to make, drop or list partitions that failed and were tried again.",
        |seen, out| out.put(&[], float(seen.counts.store.partition_failures.get())),
    ),
    Metric::gauge(
        "ais_store_largest_commit_rows",
        &[],
        "Rows of the largest commit.",
        |seen, out| {
            out.put(&[], signed(seen.counts.store.batch_rows_max.get()));
        },
    ),
    Metric::gauge(
        "ais_store_commit_rows_limit",
        &[],
        "Rows that a commit may have now: fewer than store.batch_rows_max where commits took all of their time.",
        |seen, out| out.put(&[], signed(seen.counts.store.batch_rows_limit.get())),
    ),
    Metric::gauge(
        "ais_store_call_overrun_seconds_max",
        &[],
        "The longest time by which a call of the writer outlived its deadline.",
        |seen, out| out.put(&[], seconds(seen.counts.store.overrun_us_max.get())),
    ),
    Metric::gauge(
        "ais_oldest_unstored_seconds",
        &[],
        "How long the oldest accepted message has waited for its commit; 0 when none waits.",
        |seen, out| out.put(&[], seen.oldest_unstored_seconds()),
    ),
    Metric::counter("ais_http_requests_total", &[], "Requests answered.", |seen, out| {
        out.put(&[], float(seen.counts.http.requests.get()));
    }),
    Metric::counter(
        "ais_http_refused_total",
        &[],
        "Requests refused: malformed, too large, too slow, or over the bound of connections.",
        |seen, out| out.put(&[], float(seen.counts.http.refused.get())),
    ),
    Metric::gauge("ais_http_connections", &[], "HTTP connections open now.", |seen, out| {
        out.put(&[], signed(seen.counts.http.connections.get()));
    }),
];

fn microseconds(us: u64) -> f64 {
    float(us) / 1e6
}

fn each_shard(seen: &Seen, out: &mut Points, value: fn(&ShardCounts) -> u64) {
    for (number, shard) in seen.counts.shards.iter().enumerate() {
        out.put(&[&number.to_string()], float(value(shard)));
    }
}

fn over_shards(seen: &Seen, value: fn(&ShardCounts) -> u64) -> f64 {
    float(seen.counts.shards.iter().map(value).sum())
}
