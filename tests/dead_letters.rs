//! Dead letters come to where they should have gone, once, when what they were refused for is gone.
//!
//! `AISD_SOAK=1` makes the loop of kills longer and the storm twenty thousand rows.

mod admin;
mod bound;
mod fixture;
mod frozen;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::bits::{broadcast_of, extended_of, name_of};
use crate::support::http::metrics;
use crate::support::process::{Home, PATIENCE, wait_until};
use crate::support::random::Random;
use crate::support::servers::{Postgres, Stop};
use crate::support::storing::{
    accepted, letters, numbers, send_numbers, send_sentences, seqs, wait_stored,
};
use fixture::{CHECK, NO_CHECK, config, done, in_doubt, refused, soak, wait_delivered};

/// Everything that a row says apart from when it came, and as which number.
const POSITIONS: &str = "SELECT mmsi, lat, lon, sog, cog, heading, rot, altitude, nav_status, msg_type, flags FROM positions";
const MESSAGES: &str = "SELECT mmsi, msg_type, json::text FROM messages";

#[test]
fn delivered_letters_are_the_rows_that_they_would_have_been() {
    let server = Postgres::start();
    let home = Home::new(&config(&server, "linger_ms = 300\n", ""));
    let daemon = home.start();
    for table in ["positions", "vessels", "messages"] {
        server.execute(&refused(table));
    }
    // Ships 200000000 to 200002999, of which three are refused: a name each, something for an application, position with name.
    let all: Vec<String> = (0..3000)
        .flat_map(|n| {
            let mmsi = 200_000_000 + n;
            [name_of(mmsi, "SHIP"), broadcast_of(mmsi, n), extended_of(mmsi, n, "SHIP \"A\"")]
        })
        .collect();
    send_sentences(&daemon, &all);
    wait_stored(&daemon, 9000);
    assert_eq!(metrics(daemon.http()).feed("tcp", "undelivered"), 9);
    wait_until("they are refused again", || {
        metrics(daemon.http()).number("/dead_letters/retried") > 0
    });
    for table in ["positions", "vessels", "messages"] {
        server.execute(&format!("ALTER TABLE {table} DROP CONSTRAINT no_seven"));
    }
    wait_delivered(&daemon);
    let seen = metrics(daemon.http());
    assert_eq!((seen.feed("tcp", "stored"), seen.feed("tcp", "undelivered")), (9000, 0));
    let rows = ["positions", "statics", "messages"].map(|it| seen.number(&format!("/store/{it}")));
    assert_eq!((rows, seen.number("/dead_letters/delivered")), ([3000, 6000, 3000], 12));
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(seqs(&server, 1).into_iter().collect::<BTreeSet<_>>().len(), 6000);
    assert_eq!(done(&server).len(), 9);

    // The same sentences, of which none was ever refused, for another data directory.
    server.execute("CREATE TABLE first AS SELECT * FROM vessels; TRUNCATE vessels");
    let other = Home::beside(&home, &config(&server, "", ""));
    let daemon = other.start();
    send_sentences(&daemon, &all);
    wait_stored(&daemon, 9000);
    assert_eq!(daemon.stop(), Some(0));
    for rows in [POSITIONS, MESSAGES] {
        let of = |instance| format!("{rows} WHERE instance = {instance}");
        for (some, others) in [(1, 2), (2, 1)] {
            let missing =
                format!("SELECT count(*) FROM ({} EXCEPT ALL {}) AS it", of(some), of(others));
            assert_eq!(server.count(&missing), 0, "{missing}");
        }
        assert_eq!(server.count(&format!("SELECT count(*) FROM ({}) AS it", of(1))), 3000);
    }
    let columns =
        "mmsi, name, callsign, imo, ship_type, to_bow, destination, eta, epfd, static_reports";
    let differ = format!(
        "SELECT count(*) FROM (SELECT {columns} FROM first EXCEPT ALL SELECT {columns} FROM vessels) AS it"
    );
    assert_eq!((server.count(&differ), server.count("SELECT count(*) FROM vessels")), (0, 3000));
}

