//! Whatever is wrong with Postgres, messages are taken, the live picture goes on, and nothing is lost or stored twice.
//!
//! In each outage the daemon is also killed and started anew, and becomes ready without the store. `AISD_SOAK=1` makes it the full
//! measure: 60 s stopped or 30 s frozen, under 10 000 messages a second.

use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use crate::support::accepted::Accepted;
use crate::support::http::{get, metrics};
use crate::support::postgres_daemon::{
    Sleeper, assert_rows_are_those_accepted, came_and_left, home_of, newest_shown_us, now_us,
    received, series, soak, verbose, wait_until_all_is_decided, waiting,
};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::{Log, Postgres, Stop};
use crate::support::traffic::Traffic;

/// How old the newest report of the live picture may be: each ship sends once in a second or two.
const SHOWN_WITHIN_US: i64 = 3_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Sessions that a server has for others than the superuser, where they are to run out.
const SESSIONS: &[(&str, &str)] =
    &[("max_connections", "8"), ("superuser_reserved_connections", "3")];
const END_SESSIONS: &str = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
    WHERE usename = 'aisd' AND application_name <> 'taker'";
const OTHER_PASSWORD: &str = "another-password-of-tests";
/// What a fresh server, its tables, and the rows of a soak need.
const DISK_MEGABYTES: u32 = 1000;

/// What is wrong with the server.
enum Fault {
    Stopped,
    Frozen,
    OutOfConnections(Vec<Client>),
    ReadOnly,
    DiskFull,
    PasswordChanged,
}

impl Fault {
    fn begin(&mut self, server: &mut Postgres) {
        match self {
            Self::Stopped => server.stop(Stop::Fast),
            Self::Frozen => server.freeze(),
            Self::OutOfConnections(taken) => take_all(server, taken),
            Self::ReadOnly => server.set("default_transaction_read_only", "on"),
            Self::DiskFull => server.fill_disk(),
            Self::PasswordChanged => {
                server.change_password(OTHER_PASSWORD);
                assert!(server.count(END_SESSIONS) > 0, "nobody was connected");
            }
        }
    }

    fn end(&mut self, server: &mut Postgres) {
        match self {
            Self::Stopped => server.start_again(),
            Self::Frozen => server.thaw(),
            Self::OutOfConnections(taken) => taken.clear(),
            Self::ReadOnly => server.set("default_transaction_read_only", "off"),
            Self::DiskFull => server.free_disk(),
            Self::PasswordChanged => server.change_password("a-password-of-tests"),
        }
    }

    /// What the daemon must say of it.
    const fn cause(&self) -> &'static str {
        match self {
            Self::Stopped => "connection refused",
            Self::Frozen => "no answer ",
            Self::OutOfConnections(_) => "SQLSTATE 53300",
            Self::ReadOnly => "SQLSTATE 25006",
            Self::DiskFull => "SQLSTATE 53100",
            Self::PasswordChanged => "SQLSTATE 28P01",
        }
    }

    /// Whether so much comes that the shards go ahead without the store.
    const fn forks(&self) -> bool {
        matches!(self, Self::Stopped | Self::Frozen)
    }

    /// How long it lasts at least.
    fn lasts(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Stopped if soak() => 60,
            Self::Frozen if soak() => 30,
            Self::Stopped | Self::Frozen => 5,
            _ if soak() => 10,
            _ => 3,
        })
    }
}

/// Ends the daemon's session and takes its place, before it comes back, and every other. A session that begins or ends at that
/// moment has a place and is in no list, so looks go on until all are taken.
fn take_all(server: &Postgres, taken: &mut Vec<Client>) {
    let url = format!("{}?application_name=taker", server.url());
    wait_until("no session that is free", || {
        while let Ok(client) = Client::connect(&url, NoTls) {
            taken.push(client);
        }
        server.count(END_SESSIONS) == 0 && taken.len() >= 5
    });
    assert_eq!(taken.len(), 5);
}

