//! Reports that are posted: whoever is told of success has them on disk, and nothing is stored twice however often it is sent.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::at_full_length;
use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::sentence;
use crate::support::posts::{MANY, ONE, Poster, begin_ms, report, reports, stored};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;

const TOKEN: &str = "the token of the second feed, long";

fn wait_decided(daemon: &Daemon) {
    wait_until("all is decided", || metrics(daemon.http()).number("/accounting/in_flight") == 0);
    assert_eq!(metrics(daemon.http()).number("/accounting/imbalance"), 0);
}

/// Posts, and compares the status and what was accepted and rejected.
fn check(poster: &mut Poster, path: &str, headers: &str, body: &str, expected: (u16, u64, u64)) {
    let answered = poster.post(path, headers, body.as_bytes()).unwrap();
    let told: Value = serde_json::from_str(&answered.body).unwrap();
    let count = |name: &str| told[name].as_u64().unwrap_or(0);
    let found = (answered.status, count("accepted"), count("rejected"));
    assert_eq!(found, expected, "{body:.200}: {told}");
}

const BAD: &str = r#"{"mmsi":1,"lat":1,"lon":1,"ts":1}"#;

#[test]
fn every_kind_of_post_gets_its_answer_and_lands() {
    let home = Home::new("");
    let daemon = home.start_posted();
    let begin = begin_ms();
    let mut poster = Poster::connect(daemon.http()).unwrap();
    let mut check = |path: &str, kind: &str, body: &str, expected| {
        let header =
            if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        check(&mut poster, path, &header, body, expected);
    };
    let of = |n| report(begin, n);
    check(ONE, "", &of(0), (200, 1, 0));
    check(MANY, "", &format!("[{},{}]", of(1), of(2)), (200, 2, 0));
    check(MANY, "application/x-ndjson", &format!("{}\n{BAD}\n", of(3)), (207, 1, 1));
    check(MANY, "", &format!("[{BAD}]"), (400, 0, 1));
    check(MANY, "", "[", (400, 0, 0));
    let sentences = format!("{}\r\n{}\r\n", sentence(1), sentence(2));
    check(MANY, "text/plain", &sentences, (200, 2, 0));
    let catcher = format!(
        r#"{{"protocol":"jsonaiscatcher","msgs":[{{"class":"AIS","nmea":["{}"]}}]}}"#,
        sentence(3)
    );
    check(ONE, "application/json", &catcher, (200, 1, 0));
    wait_decided(&daemon);
    let counts = metrics(daemon.http());
    let found = (
        counts.feed("http", "received"),
        counts.reasons("http", "rejected"),
        counts.feed("http", "stored"),
    );
    assert_eq!(found, (10, 3, 7), "what is no JSON counts as one entry");
    let (_, vessel) = get(daemon.http(), "/api/vessels/200000000");
    let vessel = String::from_utf8_lossy(&vessel);
    assert!(vessel.contains("\"cog\":90.5"), "{vessel}");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let store = Database::open(&home.data());
    assert_eq!(store.number("SELECT count(*) FROM positions"), 7);
    assert_eq!(store.number("SELECT count(*) FROM positions WHERE msg_type = 0"), 4);
}

#[test]
fn a_token_chooses_the_feed_and_an_address_of_its_own_takes_posts_alone() {
    let home = Home::new(&format!(
        "[[feeds]]\nkind = \"http\"\n[[feeds]]\nkind = \"http\"\nname = \"second\"\ntoken = \"{TOKEN}\"\n\
         [[feeds]]\nkind = \"http\"\nname = \"apart\"\naddress = \"127.0.0.1:0\"\n"
    ));
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    let begin = begin_ms();
    let mut face = Poster::connect(daemon.http()).unwrap();
    check(&mut face, ONE, "", &report(begin, 0), (200, 1, 0));
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    check(&mut face, ONE, &bearer, &report(begin, 1), (200, 1, 0));
    let wrong = face.post(ONE, "Authorization: Bearer nobody\r\n", b"{}").unwrap();
    assert_eq!(wrong.status, 401);
    let apart = daemon.named("apart");
    assert_ne!(apart, daemon.http());
    check(&mut Poster::connect(apart).unwrap(), ONE, "", &report(begin, 2), (200, 1, 0));
    let statuses = ["/livez", "/metrics", "/api/vessels", "/admin/dlq/stats"];
    assert_eq!(statuses.map(|path| get(apart, path).0), [200, 404, 404, 404]);
    let described: Value = serde_json::from_slice(&get(daemon.http(), "/openapi.json").1).unwrap();
    assert!(described["paths"][MANY]["post"].is_object());
    wait_decided(&daemon);
    let counts = metrics(daemon.http());
    let stored = ["http", "second", "apart"].map(|feed| counts.feed(feed, "stored"));
    assert_eq!(stored, [1, 1, 1]);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_eq!(Database::open(&home.data()).number("SELECT count(*) FROM positions"), 3);
}

