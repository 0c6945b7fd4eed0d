//! A server process that stands still in the middle and wakes later stores nothing twice, and a second owner ends the first.
//!
//! Each test sees in `pg_stat_activity` where the process stood that it froze.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::accepted::Accepted;
use crate::support::http::metrics;
use crate::support::numbered::lines;
use crate::support::postgres_daemon::{
    IN_CHECK, IN_COMMIT, SLEEP_IF_ARMED, Sleeper, assert_rows_are_those_accepted, freeze_session,
    home_of, verbose, wait_until_all_is_decided,
};
use crate::support::postgres_rows::PostgresRows;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::Postgres;

const IDLE: &str = "state = 'idle' AND wait_event = 'ClientRead'";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE application_name = 'aisd writer' AND wait_event_type = 'Lock'";
/// What sleeps in a commit, once, when it is armed.
const SLEEPER_IN_COMMIT: &str = "
CREATE CONSTRAINT TRIGGER sleep_in_commit AFTER UPDATE ON aisd_offsets
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep_if_armed()";

/// Messages that are sent at once: so few that all of their transaction fits into a socket.
const BATCH: u32 = 200;

/// So many that their COMMIT is sent on its own.
const LARGE: u32 = 4500;
/// The time of a commit.
const COMMIT: Duration = Duration::from_secs(2);

/// A daemon, its sender, and how much was sent.
struct Rig {
    server: Postgres,
    home: Home,
    daemon: Daemon,
    sender: TcpStream,
    sent: u32,
}

impl Rig {
    /// With some messages stored.
    fn new() -> Self {
        Self::with("")
    }

    /// The same, with more keys of `[store]`.
    fn with(store: &str) -> Self {
        let server = Postgres::start();
        let home = home_of(&server);
        let config = std::fs::read_to_string(home.config()).unwrap();
        let config = config.replacen("[store]\n", &format!("[store]\n{store}"), 1);
        std::fs::write(home.config(), config).unwrap();
        let daemon = home.start();
        let sender = TcpStream::connect(daemon.tcp()).unwrap();
        let mut rig = Self { server, home, daemon, sender, sent: 0 };
        rig.send(BATCH);
        rig.wait_until_all_is_stored();
        rig
    }

    fn send(&mut self, messages: u32) {
        self.sender.write_all(&lines(self.sent..self.sent + messages)).unwrap();
        self.sent += messages;
    }

    fn wait_until_all_is_stored(&self) {
        let stored = || metrics(self.daemon.http()).feed("tcp", "stored");
        wait_until("everything that was sent is stored", || stored() == u64::from(self.sent));
    }

    /// Rows of `positions` that are seen.
    fn positions(&self) -> u64 {
        self.server.count("SELECT count(*) FROM positions")
    }

    /// Freezes a session of the daemon in this state; its process.
    fn freeze(&self, state: &str) -> i32 {
        freeze_session(&self.server, state)
    }

    fn commits(&self) -> u64 {
        metrics(self.daemon.http()).number("/store/commits")
    }

    fn failures(&self) -> u64 {
        metrics(self.daemon.http()).number("/store/failures")
    }

    fn is_there(&self, pid: i32) -> bool {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
        self.server.count(&sql) == 1
    }

    /// Sends more, waits until all is stored, drains; everything is there once.
    fn finish(mut self) {
        self.send(BATCH);
        self.wait_until_all_is_stored();
        wait_until_all_is_decided(&self.daemon);
        drop(self.sender);
        assert_eq!(self.daemon.stop(), Some(0), "{}", self.home.log());
        let mut accepted = Accepted::default();
        assert_rows_are_those_accepted(&mut accepted, &self.home, &self.server);
        assert_eq!(accepted.heard.len(), self.sent as usize);
    }
}

#[test]
fn a_commit_that_stood_still_and_came_through_is_not_made_again() {
    let (mut rig, sleeper) = (Rig::new(), Sleeper::start());
    rig.server.set("synchronous_standby_names", "nobody");
    rig.send(BATCH);
    let pid = rig.freeze(IN_COMMIT);
    rig.server.set("synchronous_standby_names", "");
    // Cut off at its deadline, the daemon comes back, and waits for the lock of the one that stands still.
    wait_until("a word of the lock", || verbose(&rig.daemon).contains("SQLSTATE 55P03"));
    let failures = rig.failures();
    assert!(failures > 1, "the commit, and a connection");
    let overrun = sleeper.assert_deadlines_held(&rig.daemon);
    eprintln!("{} ({overrun:?} over at most)", verbose(&rig.daemon));
    assert_eq!(rig.positions(), u64::from(BATCH), "the commit that stands still is not seen yet");
    assert!(rig.is_there(pid));
    let commits = rig.commits();
    rig.server.thaw_backend(pid);
    wait_until("rows of the commit that stood still", || rig.positions() > u64::from(BATCH));
    wait_until("a daemon that knows", || rig.commits() > commits);
    rig.finish();
}