/// Looks again and again until the time has come: messages are taken, and the live picture shows them.
fn watch_until(daemon: &Daemon, end: Instant) {
    let (mut last, mut looks) = (received(&metrics(daemon.http())), 0);
    while looks == 0 || Instant::now() < end {
        wait_until("more that is received", || received(&metrics(daemon.http())) > last);
        last = received(&metrics(daemon.http()));
        let age_us = now_us() - newest_shown_us(daemon);
        assert!(age_us < SHOWN_WITHIN_US, "the live picture is {age_us} us old");
        assert_eq!(get(daemon.http(), "/readyz").0, 200);
        looks += 1;
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until the daemon has noticed, and says what it is.
fn wait_until_named(daemon: &Daemon, cause: &str) {
    let trips = || series(daemon, "circuit_breaker_trips_total{name=\"postgres\"}");
    wait_until("an open breaker", || {
        series(daemon, "circuit_breaker_state{name=\"postgres\"}") > 1.5
    });
    assert!(trips() > 0.5);
    let mut said = String::new();
    wait_until(&format!("a word of {cause}"), || {
        said = verbose(daemon);
        said.contains(cause)
    });
    eprintln!("{said}");
    assert!(said.starts_with("[-]") && said.contains("(attempt "), "{said}");
    assert!(said.contains(", next in ") || said.contains(", next is due"), "{said}");
    assert!(!said.contains("a-password-of-tests"), "{said}");
}

/// Waits until the backlog is stored; how many were decided, and how many came, a second.
fn drained(daemon: &Daemon, rate: u32) -> (f64, f64) {
    let (mut first, mut before) = (None, None);
    let mut last = None;
    wait_until("the end of the backlog", || {
        let metrics = metrics(daemon.http());
        let (came, left) = came_and_left(&metrics);
        let now = (Instant::now(), received(&metrics), left);
        // The look before the first that saw something stored, so that no time is left out.
        if before.is_some_and(|(_, _, left_before)| left > left_before) {
            first = first.or(before);
        }
        (before, last) = (Some(now), Some(now));
        let level = u64::from(rate) / 4;
        waiting(&metrics).is_some_and(|waiting| waiting <= level) && came - left <= level
    });
    let ((began, came, left), (ended, came_then, left_then)) = (first.unwrap(), last.unwrap());
    let took = ended.duration_since(began).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let rate = |from: u64, to: u64| (to - from) as f64 / took;
    (rate(left, left_then), rate(came, came_then))
}

fn is_storing(daemon: &Daemon) {
    wait_until("something that is stored", || {
        metrics(daemon.http()).number("/store/positions") > 1000
    });
}

/// Starts a daemon in the outage, once another was killed.
fn killed_and_started(home: &Home, traffic: &Traffic, daemon: Daemon) -> Daemon {
    daemon.kill();
    let mut daemon = home.spawn();
    let took = daemon.wait_until_ready();
    assert!(took < READY_WITHIN, "ready after {took:?}");
    traffic.aim(&daemon);
    let ready_us = now_us();
    wait_until("the live picture of a new start", || newest_shown_us(&daemon) > ready_us);
    eprintln!("ready after {took:?} without the store");
    daemon
}

fn check(mut fault: Fault, mut server: Postgres) {
    let rate = match fault.forks() {
        _ if soak() => 5_000,
        true => 2_000,
        false => 1_000,
    };
    let home = home_of(&server);
    let daemon = home.start();
    let (traffic, sleeper) = (Traffic::start(rate), Sleeper::start());
    traffic.aim(&daemon);
    is_storing(&daemon);

    fault.begin(&mut server);
    let end = Instant::now() + fault.lasts();
    wait_until_named(&daemon, fault.cause());
    watch_until(&daemon, Instant::now() + fault.lasts() / 2);
    if fault.forks() {
        wait_until("shards that go ahead", || home.log().contains("going ahead without it"));
        watch_until(&daemon, Instant::now() + LOOK_EVERY);
    }
    let overrun = sleeper.assert_deadlines_held(&daemon);
    let daemon = killed_and_started(&home, &traffic, daemon);
    wait_until_named(&daemon, fault.cause());
    watch_until(&daemon, end);
    let stored = metrics(daemon.http()).number("/store/positions");
    assert_eq!(stored, 0, "the store was away, and yet took rows");

    let ends = Instant::now();
    fault.end(&mut server);
    let (decided, came) = drained(&daemon, rate * 2);
    eprintln!("drained after {:?}: {decided:.0}/s, {came:.0}/s came", ends.elapsed());
    assert!(decided >= 2.0 * came, "drained at {decided:.0}/s while {came:.0}/s came");
    wait_until("a breaker that is closed", || {
        series(&daemon, "circuit_breaker_state{name=\"postgres\"}") < 0.5
    });
    assert!(!fault.forks() || home.log().contains("the store has caught up"), "{}", home.log());
    let said = verbose(&daemon);
    let begin = "[+]neighbour postgres: breaker closed; it has opened ";
    // A server that was stopped may be met starting up.
    let names_it = said.contains(fault.cause())
        || matches!(fault, Fault::Stopped) && said.contains("SQLSTATE 57P03");
    assert!(said.starts_with(begin) && names_it, "{said}");
    let overrun = sleeper.assert_deadlines_held(&daemon).max(overrun);
    traffic.stop();
    wait_until_all_is_decided(&daemon);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let mut accepted = Accepted::default();
    assert_rows_are_those_accepted(&mut accepted, &home, &server);
    eprintln!("{} accepted, a call {overrun:?} over at most", accepted.records.len());
}

#[test]
fn postgres_stopped_loses_nothing_and_stops_nothing() {
    check(Fault::Stopped, Postgres::start());
}

#[test]
fn postgres_frozen_loses_nothing_and_stops_nothing() {
    check(Fault::Frozen, Postgres::start());
}

#[test]
fn postgres_out_of_connections_loses_nothing_and_stops_nothing() {
    check(Fault::OutOfConnections(Vec::new()), Postgres::with(SESSIONS));
}

#[test]
fn postgres_read_only_loses_nothing_and_stops_nothing() {
    check(Fault::ReadOnly, Postgres::start());
}

#[test]
fn postgres_without_room_on_its_disk_loses_nothing_and_stops_nothing() {
    match Postgres::on_small_disk(DISK_MEGABYTES, Log::Apart, &[]) {
        Some(server) => check(Fault::DiskFull, server),
        None => eprintln!("SKIPPED: a full disk under Postgres was not tested"),
    }
}

#[test]
fn postgres_that_refuses_the_password_loses_nothing_and_stops_nothing() {
    check(Fault::PasswordChanged, Postgres::start());
}
