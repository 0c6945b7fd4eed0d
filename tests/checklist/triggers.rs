//! Each trigger of the checklist, provoked for real, gives its exit code and is named.

use std::net::UdpSocket;
use std::process::Child;

use super::{ANY_MACHINE, Said, a_while, command, watching};
use crate::support::http::metrics;
use crate::support::numbered::sentence;
use crate::support::postgres_daemon::{configure, home_of};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::{Postgres, Stop};
use crate::support::traffic::Traffic;

/// The watch ended with this code, and because of these rules.
fn check(watch: Child, code: i32, rollback: &[&str], consider: &[&str]) {
    let said = Said::of(watch);
    let found = (said.code, said.with("rollback"), said.with("consider"));
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(found, (code, owned(rollback), owned(consider)), "{}", said.text);
}

fn quietly(hurry: &'static str) -> Vec<&'static str> {
    [&["--hurry", hurry], ANY_MACHINE].concat()
}

#[test]
fn a_breaker_that_stays_open_is_a_rollback_and_one_that_closes_again_is_considered() {
    let mut server = Postgres::start();
    let home = home_of(&server);
    configure(&home, &server, "");
    let daemon = home.start();
    let traffic = Traffic::start(200);
    traffic.aim(&daemon);
    // Five minutes become five seconds; what waits for a minute or two meanwhile is no trouble of its own.
    let long = [&quietly("60")[..], &["--limit", "oldest-unstored=60"]].concat();
    let watch = watching(&home, 9, &long);
    a_while();
    server.stop(Stop::Immediate);
    check(watch, 3, &["breaker-open"], &["breaker-opened", "log-errors"]);
    server.start_again();
    wait_until("a closed breaker", || {
        metrics(daemon.http()).0["neighbours"]["postgres"]["breaker"] == "closed"
    });

    let watch =
        watching(&home, 9, &[&quietly("10")[..], &["--limit", "latency-high=60000"]].concat());
    a_while();
    server.stop(Stop::Immediate);
    wait_until("an open breaker", || {
        metrics(daemon.http()).0["neighbours"]["postgres"]["breaker"] != "closed"
    });
    server.start_again();
    check(watch, 2, &[], &["breaker-opened", "log-errors"]);
    traffic.stop();
}

/// Sends good sentences over UDP, and of a hundred so many with a checksum that is wrong.
fn dirty(daemon: &Daemon, percent: u32, seconds: u32) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..seconds * 100 {
        let mut text = sentence(n);
        if n % 100 < percent {
            // Still a hexadecimal digit, but another one.
            let last = text.pop().unwrap();
            text.push(if last == '0' { '1' } else { '0' });
        }
        socket.send_to(text.as_bytes(), daemon.udp()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_fifth_of_errors_is_a_rollback_and_a_twentieth_is_considered() {
    let home = Home::new("");
    let daemon = home.start();
    let watch = watching(&home, 8, &quietly("60"));
    dirty(&daemon, 20, 8);
    check(watch, 3, &["errors-high"], &["errors-unusual"]);
    let watch = watching(&home, 14, &quietly("60"));
    dirty(&daemon, 5, 14);
    check(watch, 2, &[], &["errors-unusual"]);
    let seen = metrics(daemon.http());
    assert!(seen.feed("udp", "rejected/checksum") > 200, "the fault fired");
}

#[test]
fn one_crash_is_considered_two_and_one_without_an_end_are_a_rollback() {
    let home = Home::new("");
    let daemon = home.start();
    let again = |daemon: Daemon| {
        a_while();
        daemon.kill();
        home.start()
    };
    let watch = watching(&home, 5, &quietly("1"));
    let daemon = again(daemon);
    check(watch, 2, &[], &["restarted"]);
    let watch = watching(&home, 8, &quietly("1"));
    let daemon = again(again(daemon));
    check(watch, 3, &["crashing"], &["restarted"]);
    let watch = watching(&home, 6, &quietly("20"));
    a_while();
    daemon.kill();
    check(watch, 3, &["down"], &[]);
    // And one that was never there.
    let watch = watching(&home, 2, &quietly("60"));
    let said = Said::of(watch);
    assert_eq!(
        (said.code, said.with("rollback")),
        (3, vec!["down".to_owned(), "answer".to_owned()])
    );
}

#[test]
fn more_than_a_hundred_dead_letters_are_considered() {
    let server = Postgres::start();
    let home = home_of(&server);
    configure(&home, &server, "");
    let daemon = home.start();
    server.execute("ALTER TABLE positions ADD CONSTRAINT no_six CHECK (mmsi % 10 <> 6)");
    let traffic = Traffic::over_tcp(1000);
    traffic.aim(&daemon);
    let letters = || metrics(daemon.http()).number("/dead_letters/rows");
    wait_until("more than a hundred letters", || letters() > 100);
    traffic.stop();
    // They are errors too, but not what is looked at here.
    let errors = ["--limit", "errors-high=1", "--limit", "errors-unusual=1"];
    let watch = watching(&home, 2, &[&quietly("1")[..], &errors].concat());
    check(watch, 2, &[], &["dead-letters-many"]);
}

#[test]
fn a_lost_message_is_a_rollback() {
    let small =
        "[journal]\nsegment_bytes = 1048576\nbytes_max = 4194304\n[shards]\ndedup_seconds = 1\n";
    let home = Home::new(small);
    let daemon = home.start();
    let holder = rusqlite::Connection::open(home.data().join("aisd.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let traffic = Traffic::start(4000);
    traffic.aim(&daemon);
    let others =
        ["--limit", "errors-high=1", "--limit", "errors-unusual=1", "--limit", "data-loss=0"];
    let watch = watching(&home, 15, &[&quietly("1")[..], &others].concat());
    let lost = || metrics(daemon.http()).feed("udp", "dropped/journal_full");
    wait_until("datagrams that are dropped", || lost() > 0);
    drop(holder);
    traffic.stop();
    let said = Said::of(watch);
    assert_eq!(
        (said.code, said.with("rollback")),
        (3, vec!["data-loss".to_owned()]),
        "{}",
        said.text
    );
}

#[test]
fn damage_to_the_journal_is_a_rollback() {
    let home = Home::new("[journal]\nkeep_all = true\n");
    let daemon = home.start();
    let traffic = Traffic::over_tcp(200);
    traffic.aim(&daemon);
    wait_until("some records", || metrics(daemon.http()).feed("tcp", "stored") > 100);
    traffic.stop();
    daemon.kill();
    let segment = crate::support::journal::segments(&home.data()).remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[..64].fill(0xff);
    std::fs::write(&segment, bytes).unwrap();
    let daemon = home.start();
    assert_eq!(metrics(daemon.http()).number("/journal/quarantined"), 1, "the fault fired");
    check(watching(&home, 2, &quietly("60")), 3, &["corruption"], &["log-errors"]);
}

#[test]
fn little_traffic_slow_commits_and_memory_over_its_bound_are_told() {
    let server = Postgres::start();
    let home = home_of(&server);
    configure(&home, &server, "");
    let daemon = home.start();
    let traffic = Traffic::over_tcp(200);
    traffic.aim(&daemon);
    // Far fewer than 2000 a second for what are five seconds of a watch in a hurry.
    check(watching(&home, 10, &["--hurry", "60"]), 2, &[], &["throughput-low"]);

    // Commits wait for half a second, again and again.
    let mut holder = server.connect();
    let watch =
        watching(&home, 8, &[&quietly("60")[..], &["--limit", "latency-high=200"]].concat());
    for _ in 0..10 {
        let mut transaction = holder.transaction().unwrap();
        transaction
            .batch_execute("LOCK TABLE positions IN EXCLUSIVE MODE; SELECT pg_sleep(0.5)")
            .unwrap();
        transaction.commit().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    check(watch, 2, &[], &["latency-high"]);

    // A bound that any process is over stands for a leak.
    let leak =
        [&quietly("60")[..], &["--limit", "memory-leak=1000000", "--limit", "latency-high=60000"]]
            .concat();
    check(watching(&home, 4, &leak), 3, &["memory-leak"], &[]);
    traffic.stop();
}

/// The checklist's numbers are about what an operator has deployed; one that cannot be found out is no pass either.
#[test]
fn verify_rolls_back_what_is_not_ready_in_time() {
    let home = Home::new("");
    let said = Said::by(command(&home, "verify", &["--json", "--within", "1s", "--for", "1s"]));
    assert_eq!((said.code, said.with("rollback")), (3, vec!["health".to_owned()]), "{}", said.text);
}