#[test]
fn rows_that_were_sent_behind_a_commit_that_stood_still_are_stored_once() {
    let mut rig = Rig::with("batch_rows_max = 5000\nlinger_ms = 200\n");
    rig.server.set("log_statement", "all");
    rig.server.set("synchronous_standby_names", "nobody");
    // Several large commits: behind the first the rows of the next are sent at once.
    rig.send(30_000);
    let pid = rig.freeze(IN_COMMIT);
    rig.server.set("synchronous_standby_names", "");
    wait_until("a word of the lock", || verbose(&rig.daemon).contains("SQLSTATE 55P03"));
    assert!(rig.is_there(pid));
    assert_eq!(rig.positions(), u64::from(BATCH), "the commit that stands still is not seen yet");
    rig.server.thaw_backend(pid);
    wait_until("the end of the one that stood still", || !rig.is_there(pid));
    // It woke, ended its commit, and read on: under the offsets of the connection that came after it.
    let (log, its) = (rig.server.log(), format!("[{pid}]"));
    let mut its = log.lines().filter(|line| line.contains(&its));
    assert!(its.any(|line| line.contains(": COMMIT")), "{log}");
    let tried: Vec<&str> = its.collect();
    assert!(tried.iter().any(|line| line.contains("aisd_move_offsets")), "{tried:?}");
    assert!(!tried.iter().any(|line| line.contains(": COMMIT")), "{tried:?}");
    rig.wait_until_all_is_stored();
    rig.finish();
}

/// What is sent behind a commit puts its deadline off no further.
#[test]
fn a_server_that_stands_still_at_rows_is_noticed_in_time_although_more_was_sent() {
    let mut rig = Rig::with("batch_rows_max = 5000\nlinger_ms = 200\n");
    let mut holder = rig.server.connect();
    holder.batch_execute("BEGIN; LOCK TABLE positions IN SHARE MODE").unwrap();
    rig.send(LARGE);
    let pid = rig.freeze("wait_event_type = 'Lock'");
    let (failures, began) = (rig.failures(), Instant::now());
    std::thread::sleep(COMMIT * 3 / 4);
    rig.send(2 * LARGE);
    wait_until("a commit that is given up", || rig.failures() > failures);
    let took = began.elapsed();
    assert!(took < COMMIT * 3 / 2, "{took:?}");
    drop(holder);
    rig.server.thaw_backend(pid);
    rig.wait_until_all_is_stored();
    rig.finish();
}

#[test]
fn a_commit_that_stood_still_and_came_to_nothing_is_made_again() {
    let mut rig = Rig::new();
    rig.server.execute(SLEEP_IF_ARMED);
    rig.server.execute(SLEEPER_IN_COMMIT);
    rig.server.execute("INSERT INTO armed VALUES (1)");
    rig.send(BATCH);
    let pid = rig.freeze(IN_CHECK);
    rig.server.execute("DELETE FROM armed");
    wait_until("a word of the lock", || verbose(&rig.daemon).contains("SQLSTATE 55P03"));
    assert!(rig.is_there(pid));
    // It finds that it has to end.
    assert_eq!(rig.server.count(&format!("SELECT count(pg_terminate_backend({pid}))")), 1);
    assert!(rig.is_there(pid));
    rig.server.thaw_backend(pid);
    wait_until("the end of the one that stood still", || !rig.is_there(pid));
    assert_eq!(rig.server.log().matches("terminating connection due to admin").count(), 1);
    rig.finish();
}

#[test]
fn a_transaction_that_was_sent_before_the_reconnect_and_begins_after_it_changes_nothing() {
    let mut rig = Rig::new();
    rig.server.set("log_statement", "all");
    let pid = rig.freeze(IDLE);
    rig.send(BATCH);
    // It lies whole in the socket of a process that stands still; another one takes the rows.
    let (commits, failures) = (rig.commits(), rig.failures());
    wait_until("a connection instead", || rig.commits() > commits);
    assert!(rig.failures() > failures, "nothing failed");
    rig.wait_until_all_is_stored();
    assert_eq!(rig.positions(), u64::from(2 * BATCH));
    assert!(rig.is_there(pid));
    rig.server.thaw_backend(pid);
    wait_until("the end of the one that stood still", || !rig.is_there(pid));
    let (log, its) = (rig.server.log(), format!("[{pid}]"));
    let came_to = |what| log.lines().any(|line| line.contains(&its) && line.contains(what));
    assert!(came_to("are not where it left them"), "{log}");
    // Its rows and its COMMIT were there to be read as well.
    assert!(!came_to("COPY positions") && !came_to(": COMMIT"), "{log}");
    assert_eq!(rig.positions(), u64::from(2 * BATCH));
    rig.finish();
}

