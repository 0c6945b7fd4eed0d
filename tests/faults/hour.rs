//! An hour at 10 000 messages a second with a fault each minute: of Postgres, of Redis, of the network, the disk, and the daemon.
//!
//! ```text
//! AISD_HOUR_MINUTES=60 tests/run --release --test main an_hour -- --nocapture
//! ```
//!
//! Without that variable it is three faults in twenty seconds, or with `FAULTS=all` each kind twice in three minutes. Each kind of fault comes once before any comes again, in an order
//! from a seed that is printed (`AISD_SEED` sets it). What ends the daemon comes in the first half alone, so that the
//! memory of the last process tells of at least half the time. A line a minute says what was seen. A *fault window* lasts from the
//! fault until the backlog is stored and the picture fresh, and three seconds more.

mod kinds;
mod verdict;
mod watch;

use std::time::{Duration, Instant};

use self::kinds::{KINDS, Kind};
use self::watch::{Quiet, Watch};
use super::shim::Shim;
use crate::support::at_full_length;
use crate::support::http::metrics;
use crate::support::postgres_daemon::wait_until_all_is_decided;
use crate::support::process::{Daemon, Home};
use crate::support::proxy::Proxy;
use crate::support::random::Random;
use crate::support::servers::{Postgres, Redis};
use crate::support::traffic::Traffic;

/// Dead letters must be fewer.
const LETTERS_BELOW: u64 = 10;
/// The share of messages that must be stored within 50 ms of their receipt, outside of fault windows.
const FAST_SHARE: f64 = 0.99;
/// How much memory may grow from the tenth minute of a process to its end.
const GROWTH_MAX: f64 = 0.05;
/// Minutes that the last process must have lived for its memory to say something.
const MINUTES_TOLD: f64 = 20.0;
/// The share of the time that must lie outside of fault windows.
const QUIET_SHARE: f64 = 0.3;

/// How much of everything.
struct Measure {
    /// Faults, each in a minute of its own.
    minutes: u32,
    minute: Duration,
    /// Sentences a second over each of TCP and UDP.
    rate: u32,
    /// How long a fault lasts that has a length.
    lasts: Duration,
    /// What follows a fault until it counts as over.
    settles: Duration,
    /// How late in its minute a fault comes, in milliseconds.
    late_ms_max: u64,
}

impl Measure {
    fn chosen() -> Self {
        let given = std::env::var("AISD_HOUR_MINUTES").ok();
        match given.map(|text| text.parse().expect("AISD_HOUR_MINUTES is a number")) {
            Some(minutes) => Self {
                minutes,
                minute: Duration::from_secs(60),
                rate: 5_000,
                lasts: Duration::from_secs(10),
                settles: Duration::from_secs(3),
                late_ms_max: 15_000,
            },
            None => Self {
                // Every kind, twice: what ends the daemon comes in the first half.
                minutes: if at_full_length() { 28 } else { 3 },
                minute: Duration::from_secs(6),
                rate: if at_full_length() { 5_000 } else { 1_000 },
                lasts: Duration::from_secs(3),
                settles: Duration::from_millis(1_000),
                late_ms_max: 500,
            },
        }
    }

    const fn is_short(&self) -> bool {
        self.minute.as_secs() < 60
    }
}

/// Sentences that may not have reached the journal, for they were sent while the daemon ended.
struct Gap {
    tcp: std::ops::Range<u32>,
    udp: std::ops::Range<u32>,
}

/// All that runs.
struct Run {
    measure: Measure,
    server: Postgres,
    redis: Redis,
    /// Between the daemon and Postgres.
    proxy: Proxy,
    home: Home,
    shim: Shim,
    traffic: Traffic,
    /// None while it is started again.
    daemon: Option<Daemon>,
    gaps: Vec<Gap>,
    watch: Watch,
}

impl Run {
    fn begin(measure: Measure) -> Self {
        let (server, redis) = (Postgres::start(), Redis::start());
        let proxy = Proxy::to(server.port());
        let home = Home::new(&format!(
            "[store]\nurl = \"{}\"\nconnect_seconds = 1\ncommit_seconds = 2\n\
             [redis]\nurl = \"{}\"\n\
             [breakers]\nfailures_to_open = 2\nopen_ms = 300\n\
             [journal]\nkeep_all = true\nbytes_max = 34359738368\n",
            proxy.url(&server.url()),
            redis.url()
        ));
        let shim = Shim::new(&home);
        let daemon = shim.start(&home);
        let traffic = Traffic::start(measure.rate);
        traffic.aim(&daemon);
        let (gaps, watch) = (Vec::new(), Watch::default());
        let daemon = Some(daemon);
        Self { measure, server, redis, proxy, home, shim, traffic, daemon, gaps, watch }
    }

