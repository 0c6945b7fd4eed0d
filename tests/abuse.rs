//! Whoever sends whatever, the others are served, and memory and threads stay as they were.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::{lines, sentence};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;

const HEALTHY: u32 = 20_000;
/// Healthy numbers are below, those of busy clients above.
const BUSY_FROM: u32 = 1_000_000;
const GROWTH_MAX_KB: u64 = 32 << 10;
/// What is read before the first look at memory: buffers that are made once are there by then.
const WARM_UP: u32 = 20_000;

fn raise_file_limit(needed: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert!(hard >= needed, "needs {needed} open files, the system allows {hard}");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

fn send(address: SocketAddr, bytes: &[u8]) {
    TcpStream::connect(address).unwrap().write_all(bytes).unwrap();
}

fn wait_for_all(daemon: &Daemon, bytes: u64) {
    wait_until("everything sent is read and decided", || {
        let metrics = metrics(daemon.http());
        metrics.feed("tcp", "bytes") >= bytes && metrics.number("/accounting/in_flight") == 0
    });
}

/// A daemon that has been busy before, with its memory (kB) and threads.
fn warm(home: &Home) -> (Daemon, u64, u64) {
    let daemon = home.start();
    let warm_up = lines(200_000_000..200_000_000 + WARM_UP);
    send(daemon.tcp(), &warm_up);
    wait_for_all(&daemon, warm_up.len() as u64);
    for _ in 0..8 {
        get(daemon.http(), "/metrics");
    }
    let (memory, threads) = (daemon.status("VmRSS"), daemon.status("Threads"));
    (daemon, memory, threads)
}

/// The daemon takes what a healthy sender sends, has not grown, and ends well.
fn assert_unharmed(home: &Home, (daemon, memory, threads): (Daemon, u64, u64)) {
    let before = metrics(daemon.http()).feed("tcp", "bytes");
    let healthy = lines(0..HEALTHY);
    send(daemon.tcp(), &healthy);
    wait_for_all(&daemon, before + healthy.len() as u64);
    assert_eq!(get(daemon.http(), "/readyz").0, 200);
    let (memory_after, threads_after) = (daemon.status("VmRSS"), daemon.status("Threads"));
    eprintln!("memory {memory} kB then {memory_after} kB, threads {threads} then {threads_after}");
    assert!(memory_after < memory + GROWTH_MAX_KB, "{memory} kB then {memory_after} kB");
    assert_eq!(threads_after, threads);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_healthy_are_stored(home);
}

fn assert_healthy_are_stored(home: &Home) {
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let healthy: Vec<u32> = store.numbers().into_iter().filter(|n| *n < HEALTHY).collect();
    assert!(healthy.into_iter().eq(0..HEALTHY), "each healthy sentence once");
}

#[test]
fn two_thousand_idle_and_a_hundred_busy_clients_take_nothing_from_a_healthy_one() {
    raise_file_limit(4096);
    let home = Home::new("[log]\nlevel = \"warn\"\n");
    let harmed = warm(&home);
    let address = harmed.0.tcp();
    let idle: Vec<_> = (0..2_000).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut busy: Vec<_> = (0..100).map(|_| TcpStream::connect(address).unwrap()).collect();
    wait_until("all are let in", || metrics(harmed.0.http()).feed("tcp", "connections") >= 2_100);
    for round in 0..20 {
        for (client, n) in busy.iter_mut().zip(0..) {
            let first = BUSY_FROM + (n * 20 + round) * 10;
            client.write_all(&lines(first..first + 10)).unwrap();
        }
    }
    assert_unharmed(&home, harmed);
    drop((idle, busy));
    let busy = "SELECT count(*) FROM positions WHERE lon * 600000 + 108000000 >= 1000000 \
                AND lon * 600000 + 108000000 < 2000000";
    assert_eq!(Database::open(&home.data()).number(busy), 20_000);
}

#[test]
fn a_line_without_end_is_refused_once_and_costs_no_memory() {
    let home = Home::new("");
    let harmed = warm(&home);
    let mut endless = TcpStream::connect(harmed.0.tcp()).unwrap();
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        endless.write_all(&megabyte).unwrap();
    }
    endless.write_all(format!("\n{}\n", sentence(BUSY_FROM)).as_bytes()).unwrap();
    drop(endless);
    wait_for_all(&harmed.0, 64 << 20);
    assert_eq!(metrics(harmed.0.http()).feed("tcp", "rejected/line_too_long"), 1);
    assert_unharmed(&home, harmed);
    let after = Database::open(&home.data()).numbers();
    assert!(after.contains(&BUSY_FROM), "what follows the line is read");
}

#[test]
fn requests_that_never_end_do_not_keep_others_from_their_answers() {
    let home = Home::new("[http]\nrequest_seconds = 1\n");
    let harmed = warm(&home);
    let address = harmed.0.http();
    let begun = |text: &str| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(text.as_bytes()).unwrap();
        client
    };
    let mut slow: Vec<_> =
        (0..60).map(|_| begun("GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: ")).collect();
    slow.extend(
        (0..60).map(|_| begun("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegin")),
    );
    let refused_before = metrics(address).number("/http/refused");
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(get(address, "/livez").0, 200);
    }
    eprintln!("ten answers beside {} slow requests took {:?}", slow.len(), began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10));
    for client in &mut slow {
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let ended = match client.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        assert!(ended, "a slow client is let go of");
    }
    assert!(metrics(address).number("/http/refused") >= refused_before + 60);
    assert_unharmed(&home, harmed);
}

#[test]
fn random_bytes_at_every_door_do_no_harm_and_are_counted() {
    let mut random = Random::seeded(11);
    let home = Home::new("");
    let harmed = warm(&home);
    let (udp, tcp, http) = (harmed.0.udp(), harmed.0.tcp(), harmed.0.http());
    let before = metrics(http);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(tcp).unwrap();
    for _ in 0..500 {
        let length = usize::try_from(random.between(1, 8_000)).unwrap();
        let mut bytes = random.bytes(length);
        datagrams.send_to(&bytes, udp).unwrap();
        bytes.extend_from_slice(b"\n!AIVDM,1,1,,A,");
        stream.write_all(&bytes).unwrap();
    }
    drop(stream);
    for _ in 0..50 {
        let bytes = random.bytes(2_000);
        let mut client = TcpStream::connect(http).unwrap();
        // The daemon may hang up on what is no request before all of it is sent.
        let _ = client.write_all(&bytes).and_then(|()| client.write_all(b"\r\n\r\n"));
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    }
    let bytes = before.feed("tcp", "bytes") + 1_000_000;
    wait_for_all(&harmed.0, bytes);
    let after = metrics(http);
    for feed in ["udp", "tcp"] {
        let seen = |metrics: &crate::support::http::Metrics| {
            metrics.feed(feed, "ignored") + metrics.reasons(feed, "rejected")
        };
        assert!(seen(&after) > seen(&before), "{feed} counts what it cannot read");
    }
    assert!(after.number("/http/refused") > before.number("/http/refused"));
    assert_unharmed(&home, harmed);
}
