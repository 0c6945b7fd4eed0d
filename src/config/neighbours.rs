//! What can be configured of the neighbours: the store, Redis, and what happens when one of them fails.

use super::Secret;

/// Which index the store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// By vessel and time: tracks are read fast.
    Track,
    /// By time alone: rows are written fastest.
    Append,
}

/// The store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreConfig {
    /// A Postgres to store in; empty for the embedded store.
    pub url: Secret,
    /// Past any pooler, for migrations and partitions; empty for the same.
    pub direct_url: Secret,
    /// Which index it keeps.
    pub index: Index,
    /// Rows of one commit at most.
    pub batch_rows_max: usize,
    /// How long a commit waits for more rows; 0 for not at all.
    pub linger_ms: u64,
    /// Connections to Postgres that write, each for its share of the shards.
    pub writers: usize,
    /// How long a connection may take to be made.
    pub connect_seconds: u64,
    /// How long a commit may take.
    pub commit_seconds: u64,
    /// How long a query of the HTTP face may take.
    pub query_seconds: u64,
    /// Days after which a partition is dropped; 0 for never.
    pub retention_days: u64,
    /// Days for which partitions are made ahead.
    pub days_ahead: u64,
    /// Partitions that late reports may have made in one run.
    pub days_late_max: usize,
    /// Page cache of the embedded store.
    pub cache_bytes: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            direct_url: Secret::default(),
            index: Index::Track,
            batch_rows_max: 65_536,
            linger_ms: 0,
            writers: 1,
            connect_seconds: 5,
            commit_seconds: 10,
            query_seconds: 5,
            retention_days: 0,
            days_ahead: 3,
            days_late_max: 400,
            cache_bytes: 32 << 20,
        }
    }
}

/// How keys of the live picture are named and laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `vessel:MMSI`, `vessels:geo`, `vessels:active`.
    Aisd,
    /// `ais:vessel:MMSI`, `ais:vessels:geo`, `ais:vessels:active`, with the fields that readers of those know.
    Original,
}

/// How a vessel is kept in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON where the server has it, else a hash.
    Auto,
    /// JSON of the RedisJSON module.
    Json,
    /// A hash.
    Hash,
}

/// The live picture in Redis.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisConfig {
    /// The server; of a cluster, one or more nodes, separated by commas; empty for no live picture.
    pub url: Secret,
    /// Before every key and channel.
    pub prefix: String,
    /// How keys are named.
    pub layout: Layout,
    /// How a vessel is kept.
    pub format: Format,
    /// How often changed vessels are written.
    pub interval_ms: u64,
    /// Percent of the time that writing them may take.
    pub busy_percent: u32,
    /// How long an answer of the server may take.
    pub timeout_ms: u64,
    /// How long a vessel stays that is not heard of.
    pub ttl_seconds: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            prefix: String::new(),
            layout: Layout::Aisd,
            format: Format::Auto,
            interval_ms: 2,
            busy_percent: 50,
            timeout_ms: 500,
            ttl_seconds: 1800,
        }
    }
}

/// The circuit breakers of all neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures, one after the other, that open it.
    pub failures_to_open: u32,
    /// How long it stays open before one probe is let through.
    pub open_ms: u64,
    /// Successes that close it again.
    pub successes_to_close: u32,
    /// The time over which the share of failures is looked at as well; 0 for not at all.
    pub window_ms: u64,
    /// Attempts in that time before their share says anything.
    pub window_attempts_min: u32,
    /// The share of failures that opens it.
    pub window_failures_percent: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures_to_open: 5,
            open_ms: 30_000,
            successes_to_close: 2,
            window_ms: 0,
            window_attempts_min: 20,
            window_failures_percent: 50,
        }
    }
}

/// What becomes of a row that the dead letters have no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtBound {
    /// The store waits until there is room.
    Wait,
    /// The oldest letters give way, dead ones first, and are counted.
    Drop,
}

/// The dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterConfig {
    /// Rows kept at most.
    pub rows_max: usize,
    /// What happens then.
    pub at_bound: AtBound,
    /// Seconds from a refusal to the next try.
    pub retry_seconds: u64,
    /// Tries before a letter is dead.
    pub retries_max: u32,
    /// Percent of a writer's time that trying again may take.
    pub retry_percent: u32,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self {
            rows_max: 1_000_000,
            at_bound: AtBound::Wait,
            retry_seconds: 300,
            retries_max: 5,
            retry_percent: 10,
        }
    }
}