    const fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it runs")
    }

    /// One minute with one fault in it; returns when it is over, however long that takes.
    fn minute(&mut self, number: u32, kind: Kind, late: Duration) {
        let end = Instant::now() + self.measure.minute;
        self.watch_until(Instant::now() + late);
        self.close();
        let began = Instant::now();
        let note = kind.strike(self);
        self.watch_until_level();
        kinds::wait_for_a_fresh_picture(&self.redis);
        self.watch_until(Instant::now() + self.measure.settles);
        let window = began.elapsed();
        self.open();
        self.watch_until(end);
        let quiet = self.close();
        self.open();
        let seen = metrics(self.daemon().http());
        eprintln!(
            "minute {number}: {kind:?} ({note}), window {:.1} s; outside {quiet}; {} sent, {} dead letters, \
             {} kB resident",
            window.as_secs_f64(),
            self.traffic.sent(),
            seen.number("/dead_letters/rows"),
            self.daemon().status("VmRSS"),
        );
    }

    fn watch(&mut self) -> (&mut Watch, &Daemon) {
        (&mut self.watch, self.daemon.as_ref().expect("it runs"))
    }

    fn watch_until(&mut self, end: Instant) {
        let (watch, daemon) = self.watch();
        watch.until(daemon, end);
    }

    /// Waits until what waits to be stored is what comes in half a second.
    fn watch_until_level(&mut self) {
        let level = u64::from(self.measure.rate);
        let (watch, daemon) = self.watch();
        watch.until_level(daemon, level);
    }

    fn open(&mut self) {
        let (watch, daemon) = self.watch();
        watch.open(daemon);
    }

    fn close(&mut self) -> Quiet {
        let (watch, daemon) = self.watch();
        watch.close(daemon)
    }

    /// Stops everything, and compares.
    fn finish(mut self, began: Instant) {
        self.close();
        let growth = self.watch.growth();
        let (tcp, udp) = self.traffic.sent_each();
        self.traffic.stop();
        let daemon = self.daemon.take().expect("it runs");
        wait_until_all_is_decided(&daemon);
        self.watch.look(&daemon);
        assert_eq!(daemon.stop(), Some(0), "{}", self.home.log());
        let took = began.elapsed();
        eprintln!("{} s, all decided; comparing", took.as_secs());
        let verdict = verdict::compare(&self.home.data(), &self.server);
        let missing = verdict.not_accepted((tcp, udp), &self.gaps);
        eprintln!(
            "{} accepted, {} rows, {} lost, {} twice; {} sent and not accepted while the daemon ended, {} else, {} \
             dropped datagrams counted",
            verdict.accepted,
            verdict.rows,
            verdict.lost,
            verdict.twice,
            missing.in_gaps,
            missing.tcp + missing.udp,
            self.watch.dropped(),
        );
        eprintln!("outside of fault windows: {}; memory: {growth}", self.watch.all());
        assert_eq!((verdict.lost, verdict.twice, verdict.made_up), (0, 0, 0), "{verdict:?}");
        assert_eq!(missing.tcp, 0, "sent over TCP to a daemon that ran, and not accepted");
        assert!(missing.udp <= self.watch.dropped(), "{} datagrams lost uncounted", missing.udp);
        assert!(self.watch.letters < LETTERS_BELOW, "{} dead letters", self.watch.letters);
        if self.measure.is_short() {
            return;
        }
        let quiet = self.watch.all();
        assert!(quiet.seconds > took.as_secs_f64() * QUIET_SHARE, "{quiet}");
        assert!(quiet.share_within_50_ms() >= FAST_SHARE, "{quiet}");
        if growth.minutes >= MINUTES_TOLD {
            assert!(growth.share() < GROWTH_MAX, "{growth}");
        }
    }
}

/// The faults of all minutes: each kind once before any comes again, and in the second half none that ends the daemon.
fn schedule(minutes: u32, random: &mut Random) -> Vec<Kind> {
    let (mut all, mut bag) = (Vec::new(), Vec::new());
    for minute in 0..minutes {
        let is_allowed = |kind: &Kind| !kind.ends_the_daemon() || minute * 2 < minutes;
        if !bag.iter().any(is_allowed) {
            bag = KINDS.to_vec();
        }
        let allowed: Vec<usize> = (0..bag.len()).filter(|at| is_allowed(&bag[*at])).collect();
        let pick = random.between(0, allowed.len() as u64 - 1);
        all.push(bag.remove(allowed[usize::try_from(pick).unwrap()]));
    }
    all
}

#[test]
fn an_hour_of_faults_loses_nothing_stores_nothing_twice_and_grows_no_memory() {
    let measure = Measure::chosen();
    let mut random = Random::seeded(34);
    let kinds = schedule(measure.minutes, &mut random);
    let late_ms_max = measure.late_ms_max;
    let mut run = Run::begin(measure);
    let began = Instant::now();
    run.watch_until_level();
    run.open();
    for (number, kind) in (1..).zip(kinds) {
        let late = Duration::from_millis(random.between(late_ms_max / 3, late_ms_max));
        run.minute(number, kind, late);
    }
    run.finish(began);
}
