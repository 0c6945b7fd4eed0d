//! Sockets that somebody else holds are taken over, and a restart loses nothing that comes to them.
//!
//! The test is the parent that holds them, in the place of systemd. `AISD_SOAK=1` restarts ten times instead of three.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};

use crate::support::at_full_length;
use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::numbered::{lines, sentence};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::sums::check_sums;

/// Messages a second.
const RATE: u32 = 5000;
const TICK: Duration = Duration::from_millis(4);
/// Numbers of sentences over TCP.
const OVER_TCP: std::ops::Range<u32> = 50_000_000..50_000_100;
/// Descriptors that are passed on are copied to here, out of the way of those that they become.
const ASIDE: RawFd = 100;

/// The harness has feeds on any free port, which only a name can tell.
const NAMES: &str = "udp:tcp:http";
const FEEDS: &[&str] = &["--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0"];

/// What a socket unit holds.
struct Unit {
    udp: UdpSocket,
    tcp: TcpListener,
    http: TcpListener,
}

impl Unit {
    fn new() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        Self { udp: UdpSocket::bind("127.0.0.1:0").unwrap(), tcp: listen(), http: listen() }
    }

    /// Starts a daemon with these sockets from descriptor 3 on, and with these feeds, or those that are configured.
    fn start(&self, home: &Home, names: &str, feeds: &[&str]) -> Daemon {
        let aside = |socket: &dyn AsFd| fcntl(socket.as_fd(), FcntlArg::F_DUPFD(ASIDE)).unwrap();
        let copies = [aside(&self.udp), aside(&self.tcp), aside(&self.http)];
        let [udp, tcp, http] = copies;
        let script = format!(
            "export LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES={names}; exec 3<&{udp} 4<&{tcp} 5<&{http}; exec \"$@\""
        );
        // Other shells know descriptors of one digit alone.
        let wrapper = ["bash", "-c", &script, "bash"].map(str::to_owned);
        let mut daemon = home.run(home.under(&wrapper, &[]), feeds);
        for copy in copies {
            nix::unistd::close(copy).unwrap();
        }
        daemon.wait_until_ready();
        daemon
    }
}

/// Sends numbered datagrams at an even pace until told to stop.
fn send(to: SocketAddr, sent: &AtomicU32, stop: &AtomicBool) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (began, mut n) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        let due = u32::try_from(began.elapsed().as_millis()).unwrap() * (RATE / 1000);
        while n < due {
            socket.send_to(sentence(n).as_bytes(), to).unwrap();
            n += 1;
            sent.store(n, Ordering::Relaxed);
        }
        std::thread::sleep(TICK);
    }
}

/// A request that is made while nobody is there, and answered by who comes next.
fn ask(to: SocketAddr) -> std::thread::JoinHandle<String> {
    let mut socket = TcpStream::connect(to).unwrap();
    socket.write_all(b"GET /livez HTTP/1.1\r\nHost: aisd\r\nConnection: close\r\n\r\n").unwrap();
    std::thread::spawn(move || {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    })
}

