//! The time of day is set by an hour, a day, to 1970, to 2040, under load.
//!
//! The shim tells the daemon another time; the clock that timers use is left alone, as it is by a real step. The kernel's stamps
//! of datagrams are not the daemon's to read, so what is looked at comes over TCP.

use std::io::Write;
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Commands, Connection};
use serde_json::Value;

use super::shim::{Number, Shim};
use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::sentence_of;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::Redis;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// New numbers after each step; half of them come twice.
const EACH: u32 = 400;

/// Where the clock is set to in turn, as seconds from the true time.
fn steps() -> [i64; 9] {
    let now = now_s();
    [HOUR, 0, -HOUR, DAY, -DAY, 5 - now, of_2040(), -HOUR, 0]
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// Seconds until 2040.
fn of_2040() -> i64 {
    2_208_988_800 - now_s()
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

/// Has a ship report from where this number puts it, and waits until memory and Redis show that.
fn show((daemon, redis): (&Daemon, &mut Connection), ship: u32, number: u32) {
    let mut sender = TcpStream::connect(daemon.tcp()).unwrap();
    sender.write_all(format!("{}\r\n", sentence_of(ship, number)).as_bytes()).unwrap();
    let mmsi = 200_000_000 + ship;
    wait_until("it is known", || {
        let (_, body) = get(daemon.http(), &format!("/api/vessels/{mmsi}"));
        let vessel: Value = serde_json::from_slice(&body).unwrap();
        let lon = vessel["lon"].as_f64().map(|lon| (lon * 600_000.0).round() + 108_000_000.0);
        lon == Some(f64::from(number)) && vessel["flags"].as_array().is_none_or(Vec::is_empty)
    });
    wait_until("it is shown", || {
        let shown: Option<String> = redis.hget(format!("vessel:{mmsi}"), "lon").unwrap();
        let shown = shown.and_then(|lon| lon.parse::<f64>().ok());
        shown.is_some_and(|lon| (lon * 600_000.0).round() + 108_000_000.0 == f64::from(number))
    });
}

/// After the clock had stood in 2040 the picture stood still until then: in memory, and in Redis over any start. What nobody told of again
/// was never taken out of the active ones.
#[test]
fn the_picture_goes_on_after_the_clock_stood_in_another_year() {
    let server = Redis::start();
    let home = Home::new(&format!("{KEEP_ALL}[redis]\nurl = \"{}\"\n", server.url()));
    let (shim, mut redis) = (Shim::new(&home), server.connect());
    shim.set(Number::TimeShiftNs, of_2040() * 1_000_000_000);
    let daemon = shim.start(&home);
    (1..=3).for_each(|ship| show((&daemon, &mut redis), ship, 10 * ship));
    let in_2040 = |redis: &mut Connection| {
        redis.zcount::<_, _, _, u32>("vessels:active", 2_208_988_800_000_i64, "+inf").unwrap()
    };
    assert_eq!(in_2040(&mut redis), 3);
    shim.set(Number::TimeShiftNs, 0);
    wait_until("the step is seen", || metrics(daemon.http()).number("/clock_steps") == 1);
    show((&daemon, &mut redis), 1, 11);
    wait_until("nobody is active in 2040", || in_2040(&mut redis) == 0);
    assert_eq!(daemon.stop(), Some(0));
    // A daemon that was not there knows nothing of it.
    std::fs::remove_dir_all(home.data()).unwrap();
    let daemon = shim.start(&home);
    show((&daemon, &mut redis), 2, 21);
    assert_eq!(redis.zcard::<_, u32>("vessels:active").unwrap(), 2);
    assert_eq!(daemon.stop(), Some(0));
}
