//! How long does a message take at a rate that a fleet has, and what does that cost?

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Lengths;
use crate::disk::Syncs;
use crate::load::{self, Ran, Setup};
use crate::report::{Report, Runs, ms, plain, row};
use crate::support::servers::{Redis, Stop, processes_in};

/// What was found, for the goals.
#[derive(Default)]
pub struct Found {
    pub at_10k: Of,
    pub at_100k: Of,
    pub linger: Of,
    /// Nobody may set real-time priorities: not measured.
    pub saturated: Option<Of>,
    /// Lost and twice in an outage of Postgres.
    pub outage: [f64; 2],
}

/// Some runs of one kind.
#[derive(Default)]
pub struct Of {
    pub p50: Runs,
    pub p99: Runs,
    pub p999: Runs,
    pub max: Runs,
    pub from_send: Runs,
    pub lost: Runs,
    /// Cores in use by the daemon, and by Postgres.
    pub cores: [Runs; 2],
    pub memory_mb: Runs,
    pub hits: Runs,
    pub bytes: [Runs; 3],
}

impl Of {
    fn add(&mut self, ran: &Ran) {
        let at = |name: &str| ran.number(&format!("/latency_ms/{name}"));
        self.p50.push(at("p50"));
        self.p99.push(at("p99"));
        self.p999.push(at("p999"));
        self.max.push(at("max"));
        self.from_send.push(ran.number("/send_to_commit_ms/p99"));
        self.lost.push(ran.number("/lost"));
        self.cores[0].push(ran.cores(0));
        self.cores[1].push(ran.cores(1));
        self.memory_mb.push(ran.number("/rss_max_bytes") / 1e6);
        self.hits.push(ran.cache_hits);
        for (runs, bytes) in self.bytes.iter_mut().zip([ran.journal, ran.wal, ran.written]) {
            runs.push(bytes / ran.messages);
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let bytes = self.bytes.iter().map(|it| plain(it.median())).collect::<Vec<_>>().join(", ");
        vec![
            name.to_owned(),
            self.p50.told(ms),
            self.p99.told(ms),
            self.p999.told(ms),
            self.max.told(ms),
            self.from_send.told(ms),
            format!("{:.2}, {:.2}", self.cores[0].median(), self.cores[1].median()),
            plain(self.memory_mb.median()),
            bytes,
        ]
    }
}

const AT_10K: [&str; 6] = ["--target", "udp", "--rate", "10000", "--vessels", "11077"];
const AT_100K: [&str; 6] = ["--target", "udp", "--rate", "100000", "--vessels", "20000"];

pub fn measure(report: &mut Report, lengths: &Lengths) -> Found {
    report.heading("Latency, and what it costs");
    report.text(&format!(
        "Datagrams by a schedule (an open loop), {} s at 10 000 msg/s from 11 077 ships and {} s at 100 000 msg/s from 20 000; `track`; every message \
         verified in the store. Milliseconds from the kernel's receipt to the commit as the daemon counts them; in the sixth column from \
         the *intended* sending to the commit, as another connection to the store sees it. Postgres has written 1.5 GB before, and has \
         files of its write-ahead log to write over.",
        lengths.seconds, lengths.seconds_fast
    ));
    let (slow, fast) = (format!("{}s", lengths.seconds), format!("{}s", lengths.seconds_fast));
    let at_10k = [&AT_10K[..], &["--duration", &slow]].concat();
    let at_100k = [&AT_100K[..], &["--duration", &fast]].concat();
    let mut found = Found::default();
    let (mut embedded, mut syncs) = (Of::default(), Syncs::default());
    for _ in 0..lengths.runs {
        syncs.measure(Duration::from_secs(lengths.seconds / 3));
        embedded.add(&load::run(Setup::default(), &at_10k));
        found.at_10k.add(&with_servers(&at_10k, ""));
        found.linger.add(&with_servers(&at_10k, "linger_ms = 2"));
        found.at_100k.add(&with_servers(&at_100k, ""));
    }
    found.saturated = saturated(&at_10k, lengths.runs);
    found.outage = outage(lengths);
    let mut rows = vec![row([
        "what",
        "p50",
        "p99",
        "p99.9",
        "max",
        "p99 from send",
        "cores: daemon, Postgres",
        "MB at most",
        "bytes a message: journal, WAL, written by the daemon",
    ])];
    rows.push(embedded.row("10 000 msg/s, embedded store"));
    rows.push(found.at_10k.row("10 000 msg/s, Postgres and Redis"));
    rows.push(found.linger.row("the same, `store.linger_ms = 2`"));
    rows.push(found.at_100k.row("100 000 msg/s, Postgres and Redis"));
    if let Some(saturated) = &found.saturated {
        rows.push(saturated.row("10 000 msg/s, Postgres, all cores busy with something else; daemon and Postgres with real-time priority"));
    }
    rows.push(syncs.row("the disk alone, before: each millisecond 8 kB written over and synced"));
    report.table(&rows);
    report.text(&format!(
        "Postgres was killed and was away for 5 s while 10 000 msg/s came in over TCP: {:.0} lost, {:.0} twice.",
        found.outage[0], found.outage[1]
    ));
    found
}

fn with_servers(arguments: &[&str], store: &str) -> Ran {
    let (server, redis) = (load::postgres_in_use(), Redis::start());
    let setup = Setup { postgres: Some(&server), redis: Some(&redis), store, ..Setup::default() };
    load::run(setup, arguments)
}

/// A process that is ended when it goes out of scope.
struct Busy(Child);

impl Busy {
    fn start() -> Self {
        let mut busy = Command::new("sh");
        busy.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        Self(busy.spawn().unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every core has something else to do; nothing when nobody may have a real-time priority.
fn saturated(arguments: &[&str], runs: usize) -> Option<Of> {
    let allowed = Command::new("chrt").args(["-f", "10", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        println!("real-time priorities are not allowed: the run on busy cores is left out");
        return None;
    }
    let mut of = Of::default();
    for _ in 0..runs {
        let server = load::postgres_in_use();
        for pid in processes_in(server.folder()) {
            let _ = Command::new("chrt").args(["-a", "-f", "-p", "10", &pid.to_string()]).status();
        }
        let wrapper = ["chrt", "-f", "10"];
        let setup = Setup { postgres: Some(&server), wrapper: &wrapper, ..Setup::default() };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let _busy: Vec<Busy> = (0..cores).map(|_| Busy::start()).collect();
        of.add(&load::run(setup, arguments));
    }
    Some(of)
}

/// Kills Postgres in the middle of a run and starts it again five seconds later; lost, and twice.
fn outage(lengths: &Lengths) -> [f64; 2] {
    let server = std::sync::Mutex::new(load::postgres());
    let seconds = lengths.seconds.max(12);
    let duration = format!("{seconds}s");
    let arguments =
        ["--target", "tcp", "--rate", "10000", "--vessels", "11077", "--duration", &duration];
    let url = server.lock().unwrap().url();
    let more = "[breakers]\nopen_ms = 1000\n";
    let store = format!("url = \"{url}\"");
    let setup = Setup { store: &store, more, verify: Some(&url), ..Setup::default() };
    let ran = load::run_while(setup, &arguments, |_| {
        std::thread::sleep(Duration::from_secs(3));
        let mut server = server.lock().unwrap();
        server.stop(Stop::Immediate);
        std::thread::sleep(Duration::from_secs(5));
        server.start_again();
    });
    [ran.number("/lost"), ran.number("/duplicates")]
}
