//! Writes that the kernel cuts short anywhere, with a `kill -9` between their pieces.

use super::shim::{Number, Shim};
use super::{KEEP_ALL, accepted_numbers, assert_stored, send_in_pieces, wait_decided};
use crate::support::at_full_length;
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};
use crate::support::random::Random;

const SENT: u32 = 3_000;

#[test]
fn whatever_length_writes_are_cut_to_no_torn_record_is_seen() {
    let kills = if at_full_length() { 200 } else { 3 };
    let mut random = Random::seeded(18);
    for _ in 0..kills {
        let home = Home::new(KEEP_ALL);
        let shim = Shim::new(&home);
        let most = i64::try_from(random.between(1, 300)).unwrap();
        shim.set(Number::WriteBytesMax, most);
        let daemon = shim.start(&home);
        let wanted = i64::try_from(random.between(10, 60)).unwrap() * 20_000 / most;
        let before = shim.get(Number::CutWrites);
        std::thread::scope(|scope| {
            scope.spawn(|| send_in_pieces(&daemon, 0..SENT, 50));
            wait_until("writes are cut short", || shim.get(Number::CutWrites) > before + wanted);
            daemon.signal(nix::sys::signal::Signal::SIGKILL);
        });
        drop(daemon);
        let accepted = accepted_numbers(&home, SENT);
        let daemon = home.start();
        assert_eq!(metrics(daemon.http()).number("/journal/corrupt_records"), 0);
        assert_eq!(daemon.stop(), Some(0), "{}", home.log());
        eprintln!(
            "writes of at most {most} bytes: {} cut, {} accepted",
            shim.get(Number::CutWrites),
            accepted.len()
        );
        assert_stored(&home, accepted);
    }
}

#[test]
fn with_every_write_cut_short_a_daemon_stores_everything() {
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    shim.set(Number::WriteBytesMax, 70);
    let daemon = shim.start(&home);
    send_in_pieces(&daemon, 0..SENT, 50);
    wait_decided(&daemon, u64::from(SENT));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(shim.get(Number::CutWrites) > 1_000, "writes were cut");
    assert_stored(&home, 0..SENT);
}
