//! The disk under the data directory is full: TCP waits, datagrams are dropped and counted, and with room all goes on by itself.

use std::fs::File;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::assert_stored_among;
use crate::support::http::{get, metrics};
use crate::support::numbered::{lines, sentence};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::{Folder, can_mount};
use crate::support::storing::wait_said;

const MEGABYTES: u32 = 80;
pub(super) const CONFIG: &str =
    "[journal]\nsegment_bytes = 1048576\nkeep_all = true\n[breakers]\nopen_ms = 100\n";
const BEFORE: u32 = 1_000;
/// More than the socket's buffers and the rest of a segment hold.
const OVER_TCP: u32 = 150_000;
const OVER_UDP: u32 = 2_000;

/// A disk of its own under the data directory; none where that cannot be had.
pub(super) fn on_a_disk(home: &Home, megabytes: u32) -> Option<Folder> {
    if let Err(why) = can_mount() {
        eprintln!("SKIPPED: a full disk under the daemon was not tested: {why}");
        return None;
    }
    let folder = Folder::new("full");
    folder.mount("disk", megabytes).unwrap();
    symlink(folder.join("disk"), home.data()).unwrap();
    Some(folder)
}

/// Takes all the room that there is.
pub(super) fn fill(disk: &Path) -> std::path::PathBuf {
    let path = disk.join("filler");
    let mut filler = File::create(&path).unwrap();
    let piece = vec![7; 4096];
    while filler.write_all(&piece).is_ok() {}
    path
}

pub fn appended(daemon: &Daemon) -> u64 {
    metrics(daemon.http()).number("/journal/appended")
}

/// Waits until nothing more is taken, for want of room.
fn wait_until_it_stands(daemon: &Daemon) {
    wait_until("the journal finds no room", || {
        let (before, failures) =
            (appended(daemon), metrics(daemon.http()).number("/journal/failures"));
        std::thread::sleep(Duration::from_millis(200));
        failures > 0 && appended(daemon) == before
    });
}

/// Sends datagrams until some are dropped for want of room, and says how many it sent.
fn send_datagrams(daemon: &Daemon) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 1_000_000..1_000_000 + OVER_UDP {
        socket.send_to(sentence(n).as_bytes(), daemon.udp()).unwrap();
    }
    wait_until("each datagram is received, and some dropped", || {
        let metrics = metrics(daemon.http());
        let received = metrics.feed("udp", "received") + metrics.feed("udp", "kernel_drops");
        received == u64::from(OVER_UDP) && metrics.reasons("udp", "dropped") > 0
    });
    u64::from(OVER_UDP)
}

#[test]
fn a_full_disk_makes_senders_wait_drops_datagrams_counted_and_goes_on_with_room() {
    let home = Home::new(CONFIG);
    let Some(folder) = on_a_disk(&home, MEGABYTES) else { return };
    let mut daemon = home.start();
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    sender.write_all(&lines(0..BEFORE)).unwrap();
    wait_until("the first are stored", || {
        metrics(daemon.http()).number("/accounting/in_flight") == 0 && appended(&daemon) == 1_000
    });
    let filler = fill(&folder.join("disk"));

    let sending = std::thread::spawn(move || {
        sender.write_all(&lines(BEFORE..OVER_TCP)).unwrap();
        sender
    });
    wait_until_it_stands(&daemon);
    let sent = send_datagrams(&daemon);
    let stuck = metrics(daemon.http());
    let (received, dropped) = (stuck.feed("tcp", "received"), stuck.reasons("udp", "dropped"));
    assert!(!sending.is_finished() || received < u64::from(OVER_TCP), "{received} received");
    assert!(daemon.is_alive());
    assert_eq!(get(daemon.http(), "/livez").0, 200);
    wait_said(&daemon, "cannot begin a journal segment: No space left on device");
    let before = appended(&daemon);

    std::fs::remove_file(filler).unwrap();
    let began = Instant::now();
    wait_until("messages are taken again", || appended(&daemon) > before);
    let again = began.elapsed();
    eprintln!(
        "{received} of {OVER_TCP} taken from TCP, {dropped} of {sent} datagrams dropped; taken again {again:?} after there was room"
    );
    assert!(again < Duration::from_secs(1), "{again:?}");
    drop(sending.join().unwrap());
    wait_until("all of TCP is decided", || {
        let metrics = metrics(daemon.http());
        metrics.feed("tcp", "received") == u64::from(OVER_TCP)
            && metrics.number("/accounting/in_flight") == 0
    });
    let dropped = metrics(daemon.http()).reasons("udp", "dropped");
    let kernel = metrics(daemon.http()).feed("udp", "kernel_drops");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_stored_among(&home, 0..OVER_TCP, sent - dropped - kernel);
    let lines = home.log().matches("cannot begin a journal segment").count();
    assert!((1..=3).contains(&lines), "{lines} lines about one cause");
}

#[test]
fn a_start_on_a_full_disk_without_a_reserve_says_so_and_the_next_with_room_is_well() {
    let home = Home::new(&CONFIG.replace("[breakers]", "reserve_bytes = 0\n[breakers]"));
    let Some(folder) = on_a_disk(&home, 8) else { return };
    let daemon = home.start();
    TcpStream::connect(daemon.tcp()).unwrap().write_all(&lines(0..BEFORE)).unwrap();
    wait_until("all is in the journal", || appended(&daemon) == u64::from(BEFORE));
    daemon.kill();
    let filler = fill(&folder.join("disk"));
    assert_eq!(home.spawn().wait().code(), Some(73), "{}", home.log());
    assert!(home.log().contains("No space left on device"), "{}", home.log());
    std::fs::remove_file(filler).unwrap();
    assert_eq!(home.start().stop(), Some(0), "{}", home.log());
    assert_stored_among(&home, 0..BEFORE, 0);
}
