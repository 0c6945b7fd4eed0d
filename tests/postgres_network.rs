//! Whatever the network to Postgres does, messages are taken, no call outlives its deadline, and nothing is lost or stored twice.
//!
//! A proxy of the tests is between (`tests/support/proxy.rs`). `AISD_SOAK=1` makes each fault longer and more frequent.
//!
//! What a flipped byte does depends on TLS. With it, each one is a connection that fails. Without, what the server can see is
//! refused and sent again; a value that became another value is stored as it came, for nobody can tell: TCP's own checksum is all
//! there is.

mod cable;

use std::time::{Duration, Instant};

use crate::support::accepted::Accepted;
use crate::support::http::metrics;
use crate::support::numbered::{NUMBER_SQL, WRONG_SQL};
use crate::support::postgres_daemon::{
    Sleeper, assert_rows_are_those_accepted, configure_at, received, series, soak, verbose,
    wait_until_all_is_decided,
};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::proxy::{Fault, Proxy, Way};
use crate::support::random::Random;
use crate::support::servers::{Identity, Postgres, authority, trusting};
use crate::support::storing::{letters, send_numbers, wait_stored};
use crate::support::sums::Auditor;
use crate::support::traffic::Traffic;

const RATE: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A daemon that stores in a Postgres behind a network of the test, under load.
pub struct Rig {
    server: Postgres,
    proxy: Proxy,
    home: Home,
    daemon: Daemon,
    traffic: Traffic,
    auditor: Auditor,
    sleeper: Sleeper,
}

impl Rig {
    pub fn start(server: Postgres, proxy: Proxy, more: &str, rate: u32) -> Self {
        let home = Home::new("");
        configure_at(&home, &format!("{}{more}", proxy.url(&server.url())), "");
        let daemon = home.start();
        let (traffic, auditor) = (Traffic::over_tcp(rate), Auditor::of(&daemon));
        traffic.aim(&daemon);
        let sleeper = Sleeper::start();
        let rig = Self { server, proxy, home, daemon, traffic, auditor, sleeper };
        rig.commits_again();
        rig
    }

    fn plain(rate: u32) -> Self {
        let server = Postgres::start();
        let proxy = Proxy::to(server.port());
        Self::start(server, proxy, "", rate)
    }

    fn number(&self, pointer: &str) -> u64 {
        metrics(self.daemon.http()).number(pointer)
    }

    fn stored(&self) -> u64 {
        self.number("/store/positions")
    }

    fn failures(&self) -> u64 {
        self.number("/store/failures")
    }

    /// Waits until more is stored.
    pub fn commits_again(&self) {
        let before = self.stored();
        wait_until("more that is stored", || self.stored() > before + 50);
    }

    /// Sets a fault and waits until it did something; how often.
    fn fires(&self, fault: Fault) -> u64 {
        let before = self.proxy.fired();
        self.proxy.set(fault);
        wait_until(&format!("{fault:?} that fires"), || self.proxy.fired() > before);
        self.proxy.fired() - before
    }

    /// Messages are taken on at their rate, looked at again and again.
    pub fn takes_for(&self, time: Duration) {
        let (began, before) = (Instant::now(), received(&metrics(self.daemon.http())));
        let mut last = before;
        while began.elapsed() < time {
            wait_until("more that is received", || received(&metrics(self.daemon.http())) > last);
            last = received(&metrics(self.daemon.http()));
            std::thread::sleep(LOOK_EVERY);
        }
        assert!(last > before, "nothing was taken");
    }

    /// The network is well: everything that was accepted is stored, once, and nothing is a dead letter.
    pub fn verdict(self) {
        let Self { server, proxy, home, daemon, traffic, auditor, sleeper } = self;
        proxy.set(Fault::None);
        traffic.stop();
        wait_until_all_is_decided(&daemon);
        wait_until("a breaker that is closed", || {
            series(&daemon, "circuit_breaker_state{name=\"postgres\"}") < 0.5
        });
        let overrun = sleeper.assert_deadlines_held(&daemon);
        let failures = metrics(daemon.http()).number("/store/failures");
        let audit = auditor.finish();
        assert_eq!(daemon.stop(), Some(0), "{}", home.log());
        let mut accepted = Accepted::default();
        assert_rows_are_those_accepted(&mut accepted, &home, &server);
        assert!(letters(&home).is_empty());
        let rows = format!("SELECT {NUMBER_SQL} AS number, * FROM positions");
        let wrong = format!("SELECT count(*) FROM ({rows}) AS rows WHERE {WRONG_SQL}");
        assert_eq!(server.count(&wrong), 0, "rows that are not what was sent");
        eprintln!(
            "{} accepted, {} faults, {failures} failures, a call {overrun:?} over at most, {audit:?}",
            accepted.records.len(),
            proxy.fired()
        );
    }
}