#[test]
fn a_restart_with_sockets_that_are_held_loses_no_datagram_at_5000_a_second() {
    let home = Home::alone("");
    let unit = Unit::new();
    let (udp, http) = (unit.udp.local_addr().unwrap(), unit.http.local_addr().unwrap());
    let (sent, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    let mut daemon = unit.start(&home, NAMES, FEEDS);
    assert_eq!((daemon.udp(), daemon.http()), (udp, http), "its own sockets");
    let daemon = std::thread::scope(|scope| {
        scope.spawn(|| send(udp, &sent, &stop));
        for restart in 0..if at_full_length() { 10 } else { 3 } {
            std::thread::sleep(Duration::from_millis(1000));
            let (before, began) = (sent.load(Ordering::Relaxed), Instant::now());
            assert_eq!(daemon.stop(), Some(0), "{}", home.log());
            let stopped = sent.load(Ordering::Relaxed);
            let asked = ask(http);
            if restart == 0 {
                let mut sender = TcpStream::connect(unit.tcp.local_addr().unwrap()).unwrap();
                sender.write_all(&lines(OVER_TCP)).unwrap();
            }
            std::thread::sleep(Duration::from_millis(200));
            daemon = unit.start(&home, NAMES, FEEDS);
            assert!(asked.join().unwrap().starts_with("HTTP/1.1 200 "), "a request that waited");
            let after = sent.load(Ordering::Relaxed);
            assert!(after > stopped + 500, "datagrams came while nobody was there");
            eprintln!(
                "restart {restart}: {:?}, {} datagrams meanwhile",
                began.elapsed(),
                after - before
            );
        }
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        daemon
    });
    wait_until("everything is decided", || {
        let seen = metrics(daemon.http());
        seen.feed("udp", "kernel_drops") == 0 && check_sums(&seen) == 0
    });
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(metrics(daemon.http()).feed("udp", "kernel_drops"), 0);
    assert_eq!(daemon.stop(), Some(0));
    let numbers = Database::open(&home.data()).numbers();
    let (udp, tcp): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|n| *n < OVER_TCP.start);
    assert_eq!(udp.len(), sent.load(Ordering::Relaxed) as usize, "each datagram is a row");
    assert!(udp.into_iter().eq(0..sent.load(Ordering::Relaxed)), "each once");
    assert!(tcp.into_iter().eq(OVER_TCP), "and each line of a sender who waited");
}

#[test]
fn sockets_are_found_by_their_addresses_and_one_that_fits_no_feed_is_told() {
    let unit = Unit::new();
    let address = unit.udp.local_addr().unwrap();
    let feeds = format!("[[feeds]]\nkind = \"udp\"\naddress = \"{address}\"\n");
    let home = Home::new(&feeds);
    // Without them the address is taken.
    let mut alone = home.spawn_as_configured();
    assert!(alone.ready_or_dead().is_none(), "{}", home.log());
    assert!(home.log().contains("address already in use"), "{}", home.log());
    // All of one unit have its name.
    let daemon = unit.start(&home, "aisd.socket:aisd.socket:http", &[]);
    let http = unit.http.local_addr().unwrap();
    assert_eq!((daemon.udp(), daemon.http()), (address, http));
    let tcp = unit.tcp.local_addr().unwrap();
    assert!(home.log().contains(&format!("no feed listens at: tcp {tcp}")), "{}", home.log());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_listens_beyond_the_loopback_is_told_and_the_rest_is_not() {
    let feeds = "[[feeds]]\nkind = \"udp\"\naddress = \"0.0.0.0:0\"\n[[feeds]]\nkind = \"tcp\"\naddress = \"127.0.0.1:0\"\n";
    let home = Home::new(feeds);
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    assert_eq!(daemon.stop(), Some(0));
    let log = home.log();
    let told: Vec<&str> =
        log.lines().filter(|line| line.contains("other machines may come in")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(
        told[0].contains("WARN") && told[0].contains("feed udp (udp) listens at 0.0.0.0:"),
        "{log}"
    );
}

/// The unit that ships names the addresses that a daemon without a configuration listens at.
#[test]
fn the_socket_unit_has_the_addresses_of_the_default_configuration() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/systemd/aisd.socket");
    let unit = std::fs::read_to_string(path).unwrap();
    let listed = |key: &str| -> Vec<String> {
        unit.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    };
    let config = aisd::config::load::parse("nothing", "").unwrap();
    let address = |wanted: &str| {
        let feed = config.feeds.iter().find(|feed| feed.kind.label() == wanted).unwrap();
        match &feed.kind {
            aisd::config::FeedKind::Udp { address, .. } => address.clone(),
            aisd::config::FeedKind::Tcp { address, .. } => address.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(listed("ListenDatagram="), [address("udp")]);
    assert_eq!(listed("ListenStream="), [address("tcp"), config.http.address.clone()]);
}
