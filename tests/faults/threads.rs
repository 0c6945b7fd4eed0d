//! A thread of the daemon that panics or stands still.
//!
//! The shim makes the clock fail in one thread, which panics in the standard library: no part of the daemon knows of it.

use std::time::Duration;

use super::shim::{Number, Shim};
use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::http::metrics;
use crate::support::process::{Daemon, Home};

fn threads(daemon: &Daemon) -> Vec<String> {
    let metrics = metrics(daemon.http());
    let threads = metrics.0["threads"].as_array().unwrap();
    threads.iter().map(|thread| thread["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whichever_thread_panics_the_process_ends_with_its_code_and_nothing_is_lost() {
    const EACH: u32 = 200;
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    let names = threads(&home.start());
    assert!(names.len() >= 8, "{names:?}");
    let mut sent = 0;
    for name in &names {
        let mut daemon = shim.start(&home);
        send_in_pieces(&daemon, sent..sent + EACH, EACH);
        sent += EACH;
        wait_decided(&daemon, u64::from(EACH));
        let fired = shim.get(Number::Fired);
        shim.aim(name);
        shim.set(Number::ClockFails, 1);
        let code = daemon.wait().code();
        shim.set(Number::ClockFails, 0);
        assert!(shim.get(Number::Fired) > fired, "{name} was not hit");
        assert_eq!(code, Some(71), "{name}: {}", home.log());
        let said = format!("{name} stopped unexpectedly: panic");
        assert!(home.log().contains(&said), "no `{said}` in {}", home.log());
    }
    assert_eq!(home.start().stop(), Some(0));
    assert_stored(&home, 0..sent);
}

#[test]
fn a_thread_that_stands_still_is_seen_in_the_metrics_and_costs_nothing_but_time() {
    const STALL: Duration = Duration::from_millis(700);
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    let daemon = shim.start(&home);
    for (first, name) in (0..).step_by(1_000).zip(["journal", "store"]) {
        shim.aim(name);
        shim.set(Number::StallMs, STALL.as_millis().try_into().unwrap());
        send_in_pieces(&daemon, first..first + 1_000, 100);
        wait_decided(&daemon, u64::from(first) + 1_000);
        let metrics = metrics(daemon.http());
        let all = metrics.0["threads"].as_array().unwrap();
        let thread = all.iter().find(|thread| thread["name"] == name);
        let longest = &thread.unwrap_or_else(|| panic!("{all:?}"))["turn_us_max"];
        eprintln!("{name}: longest turn {longest} us");
        assert!(longest.as_f64().unwrap() >= 700_000.0, "{name}: {longest}");
    }
    assert_eq!(shim.get(Number::Fired), 2);
    assert_eq!(daemon.stop(), Some(0));
    assert_stored(&home, 0..2_000);
}
