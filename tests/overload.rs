//! More than can be taken: who is slowed, what is dropped and counted, and that a noisy feed takes nothing from the others.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::{lines, sentence};
use crate::support::process::{Daemon, Home, PATIENCE, wait_until};
use crate::support::sums::{Auditor, check_sums};
use crate::support::traffic::Traffic;

/// Numbers of datagrams are from here on, those of TCP below.
const DATAGRAMS_FROM: u32 = 100_000_000;
/// Two small segments at once, beside what is kept for writing again, and a window that is soon over.
const SMALL_JOURNAL: &str = "[journal]\nsegment_bytes = 1048576\nbytes_max = 4194304\n\
    [shards]\ndedup_seconds = 1\n";
/// How long nothing is read before a sender counts as slowed.
const SLOWED: Duration = Duration::from_secs(1);

/// Writes numbered lines, no more than the socket buffers stay small with, until told to stop; how many, and whether it was ever slowed.
fn pour(address: SocketAddr, stop: &AtomicBool, slowed: &AtomicBool) -> u32 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    setsockopt(&stream, sockopt::SndBuf, &16_384).unwrap();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let text = lines(sent..sent + 100);
        let (mut rest, mut wrote) = (&text[..], Instant::now());
        // The line that was begun is ended, if it can be.
        while !rest.is_empty() && wrote.elapsed() < PATIENCE {
            match stream.write(rest) {
                Ok(count) => (rest, wrote) = (&rest[count..], Instant::now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    slowed.fetch_or(wrote.elapsed() > SLOWED, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
        sent += 100;
        std::thread::sleep(Duration::from_millis(3));
    }
    sent
}

#[test]
fn a_full_journal_slows_tcp_and_drops_datagrams_with_a_count() {
    let home = Home::new(SMALL_JOURNAL);
    let daemon = home.start();
    let auditor = Auditor::of(&daemon);
    let holder = rusqlite::Connection::open(home.data().join("aisd.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (stop, slowed) = (AtomicBool::new(false), AtomicBool::new(false));
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent_udp = 0;
    let mut send = || {
        datagrams.send_to(sentence(DATAGRAMS_FROM + sent_udp).as_bytes(), daemon.udp()).unwrap();
        sent_udp += 1;
    };
    let sent_tcp = std::thread::scope(|scope| {
        let pouring = scope.spawn(|| pour(daemon.tcp(), &stop, &slowed));
        wait_until("a sender that is slowed, and datagrams that are dropped", || {
            send();
            let seen = metrics(daemon.http());
            assert_eq!(get(daemon.http(), "/readyz").0, 200);
            slowed.load(Ordering::Relaxed)
                && seen.feed("udp", "dropped/journal_full") > 10
                && seen.number("/journal/full_turns") > 0
        });
        assert!(metrics(daemon.http()).number("/journal/bytes") <= 2 << 20);
        stop.store(true, Ordering::Relaxed);
        drop(holder);
        pouring.join().unwrap()
    });
    // Room comes: who was slowed lost nothing, and datagrams are taken again.
    wait_until("all of it is decided", || {
        let seen = metrics(daemon.http());
        seen.feed("tcp", "received") == u64::from(sent_tcp) && check_sums(&seen) == 0
    });
    let dropped = metrics(daemon.http()).feed("udp", "dropped/journal_full");
    send();
    wait_until("a datagram that is stored", || {
        let seen = metrics(daemon.http());
        seen.feed("udp", "received") == u64::from(sent_udp) && check_sums(&seen) == 0
    });
    let seen = metrics(daemon.http());
    assert_eq!((seen.reasons("tcp", "dropped"), seen.feed("udp", "kernel_drops")), (0, 0));
    assert_eq!(seen.feed("udp", "dropped/journal_full"), dropped);
    eprintln!(
        "{sent_tcp} over TCP, {dropped} of {sent_udp} datagrams dropped, {:?}",
        auditor.finish()
    );
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let numbers = Database::open(&home.data()).numbers();
    let (tcp, udp): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|n| *n < DATAGRAMS_FROM);
    assert!(tcp.into_iter().eq(0..sent_tcp), "each line over TCP once");
    assert_eq!(udp.len() as u64 + dropped, u64::from(sent_udp));
}

/// Datagrams from sixteen addresses of the loopback, as fast as they go: of one byte, of dirt, good ones, and the largest.
fn flood(target: SocketAddr, stop: &AtomicBool, sent: &AtomicU64) {
    let sockets: Vec<UdpSocket> = (1..=16)
        .map(|host| UdpSocket::bind(("127.0.1.".to_owned() + &host.to_string(), 0)).unwrap())
        .collect();
    let many = lines(DATAGRAMS_FROM..DATAGRAMS_FROM + 1200);
    let large = &many[..65_000.min(many.len())];
    for n in 0_u32.. {
        if stop.load(Ordering::Relaxed) || n >= 2_000_000 {
            return;
        }
        let good = sentence(DATAGRAMS_FROM + n);
        let bytes = match n % 64 {
            0 => large,
            1..16 => b"!",
            16..32 => &good.as_bytes()[..20],
            _ => good.as_bytes(),
        };
        let socket = &sockets[n as usize % sockets.len()];
        // A sender that is told that nobody has room sends on.
        let _ = socket.send_to(bytes, target);
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a feed took on in this time, a second.
fn rate(daemon: &Daemon, feed: &str, time: Duration) -> f64 {
    let received = || metrics(daemon.http()).feed(feed, "received");
    let (before, began) = (received(), Instant::now());
    std::thread::sleep(time);
    (received() - before) as f64 / began.elapsed().as_secs_f64()
}

#[test]
fn a_flood_of_datagrams_leaves_another_feed_nine_tenths_of_its_rate() {
    // One shard of a debug build decides less than the flood brings, and more waits than the sums allow.
    let home = Home::alone("[shards]\ncount = 2\n");
    let daemon = home.start();
    let (traffic, auditor) = (Traffic::over_tcp(2_000), Auditor::of(&daemon));
    traffic.aim(&daemon);
    wait_until("traffic", || metrics(daemon.http()).feed("tcp", "received") > 2_000);
    let alone = rate(&daemon, "tcp", Duration::from_secs(1));
    let memory = daemon.status("VmRSS");
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| flood(daemon.udp(), &stop, &sent));
        wait_until("a flood", || metrics(daemon.http()).feed("udp", "kernel_drops") > 1_000);
        let beside = rate(&daemon, "tcp", Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
        beside
    });
    let grown = daemon.status("VmRSS").saturating_sub(memory) / 1024;
    let ended = Instant::now();
    let before = metrics(daemon.http()).feed("udp", "kernel_drops");
    let one = UdpSocket::bind("127.0.0.1:0").unwrap();
    wait_until("a datagram that is received after the flood", || {
        let received = metrics(daemon.http()).feed("udp", "received");
        one.send_to(sentence(1).as_bytes(), daemon.udp()).unwrap();
        metrics(daemon.http()).feed("udp", "received") > received
    });
    let recovered = ended.elapsed();
    let seen = metrics(daemon.http());
    eprintln!(
        "tcp {alone:.0}/s alone, {beside:.0}/s beside {} datagrams of which the kernel dropped {before}; {grown} MB more; \
         back after {recovered:?}",
        sent.load(Ordering::Relaxed)
    );
    assert!(beside >= 0.9 * alone, "{alone:.0}/s alone, {beside:.0}/s beside the flood");
    assert!(grown < 128, "{grown} MB more");
    assert!(recovered < Duration::from_secs(1), "{recovered:?}");
    assert_eq!(seen.reasons("tcp", "dropped"), 0);
    traffic.stop();
    wait_until("all is decided", || check_sums(&metrics(daemon.http())) == 0);
    eprintln!("{:?}", auditor.finish());
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    Database::open(&home.data()).assert_nothing_is_twice();
}
