//! `kill -9` of the engine and of Postgres, again and again in one run, loses nothing and stores nothing twice.
//!
//! `AISD_SOAK=1` makes it the full measure: 30 kills of the engine and 5 of Postgres in a run of 2 000 000 messages.

use crate::support::accepted::Accepted;
use crate::support::http::metrics;
use crate::support::postgres_daemon::{
    assert_rows_are_those_accepted, home_of, soak, wait_until_all_is_decided,
};
use crate::support::postgres_rows::PostgresRows;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;
use crate::support::servers::Postgres;
use crate::support::traffic::Traffic;

/// Up to this many records all rows are compared at each kill; beyond, at the end alone.
const COMPARED_MAX: usize = 300_000;

/// How much of everything.
struct Measure {
    messages: u32,
    rate: u32,
    engine_kills: u32,
    postgres_kills: u32,
}

/// One run, from its first message to its last.
struct Run {
    server: Postgres,
    home: Home,
    traffic: Traffic,
    accepted: Accepted,
    /// Messages that a start found undecided.
    recovered: u64,
}

impl Run {
    fn start(&mut self) -> Daemon {
        let daemon = self.home.start();
        self.traffic.aim(&daemon);
        daemon
    }

    /// Kills the engine and starts it again; what it recovers is what was not decided.
    fn kill_engine(&mut self, daemon: Daemon) -> Daemon {
        daemon.kill();
        self.accepted.read(&self.home.data());
        let mut rows = PostgresRows::after_all(&self.server);
        let offsets = rows.offsets();
        if self.accepted.records.len() < COMPARED_MAX {
            self.accepted.assert_rows(&offsets, &rows.seqs());
        }
        let undecided = self.accepted.undecided(&offsets);
        let daemon = self.start();
        wait_until("what was left is looked at", || recovered(&daemon) >= undecided);
        assert_eq!(recovered(&daemon), undecided, "recovered");
        self.recovered += undecided;
        daemon
    }

    /// Kills Postgres; the daemon goes on by itself when it is back.
    fn kill_postgres(&mut self, daemon: &Daemon) {
        let failures = || metrics(daemon.http()).number("/store/failures");
        let before = failures();
        self.server.kill_postmaster();
        wait_until("a store that is missed", || failures() > before);
        self.server.start_again();
        let stored = || metrics(daemon.http()).number("/store/commits");
        let before = stored();
        wait_until("a store that is back", || stored() > before);
    }
}

fn recovered(daemon: &Daemon) -> u64 {
    let metrics = metrics(daemon.http());
    metrics.feeds().iter().map(|feed| metrics.feed(feed, "recovered")).sum()
}

fn check(measure: &Measure) {
    let Measure { messages, rate, engine_kills, postgres_kills } = *measure;
    let server = Postgres::start();
    let home = home_of(&server);
    let (traffic, accepted) = (Traffic::over_tcp(rate), Accepted::default());
    let mut run = Run { server, home, traffic, accepted, recovered: 0 };
    let mut random = Random::seeded(11);
    let mut daemon = run.start();
    let kills = engine_kills + postgres_kills;
    for kill in 1..=kills {
        let slack = u64::from(messages / (kills + 1) / 2);
        let late = u32::try_from(random.between(0, slack)).unwrap();
        let due = messages / (kills + 1) * kill + late;
        wait_until("messages before a kill", || run.traffic.sent() >= due);
        // Spread evenly among the others.
        if kill * postgres_kills / kills > (kill - 1) * postgres_kills / kills {
            run.kill_postgres(&daemon);
        } else {
            daemon = run.kill_engine(daemon);
        }
    }
    wait_until("all messages", || run.traffic.sent() >= messages);
    let Run { server, home, traffic, mut accepted, recovered, .. } = run;
    traffic.stop();
    wait_until_all_is_decided(&daemon);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_rows_are_those_accepted(&mut accepted, &home, &server);
    let records = accepted.records.len();
    let repeats = accepted.repeats_across_a_kill;
    eprintln!(
        "{engine_kills} kills of the engine, {postgres_kills} of Postgres: {records} accepted, {} rows, \
         {recovered} recovered, {repeats} repeats across a kill",
        accepted.rows(&[u64::MAX; 64]).len()
    );
    assert!(records > messages as usize / 10 * 9, "{records} accepted of {messages}");
    assert!(recovered > 0 && repeats > 0, "no kill hurt");
    assert!(server.log().matches("was not properly shut down").count() == postgres_kills as usize);
}

#[test]
fn engine_and_postgres_killed_in_one_run_lose_nothing_and_store_nothing_twice() {
    check(&if soak() {
        Measure { messages: 2_000_000, rate: 20_000, engine_kills: 30, postgres_kills: 5 }
    } else {
        Measure { messages: 100_000, rate: 8_000, engine_kills: 6, postgres_kills: 1 }
    });
}
