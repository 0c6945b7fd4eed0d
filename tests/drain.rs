//! A daemon that is told to stop stores what it has taken and says so; one that cannot start says why, each with its exit code.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rusqlite::Connection;

use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::journal::entries;
use crate::support::log::totals;
use crate::support::numbered::lines;
use crate::support::process::{Daemon, Home, aisd, wait_until};
use crate::support::traffic::Traffic;

const KEEP_ALL: &str = "[journal]\nkeep_all = true\n";

/// Numbers of all rows, and of all records that are no repeats.
fn assert_all_is_stored(home: &Home) {
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let mut accepted: Vec<_> = entries(&home.data()).into_iter().map(|it| it.payload).collect();
    accepted.sort();
    accepted.dedup();
    assert!(!accepted.is_empty());
    assert_eq!(store.number("SELECT count(*) FROM positions"), accepted.len() as u64);
}

/// A daemon whose database somebody else holds, with this many messages waiting for it.
fn held_up(home: &Home, messages: u32) -> (Daemon, Connection) {
    let daemon = home.start();
    let holder = Connection::open(home.data().join("aisd.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    sender.write_all(&lines(0..messages)).unwrap();
    wait_until("all is accepted", || {
        metrics(daemon.http()).number("/journal/appended") == u64::from(messages)
    });
    (daemon, holder)
}

#[test]
fn a_signal_under_load_drains_and_everything_received_is_stored() {
    let home = Home::new(KEEP_ALL);
    let mut daemon = home.start();
    let traffic = Traffic::start(5_000);
    traffic.aim(&daemon);
    wait_until("there is load", || traffic.sent() > 10_000);
    let began = Instant::now();
    daemon.signal(Signal::SIGTERM);
    let status = daemon.wait();
    let drained = began.elapsed();
    traffic.stop();
    assert_eq!(status.code(), Some(0), "{}", home.log());
    eprintln!("drained in {drained:?}");
    assert!(drained < Duration::from_secs(10), "{drained:?}");
    assert!(!home.data().join("run.json").exists());
    assert_all_is_stored(&home);
    let totals = totals(&home.log());
    assert_eq!(totals.len(), 2, "{}", home.log());
    for (feed, total) in totals {
        assert!(total["received"] > 1_000, "{feed} {total:?}");
        let left = ["stored", "repeats", "rejected", "dropped"].iter().map(|name| total[*name]);
        assert_eq!(left.sum::<u64>(), total["received"], "{feed} {total:?}");
    }
}

#[test]
fn a_second_signal_ends_at_once_and_nothing_is_lost() {
    let home = Home::new(KEEP_ALL);
    let (mut daemon, holder) = held_up(&home, 5_000);
    daemon.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(500));
    assert!(daemon.is_alive(), "there is something to be stored");
    let began = Instant::now();
    daemon.signal(Signal::SIGTERM);
    let status = daemon.wait();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((status.code(), status.signal()), (Some(128 + 15), None));
    drop(holder);
    assert_eq!(home.start().stop(), Some(0));
    assert_all_is_stored(&home);
}

#[test]
fn what_a_deadline_cuts_off_is_stored_by_the_next_start() {
    let home = Home::new(&format!("shutdown_seconds = 1\n{KEEP_ALL}"));
    let (daemon, holder) = held_up(&home, 5_000);
    let began = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(home.log().contains("the deadline cut the drain short"), "{}", home.log());
    drop(holder);
    assert_eq!(home.start().stop(), Some(0));
    assert_all_is_stored(&home);
}

#[test]
fn a_drain_ends_while_senders_stay_connected_and_silent() {
    let home = Home::new("");
    let daemon = home.start();
    let senders: Vec<_> = (0..50).map(|_| TcpStream::connect(daemon.tcp()).unwrap()).collect();
    let began = Instant::now();
    assert_eq!(daemon.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(senders);
}

/// Runs `aisd run` to its end.
fn refused(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let mut run = aisd();
    run.arg("run").arg("--config").arg(home.config()).arg("--data-dir").arg(home.data());
    let output: Output = run.args(arguments).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

const FREE_PORTS: [&str; 4] = ["--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"];

#[test]
fn a_second_daemon_is_told_who_owns_the_directory_and_the_first_goes_on() {
    let home = Home::new("");
    let daemon = home.start();
    let (code, text) = refused(&home, &FREE_PORTS);
    assert_eq!(code, Some(73), "{text}");
    assert!(text.contains(&format!("is in use by process {}", daemon.pid())), "{text}");
    assert!(home.data().join("run.json").exists(), "the first daemon's");
    assert_eq!(get(daemon.http(), "/readyz").0, 200);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_wrong_configuration_is_refused_with_all_its_faults() {
    let home =
        Home::new("[store]\nbatch_rows_max = 0\n[journal]\nsegment = 5\n[log]\nformat = 3\n");
    let (code, text) = refused(&home, &FREE_PORTS);
    assert_eq!(code, Some(78), "{text}");
    for fault in ["store.batch_rows_max is 0", "segment", "log.format"] {
        assert!(text.contains(fault), "{fault}: {text}");
    }
    assert!(!home.data().exists());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let home = Home::new("");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in
        [["--tcp", &address, "--http", ""], ["--udp", "127.0.0.1:0", "--http", &address]]
    {
        let (code, text) = refused(&home, &arguments);
        assert_eq!(code, Some(74), "{text}");
        assert!(text.contains(&address) && text.contains("in use"), "{text}");
        assert!(!home.data().join("run.json").exists());
    }
}

#[test]
fn a_daemon_of_files_alone_ends_when_they_are_read() {
    let home = Home::new(KEEP_ALL);
    let file = home.config().with_file_name("recorded.nmea");
    std::fs::write(&file, lines(0..2_000)).unwrap();
    let config = format!(
        "{KEEP_ALL}[[feeds]]\nkind = \"file\"\npath = \"{}\"\nstart = \"2024-01-01T00:00:00Z\"\n",
        file.display()
    );
    std::fs::write(home.config(), config).unwrap();
    assert_eq!(home.spawn_as_configured().wait().code(), Some(0), "{}", home.log());
    assert_all_is_stored(&home);
}
