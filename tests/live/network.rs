//! Whatever the network to Redis does costs nothing but freshness: the store goes on at its rate, and when the network is well the
//! picture is what is stored.
//!
//! Without TLS a flipped byte that Redis can see is a connection that fails; a value that became another value is shown until the
//! vessel is heard again.

use std::time::{Duration, Instant};

use super::daemon::{is_shown, stored};
use crate::support::http::{get, metrics};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::proxy::{Fault, Proxy, Way};
use crate::support::random::Random;
use crate::support::servers::Redis;
use crate::support::sums::Auditor;
use crate::support::traffic::Traffic;

const RATE: u32 = 1_000;

/// A daemon with the embedded store that shows in a Redis behind a network of the test, under load.
struct Rig {
    server: Redis,
    proxy: Proxy,
    home: Home,
    daemon: Daemon,
    traffic: Traffic,
    auditor: Auditor,
}

impl Rig {
    fn start(rate: u32) -> Self {
        let server = Redis::start();
        let proxy = Proxy::to(server.port());
        let breakers = "[breakers]\nfailures_to_open = 2\nopen_ms = 100\n";
        let url = proxy.url(&server.url());
        let home = Home::new(&format!("[redis]\nurl = \"{url}\"\ntimeout_ms = 300\n{breakers}"));
        let daemon = home.start();
        let (traffic, auditor) = (Traffic::over_tcp(rate), Auditor::of(&daemon));
        traffic.aim(&daemon);
        let rig = Self { server, proxy, home, daemon, traffic, auditor };
        rig.shows_again();
        rig
    }

    fn number(&self, pointer: &str) -> u64 {
        metrics(self.daemon.http()).number(pointer)
    }

    fn failures(&self) -> u64 {
        self.number("/live/failures")
    }

    fn shows_again(&self) {
        let before = self.number("/live/written");
        wait_until("more that is shown", || self.number("/live/written") > before + 100);
    }

    fn fires(&self, fault: Fault) {
        let before = self.proxy.fired();
        self.proxy.set(fault);
        wait_until(&format!("{fault:?} that fires"), || self.proxy.fired() > before);
    }

    fn fails(&self, fault: Fault) {
        let failures = self.failures();
        self.fires(fault);
        wait_until("a Redis that is missed", || self.failures() > failures);
    }

    /// The store takes rows at their rate meanwhile.
    fn stores_for(&self, time: Duration) {
        let stored = || metrics(self.daemon.http()).feed("tcp", "stored");
        let (before, began) = (stored(), Instant::now());
        std::thread::sleep(time);
        let rate = (stored() - before) as f64 / began.elapsed().as_secs_f64();
        assert!(rate > 0.95 * f64::from(RATE), "{rate:.0}/s stored");
    }

    fn trouble(&self) -> String {
        let (status, body) = get(self.daemon.http(), "/readyz?verbose");
        assert_eq!(status, 200);
        let text = String::from_utf8(body).unwrap();
        text.lines().find(|line| line.contains("neighbour redis")).unwrap().to_owned()
    }

    fn verdict(self) {
        self.proxy.set(Fault::None);
        let Self { server, proxy, home, daemon, traffic, auditor } = self;
        traffic.stop();
        wait_until("all is stored", || metrics(daemon.http()).number("/accounting/in_flight") == 0);
        let (newest, mut redis) = (stored(&home.data()), server.connect());
        assert!(newest.len() > 300, "{} vessels", newest.len());
        wait_until("all is shown", || is_shown(&mut redis, &newest));
        let failures = metrics(daemon.http()).number("/live/failures");
        let audit = auditor.finish();
        eprintln!(
            "{} faults, {failures} failures, {} vessels, {audit:?}",
            proxy.fired(),
            newest.len()
        );
        assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    }
}

#[test]
fn a_black_hole_to_redis_costs_its_time_out_and_the_store_nothing() {
    let rig = Rig::start(RATE);
    rig.fails(Fault::BlackHole);
    rig.stores_for(Duration::from_secs(2));
    let trouble = rig.trouble();
    assert!(trouble.contains("no answer within 300 ms"), "{trouble}");
    rig.proxy.set(Fault::None);
    rig.shows_again();
    rig.verdict();
}

#[test]
fn resets_and_ends_of_the_connection_to_redis_lose_no_vessel() {
    let rig = Rig::start(RATE);
    let mut random = Random::seeded(9);
    for round in 0..6 {
        rig.fails(match round % 3 {
            0 => Fault::ResetAfter(Way::ToClient, random.between(0, 100)),
            1 => Fault::ResetAfter(Way::ToServer, random.between(0, 5_000)),
            _ => Fault::HalfClose,
        });
        rig.proxy.set(Fault::None);
        rig.shows_again();
    }
    rig.verdict();
}

#[test]
fn a_slow_network_to_redis_and_one_of_single_bytes_fail_nothing() {
    let rig = Rig::start(RATE);
    rig.fires(Fault::Latency(Duration::from_millis(100)));
    rig.stores_for(Duration::from_secs(1));
    rig.shows_again();
    rig.fires(Fault::Slices(3));
    rig.shows_again();
    assert_eq!(rig.failures(), 0);
    rig.verdict();
}

#[test]
fn a_flipped_byte_that_redis_or_we_can_see_is_a_connection_that_fails() {
    let rig = Rig::start(RATE);
    // The mark and the length of what follows; line ends are looked at by nobody.
    for distance in [2, 3] {
        rig.fails(Fault::FlipBehind(Way::ToServer, b"EVALSHA", distance));
        rig.shows_again();
    }
    rig.fails(Fault::FlipAfter(Way::ToClient, 0));
    rig.shows_again();
    assert_eq!(rig.proxy.fired(), 3);
    rig.verdict();
}