/// What is run against the backend that aisd replaces: arrays of 100, then 50 of them at once over five vessels.
#[test]
fn the_load_and_stress_tests_of_the_backend_before_pass_and_a_retry_stores_nothing_twice() {
    let home = Home::new("");
    let daemon = home.start_posted();
    let begin = begin_ms();
    let mut poster = Poster::connect(daemon.http()).unwrap();
    for batch in 0..50 {
        let answered =
            poster.post(MANY, "", &reports(begin, batch * 100..(batch + 1) * 100)).unwrap();
        assert_eq!(answered.status, 200, "{answered:?}");
    }
    let address = daemon.http();
    let at_once = |_| {
        let senders: Vec<_> = (50..100)
            .map(|batch: u32| {
                std::thread::spawn(move || {
                    let rows: Vec<String> = (batch * 100..(batch + 1) * 100)
                        .map(|n| {
                            report(begin, n).replace(
                                &format!("{}", 200_000_000 + n % 1_000),
                                &format!("{}", 210_000_000 + n % 5),
                            )
                        })
                        .collect();
                    let body = format!("[{}]", rows.join(","));
                    Poster::connect(address)
                        .unwrap()
                        .post(MANY, "", body.as_bytes())
                        .unwrap()
                        .status
                })
            })
            .collect();
        assert!(senders.into_iter().all(|sender| sender.join().unwrap() == 200));
    };
    (0..2).for_each(at_once);
    wait_decided(&daemon);
    assert_eq!(metrics(daemon.http()).feed("http", "repeats"), 5_000, "the second time");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let all: Vec<u32> = (0..10_000).collect();
    assert_eq!(stored(&Database::open(&home.data()), begin), all);
}

/// Numbers that senders hand out, and what became of each batch.
#[derive(Default)]
struct Ledger {
    next: AtomicU32,
    stopping: AtomicBool,
    acknowledged: Mutex<Vec<u32>>,
    unknown: Mutex<Vec<u32>>,
}

const EACH: u32 = 20;

impl Ledger {
    /// Posts batches, those first of which nobody knows what became, until the daemon is gone.
    fn send(&self, address: std::net::SocketAddr, begin: u64) {
        let Ok(mut poster) = Poster::connect(address) else { return };
        while !self.stopping.load(Ordering::Relaxed) {
            let again = self.unknown.lock().unwrap().pop();
            let first = again.unwrap_or_else(|| self.next.fetch_add(EACH, Ordering::Relaxed));
            match poster.post(MANY, "", &reports(begin, first..first + EACH)) {
                Ok(answered) if answered.status == 200 => {
                    self.acknowledged.lock().unwrap().push(first)
                }
                Ok(answered) if answered.status == 503 => self.unknown.lock().unwrap().push(first),
                Ok(other) => panic!("{other:?}"),
                Err(_) => {
                    self.unknown.lock().unwrap().push(first);
                    return;
                }
            }
        }
    }

    fn send_from_threads(
        self: &Arc<Self>,
        daemon: &Daemon,
        begin: u64,
    ) -> Vec<std::thread::JoinHandle<()>> {
        let address = daemon.http();
        let sender = |_| {
            let ledger = Arc::clone(self);
            std::thread::spawn(move || ledger.send(address, begin))
        };
        (0..4).map(sender).collect()
    }
}

#[test]
fn whenever_it_is_killed_what_was_answered_with_success_is_stored_once() {
    let kills = if at_full_length() { 40 } else { 8 };
    let mut random = Random::seeded(11);
    let home = Home::new("");
    let (begin, ledger) = (begin_ms(), Arc::new(Ledger::default()));
    let (mut in_doubt, mut repeats) = (0, 0);
    for _ in 0..kills {
        let daemon = home.start_posted();
        let senders = ledger.send_from_threads(&daemon, begin);
        std::thread::sleep(Duration::from_millis(random.between(5, 400)));
        daemon.kill();
        for sender in senders {
            sender.join().unwrap();
        }
        in_doubt += ledger.unknown.lock().unwrap().len();
    }
    assert!(in_doubt > 0, "no kill came in the middle of a batch");
    let daemon = home.start_posted();
    let mut poster = Poster::connect(daemon.http()).unwrap();
    let unknown = std::mem::take(&mut *ledger.unknown.lock().unwrap());
    for first in unknown {
        let answered = poster.post(MANY, "", &reports(begin, first..first + EACH)).unwrap();
        assert_eq!(answered.status, 200, "{answered:?}");
        ledger.acknowledged.lock().unwrap().push(first);
    }
    wait_decided(&daemon);
    repeats += metrics(daemon.http()).feed("http", "repeats");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let mut firsts = ledger.acknowledged.lock().unwrap().clone();
    firsts.sort_unstable();
    let sent: Vec<u32> = firsts.iter().flat_map(|first| *first..*first + EACH).collect();
    eprintln!(
        "{kills} kills, {} reports acknowledged, {in_doubt} batches in doubt, {repeats} repeats at last",
        sent.len()
    );
    assert_eq!(stored(&Database::open(&home.data()), begin), sent, "each once, and no other");
}

