//! On a full disk there is room for what must be written: the notes of a start, and dead letters.

use std::io::Write;
use std::net::TcpStream;

use super::full_disk::{appended, fill, on_a_disk};
use super::{assert_stored_among, wait_decided};
use crate::support::http::metrics;
use crate::support::numbered::lines;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::Postgres;
use crate::support::storing::{
    accepted, letters, numbers, send, send_numbers, seqs, wait_said, wait_stored,
};

const RESERVE: u64 = 4 << 20;
const JOURNAL: &str =
    "[journal]\nsegment_bytes = 1048576\nkeep_all = true\nreserve_bytes = 4194304\n";
const BREAKERS: &str = "[breakers]\nopen_ms = 100\n";

fn kept(daemon: &Daemon) -> u64 {
    metrics(daemon.http()).number("/journal/reserve_bytes")
}

#[test]
fn a_daemon_starts_on_a_full_disk_in_the_room_of_the_reserve() {
    const BEFORE: u32 = 1_000;
    const AFTER: u32 = 3_000;
    let home = Home::new(&format!("{JOURNAL}{BREAKERS}"));
    let Some(folder) = on_a_disk(&home, 32) else { return };
    let daemon = home.start();
    TcpStream::connect(daemon.tcp()).unwrap().write_all(&lines(0..BEFORE)).unwrap();
    wait_decided(&daemon, u64::from(BEFORE));
    wait_until("the reserve is shown", || kept(&daemon) == RESERVE);
    daemon.kill();
    let filler = fill(&folder.join("disk"));

    let daemon = home.start();
    assert!(home.log().contains("bytes of the reserve are left"), "{}", home.log());
    wait_until("the reserve is shown", || (1..RESERVE).contains(&kept(&daemon)));
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    sender.write_all(&lines(BEFORE..AFTER)).unwrap();
    wait_said(&daemon, "cannot begin a journal segment: No space left on device");
    assert_eq!(appended(&daemon), 0, "the reserve is not for segments");
    std::fs::remove_file(filler).unwrap();
    wait_decided(&daemon, u64::from(AFTER - BEFORE));
    wait_until("the reserve is whole", || kept(&daemon) == RESERVE);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert_stored_among(&home, 0..AFTER, 0);
}

#[test]
fn on_a_full_disk_what_is_refused_becomes_dead_letters_and_what_is_good_is_stored() {
    const FIRST: u32 = 200;
    const THEN: u32 = 4_200;
    const MORE: u32 = 30_000;
    let server = Postgres::start();
    let home = Home::new(&format!("{JOURNAL}{BREAKERS}[store]\nurl = \"{}\"\n", server.url()));
    let Some(folder) = on_a_disk(&home, 48) else { return };
    let daemon = home.start();
    // Of even ships, as all that is good will be.
    let even = FIRST / 2;
    send(&daemon, &lines((0..FIRST).step_by(2)));
    wait_stored(&daemon, u64::from(even));
    server.execute("ALTER TABLE positions ADD CONSTRAINT even CHECK (mmsi % 2 = 0)");
    wait_until("the reserve is shown", || kept(&daemon) == RESERVE);
    let filler = fill(&folder.join("disk"));

    // The segment that was begun has room for these.
    send_numbers(&daemon, FIRST..THEN);
    wait_stored(&daemon, u64::from(THEN - even));
    let refused = u64::from(THEN - FIRST) / 2;
    let seen = metrics(daemon.http());
    assert_eq!(seen.feed("tcp", "undelivered"), refused);
    assert_eq!(seen.number("/dead_letters/rows"), refused);
    wait_until("some of the reserve is used", || kept(&daemon) < RESERVE);

    std::fs::remove_file(filler).unwrap();
    server.execute("ALTER TABLE positions DROP CONSTRAINT even");
    send_numbers(&daemon, THEN..MORE);
    wait_stored(&daemon, u64::from(MORE - even));
    wait_until("the reserve is whole", || kept(&daemon) == RESERVE);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let left = letters(&home);
    assert_eq!(left.len() as u64, refused);
    let mut all = seqs(&server, 1);
    all.extend(left.keys().map(|(seq, _)| *seq));
    all.sort_unstable();
    assert_eq!(all, accepted(&home.data()));
    assert_eq!(numbers(&server).len() as u64, u64::from(MORE - even) - refused);
}