#[test]
fn whenever_it_is_killed_in_a_retry_each_letter_is_stored_once() {
    let kills = if soak() { 60 } else { 6 };
    let server = Postgres::start();
    let home = Home::new(&config(&server, "", "retries_max = 1000\n"));
    let mut daemon = Some(home.start());
    server.execute(CHECK);
    let (mut random, mut sent, mut in_doubt_at_kill, mut stored_in_doubt) =
        (Random::seeded(7), 0, 0, 0);
    for _ in 0..kills {
        let running = daemon.take().unwrap_or_else(|| home.start());
        send_numbers(&running, sent..sent + 2000);
        sent += 2000;
        wait_stored_in_all(&running);
        // Now they may be stored, but commits take their time, so that kills hit them.
        server.set("commit_siblings", "0");
        server.set("commit_delay", "30000");
        server.execute(NO_CHECK);
        let until = Instant::now() + PATIENCE;
        while in_doubt(&home).is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(random.between(0, 50)));
        running.kill();
        let doubtful = in_doubt(&home);
        in_doubt_at_kill += u32::from(!doubtful.is_empty());
        server.set("commit_delay", "0");
        wait_until("no session of the daemon", || server.count(fixture::SESSIONS) == 0);
        stored_in_doubt += u32::from(doubtful.iter().any(|seq| done(&server).contains(seq)));
        server.execute(CHECK_AGAIN);
    }
    server.execute(NO_CHECK);
    let daemon = home.start();
    wait_delivered(&daemon);
    wait_stored_in_all(&daemon);
    assert_eq!(daemon.stop(), Some(0));
    eprintln!(
        "{kills} kills, {in_doubt_at_kill} with letters in doubt, {stored_in_doubt} with some stored"
    );
    assert!(in_doubt_at_kill > 0, "no kill hit a retry");
    assert!(stored_in_doubt > 0, "no kill came between the commit and the end of the letter");
    assert_eq!(seqs(&server, 1), accepted(&home.data()), "each once");
    assert!(letters(&home).is_empty());
}

/// Rows that are there already may stay.
const CHECK_AGAIN: &str =
    "ALTER TABLE positions ADD CONSTRAINT nobody_seven CHECK (mmsi % 1000 <> 7) NOT VALID";

/// Waits until nothing is on its way, whatever this run has received.
fn wait_stored_in_all(daemon: &crate::support::process::Daemon) {
    wait_until("all of it is decided", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        metrics.feed("tcp", "received") + metrics.feed("tcp", "recovered") > 0
            && metrics.number("/accounting/in_flight") == 0
    });
}

#[test]
fn when_the_server_falls_in_a_retry_each_letter_is_stored_once() {
    let mut server = Postgres::start();
    let home = Home::new(&config(&server, "", "retries_max = 1000\n"));
    let daemon = home.start();
    let (mut sent, mut hits, began) = (0, 0, Instant::now());
    while hits == 0 {
        assert!(began.elapsed() < PATIENCE, "the server never fell in a retry");
        server.execute(CHECK_AGAIN);
        send_numbers(&daemon, sent..sent + 2000);
        sent += 2000;
        wait_stored(&daemon, u64::from(sent));
        server.set("commit_siblings", "0");
        server.set("commit_delay", "100000");
        server.execute(NO_CHECK);
        wait_until("a retry is under way", || !in_doubt(&home).is_empty());
        server.stop(Stop::Immediate);
        hits += u32::from(!in_doubt(&home).is_empty());
        server.start_again();
        server.set("commit_delay", "0");
        wait_delivered(&daemon);
    }
    wait_stored(&daemon, u64::from(sent));
    let seen = metrics(daemon.http());
    assert_eq!((seen.feed("tcp", "stored"), seen.feed("tcp", "undelivered")), (u64::from(sent), 0));
    assert_eq!(seen.number("/store/positions"), u64::from(sent), "rows that are counted");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(seqs(&server, 1), accepted(&home.data()));
    assert_eq!(numbers(&server), (0..sent).collect::<Vec<u32>>());
}
