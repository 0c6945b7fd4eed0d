//! SIGHUP: the configuration is read at the start alone, and who asks for it to be read again is told so.

use nix::sys::signal::Signal;

use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::process::{Home, wait_until};

#[test]
fn a_hang_up_under_load_is_told_of_and_changes_nothing() {
    const SAID: &str = "SIGHUP changes nothing";
    let home = Home::new(KEEP_ALL);
    let mut daemon = home.start();
    std::thread::scope(|scope| {
        scope.spawn(|| send_in_pieces(&daemon, 0..5_000, 100));
        for hang_ups in 1..=3 {
            // What the file says by then does not matter.
            std::fs::write(home.config(), "[store]\nindex = 7\n").unwrap();
            daemon.signal(Signal::SIGHUP);
            wait_until("it is told of", || home.log().matches(SAID).count() == hang_ups);
        }
    });
    wait_decided(&daemon, 5_000);
    assert!(daemon.is_alive());
    assert_eq!(daemon.stop(), Some(0));
    assert_stored(&home, 0..5_000);
}
