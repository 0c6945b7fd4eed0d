//! What comes of a run: a daemon of its own, the generator, the verdict, and what it cost?

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::cost::{self, children};
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home};
use crate::support::servers::{Postgres, Redis};

/// A machine that is used for it has them set like this.
const SETTINGS: &[(&str, &str)] = &[("shared_buffers", "1GB"), ("max_wal_size", "4GB")];
/// Everything that the server has written ahead, and what lies in its tables and indexes.
const WAL: &str = "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8";
const TABLES: &str = "SELECT sum(pg_total_relation_size(oid))::int8 FROM pg_class \
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";

/// A Postgres as a run wants it.
pub fn postgres() -> Postgres {
    Postgres::with(SETTINGS)
}

/// One that has been in use, with files of its write-ahead log to write over. A new one makes them as it goes, each 16 MB of zeros and
/// a sync: p99.9 at 10 000 messages a second was 10 to 11 ms with a new one, and 6 to 7 with one that has been in use.
pub fn postgres_in_use() -> Postgres {
    let server = postgres();
    let fill = "INSERT INTO used SELECT repeat('x', 1000) FROM generate_series(1, 1500000)";
    for sql in
        ["CREATE TABLE used (filler text)", fill, "CHECKPOINT", "DROP TABLE used", "CHECKPOINT"]
    {
        server.execute(sql);
    }
    server
}

/// Where a daemon stores, and how.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    pub postgres: Option<&'a Postgres>,
    pub redis: Option<&'a Redis>,
    /// `[store]` keys.
    pub store: &'a str,
    /// Other tables of the configuration.
    pub more: &'a str,
    /// What is verified, where that is not the store that the run looks at.
    pub verify: Option<&'a str>,
    /// Before the daemon's program.
    pub wrapper: &'a [&'a str],
}

impl Setup<'_> {
    pub fn home(&self) -> Home {
        let url = self.postgres.map(|it| format!("url = \"{}\"\n", it.url())).unwrap_or_default();
        let redis = self.redis.map(|it| format!("[redis]\nurl = \"{}\"\n", it.url()));
        let store = format!("[store]\n{url}{}\n", self.store);
        Home::new(&format!("{store}{}{}", redis.unwrap_or_default(), self.more))
    }
}

/// What came of it.
pub struct Ran {
    /// What the generator found out.
    pub results: Value,
    pub messages: f64,
    /// Processor seconds of daemon, Postgres and Redis until all was stored, as the generator saw them before it read the store; and
    /// its own, to the end.
    pub seconds: [f64; 4],
    /// Bytes appended to the journal, written ahead by Postgres, and in its tables; of all that the daemon wrote to the disk.
    pub journal: f64,
    pub wal: f64,
    pub tables: f64,
    pub written: f64,
    /// Of look-ups in the cache of vessels.
    pub cache_hits: f64,
}

impl Ran {
    /// A number of the results.
    pub fn number(&self, pointer: &str) -> f64 {
        self.results.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    /// Processor seconds of a million messages.
    pub fn per_million(&self, seconds: f64) -> f64 {
        seconds / self.messages * 1e6
    }

    /// Cores in use while it was sent.
    pub fn cores(&self, who: usize) -> f64 {
        self.seconds[who] / self.number("/duration_s")
    }
}

/// Starts a daemon, loads it, verifies what is stored, and stops it.
pub fn run(setup: Setup<'_>, arguments: &[&str]) -> Ran {
    run_while(setup, arguments, |_| ())
}

/// The same; meanwhile something happens to the daemon that runs.
pub fn run_while(
    setup: Setup<'_>,
    arguments: &[&str],
    happens: impl FnOnce(&Daemon) + Send,
) -> Ran {
    let home = setup.home();
    let wrapper: Vec<String> = setup.wrapper.iter().map(|word| (*word).to_owned()).collect();
    let mut daemon = home.spawn_under(&wrapper, &[]);
    daemon.wait_until_ready();
    let before = Seen::look(&setup, &daemon);
    let results = home.data().join("results.json");
    let mut loadgen = loadgen();
    loadgen.arg("--run-json").arg(home.data().join("run.json")).arg("--json").arg(&results);
    loadgen.arg("--quiet").args(arguments);
    let of_store = || setup.postgres.map_or("sqlite".to_owned(), Postgres::url);
    let verify = setup.verify.map_or_else(of_store, str::to_owned);
    loadgen.args(["--verify", &verify]);
    if let Some(redis) = setup.redis {
        loadgen.args(["--live", &redis.url()]);
    }
    println!("loadgen {}", arguments.join(" "));
    let own = children();
    let status = std::thread::scope(|scope| {
        let loaded = scope.spawn(|| loadgen.status().unwrap());
        happens(&daemon);
        loaded.join().unwrap()
    });
    let own = children() - own;
    let after = Seen::look(&setup, &daemon);
    let text = std::fs::read(results).unwrap_or_default();
    let results: Value = serde_json::from_slice(&text).unwrap_or_default();
    assert!(status.success(), "{status}: {results:#}\n{}", home.log());
    let seen = metrics(daemon.http());
    let [hits, misses] = ["cache_hits", "cache_misses"].map(|name| seen.shards(name) as f64);
    daemon.stop();
    let since = |name: fn(&Seen) -> f64| name(&after) - name(&before);
    let used = |name: &str| results["processor_s"][name].as_f64().unwrap_or(0.0);
    Ran {
        messages: results["sent"].as_f64().unwrap(),
        seconds: [used("aisd"), used("postgres"), used("redis-server"), own],
        results,
        journal: since(|it| it.journal),
        wal: since(|it| it.wal),
        tables: since(|it| it.tables),
        written: since(|it| it.written),
        cache_hits: hits / (hits + misses),
    }
}

/// The generator, which lies beside the daemon.
pub fn loadgen() -> Command {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_aisd")).with_file_name("loadgen");
    assert!(path.exists(), "{} is not built: benches/run builds it", path.display());
    Command::new(path)
}

/// What was written so far.
struct Seen {
    journal: f64,
    wal: f64,
    tables: f64,
    written: f64,
}

impl Seen {
    fn look(setup: &Setup<'_>, daemon: &Daemon) -> Self {
        let of_server = |sql| setup.postgres.map_or(0, |server| server.count(sql)) as f64;
        Self {
            journal: metrics(daemon.http()).number("/journal/appended_bytes") as f64,
            wal: of_server(WAL),
            tables: of_server(TABLES),
            written: cost::written(daemon.pid()) as f64,
        }
    }
}
