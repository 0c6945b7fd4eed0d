//! A daemon that stores in a private Postgres, and what is looked at while that one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::accepted::Accepted;
use super::http::{Metrics, get, metrics};
use super::postgres_rows::PostgresRows;
use super::process::{Daemon, Home, wait_until};
use super::servers::Postgres;

/// What a call may outlive its deadline by.
const OVERRUN_MAX: Duration = Duration::from_millis(100);
/// Deadlines of a second or two, a breaker that soon lets an attempt through, and every record kept.
const CONFIG: &str = "
connect_seconds = 1
commit_seconds = 2
[breakers]
failures_to_open = 2
open_ms = 300
[journal]
keep_all = true
segment_bytes = 4194304
";

/// The full measure, or one that fits between two commits.
pub fn soak() -> bool {
    super::at_full_length()
}

/// A home whose daemons store in this server, which gets its tables.
pub fn home_of(server: &Postgres) -> Home {
    let home = Home::new("");
    configure(&home, server, "");
    home
}

/// Writes the configuration again, with more after it.
pub fn configure(home: &Home, server: &Postgres, more: &str) {
    configure_at(home, &server.url(), more);
}

/// As [`configure`], by way of another URL.
pub fn configure_at(home: &Home, url: &str, more: &str) {
    let text = format!("[store]\nurl = \"{url}\"{CONFIG}{more}");
    std::fs::write(home.config(), text).unwrap();
}

/// The text of an answer, which must be a good one.
pub fn text(daemon: &Daemon, path: &str) -> String {
    let (status, body) = get(daemon.http(), path);
    let body = String::from_utf8(body).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// What `/readyz?verbose` says of Postgres; it must say that the daemon is ready.
pub fn verbose(daemon: &Daemon) -> String {
    let text = text(daemon, "/readyz?verbose");
    let mut lines = text.lines().filter(|line| line.contains("neighbour postgres: "));
    lines.next().unwrap_or_else(|| panic!("nothing of postgres: {text}")).to_owned()
}

/// The value of a series of `/metrics`.
pub fn series(daemon: &Daemon, name: &str) -> f64 {
    let text = text(daemon, "/metrics/prometheus");
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// The receipt of the newest report in the live picture, microseconds since 1970.
pub fn newest_shown_us(daemon: &Daemon) -> i64 {
    let value: Value = serde_json::from_str(&text(daemon, "/api/vessels?limit=100")).unwrap();
    let received = value["vessels"].as_array().unwrap().iter().filter_map(|vessel| {
        let time: jiff::Timestamp = vessel["received"].as_str()?.parse().unwrap();
        Some(time.as_microsecond())
    });
    received.max().unwrap_or(0)
}

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros().try_into().unwrap()
}

/// What came to all feeds, and what of it is decided.
pub fn came_and_left(metrics: &Metrics) -> (u64, u64) {
    let feeds = metrics.feeds().into_iter().map(|feed| metrics.came_and_left(&feed));
    feeds.fold((0, 0), |(came, left), feed| (came + feed.0, left + feed.1))
}

/// Messages received by this process.
pub fn received(metrics: &Metrics) -> u64 {
    metrics.feeds().iter().map(|feed| metrics.feed(feed, "received")).sum()
}

/// Messages that the journal has and the store has not decided; none while that is not to be told, for the store knows none
/// of this process' numbers yet.
pub fn waiting(metrics: &Metrics) -> Option<u64> {
    let (next, stored) = (metrics.number("/journal/next_seq"), metrics.number("/store/next_seq"));
    (next >> 40 == stored >> 40).then(|| next.saturating_sub(stored))
}

/// Waits until everything that came is stored or otherwise decided, and the sum comes out.
pub fn wait_until_all_is_decided(daemon: &Daemon) {
    wait_until("everything is decided", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        let (came, left) = came_and_left(&metrics);
        waiting(&metrics) == Some(0) && came == left
    });
}

/// The writer's session, if it is in such a state.
const SESSION: &str = "SELECT coalesce(max(pid), 0)::int8 FROM pg_stat_activity WHERE application_name = 'aisd writer'";
/// In a commit that is on disk and not yet seen by anybody: it waits for a standby that does not exist.
pub const IN_COMMIT: &str = "query = 'COMMIT' AND wait_event = 'SyncRep'";
/// In a commit whose constraints are being checked, by a trigger that sleeps.
pub const IN_CHECK: &str = "query = 'COMMIT' AND wait_event = 'PgSleep'";

/// What a trigger calls to sleep while there is a row in a table.
pub const SLEEP_IF_ARMED: &str = "
CREATE TABLE armed (n int);
CREATE FUNCTION sleep_if_armed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM armed) THEN
    PERFORM pg_sleep(100);
  END IF;
  RETURN NULL;
END
$$;";

/// Waits until the writer's session is in this state, and freezes its process there; which one that is.
pub fn freeze_session(server: &Postgres, state: &str) -> i32 {
    let sql = format!("{SESSION} AND {state}");
    let mut found = 0;
    wait_until(&format!("a session with {state}"), || {
        found = server.count(&sql);
        found != 0
    });
    let pid = i32::try_from(found).unwrap();
    server.freeze_backend(pid);
    let still = server.count(&format!("{sql} AND pid = {pid}"));
    assert_eq!(still, found, "it went on: {state}");
    pid
}

/// Compares the rows with what the journal of daemons that are gone says.
pub fn assert_rows_are_those_accepted(accepted: &mut Accepted, home: &Home, server: &Postgres) {
    let mut rows = PostgresRows::after_all(server);
    accepted.read(&home.data());
    let offsets = rows.offsets();
    accepted.assert_rows(&offsets, &rows.seqs());
    assert_eq!(accepted.undecided(&offsets), 0, "undecided after a drain");
    let mut numbers = rows.numbers();
    numbers.dedup();
    let heard = accepted.heard.len();
    assert_eq!(numbers.len(), heard, "sentences that were accepted and not stored");
}

/// Sleeps again and again, and knows by how much the machine let it oversleep.
pub struct Sleeper {
    worst_us: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sleeper {
    pub fn start() -> Self {
        let (worst_us, stopping) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (worst, stop) = (Arc::clone(&worst_us), Arc::clone(&stopping));
        let thread = std::thread::spawn(move || {
            let nap = Duration::from_millis(5);
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(nap);
                let over = began.elapsed().saturating_sub(nap).as_micros().try_into().unwrap();
                worst.fetch_max(over, Ordering::Relaxed);
            }
        });
        Self { worst_us, stopping, thread: Some(thread) }
    }

    /// Refuses calls to the store that went on for longer than they may, and than the machine can be blamed for.
    pub fn assert_deadlines_held(&self, daemon: &Daemon) -> Duration {
        let seconds = series(daemon, "ais_store_call_overrun_seconds_max");
        let overrun = Duration::from_secs_f64(seconds);
        let blame = Duration::from_micros(self.worst_us.load(Ordering::Relaxed));
        assert!(overrun <= OVERRUN_MAX + blame, "{overrun:?} over; a sleeper {blame:?}");
        overrun
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
