//! The process may open no more files: clients beyond its share are turned away, and everybody else is served.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{KEEP_ALL, assert_stored, wait_decided};
use crate::support::http::{get, metrics};
use crate::support::numbered::lines;
use crate::support::process::{Daemon, Home, wait_until};

const LIMIT: u64 = 64;
const CLIENTS: usize = 200;
/// More than a fifth of the limit.
const REQUESTS: usize = 30;

fn cpu_seconds(daemon: &Daemon) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks = after_name.split(' ').skip(11).take(2).map(|it| it.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// The share of a core that the daemon takes while nobody sends.
fn idle_load(daemon: &Daemon) -> f64 {
    let (began, before) = (Instant::now(), cpu_seconds(daemon));
    std::thread::sleep(Duration::from_secs(1));
    (cpu_seconds(daemon) - before) / began.elapsed().as_secs_f64()
}

fn open_files(daemon: &Daemon) -> u64 {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count() as u64
}

#[test]
fn out_of_descriptors_feeds_and_metrics_go_on_and_no_thread_turns_in_vain() {
    let home = Home::new(KEEP_ALL);
    let limit = ["prlimit".to_owned(), format!("--nofile={LIMIT}")];
    let mut daemon = home.spawn_under(&limit, &[]);
    daemon.wait_until_ready();
    let mut healthy = TcpStream::connect(daemon.tcp()).unwrap();
    healthy.write_all(&lines(0..1_000)).unwrap();
    wait_decided(&daemon, 1_000);

    let crowd: Vec<_> =
        (0..CLIENTS).filter_map(|_| TcpStream::connect(daemon.tcp()).ok()).collect();
    let seen = || {
        let metrics = metrics(daemon.http());
        (metrics.feed("tcp", "connections"), metrics.feed("tcp", "connections_refused"))
    };
    wait_until("everybody is let in or turned away", || {
        let (inside, refused) = seen();
        inside + refused == 1 + CLIENTS as u64
    });
    let (inside, refused) = seen();
    let files = open_files(&daemon);
    assert!(inside > 10 && refused > 100, "{inside} inside, {refused} turned away");
    assert!(files * 5 <= LIMIT * 4 + 5, "{files} of {LIMIT} descriptors");

    // The other door: requests that never end take what is left.
    let requests: Vec<_> = (0..REQUESTS)
        .filter_map(|_| {
            let mut client = TcpStream::connect(daemon.http()).ok()?;
            client.write_all(b"GET /metrics HTTP/1.1\r\nX: ").ok()?;
            Some(client)
        })
        .collect();
    wait_until("no descriptor is left", || open_files(&daemon) + 1 >= LIMIT);
    let load = idle_load(&daemon);
    eprintln!(
        "{inside} clients inside, {refused} turned away, {files} files; load {load:.3} of a core without any descriptor"
    );
    assert!(load < 0.05, "{load}");

    healthy.write_all(&lines(1_000..2_000)).unwrap();
    wait_decided(&daemon, 2_000);
    assert_eq!(get(daemon.http(), "/readyz").0, 200);
    drop((crowd, requests));
    wait_until("there is room again", || TcpStream::connect(daemon.tcp()).is_ok() && seen().0 <= 3);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_stored(&home, 0..2_000);
}
