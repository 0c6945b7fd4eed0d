//! The time of day is set by an hour, a day, to 1970, to 2040, under load.
//!
//! The shim tells the daemon another time; the clock that timers use is left alone, as it is by a real step. The kernel's stamps
//! of datagrams are not the daemon's to read, so what is looked at comes over TCP.

use std::time::{SystemTime, UNIX_EPOCH};

use super::shim::{Number, Shim};
use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::process::{Home, wait_until};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// New numbers after each step; half of them come twice.
const EACH: u32 = 400;

/// Where the clock is set to in turn, as seconds from the true time.
fn steps() -> [i64; 9] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let of_2040 = 2_208_988_800 - now;
    [HOUR, 0, -HOUR, DAY, -DAY, 5 - now, of_2040, -HOUR, 0]
}

#[test]
fn whatever_the_time_of_day_is_set_to_everything_is_stored_once_and_repeats_are_known() {
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    let daemon = shim.start(&home);
    let (mut first, mut received) = (0, 0);
    for (set, shift) in (1..).zip(steps()) {
        // On both sides of the step: what comes meanwhile is in one batch with what came before.
        std::thread::scope(|scope| {
            scope.spawn(|| send_in_pieces(&daemon, first..first + EACH / 2, 10));
            shim.set(Number::TimeShiftNs, shift * 1_000_000_000);
        });
        let steps = || metrics(daemon.http()).number("/clock_steps");
        wait_until("the step is seen", || steps() >= set);
        send_in_pieces(&daemon, first + EACH / 2..first + EACH, 10);
        send_in_pieces(&daemon, first + EACH / 2..first + EACH, 10);
        first += EACH;
        received += u64::from(EACH + EACH / 2);
        wait_decided(&daemon, received);
        assert_eq!(steps(), set, "each step once");
        let repeats = metrics(daemon.http()).feed("tcp", "repeats");
        assert_eq!(repeats, set * u64::from(EACH / 2), "repeats after a step of {shift} s");
    }
    let asked = shim.get(Number::Shifted);
    // With little else to do hardly more often than once for each batch.
    assert!(asked > 100, "the clock was asked {asked} times");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    assert!(!home.log().contains("panic"), "{}", home.log());
    assert_eq!(home.log().matches("the time of day was set by").count(), steps().len());
    assert_stored(&home, 0..first);
    let store = Database::open(&home.data());
    let of_1970 =
        store.number("SELECT count(*) FROM positions WHERE received_at < 100000000000000");
    let of_2040 =
        store.number("SELECT count(*) FROM positions WHERE received_at > 2208988800000000");
    assert!(of_1970 > 0 && of_2040 > 0, "{of_1970} {of_2040}: the stamps are those that were told");
}

#[test]
fn a_kill_while_the_clock_is_wrong_loses_nothing_and_stores_nothing_twice() {
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    let mut first = 0;
    for shift in [DAY, -HOUR, 0, -DAY] {
        shim.set(Number::TimeShiftNs, shift * 1_000_000_000);
        let daemon = shim.start(&home);
        let recovered = metrics(daemon.http()).feed("tcp", "recovered");
        // Nothing is stored while another holds the database.
        let holder = rusqlite::Connection::open(home.data().join("aisd.db")).unwrap();
        wait_until("what was left is stored", || {
            metrics(daemon.http()).number("/accounting/in_flight") == 0
        });
        assert_eq!(recovered, if first == 0 { 0 } else { u64::from(EACH) });
        holder.busy_timeout(super::PATIENCE_FOR_LOCKS).unwrap();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        send_in_pieces(&daemon, first..first + EACH, 50);
        first += EACH;
        wait_until("it is in the journal", || {
            metrics(daemon.http()).number("/journal/appended") == u64::from(EACH)
        });
        daemon.kill();
    }
    shim.set(Number::TimeShiftNs, 0);
    assert_eq!(shim.start(&home).stop(), Some(0));
    assert_stored(&home, 0..first);
}
