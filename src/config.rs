//! What can be configured: every section and key, with its default.
//!
//! Defaults < `/etc/aisd/aisd.toml` (or `--config FILE`) < a file of variables (`--env-file`) < environment (`AISD_JOURNAL_BYTES_MAX`) < command line; secrets may also
//! stand in files of their own, which win over the environment.
//! `config/aisd.toml` shows every key at its default. [`keys`] is the one list of keys that all of these share; [`load`]
//! puts the layers together and reports all faults at once.

pub mod changes;
mod env_file;
pub mod fault;
mod feeds;
mod judging;
pub mod keys;
mod kinds;
pub mod load;
mod neighbours;
mod outputs;
mod read;
pub mod rule;
pub mod secret;
mod secret_files;
mod show;
mod sources;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use feeds::{default_feeds, posts_at};
pub use judging::{FilterConfig, FusionConfig, ThinningConfig};
pub use kinds::AISSTREAM_TYPES;
pub use neighbours::{
    AtBound, BreakerConfig, DeadLetterConfig, Format, Index, Layout, RedisConfig, StoreConfig,
};
pub use outputs::{OutputConfig, OutputKind};
pub use rule::boxes;
pub use secret::{Hidden, Secret};
pub use show::{to_toml, to_toml_with};
pub use sources::Sources;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the journal, the embedded store and `run.json` live.
    pub data_dir: PathBuf,
    /// Where AIS comes from; when empty, UDP and TCP on `127.0.0.1:10110`, and posts at `http.address`.
    pub feeds: Vec<FeedConfig>,
    /// Where what was heard is sent on.
    pub outputs: Vec<OutputConfig>,
    /// What aisstream.io knows its customer by, for all feeds of that kind.
    pub aisstream: AisstreamConfig,
    /// How lines are read.
    pub nmea: NmeaConfig,
    /// Where accepted messages are kept until they are stored.
    pub journal: JournalConfig,
    /// What decides about reports.
    pub shards: ShardConfig,
    /// How one picture is made of what several sources say.
    pub fusion: FusionConfig,
    /// Which positions are not stored because they are near to the last one.
    pub thinning: ThinningConfig,
    /// What is stored.
    pub store_filter: FilterConfig,
    /// What is shown in the live picture.
    pub live_filter: FilterConfig,
    /// Where reports land.
    pub store: StoreConfig,
    /// The live picture in Redis.
    pub redis: RedisConfig,
    /// When a neighbour that fails is left alone for a while.
    pub breakers: BreakerConfig,
    /// Where rows go that the store refuses for good.
    pub dead_letters: DeadLetterConfig,
    /// The HTTP face.
    pub http: HttpConfig,
    /// What is written to standard error.
    pub log: LogConfig,
    /// Seconds that a drain may take at shutdown; what is not stored then stays in the journal.
    pub shutdown_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("aisd-data"),
            feeds: Vec::new(),
            outputs: Vec::new(),
            aisstream: AisstreamConfig::default(),
            nmea: NmeaConfig::default(),
            journal: JournalConfig::default(),
            shards: ShardConfig::default(),
            fusion: FusionConfig::default(),
            thinning: ThinningConfig::default(),
            store_filter: FilterConfig::default(),
            live_filter: FilterConfig::default(),
            store: StoreConfig::default(),
            redis: RedisConfig::default(),
            breakers: BreakerConfig::default(),
            dead_letters: DeadLetterConfig::default(),
            http: HttpConfig::default(),
            log: LogConfig::default(),
            shutdown_seconds: 10,
        }
    }
}

/// One feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedConfig {
    /// Its name in metrics and in the `source` column; by default its kind, numbered from the second on.
    pub name: Option<String>,
    /// What it is.
    pub kind: FeedKind,
}

/// The kinds of feed.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedKind {
    /// Datagrams that hold one or more lines.
    Udp {
        /// `HOST:PORT` to listen on.
        address: String,
        /// Receive buffer to ask the kernel for.
        receive_buffer_bytes: usize,
    },
    /// A listener for senders of lines.
    Tcp {
        /// `HOST:PORT` to listen on.
        address: String,
        /// Clients at once; more are refused and counted.
        clients_max: usize,
        /// Senders of one address at once.
        clients_per_address_max: usize,
        /// A client that sends nothing for this long is closed.
        idle_seconds: u64,
    },
    /// A connection to a server of lines.
    TcpClient {
        /// `HOST:PORT` to connect to.
        address: String,
        /// A line to say when connected, for a server that wants one.
        hello: Option<String>,
        /// A connection that brings nothing for this long is made anew.
        silent_seconds: u64,
    },
    /// What is posted over HTTP.
    Http {
        /// `HOST:PORT` to listen on, for this feed and others of the same address; empty for where the HTTP face listens.
        address: String,
        /// What a sender must have; empty for nothing.
        token: Hidden,
    },
    /// The WebSocket of aisstream.io.
    Aisstream {
        /// Where it is.
        url: String,
        /// What it knows its customer by: `aisstream.api_key`.
        api_key: Hidden,
        /// Where to listen: boxes of south, west, north, east, separated by semicolons.
        boxes: String,
        /// Messages to ask for, separated by commas; absent for all.
        types: Option<String>,
        /// A connection that brings nothing for this long is made anew.
        silent_seconds: u64,
        /// Who may sign the server's certificate; absent for those whom the system trusts.
        ca_file: Option<PathBuf>,
    },
    /// A SignalR hub that answers queries.
    Signalr {
        /// The server: `https://HOST`.
        url: String,
        /// Who may sign its certificate; absent for those whom the system trusts.
        ca_file: Option<PathBuf>,
        /// What it is asked.
        hub: SignalrConfig,
    },
    /// A file of lines, or `-` for standard input.
    File {
        /// The file, or `-`.
        path: PathBuf,
        /// Times faster than recorded; absent for as fast as possible.
        pace: Option<f64>,
        /// RFC 3339 time of the first line, for files whose lines carry no time.
        start: Option<String>,
        /// Take also what an earlier reading of the same content took.
        again: bool,
    },
}