/// What was sent behind the commit that was refused was in the way of the question by whom: the older one came again, took all offsets
/// back, and both ended.
#[test]
fn the_older_one_ends_too_when_it_had_more_rows_on_their_way() {
    let mut rig = Rig::with("batch_rows_max = 5000\nlinger_ms = 200\n");
    let copy = rig.home.copy();
    let second = copy.start();
    let mut sender = TcpStream::connect(second.tcp()).unwrap();
    sender.write_all(&lines(100_000..100_000 + BATCH)).unwrap();
    wait_until_all_is_decided(&second);
    // The older one has the time to send more before it hears of the first.
    let mut holder = rig.server.connect();
    holder.batch_execute("BEGIN; LOCK TABLE aisd_offsets IN EXCLUSIVE MODE").unwrap();
    rig.send(40_000);
    wait_until("a commit that waits for the offsets", || rig.server.count(WAITING) == 1);
    std::thread::sleep(Duration::from_millis(150));
    drop(holder);
    let stopped = rig.daemon.wait();
    assert_eq!(stopped.code(), Some(71), "{}", rig.home.log());
    let log = rig.home.log();
    assert!(log.contains("another process stores for instance"), "{log}");
    sender.write_all(&lines(200_000..200_000 + BATCH)).unwrap();
    let stored = || metrics(second.http()).feed("tcp", "stored");
    wait_until("the newer one goes on", || stored() == u64::from(2 * BATCH));
    drop(sender);
    assert_eq!(second.stop(), Some(0));
    assert_eq!(rig.positions(), u64::from(3 * BATCH));
}

#[test]
fn a_daemon_on_a_copy_of_the_data_directory_ends_the_older_one_and_nothing_is_twice() {
    let mut rig = Rig::new();
    let copy = rig.home.copy();
    rig.send(BATCH);
    rig.wait_until_all_is_stored();
    let second = copy.start();
    // It notices when it next has something to store.
    rig.send(BATCH);
    let stopped = rig.daemon.wait();
    assert_eq!(stopped.code(), Some(71), "{}", rig.home.log());
    let log = rig.home.log();
    let told = "another process stores for instance";
    assert!(log.contains(told) && log.contains("is there a copy of the data directory?"), "{log}");
    drop(rig.sender);

    let mut sender = TcpStream::connect(second.tcp()).unwrap();
    // Also what the older one took and did not store.
    sender.write_all(&lines(2 * BATCH..4 * BATCH)).unwrap();
    let received = || metrics(second.http()).feed("tcp", "received");
    wait_until("everything that was sent is taken", || received() == u64::from(2 * BATCH));
    wait_until_all_is_decided(&second);
    drop(sender);
    assert_eq!(second.stop(), Some(0), "{}", copy.log());
    let mut rows = PostgresRows::after_all(&rig.server);
    let (mut first, mut then) = (Accepted::default(), Accepted::default());
    first.read(&rig.home.data());
    then.read(&copy.data());
    let all = [u64::MAX; 64];
    // The last that the older one took came when it had lost its offsets.
    let mut expected = first.rows(&all);
    expected.truncate(2 * BATCH as usize);
    expected.extend(then.rows(&all));
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(rows.seqs(), expected, "rows of both, each once");
    assert!(rows.numbers().into_iter().eq(0..4 * BATCH), "every sentence once");

    // Both had begun the same generation. Once the older one went on under its numbers when it was started again, and what it
    // took then counted as stored already.
    let again = rig.home.start();
    let mut sender = TcpStream::connect(again.tcp()).unwrap();
    sender.write_all(&lines(4 * BATCH..5 * BATCH)).unwrap();
    let received = || metrics(again.http()).feed("tcp", "received");
    wait_until("everything that was sent is taken", || received() == u64::from(BATCH));
    wait_until_all_is_decided(&again);
    drop(sender);
    assert_eq!(again.stop(), Some(0), "{}", rig.home.log());
    let mut rows = PostgresRows::after_all(&rig.server);
    assert!(rows.numbers().into_iter().eq(0..5 * BATCH), "every sentence once, the newest too");
}
