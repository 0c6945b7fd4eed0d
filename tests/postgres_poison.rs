//! Rows that the server refuses for good are dead letters with their SQLSTATE; all others are stored.
//!
//! `AISD_SOAK=1` makes the loop of kills longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::support::bits::{broadcast_of, extended_of, name_of};
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home, PATIENCE, wait_until};
use crate::support::random::Random;
use crate::support::servers::{Identity, PgBouncer, Postgres, Stop, authority, trusting};
use crate::support::storing::{
    accepted, config, letters, numbers, send_numbers, send_sentences, seqs, wait_said, wait_stored,
};

/// One ship in a thousand.
const POISON: &str = "mmsi % 1000 = 7";
const CHECK: &str = "ALTER TABLE positions ADD CONSTRAINT nobody_seven CHECK (mmsi % 1000 <> 7)";
const NO_CHECK: &str = "ALTER TABLE positions DROP CONSTRAINT nobody_seven";

fn soak() -> bool {
    crate::support::at_full_length()
}

/// A daemon that has made its tables.
fn daemon_on(server: &Postgres, store: &str) -> (Home, Daemon) {
    let home = Home::new(&config(&server.url(), store));
    let daemon = home.start();
    (home, daemon)
}

#[test]
fn of_a_thousand_rows_one_is_refused_and_only_that_is_a_dead_letter() {
    let ways = [
        ("23514", CHECK, NO_CHECK),
        (
            "P0001",
            "CREATE FUNCTION no_seven() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN IF NEW.mmsi % 1000 = 7 THEN RAISE 'no seven here'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER no_seven BEFORE INSERT ON positions FOR EACH ROW EXECUTE FUNCTION no_seven()",
            "DROP FUNCTION no_seven CASCADE",
        ),
        // Speaks up at the end of the transaction alone.
        (
            "23503",
            "CREATE TABLE known AS SELECT mmsi FROM generate_series(200000000, 200005000) AS mmsi WHERE mmsi % 1000 <> 7;
             ALTER TABLE known ADD PRIMARY KEY (mmsi);
             ALTER TABLE positions ADD CONSTRAINT is_known FOREIGN KEY (mmsi) REFERENCES known
               DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE positions DROP CONSTRAINT is_known; DROP TABLE known",
        ),
    ];
    let server = Postgres::with(&[("log_statement", "all")]);
    let (home, daemon) = daemon_on(&server, "linger_ms = 300\n");
    let mut expected = BTreeMap::new();
    let mut sent = 0;
    for (sqlstate, refuse, allow) in ways {
        server.execute("TRUNCATE positions");
        server.execute(refuse);
        let tried = server.log().matches(": SAVEPOINT aisd_part").count();
        send_numbers(&daemon, sent..sent + 5000);
        sent += 5000;
        wait_stored(&daemon, u64::from(sent));
        let tried = server.log().matches(": SAVEPOINT aisd_part").count() - tried;
        server.execute(allow);
        assert_eq!(numbers(&server).len(), 4995, "{sqlstate}");
        assert_eq!(server.count(&format!("SELECT count(*) FROM positions WHERE {POISON}")), 0);
        *expected.entry(sqlstate.to_owned()).or_insert(0) += 5;
        // Each of them is found by halving; each batch that has one is tried whole first.
        let rows = metrics(daemon.http()).number("/store/batch_rows_max");
        let bound = 5 * (2 * rows.next_power_of_two().ilog2() as usize + 2);
        eprintln!("{sqlstate}: {tried} savepoints, at most {bound}; largest batch {rows}");
        assert!((5..=bound).contains(&tried), "{sqlstate}: {tried} savepoints, bound {bound}");
    }
    let mut found = BTreeMap::new();
    for letter in letters(&home).into_values() {
        assert_eq!(letter["mmsi"].as_u64().unwrap() % 1000, 7);
        *found.entry(letter["sqlstate"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(found, expected);
    let seen = metrics(daemon.http());
    assert_eq!(seen.feed("tcp", "undelivered"), 15);
    assert_eq!(seen.feed("tcp", "stored"), 14_985);
    assert_eq!(seen.number("/store/positions"), 14_985, "rows that are counted as committed");
    assert_eq!(daemon.stop(), Some(0));
}

/// Rows beyond what is sent with its COMMIT in one piece, into a server at this address.
fn check_large_batches(server: &Postgres, url: &str) {
    const SENT: u32 = 9000;
    let home = Home::new(&config(url, "linger_ms = 500\n"));
    let daemon = home.start();
    // The tables are there once something is stored.
    send_numbers(&daemon, 0..1);
    wait_stored(&daemon, 1);
    server.execute(CHECK);
    send_numbers(&daemon, 1..SENT);
    wait_stored(&daemon, u64::from(SENT));
    let rows = metrics(daemon.http()).number("/store/batch_rows_max");
    assert!(rows > 4096, "{rows} rows at once");
    let letters = letters(&home);
    assert!(letters.values().all(|letter| letter["sqlstate"] == "23514"));
    let refused: Vec<u64> =
        letters.values().map(|letter| letter["mmsi"].as_u64().unwrap()).collect();
    assert!(refused.iter().all(|mmsi| mmsi % 1000 == 7), "{refused:?}");
    assert_eq!((refused.len(), numbers(server).len()), (9, 8991));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn over_tls_too_the_refused_rows_of_a_large_batch_are_dead_letters_alone() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    check_large_batches(&server, &(server.url() + &trusting(&authority())));
}

#[test]
fn through_a_pooler_too_the_refused_rows_of_a_large_batch_are_dead_letters_alone() {
    let server = Postgres::start();
    let pooler = PgBouncer::with(&server, &[]);
    check_large_batches(&server, &pooler.url());
}

#[test]
fn names_and_other_messages_are_refused_alone_too_and_a_message_is_stored_whole_or_not() {
    let server = Postgres::start();
    let (home, daemon) = daemon_on(&server, "linger_ms = 300\n");
    for table in ["vessels", "messages"] {
        server.execute(&format!(
            "ALTER TABLE {table} ADD CONSTRAINT no_seven CHECK (mmsi % 1000 <> 7)"
        ));
    }
    // Ships 200000000 to 200002999: a name each, something for an application, and position with name.
    let all: Vec<String> = (0..3000)
        .flat_map(|n| {
            let mmsi = 200_000_000 + n;
            [name_of(mmsi, "SHIP"), broadcast_of(mmsi, n), extended_of(mmsi, n, "SHIP")]
        })
        .collect();
    send_sentences(&daemon, &all);
    wait_stored(&daemon, 9000);
    let mut kinds = BTreeMap::new();
    let letters = letters(&home);
    for ((_, kind), letter) in &letters {
        assert_eq!(
            (letter["mmsi"].as_u64().unwrap() % 1000, &letter["sqlstate"]),
            (7, &"23514".into())
        );
        *kinds.entry(kind.as_str()).or_insert(0) += 1;
    }
    // Of the position with name, both rows are letters, though only the name is refused.
    assert_eq!(kinds, BTreeMap::from([("message", 3), ("position", 3), ("vessel", 6)]));
    let seen = metrics(daemon.http());
    assert_eq!(seen.feed("tcp", "undelivered"), 9);
    for (name, table, rows) in [
        ("positions", "SELECT count(*) FROM positions", 2997),
        ("messages", "SELECT count(*) FROM messages", 2997),
        ("statics", "SELECT sum(static_reports)::int8 FROM vessels", 5994),
    ] {
        assert_eq!(server.count(table), rows, "{name}");
        assert_eq!(seen.number(&format!("/store/{name}")), rows, "{name}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

/// Letters in the file, and whether their commit is known to have come through.
fn kept(home: &Home) -> Vec<(u64, bool)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(home.data().join("dead_letters.db"), flags).unwrap();
    file.busy_timeout(Duration::from_secs(5)).unwrap();
    let mut select = file.prepare("SELECT seq, passed FROM letters").unwrap();
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?));
    select.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn whenever_it_is_killed_each_message_is_a_row_or_a_letter() {
    let kills = if soak() { 60 } else { 8 };
    // Commits take their time, so that kills hit them.
    let server = Postgres::with(&[("commit_delay", "20000"), ("commit_siblings", "0")]);
    let (home, daemon) = daemon_on(&server, "");
    server.execute("ALTER TABLE positions ADD CONSTRAINT no_sevens CHECK (mmsi % 50 <> 7)");
    let (mut daemon, mut random, mut sent) = (Some(daemon), Random::seeded(5), 0);
    let mut kills_with_a_letter_in_doubt = 0;
    for _ in 0..kills {
        let running = daemon.take().unwrap_or_else(|| home.start());
        send_numbers(&running, sent..sent + 600);
        sent += 600;
        let (before, until) = (kept(&home).len(), Instant::now() + PATIENCE);
        while kept(&home).len() == before && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(random.between(0, 60)));
        running.kill();
        let in_doubt = kept(&home).iter().filter(|(_, passed)| !passed).count();
        kills_with_a_letter_in_doubt += u32::from(in_doubt > 0);
    }
    let daemon = home.start();
    wait_stored(&daemon, 0);
    assert_eq!(daemon.stop(), Some(0));
    let rows = seqs(&server, 1);
    let dead: Vec<u64> = letters(&home).into_keys().map(|(seq, _)| seq).collect();
    eprintln!(
        "{kills} kills, {kills_with_a_letter_in_doubt} with a letter in doubt; {} rows, {} letters",
        rows.len(),
        dead.len()
    );
    assert!(kills_with_a_letter_in_doubt > 0, "no kill hit a commit with letters");
    let mut all: Vec<u64> = rows.iter().chain(&dead).copied().collect();
    all.sort_unstable();
    assert_eq!(all, accepted(&home.data()), "each once, here or there");
    assert!(dead.len() > 8 && numbers(&server).iter().all(|n| n % 50 != 7));
}

#[test]
fn what_was_refused_in_a_commit_that_never_came_through_is_stored_when_it_may() {
    let mut server = Postgres::with(&[("commit_delay", "100000"), ("commit_siblings", "0")]);
    let (home, daemon) = daemon_on(&server, "");
    let (mut daemon, mut sent, mut hits) = (Some(daemon), 0, 0);
    let began = Instant::now();
    // The server falls after the letter is kept and before its commit is on disk. It may be too late, so again.
    while hits == 0 {
        assert!(began.elapsed() < PATIENCE, "no commit was ever lost");
        let running = daemon.take().unwrap_or_else(|| home.start());
        wait_stored(&running, 0);
        let before: BTreeSet<u64> = kept(&home).iter().map(|(seq, _)| *seq).collect();
        server.execute(CHECK);
        send_numbers(&running, sent..sent + 1000);
        sent += 1000;
        let is_new = || kept(&home).into_iter().find(|(seq, _)| !before.contains(seq));
        wait_until("a letter is kept", || is_new().is_some());
        server.stop(Stop::Immediate);
        running.kill();
        let in_doubt: Vec<u64> =
            kept(&home).iter().filter(|(_, passed)| !passed).map(|(seq, _)| *seq).collect();
        server.start_again();
        server.execute(NO_CHECK);
        let after = home.start();
        wait_stored(&after, 0);
        let rows: BTreeSet<u64> = seqs(&server, 1).into_iter().collect();
        hits += in_doubt.iter().filter(|seq| rows.contains(seq)).count();
        for (seq, passed) in kept(&home) {
            assert!(passed && !rows.contains(&seq), "{seq} is a letter still");
        }
        daemon = Some(after);
    }
    assert_eq!(daemon.unwrap().stop(), Some(0));
    let dead = letters(&home).into_keys().map(|(seq, _)| seq);
    let mut all: Vec<u64> = seqs(&server, 1).into_iter().chain(dead).collect();
    all.sort_unstable();
    assert_eq!(all, accepted(&home.data()));
}

#[test]
fn when_the_dead_letters_are_full_the_store_waits_and_says_so() {
    let server = Postgres::start();
    let (home, daemon) = daemon_on(&server, "[dead_letters]\nrows_max = 3\n");
    server.execute(CHECK);
    send_numbers(&daemon, 0..5000);
    wait_said(&daemon, "raise dead_letters.rows_max");
    wait_said(&daemon, "[-]store postgres is away");
    let before = server.count("SELECT count(*) FROM positions");
    send_numbers(&daemon, 5000..5100);
    wait_until("it is accepted", || metrics(daemon.http()).feed("tcp", "received") == 5100);
    assert!(letters(&home).len() <= 3);
    assert_eq!(server.count("SELECT count(*) FROM positions"), before, "it waits");
    daemon.kill();
    std::fs::write(home.config(), config(&server.url(), "[dead_letters]\nrows_max = 100\n"))
        .unwrap();
    let daemon = home.start();
    wait_stored(&daemon, 0);
    assert_eq!(daemon.stop(), Some(0));
    // 7 of 5000 and 1007 and so on; 5007 is ship 7 again.
    assert_eq!(letters(&home).len(), 6);
    assert_eq!(numbers(&server).len(), 5094);
}
