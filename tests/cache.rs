//! The vessel cache holds the world: after the first report of a vessel every look finds it.

use std::io::Write;
use std::net::TcpStream;

use crate::support::data;
use crate::support::http::{Metrics, metrics};
use crate::support::numbered::sentence_of;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;

fn send_and_wait(daemon: &Daemon, bytes: &[u8]) -> Metrics {
    let before = metrics(daemon.http()).feed("tcp", "bytes");
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    sender.write_all(bytes).unwrap();
    drop(sender);
    wait_until("everything is decided", || {
        let now = metrics(daemon.http());
        now.feed("tcp", "bytes") == before + bytes.len() as u64
            && now.number("/accounting/in_flight") == 0
    });
    metrics(daemon.http())
}

#[test]
fn each_vessel_of_a_recorded_feed_is_looked_for_in_vain_only_once() {
    // The recording is old: its own times would be refused on a live feed.
    let home = Home::new("[shards]\nage_hours_max = 87600\n");
    let daemon = home.start();
    let metrics = send_and_wait(&daemon, &data("amsa/ais.txt"));
    let (hits, misses) = (metrics.shards("cache_hits"), metrics.shards("cache_misses"));
    assert!(hits > 20_000 && misses > 1_000, "{hits} {misses}");
    assert_eq!(metrics.shards("vessels"), misses);
    assert_eq!(metrics.shards("cache_evictions"), 0);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn of_20_000_ships_none_is_forgotten() {
    const SHIPS: u32 = 20_000;
    const AFTER: u32 = 60_000;
    let home = Home::new("");
    let daemon = home.start();
    let mut random = Random::seeded(3);
    let line = |ship: u32, n: u32| (sentence_of(ship, n) + "\n").into_bytes();
    let first: Vec<u8> = (0..SHIPS).flat_map(|n| line(n, n)).collect();
    // The busy ones come often, the others seldom: the square of a uniform number leans to the low ones.
    let mut ship = || {
        let uniform = random.between(0, 999_999);
        u32::try_from(uniform * uniform / 1_000_000 * u64::from(SHIPS) / 1_000_000).unwrap()
    };
    let then: Vec<u8> = (SHIPS..SHIPS + AFTER).flat_map(|n| line(ship(), n)).collect();
    let before = send_and_wait(&daemon, &first);
    assert_eq!(before.shards("cache_misses"), u64::from(SHIPS));
    let after = send_and_wait(&daemon, &then);
    assert_eq!(after.shards("vessels"), u64::from(SHIPS));
    let hits = after.shards("cache_hits") - before.shards("cache_hits");
    assert_eq!(hits, u64::from(AFTER), "each look after the first finds its ship");
    assert_eq!(after.shards("cache_evictions"), 0);
    assert_eq!(daemon.stop(), Some(0));
}