impl FeedKind {
    /// The protocol and the address of what listens, the latter empty for where the HTTP face does.
    #[must_use]
    pub fn listens(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Udp { address, .. } => Some(("udp", address)),
            Self::Tcp { address, .. } | Self::Http { address, .. } => Some(("tcp", address)),
            _ => None,
        }
    }

    /// The kind as it stands in the file, and the name of a feed that was given none.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Udp { .. } => "udp",
            Self::Tcp { .. } => "tcp",
            Self::TcpClient { .. } => "tcp_client",
            Self::Http { .. } => "http",
            Self::Aisstream { .. } => "aisstream",
            Self::Signalr { .. } => "signalr",
            Self::File { .. } => "file",
        }
    }

    /// Whether its senders may send the same again, so that more must be remembered.
    #[must_use]
    pub const fn may_come_again(&self) -> bool {
        matches!(self, Self::Http { .. } | Self::Signalr { .. })
    }

    /// Whether it connects to a server, which may be away.
    #[must_use]
    pub const fn is_client(&self) -> bool {
        matches!(self, Self::TcpClient { .. } | Self::Aisstream { .. } | Self::Signalr { .. })
    }
}

/// The account at aisstream.io.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AisstreamConfig {
    /// Its API key; empty for none.
    pub api_key: Hidden,
}

/// What a SignalR hub is asked, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalrConfig {
    /// `Device` of its customer.
    pub device: String,
    /// `ActionTypeValue`.
    pub action_type: String,
    /// `UserId`.
    pub user_id: String,
    /// A query; what stands before its first `[` is replaced by the time from which on rows are wanted.
    pub query: String,
    /// How far each query looks back.
    pub query_minutes: u64,
    /// `IsQueryLastestDataBeforeStream`.
    pub latest_first: bool,
    /// `UsingLastUpdateTime`.
    pub using_last_update_time: bool,
    /// Between two queries; 0 for none, where the hub sends by itself.
    pub trigger_seconds: u64,
    /// A connection that brings nothing for this long, no ping either, is made anew.
    pub silent_seconds: u64,
}

/// How lines are read.
#[derive(Clone, Debug, PartialEq)]
pub struct NmeaConfig {
    /// Refuse sentences without a checksum.
    pub require_checksum: bool,
    /// Bytes of the longest line; longer ones are refused up to their end.
    pub line_bytes_max: usize,
    /// Messages of several parts that may be incomplete at once, per feed.
    pub fragments_max: usize,
    /// How long a part waits for its partners, by received time.
    pub fragment_seconds: u64,
}

impl Default for NmeaConfig {
    fn default() -> Self {
        Self {
            require_checksum: true,
            line_bytes_max: 1024,
            fragments_max: 4096,
            fragment_seconds: 30,
        }
    }
}

/// The journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalConfig {
    /// Bytes of a segment file.
    pub segment_bytes: u64,
    /// Bytes of all segment files; when they are used up, feeds wait.
    pub bytes_max: u64,
    /// Shortest time between two syncs that nobody waits for; 0 for as soon as the last one is done.
    pub sync_interval_ms: u64,
    /// Bytes of the disk that are kept for dead letters and notes; 0 for none.
    pub reserve_bytes: u64,
    /// Delete no segment, ever.
    pub keep_all: bool,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            bytes_max: 8 << 30,
            sync_interval_ms: 10,
            reserve_bytes: 16 << 20,
            keep_all: false,
        }
    }
}

/// The shards.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardConfig {
    /// How many; 0 for one for each core, but one on two.
    pub count: usize,
    /// Pin each to a core; absent for from four cores on.
    pub pin: Option<bool>,
    /// Vessels remembered, over all shards.
    pub vessels_max: usize,
    /// Seconds within which the same payload is the same transmission.
    pub dedup_seconds: u64,
    /// Seconds within which a report that is sent again with its own time is the same report.
    pub retry_seconds: u64,
    /// Bytes of the memory for either, over all shards.
    pub dedup_bytes_max: usize,
    /// Hours that a report may be dated ahead of its receipt.
    pub ahead_hours_max: u64,
    /// Hours that a report of a live feed may be old at its receipt.
    pub age_hours_max: u64,
    /// Knots above which a reported or needed speed is flagged.
    pub speed_knots_max: f64,
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self {
            count: 0,
            pin: None,
            vessels_max: 200_000,
            dedup_seconds: 10,
            retry_seconds: 60,
            dedup_bytes_max: 128 << 20,
            ahead_hours_max: 24,
            age_hours_max: 24,
            speed_knots_max: 102.2,
        }
    }
}

/// The HTTP face.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// `HOST:PORT` to listen on; empty for none.
    pub address: String,
    /// Connections at once; at the bound the one that has kept its request open for longest gives way, and is counted.
    pub connections_max: usize,
    /// Seconds for a request to arrive whole.
    pub request_seconds: u64,
    /// What tokens of the admin routes are signed with (HS256); empty for none.
    pub jwt_secret: Hidden,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:3001".to_owned(),
            connections_max: 256,
            request_seconds: 10,
            jwt_secret: Hidden::default(),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: one line of text.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or directives such as `info,aisd::journal=debug`.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}
