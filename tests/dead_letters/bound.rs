//! A storm of rows that are refused: letters are bounded, and trying them again takes its share of the time and no more.

use std::time::{Duration, Instant};

use super::fixture::{config, soak, wait_delivered};
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};
use crate::support::proxy::{Fault, Proxy};
use crate::support::servers::Postgres;
use crate::support::storing::{self, accepted, letters, numbers, send_numbers, seqs, wait_stored};

/// Nobody west of a longitude, which are the numbers below a bound.
fn nobody_below(number: u32) -> String {
    format!(
        "ALTER TABLE positions ADD CONSTRAINT nobody CHECK (round(lon * 600000) + 108000000 >= {number})"
    )
}

const EVERYBODY: &str = "ALTER TABLE positions DROP CONSTRAINT nobody";

/// Memory of the writer's session that it shares with nobody.
fn session_kb(server: &Postgres) -> u64 {
    let writer =
        "SELECT max(pid)::int8 FROM pg_stat_activity WHERE application_name = 'aisd writer'";
    let status = format!("/proc/{}/status", server.count(writer));
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_storm_of_refused_rows_takes_its_share_and_no_more_and_ends() {
    let poison: u32 = if soak() { 20_000 } else { 300 };
    let server = Postgres::start();
    // A tenth of the time would be half an hour for so many.
    let share: u128 = if soak() { 50 } else { 10 };
    let bounds = format!("retries_max = 2\nretry_percent = {share}\n");
    let home = Home::new(&config(&server, "", &bounds));
    let daemon = home.start();
    server.execute(&nobody_below(poison));
    let total = u64::from(poison);
    send_numbers(&daemon, 0..poison);
    let patient = |what: &str, is_so: &dyn Fn() -> bool| {
        // Twenty thousand take their time.
        let rounds = if soak() { 30 } else { 1 };
        let began = Instant::now();
        while rounds > 1 && !is_so() && began.elapsed().as_secs() < 60 * rounds {
            std::thread::sleep(Duration::from_millis(200));
        }
        wait_until(what, is_so);
    };
    patient("all are letters", &|| {
        metrics(daemon.http()).number("/dead_letters/given_up") == total
    });
    let (began, before) = (Instant::now(), metrics(daemon.http()).number("/dead_letters/retry_us"));
    // What is good is stored meanwhile.
    send_numbers(&daemon, poison..poison + 5000);
    patient("what is good is stored", &|| metrics(daemon.http()).feed("tcp", "stored") == 5000);
    patient("all are dead", &|| metrics(daemon.http()).number("/dead_letters/dead") == total);
    let took = began.elapsed();
    let seen = metrics(daemon.http());
    let spent = seen.number("/dead_letters/retry_us") - before;
    let percent = u128::from(spent) * 100 / took.as_micros();
    eprintln!(
        "{poison} rows refused three times: retries took {spent} us of {took:?}, {percent} %"
    );
    // One try may begin right before the end.
    assert!(u128::from(spent) <= took.as_micros() * share / 100 + 100_000, "{percent} %");
    // Each refusal once left two prepared statements in the server's session: 12 GB after a hundred thousand rows. What a savepoint takes
    // until its transaction ends is 1.5 kB.
    let resident = session_kb(&server);
    eprintln!("the server's session has {resident} kB of its own");
    assert!(resident < 16 * 1024 + 2 * total, "{resident} kB");
    assert_eq!(seen.number("/dead_letters/retried"), 2 * total, "bounded tries");
    assert_eq!(seen.number("/dead_letters/died"), total);
    assert_eq!(seen.feed("tcp", "undelivered"), total);

    server.execute(EVERYBODY);
    let asked = crate::support::process::aisd()
        .args(["dlq", "retry", "--dead", "--config"])
        .arg(home.config())
        .arg("--data-dir")
        .arg(home.data())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert_eq!(said, format!("{total} dead letters are tried now\n"));
    patient("all are delivered", &|| metrics(daemon.http()).number("/dead_letters/rows") == 0);
    wait_delivered(&daemon);
    wait_stored(&daemon, total + 5000);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(seqs(&server, 1), accepted(&home.data()));
    assert_eq!(numbers(&server).len() as u64, total + 5000);
}

/// All of a large batch was refused, and the search for which rows went on for as long as it took: systemd ended a process whose store stood
/// still, and the next one began the same search.
#[test]
fn a_search_for_refused_rows_ends_at_its_deadline_and_smaller_ones_find_them() {
    let server = Postgres::start();
    let proxy = Proxy::to(server.port());
    let store = storing::config(&proxy.url(&server.url()), "commit_seconds = 2\n");
    let home = Home::new(&format!("{store}[dead_letters]\nretry_seconds = 3600\n"));
    let daemon = home.start();
    server.execute(&nobody_below(200));
    proxy.set(Fault::Latency(Duration::from_millis(3)));
    send_numbers(&daemon, 0..200);
    wait_until("all are letters", || {
        metrics(daemon.http()).number("/dead_letters/given_up") == 200
    });
    let seen = metrics(daemon.http());
    assert!(seen.number("/store/failures") > 0, "no search was cut off");
    let threads = seen.0["threads"].as_array().unwrap().iter();
    let store = threads.filter(|thread| thread["name"] == "store");
    let longest = store.map(|thread| thread["turn_us_max"].as_u64().unwrap()).max().unwrap();
    eprintln!("the store stood still for {longest} us at most");
    // The commit before the search, the search, and the commit after it.
    assert!(longest < 3_500_000, "{longest} us");
    assert_eq!(seen.feed("tcp", "undelivered"), 200);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn at_the_bound_the_oldest_letters_give_way_where_so_configured_and_are_counted() {
    let server = Postgres::start();
    let letters_config = "rows_max = 400\nat_bound = \"drop\"\n";
    let home = Home::new(&config(&server, "batch_rows_max = 200\n", letters_config));
    let daemon = home.start();
    server.execute(&nobody_below(2000));
    send_numbers(&daemon, 0..2500);
    wait_stored(&daemon, 2500);
    let seen = metrics(daemon.http());
    let (kept, dropped) =
        (seen.feed("tcp", "undelivered"), seen.number("/feeds/tcp/dropped/dlq_full"));
    eprintln!("{kept} kept, {dropped} dropped");
    assert!((1..=400).contains(&kept) && dropped > 0);
    assert_eq!((kept + dropped, seen.feed("tcp", "stored")), (2000, 500));
    assert_eq!(seen.number("/dead_letters/dropped"), dropped);
    let newest = letters(&home);
    assert_eq!(newest.len() as u64, kept);
    server.execute(EVERYBODY);
    wait_delivered(&daemon);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(numbers(&server).len() as u64, 500 + kept);
}
