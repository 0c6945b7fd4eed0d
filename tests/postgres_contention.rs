//! Who contends with others for the same rows waits a little and tries again: no deadlock, nothing lost, no dead letter.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::support::bits::name_of;
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};
use crate::support::servers::Postgres;
use crate::support::storing::{config, letters, send_sentences, wait_stored};

const SHIPS: u32 = 300;
const FIRST: u32 = 244_000_000;

fn rounds() -> u32 {
    if crate::support::at_full_length() { 120 } else { 16 }
}

/// Updates ships one by one in descending order, and keeps each locked to the end, again and again.
fn disturb(server: &Postgres, until: &AtomicBool, times: &AtomicU32) {
    let mut client = server.connect();
    while !until.load(Ordering::Relaxed) {
        let mut transaction = client.transaction().unwrap();
        for mmsi in (FIRST..FIRST + SHIPS).rev().step_by(30) {
            let mmsi = mmsi.cast_signed();
            let update = "UPDATE vessels SET draught = 1 WHERE mmsi = $1";
            transaction.execute(update, &[&mmsi]).unwrap();
            transaction.batch_execute("SELECT pg_sleep(0.12)").unwrap();
        }
        transaction.commit().unwrap();
        times.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn opposite_orders_and_strangers_never_end_in_a_deadlock() {
    let server = Postgres::start();
    let one = Home::new(&config(&server.url(), "writers = 2\n[shards]\ncount = 2\n"));
    let other = Home::beside(&one, &config(&server.url(), ""));
    let (first, second) = (one.start(), other.start());
    let (stop, times) = (AtomicBool::new(false), AtomicU32::new(0));
    let waits = || server.log().matches("canceling statement due to lock timeout").count();
    let names = |round: u32| {
        let name = |mmsi| name_of(mmsi, &format!("SHIP {round}"));
        (FIRST..FIRST + SHIPS).map(name).collect::<Vec<String>>()
    };
    std::thread::scope(|scope| {
        let disturber = scope.spawn(|| disturb(&server, &stop, &times));
        for round in 0..rounds() {
            let mut names = names(round);
            send_sentences(&first, &names);
            names.reverse();
            send_sentences(&second, &names);
            std::thread::sleep(Duration::from_millis(250));
        }
        // Locks that it waits for itself make its turns long.
        let has_disturbed = || disturber.is_finished() || times.load(Ordering::Relaxed) > 1;
        wait_until("somebody is in the way, and a lock is waited for in vain", || {
            waits() > 0 && has_disturbed()
        });
        stop.store(true, Ordering::Relaxed);
        disturber.join().unwrap();
    });
    let sent = u64::from(rounds() * SHIPS);
    for daemon in [&first, &second] {
        wait_stored(daemon, sent);
    }
    let failures: u64 =
        [&first, &second].iter().map(|it| metrics(it.http()).number("/store/failures")).sum();
    let times = times.into_inner();
    assert!(times > 1, "nobody was in the way");
    eprintln!("{times} long transactions, {} waits in vain, {failures} commits retried", waits());
    assert!(failures > 0, "every wait that was in vain is a commit that failed");
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
    assert_eq!(server.count("SELECT sum(static_reports)::int8 FROM vessels"), 2 * sent);
    assert_eq!(server.count("SELECT count(*) FROM vessels"), u64::from(SHIPS));
    assert_eq!(server.count("SELECT sum(deadlocks)::int8 FROM pg_stat_database"), 0);
    assert!(!server.log().contains("deadlock detected"));
    assert!(letters(&one).is_empty() && letters(&other).is_empty());
}