#[test]
fn oversized_malformed_and_smuggled_requests_get_their_answer_and_cost_no_memory() {
    let home = Home::new("");
    let daemon = home.start_posted();
    let begin = begin_ms();
    let send = |path: &str, body: &[u8]| {
        Poster::connect(daemon.http()).unwrap().post(path, "", body).unwrap()
    };
    let raw =
        |text: &str| Poster::connect(daemon.http()).unwrap().raw(text.as_bytes()).unwrap().status;
    assert_eq!(send(MANY, &reports(begin, 0..1_000)).status, 200);
    assert_eq!(send(MANY, &vec![b'['; 1 << 20]).status, 400);
    let before = daemon.status("VmRSS");
    let deep = |open: &str| open.repeat((1 << 20) / open.len());
    for _ in 0..20 {
        assert_eq!(send(MANY, deep("[").as_bytes()).status, 400);
        assert_eq!(send(ONE, deep("{\"a\":").as_bytes()).status, 400);
        assert_eq!(send(MANY, &vec![b' '; 1 << 20]).status, 400);
        assert_eq!(send(MANY, &[0xFF; 1000]).status, 400);
        assert_eq!(send(MANY, format!("[\"{}\"]", "x".repeat(1_000_000)).as_bytes()).status, 400);
        assert_eq!(send(MANY, &[b'1', b','].repeat(1 << 19)).status, 400);
    }
    let post = |headers: &str| raw(&format!("POST {MANY} HTTP/1.1\r\n{headers}\r\n"));
    assert_eq!(post("Content-Length: 1048577\r\n"), 413);
    assert_eq!(post("Content-Length: 99999999999999999999\r\n"), 413);
    assert_eq!(post("Transfer-Encoding: chunked\r\n"), 411);
    assert_eq!(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), 400);
    assert_eq!(post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), 400);
    assert_eq!(post("Content-Length: 4\r\nContent-Length: 5\r\n"), 400);
    assert_eq!(post(&"X: y\r\n".repeat(65)), 431);
    assert_eq!(post(&format!("X: {}\r\n", "y".repeat(20_000))), 431);
    // A chunk that looks like a request of its own is never one.
    let smuggled = format!(
        "POST {MANY} HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"
    );
    let mut poster = Poster::connect(daemon.http()).unwrap();
    assert_eq!(poster.raw(smuggled.as_bytes()).unwrap().status, 400);
    assert!(
        poster.raw(b"").is_err(),
        "the connection is closed, and nothing behind it is answered"
    );
    let after = daemon.status("VmRSS");
    eprintln!("memory {before} kB then {after} kB");
    assert!(after < before + (16 << 10), "{before} kB then {after} kB");
    assert_eq!(send(MANY, &reports(begin, 1_000..2_000)).status, 200);
    wait_decided(&daemon);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let all: Vec<u32> = (0..2_000).collect();
    assert_eq!(stored(&Database::open(&home.data()), begin), all);
}

/// A rate that a test build holds beside its tests; what the release holds is in the README.
#[test]
fn ten_thousand_reports_a_second_are_answered_from_disk() {
    let home = Home::new("");
    let daemon = home.start_posted();
    let (begin, address) = (begin_ms(), daemon.http());
    let (senders, batches) = if at_full_length() { (8, 2_000) } else { (4, 50) };
    let began = Instant::now();
    let threads: Vec<_> = (0..senders)
        .map(|sender| {
            std::thread::spawn(move || {
                let mut poster = Poster::connect(address).unwrap();
                let mut took = Vec::new();
                for batch in 0..batches {
                    let first = (batch * senders + sender) * 100;
                    let body = reports(begin, first..first + 100);
                    let posted = Instant::now();
                    assert_eq!(poster.post(MANY, "", &body).unwrap().status, 200);
                    took.push(posted.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took: Vec<Duration> = threads.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let sent = senders * batches * 100;
    eprintln!(
        "{sent} reports in batches of 100 from {senders} senders: {:.0} a second, an answer after p50 {:?}, p99 {:?}",
        f64::from(sent) / seconds,
        took[took.len() / 2],
        took[took.len() * 99 / 100],
    );
    wait_decided(&daemon);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let all: Vec<u32> = (0..sent).collect();
    assert_eq!(stored(&Database::open(&home.data()), begin), all);
}
