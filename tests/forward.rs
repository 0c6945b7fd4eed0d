//! What a daemon hears it sends on, each transmission once, and whoever listens sees the same vessels; nobody who listens slows it.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::numbered;
use crate::support::process::{Daemon, Home, wait_until};

const MESSAGES: u32 = 20_000;
const KEEP: &str = "[journal]\nkeep_all = true\n";

fn output(kind: &str, address: std::net::SocketAddr, more: &str) -> String {
    format!("[[outputs]]\nkind = \"{kind}\"\nname = \"{kind}\"\naddress = \"{address}\"\n{more}\n")
}

/// Sends every sentence over TCP, and again as another receiver would, a moment later.
fn send_twice(daemon: &Daemon, numbers: std::ops::Range<u32>) {
    let (mut first, mut second) =
        (TcpStream::connect(daemon.tcp()).unwrap(), TcpStream::connect(daemon.tcp()).unwrap());
    for from in numbers.clone().step_by(500) {
        let lines = numbered::lines(from..(from + 500).min(numbers.end));
        first.write_all(&lines).unwrap();
        second.write_all(&lines).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn of(daemon: &Daemon, output: &str, count: &str) -> u64 {
    metrics(daemon.http()).number(&format!("/outputs/{output}/{count}"))
}

fn seconds(home: &Home) -> Vec<u32> {
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    store.column_of("SELECT ts / 1000000 FROM positions ORDER BY lon, lat, mmsi")
}

#[test]
fn a_second_daemon_that_is_fed_by_the_first_has_the_same_vessels() {
    let hears = Home::new(KEEP);
    let (listens, own) = (Home::beside(&hears, KEEP), Home::beside(&hears, KEEP));
    let (behind, udp) = (listens.start(), own.start());
    let outputs = output("tcp", behind.tcp(), "tag_blocks = true")
        + &output("udp", udp.udp(), "interval_seconds = 3600");
    std::fs::write(hears.config(), format!("{KEEP}{outputs}")).unwrap();
    let daemon = hears.start();
    wait_until("both outputs are connected", || {
        of(&daemon, "tcp", "connected") + of(&daemon, "udp", "connected") == 2
    });
    send_twice(&daemon, 0..MESSAGES);
    wait_until("all is sent on", || of(&daemon, "tcp", "sent") == u64::from(MESSAGES));
    assert_eq!(of(&daemon, "tcp", "heard"), u64::from(MESSAGES), "each transmission once");
    let received = || metrics(behind.http()).feed("tcp", "received");
    wait_until("all has come", || received() == u64::from(MESSAGES));
    let filtered = of(&daemon, "udp", "filtered/interval");
    assert_eq!(of(&daemon, "udp", "sent") + filtered, u64::from(MESSAGES));
    let each = metrics(udp.http());
    for daemon in [daemon, behind, udp] {
        assert_eq!(daemon.stop(), Some(0));
    }
    let numbers = |home: &Home| Database::open(&home.data()).numbers();
    assert!(numbers(&hears).into_iter().eq(0..MESSAGES));
    assert!(numbers(&listens).into_iter().eq(0..MESSAGES));
    assert_eq!(seconds(&hears), seconds(&listens), "with the times of the first");
    let vessels = "SELECT DISTINCT mmsi FROM positions ORDER BY mmsi";
    let vessels = |home: &Home| Database::open(&home.data()).column_of(vessels);
    assert_eq!(vessels(&hears), vessels(&listens));
    // One report of each vessel, of those that the kernel had room for.
    let lost = each.feed("udp", "kernel_drops");
    assert_eq!(vessels(&own).len() as u64 + lost, vessels(&hears).len() as u64);
    assert_eq!(numbers(&own).len(), vessels(&own).len());
}

/// Who shares what their own receivers hear with a service, and not what other services tell them.
#[test]
fn an_output_is_sent_what_its_own_sources_heard_though_another_was_quicker() {
    const OWN: u32 = 2000;
    let feed = |name: &str| {
        format!("[[feeds]]\nkind = \"tcp\"\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\n")
    };
    let (listens, feeds) = (Home::new(""), feed("own") + &feed("other") + &feed("service"));
    let behind = listens.start();
    let hears =
        Home::beside(&listens, &(feeds + &output("tcp", behind.tcp(), "sources = \"own,other\"")));
    let mut daemon = hears.spawn_as_configured();
    daemon.wait_until_ready();
    wait_until("it is connected", || of(&daemon, "tcp", "connected") == 1);
    let received = |name: &str| metrics(daemon.http()).feed(name, "received");
    for (name, numbers) in [("service", 0..2 * OWN), ("own", 0..OWN), ("other", 0..OWN)] {
        let expected = u64::from(numbers.end);
        TcpStream::connect(daemon.named(name))
            .unwrap()
            .write_all(&numbered::lines(numbers))
            .unwrap();
        wait_until(name, || received(name) == expected);
    }
    wait_until("all is stored", || {
        metrics(daemon.http()).feed("service", "stored") == u64::from(2 * OWN)
    });
    let is = |count, expected: u32| of(&daemon, "tcp", count) == u64::from(expected);
    wait_until("its own is sent on", || is("sent", OWN) && is("filtered/source", 2 * OWN));
    assert!(is("heard", 3 * OWN), "what the other heard is no news");
    assert_eq!(metrics(daemon.http()).feed("own", "repeats"), u64::from(OWN), "stored before");
    let came = || metrics(behind.http()).feed("tcp", "stored");
    wait_until("it has come", || came() == u64::from(OWN));
    assert_eq!((daemon.stop(), behind.stop()), (Some(0), Some(0)));
    let store = Database::open(&hears.data());
    store.assert_nothing_is_twice();
    assert!(store.numbers().into_iter().eq(0..2 * OWN));
}

#[test]
fn a_listener_that_stands_still_is_left_behind_and_costs_the_others_nothing() {
    let hears = Home::new("");
    let (stands, listens) = (Home::beside(&hears, ""), Home::beside(&hears, ""));
    let (frozen, other) = (stands.start(), listens.start());
    let outputs = output("tcp", frozen.tcp(), "waiting_max = 1000")
        + &output("udp", other.udp(), "types = \"1\"");
    std::fs::write(hears.config(), outputs).unwrap();
    let daemon = hears.start();
    wait_until("it is connected", || of(&daemon, "tcp", "connected") == 1);
    frozen.signal(Signal::SIGSTOP);
    let mut sent = 0;
    // What the kernel takes for one who stands still is some megabytes.
    while of(&daemon, "tcp", "dropped/full") == 0 {
        assert!(sent < 2_000_000, "nothing was dropped");
        send_twice(&daemon, sent..sent + MESSAGES);
        sent += MESSAGES;
    }
    let stored = || metrics(daemon.http()).feed("tcp", "stored");
    wait_until("the first stores everything", || stored() == u64::from(sent));
    assert!(of(&daemon, "tcp", "waiting") <= 1000);
    wait_until("the other is sent everything", || of(&daemon, "udp", "sent") == u64::from(sent));
    frozen.signal(Signal::SIGCONT);
    assert_eq!(daemon.stop(), Some(0));
    other.stop();
    frozen.kill();
}

/// As AIS-catcher sends with `-u HOST PORT JSON on`.
#[test]
fn objects_of_ais_catcher_land_with_the_time_that_they_tell() {
    let home = Home::new("");
    let daemon = home.start();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = now - 600;
    for n in 0..100 {
        let object = format!(
            "{{\"class\":\"AIS\",\"device\":\"AIS-catcher\",\"scaled\":true,\"channel\":\"A\",\"nmea\":[\"{}\"],\
             \"rxuxtime\":{at},\"type\":1,\"mmsi\":503000105}}\r\n",
            numbered::sentence(n)
        );
        sender.send_to(object.as_bytes(), daemon.udp()).unwrap();
    }
    wait_until("all are stored", || metrics(daemon.http()).feed("udp", "stored") == 100);
    assert_eq!(daemon.stop(), Some(0));
    let store = Database::open(&home.data());
    assert!(store.numbers().into_iter().eq(0..100));
    assert_eq!(store.number(&format!("SELECT count(*) FROM positions WHERE ts = {at}000000")), 100);
}
