//! `kill -9` at any moment loses nothing that the journal accepted, and stores nothing twice.
//!
//! The journal is read by the tests themselves, and what is in it and no repeat is what the store must hold, row by row, by number.
//! `FAULTS=all` or `AISD_SOAK=1` makes it the full measure: 20 kills under 20 000 messages a second, and a journal of 100 MB.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::accepted::Accepted;
use crate::support::at_full_length;
use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::numbered;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;
use crate::support::traffic::Traffic;

const KEEP_ALL: &str = "[journal]\nkeep_all = true\n";

/// Compares the store of a daemon that is gone with what its journal says; how many records it had not decided.
fn check(model: &mut Accepted, data: &Path) -> u64 {
    model.read(data);
    if !data.join("aisd.db").exists() {
        return model.records.len() as u64;
    }
    let store = Database::open(data);
    let offsets = store.offsets();
    model.assert_rows(&offsets, &store.seqs_from(0));
    model.undecided(&offsets)
}

/// A start that is to be killed: some before they are ready, some at once, some later, some while the store is held up.
fn run_and_kill(home: &Home, traffic: &Traffic, random: &mut Random, undecided: u64) -> u64 {
    let mut daemon = home.spawn();
    let pause = |ms: u64| std::thread::sleep(Duration::from_millis(ms));
    let kind = random.between(0, 4);
    if kind == 0 {
        pause(random.between(0, 120));
        daemon.kill();
        return 0;
    }
    daemon.wait_until_ready();
    traffic.aim(&daemon);
    let recovered = recovered(&daemon);
    assert_eq!(recovered, undecided, "recovered");
    pause(if kind == 1 { random.between(0, 100) } else { random.between(200, 1500) });
    // Nothing is stored while another holds the database; the journal goes on.
    let holder = (kind > 2).then(|| Connection::open(home.data().join("aisd.db")).unwrap());
    if let Some(holder) = &holder {
        holder.busy_timeout(Duration::from_secs(10)).unwrap();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        pause(random.between(50, 800));
    }
    daemon.kill();
    recovered
}

fn recovered(daemon: &Daemon) -> u64 {
    let metrics = metrics(daemon.http());
    metrics.feeds().iter().map(|feed| metrics.feed(feed, "recovered")).sum()
}

#[test]
fn whatever_moment_it_is_killed_at_everything_accepted_is_stored_once() {
    let (kills, rate) = if at_full_length() { (20, 10_000) } else { (7, 2_000) };
    let mut random = Random::seeded(7);
    let home = Home::new(KEEP_ALL);
    let traffic = Traffic::start(rate);
    let mut model = Accepted::default();
    let (mut recovered, mut undecided, mut sent, mut kills_while_sending) = (0, 0, 0, 0);
    for kill in 0..kills {
        let again = run_and_kill(&home, &traffic, &mut random, undecided);
        undecided = check(&mut model, &home.data());
        eprintln!(
            "kill {kill}: recovered {again}, {} accepted, {undecided} undecided",
            model.records.len()
        );
        recovered += again;
        kills_while_sending += u32::from(traffic.sent() > sent);
        sent = traffic.sent();
    }
    let daemon = home.start();
    assert_eq!(self::recovered(&daemon), undecided);
    traffic.aim(&daemon);
    std::thread::sleep(Duration::from_millis(1500));
    traffic.stop();
    assert_eq!(daemon.stop(), Some(0));

    assert_eq!(check(&mut model, &home.data()), 0, "undecided after a drain");
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let numbers = store.numbers();
    let distinct: BTreeSet<u32> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "sentences that were stored twice");
    assert_eq!(distinct.len(), model.heard.len(), "sentences that were accepted and not stored");
    eprintln!(
        "{kills} kills, {kills_while_sending} while sending; {} records, {} repeats across a kill, {recovered} recovered",
        model.records.len(),
        model.repeats_across_a_kill
    );
    assert!(model.records.len() > rate as usize * 2, "too little to prove anything");
    assert!(model.repeats_across_a_kill > 0 && recovered > 100 && kills_while_sending > kills / 2);
}

#[test]
fn a_large_journal_is_recovered_before_the_daemon_is_ready() {
    use std::io::Write;
    let messages: u32 = if at_full_length() { 1_100_000 } else { 150_000 };
    let home = Home::new(KEEP_ALL);
    let daemon = home.start();
    // Nothing is stored while another holds the database: all of it is left to the next start.
    let holder = Connection::open(home.data().join("aisd.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    for first in (0..messages).step_by(1000) {
        sender.write_all(&numbered::lines(first..first + 1000)).unwrap();
    }
    let appended = || metrics(daemon.http()).number("/journal/appended");
    wait_until("everything is in the journal", || appended() == u64::from(messages));
    let megabytes = metrics(daemon.http()).number("/journal/appended_bytes") / 1_000_000;
    daemon.kill();
    holder.execute_batch("ROLLBACK").unwrap();
    drop(holder);

    let mut daemon = home.spawn();
    let ready = daemon.wait_until_ready();
    // It is ready when only the store holds the rest up.
    wait_until("all of it is looked at", || recovered(&daemon) == u64::from(messages));
    assert_eq!(daemon.stop(), Some(0));
    let mut daemon = home.spawn();
    let ready_again = daemon.wait_until_ready();
    assert_eq!(recovered(&daemon), 0);
    assert_eq!(daemon.stop(), Some(0));
    eprintln!(
        "journal of {megabytes} MB: ready in {ready:?} with all of it undecided, in {ready_again:?} with none"
    );
    assert!(ready < Duration::from_secs(2) && ready_again < Duration::from_secs(2));
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    assert!(store.numbers().into_iter().eq(0..messages), "every sentence once");
}
