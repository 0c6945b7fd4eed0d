//! A PgBouncer in front, which hands each transaction to another session, changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls};

use crate::support::http::{get, metrics};
use crate::support::process::{Home, wait_until};
use crate::support::servers::{PgBouncer, Postgres};
use crate::support::storing::{accepted, config, numbers, send_numbers, seqs, wait_stored};

const NOTICED: &str = "there is a pooler before postgres";
const LAYOUT: &str = "writers = 3\n[shards]\ncount = 3\n";

/// Another client of the same pooler, which takes a session now and then; what it found left behind in them.
fn share(url: &str, until: &AtomicBool) -> (u32, Vec<String>) {
    let left = "SELECT name FROM pg_prepared_statements WHERE name LIKE 'aisd%' UNION ALL \
                SELECT name || ' ' || setting FROM pg_settings \
                WHERE name = 'lock_timeout' AND setting <> '0'";
    let (mut times, mut found) = (0, Vec::new());
    let mut client = None;
    while !until.load(Ordering::Relaxed) {
        let connected = client.take().or_else(|| Client::connect(url, NoTls).ok());
        let Some(mut connected) = connected else { continue };
        // As simple queries: a name of its own would be lost as well.
        if let Ok(rows) = connected.simple_query(&format!("BEGIN; {left}; COMMIT")) {
            times += 1;
            for row in rows {
                if let postgres::SimpleQueryMessage::Row(row) = row {
                    found.push(row.get(0).unwrap_or_default().to_owned());
                }
            }
            client = Some(connected);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    (times, found)
}

fn check(url: impl Fn(&Postgres, &PgBouncer) -> String, is_noticed: bool) {
    let server = Postgres::start();
    let settings = [("default_pool_size", "4"), ("max_client_conn", "100")];
    let pooler = PgBouncer::with(&server, &settings);
    let home = Home::new(&format!("{}{LAYOUT}", config(&url(&server, &pooler), "")));
    let daemon = home.start();
    let stop = AtomicBool::new(false);
    let (times, left_behind) = std::thread::scope(|scope| {
        let sharer = scope.spawn(|| share(&pooler.url(), &stop));
        for part in 0..20 {
            send_numbers(&daemon, part * 100..part * 100 + 100);
            std::thread::sleep(Duration::from_millis(20));
        }
        wait_stored(&daemon, 2000);
        for ship in 0..30 {
            let path = format!("/api/vessels/{}/track", 200_000_000 + ship);
            let (status, track) = get(daemon.http(), &path);
            let track = String::from_utf8(track).unwrap();
            assert!(status == 200 && track.contains("\"lat\""), "{path}: {status} {track}");
        }
        stop.store(true, Ordering::Relaxed);
        sharer.join().unwrap()
    });
    assert!(times > 10, "the sessions were shared {times} times");
    assert_eq!(left_behind, [""; 0], "in sessions of others");
    let failures = metrics(daemon.http()).number("/store/failures");
    assert_eq!(failures, 0, "{}", home.log());
    assert_eq!(home.log().contains(NOTICED), is_noticed, "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
    assert!(numbers(&server).into_iter().eq(0..2000));
    assert_eq!(seqs(&server, 1), accepted(&home.data()));
}

#[test]
fn a_pooler_that_nobody_told_of_is_noticed() {
    check(|_, pooler| pooler.url(), true);
}

#[test]
fn a_pooler_may_be_told_of_by_the_other_url() {
    let both = |server: &Postgres, pooler: &PgBouncer| {
        format!("{}\"\ndirect_url = \"{}", pooler.url(), server.url())
    };
    check(both, false);
}

#[test]
fn a_pooler_may_be_told_of_in_the_url() {
    check(|_, pooler| format!("{}?pgbouncer=true", pooler.url()), false);
}

#[test]
fn a_server_without_a_pooler_is_taken_for_none() {
    let server = Postgres::start();
    let home = Home::new(&config(&server.url(), ""));
    let daemon = home.start();
    send_numbers(&daemon, 0..100);
    wait_stored(&daemon, 100);
    assert!(!home.log().contains(NOTICED), "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_pooler_that_stops_or_freezes_loses_nothing_and_stores_nothing_twice() {
    let server = Postgres::start();
    let mut pooler = PgBouncer::in_front_of(&server);
    let store = format!("connect_seconds = 1\ncommit_seconds = 1\n{LAYOUT}");
    let home = Home::new(&config(&pooler.url(), &store));
    let daemon = home.start();
    let is_up = || metrics(daemon.http()).0["store"]["up"] == true;
    let mut sent = 0;
    let mut send = || {
        for _ in 0..20 {
            send_numbers(&daemon, sent..sent + 50);
            sent += 50;
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    send();
    pooler.stop();
    send();
    wait_until("the store is away", || !is_up());
    pooler.start_again();
    send();
    wait_until("the store is back", is_up);
    pooler.freeze();
    send();
    wait_until("the store is away", || !is_up());
    pooler.thaw();
    send();
    wait_stored(&daemon, 5000);
    assert_eq!(daemon.stop(), Some(0));
    assert!(numbers(&server).into_iter().eq(0..5000));
    assert_eq!(seqs(&server, 1), accepted(&home.data()));
}