/// How often a fault is repeated.
fn rounds(few: u32) -> u32 {
    if soak() { few * 10 } else { few }
}

fn lasts(seconds: u64, long: u64) -> Duration {
    Duration::from_secs(if soak() { long } else { seconds })
}

#[test]
fn a_postgres_of_half_a_second_a_commit_makes_larger_batches_and_holds_nothing_up() {
    let rig = Rig::plain(2 * RATE);
    // One round trip a commit.
    rig.fires(Fault::Latency(Duration::from_millis(250)));
    rig.commits_again();
    let (commits, stored) = (rig.number("/store/commits"), rig.stored());
    let (mut unsynced, began) = (Vec::new(), Instant::now());
    let came = received(&metrics(rig.daemon.http()));
    while began.elapsed() < lasts(2, 60) {
        let seen = metrics(rig.daemon.http());
        let seq = |name: &str| seen.number(&format!("/journal/{name}"));
        unsynced.push(seq("next_seq").saturating_sub(seq("synced_seq")));
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed().as_secs_f64();
    let commits = rig.number("/store/commits") - commits;
    let batch = (rig.stored() - stored) / commits.max(1);
    let rate = (received(&metrics(rig.daemon.http())) - came) as f64 / took;
    unsynced.sort_unstable();
    let p99 = unsynced[unsynced.len() * 99 / 100];
    eprintln!("{commits} commits in {took:.1} s, of {batch} rows; {rate:.0}/s; {p99} unsynced");
    assert!(commits >= 2 && batch > u64::from(RATE) / 2, "{commits} commits of {batch} rows");
    assert!(rate > 0.9 * f64::from(2 * RATE), "{rate}/s came");
    // What waits for its sync is what came in 50 ms at most.
    assert!(p99 <= u64::from(2 * RATE) / 20, "{p99} unsynced");
    assert_eq!(rig.failures(), 0, "slow is no failure");
    rig.verdict();
}

#[test]
fn a_line_of_64_kbit_holds_nothing_up_and_loses_nothing() {
    let rig = Rig::plain(RATE);
    rig.fires(Fault::Bandwidth(8_000));
    rig.takes_for(lasts(3, 60));
    rig.verdict();
}

/// What gathered while the store was away did not fit into the time of one commit, and was tried again whole for ever.
#[test]
fn a_backlog_that_does_not_fit_a_line_of_64_kbit_is_stored_in_smaller_commits() {
    const ROWS: u32 = 500;
    let server = Postgres::start();
    let proxy = Proxy::to(server.port());
    let home = Home::new("");
    configure_at(&home, &proxy.url(&server.url()), "");
    let daemon = home.start();
    send_numbers(&daemon, 0..10);
    wait_stored(&daemon, 10);
    proxy.set(Fault::BlackHole);
    send_numbers(&daemon, 10..20);
    wait_until("a store that is missed", || metrics(daemon.http()).number("/store/failures") > 0);
    send_numbers(&daemon, 20..ROWS);
    wait_until("all are in the journal", || {
        metrics(daemon.http()).number("/journal/appended") == u64::from(ROWS)
    });
    // 50 kB, six seconds of this line: a commit may take two.
    proxy.set(Fault::Bandwidth(8_000));
    let began = Instant::now();
    wait_stored(&daemon, u64::from(ROWS));
    let seen = metrics(daemon.http());
    let limit = seen.number("/store/batch_rows_limit");
    eprintln!("{ROWS} rows stored in {:?}, {limit} rows in a commit at last", began.elapsed());
    assert!(proxy.fired() > 0 && limit < u64::from(ROWS), "{limit}");
    assert!(home.log().contains("did not end within store.commit_seconds = 2"), "{}", home.log());
    // On a good line there is no bound again, as soon as there is enough to fill commits.
    proxy.set(Fault::None);
    let mut sent = ROWS;
    wait_until("commits of any size", || {
        send_numbers(&daemon, sent..sent + 5_000);
        sent += 5_000;
        metrics(daemon.http()).number("/store/batch_rows_limit") > limit
    });
    wait_stored(&daemon, u64::from(sent));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_rows_are_those_accepted(&mut Accepted::default(), &home, &server);
}

#[test]
fn resets_and_ends_anywhere_in_a_transaction_lose_nothing_and_store_nothing_twice() {
    let rig = Rig::plain(RATE);
    let mut random = Random::seeded(7);
    for round in 0..rounds(8) {
        let failures = rig.failures();
        let fault = match round % 4 {
            // The answer of a commit that came through is never heard.
            0 => Fault::ResetAt(Way::ToClient, b"COMMIT\0"),
            1 => Fault::ResetAfter(Way::ToClient, random.between(0, 300)),
            2 => Fault::HalfClose,
            _ => Fault::ResetAfter(Way::ToServer, random.between(0, 20_000)),
        };
        rig.fires(fault);
        wait_until("a store that is missed", || rig.failures() > failures);
        rig.proxy.set(Fault::None);
        rig.commits_again();
    }
    assert!(rig.failures() >= u64::from(rounds(8)));
    rig.verdict();
}

/// What was under way comes through when the network is well again, long after its writer gave it up.
#[test]
fn a_black_hole_costs_its_deadline_and_late_commits_add_nothing() {
    let rig = Rig::plain(RATE);
    for _ in 0..rounds(1) {
        let failures = rig.failures();
        rig.fires(Fault::BlackHole);
        rig.takes_for(lasts(4, 30));
        assert!(rig.failures() > failures);
        let said = verbose(&rig.daemon);
        assert!(said.contains("no answer "), "{said}");
        rig.proxy.set(Fault::None);
        rig.commits_again();
    }
    rig.verdict();
}

#[test]
fn a_network_of_slices_of_a_few_bytes_changes_nothing() {
    let rig = Rig::plain(200);
    for most in [1, 7] {
        rig.fires(Fault::Slices(most));
        rig.commits_again();
        rig.commits_again();
    }
    assert_eq!(rig.failures(), 0);
    rig.verdict();
}

/// A record's version is looked at by nobody, so a byte there may be anything.
#[test]
fn over_tls_a_flipped_byte_is_a_connection_that_fails_and_never_a_wrong_row() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let proxy = Proxy::to(server.port());
    let rig = Rig::start(server, proxy, &trusting(&authority()), RATE);
    let mut random = Random::seeded(8);
    let mut failed = 0;
    for round in 0..rounds(4) {
        let (failures, stored) = (rig.failures(), rig.stored());
        let (way, most) =
            if round % 3 == 0 { (Way::ToClient, 500) } else { (Way::ToServer, 30_000) };
        rig.fires(Fault::FlipAfter(way, random.between(0, most)));
        wait_until("a connection that fails, or one that does not mind", || {
            rig.failures() > failures || rig.stored() > stored + u64::from(2 * RATE)
        });
        failed += u32::from(rig.failures() > failures);
        rig.commits_again();
    }
    assert_eq!(rig.proxy.fired(), u64::from(rounds(4)));
    assert!(failed >= rounds(3), "{failed} failed");
    rig.verdict();
}

#[test]
fn without_tls_what_the_server_can_see_is_refused_and_sent_again() {
    let rig = Rig::plain(RATE);
    // Behind the signature: flags, the length of an extension, and how many columns the first row has.
    for distance in [0, 4, 8, 9] {
        rig.fires(Fault::FlipBehind(Way::ToServer, b"PGCOPY\n\xff\r\n\0", distance));
        rig.commits_again();
    }
    let refused = rig.server.log();
    let copies = ["COPY file header", "row field count", "critical flags"];
    let seen = copies.iter().filter(|what| refused.contains(**what)).count();
    assert!(seen >= 2, "the server saw no flipped byte");
    rig.verdict();
}
