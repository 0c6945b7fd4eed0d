//! SIGHUP: the configuration is read again, followed whole or not at all, and nothing of it stops a daemon.

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::http::{ask, metrics};
use crate::support::process::{Daemon, Home, wait_until};

#[test]
fn a_hang_up_under_load_is_told_of_and_changes_nothing() {
    const SAID: &str = "SIGHUP: the configuration is wrong, nothing was changed";
    let home = Home::new(KEEP_ALL);
    let mut daemon = home.start();
    std::thread::scope(|scope| {
        scope.spawn(|| send_in_pieces(&daemon, 0..5_000, 100));
        for hang_ups in 1..=3 {
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

/// Asks for the configuration to be read again; what came of it.
fn reload(daemon: &Daemon, home: &Home, text: &str) -> (String, Value) {
    let count = || metrics(daemon.http()).0["config_reloads"].clone();
    let (before, logged) = (count(), home.log().len());
    std::fs::write(home.config(), text).unwrap();
    daemon.signal(Signal::SIGHUP);
    wait_until("it is counted", || count() != before);
    (home.log()[logged..].to_owned(), count())
}

#[test]
fn what_can_change_is_followed_and_the_rest_is_refused_by_name_all_or_nothing() {
    let secret = |letter: &str| format!("[http]\njwt_secret = \"{}\"\n", letter.repeat(32));
    let home = Home::new(&secret("a"));
    let daemon = home.start();
    let debug = "[log]\nlevel = \"warn\"\n";
    let counts = |applied: u64, unchanged: u64, refused: u64| serde_json::json!({ "applied": applied, "unchanged": unchanged, "refused": refused });
    let check = |text: &str, says: &str, expected: Value| {
        let (log, counted) = reload(&daemon, &home, text);
        assert!(log.contains(says), "{says}: {log}");
        assert_eq!(counted, expected, "{log}");
    };
    check(&secret("a"), "SIGHUP: nothing has changed", counts(0, 1, 0));
    // One that could is not followed with one that cannot.
    let both = format!("{}[store]\nlinger_ms = 7\n", secret("b"));
    check(&both, "SIGHUP: store.linger_ms cannot change while the daemon runs", counts(0, 1, 1));
    assert!(
        home.log().contains("nothing was changed, not http.jwt_secret either"),
        "{}",
        home.log()
    );
    // The token of neither secret, so that what counts is which one is known.
    let status = |letter: &str| {
        let token = aisd::http::token::sign(
            &letter.repeat(32),
            "tests",
            std::time::Duration::from_secs(60),
        );
        let header = format!("Authorization: Bearer {}\r\n", token.unwrap());
        ask(daemon.http(), "GET", "/admin/dlq/stats", &header).0
    };
    assert_eq!((status("a"), status("b")), (200, 401));
    check(&secret("b"), "SIGHUP: changed http.jwt_secret", counts(1, 1, 1));
    assert_eq!((status("a"), status("b")), (401, 200));
    // From here on nothing is said of what went well.
    let quiet = format!("{}{debug}", secret("b"));
    let (_, counted) = reload(&daemon, &home, &quiet);
    assert_eq!(counted, counts(2, 1, 1));
    let (log, _) = reload(&daemon, &home, &quiet);
    assert_eq!(log, "", "an info is not written at the level warn");
    check("[store]\nlinger = 7\n", "did you mean store.linger_ms?", counts(2, 2, 2));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_token_of_a_feed_is_followed_and_a_feed_that_changes_is_refused() {
    let feed = |name: &str, letter: &str| {
        let token = letter.repeat(32);
        format!("[[feeds]]\nkind = \"http\"\nname = \"{name}\"\ntoken = \"{token}\"\n")
    };
    let home = Home::new(&feed("posts", "a"));
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    // An empty body from who is let in; a stranger hears nothing of bodies.
    let status = |letter: &str| {
        let header = format!("Authorization: Bearer {}\r\n", letter.repeat(32));
        ask(daemon.http(), "POST", "/api/vessels/positions/batch", &header).0
    };
    assert_eq!((status("a"), status("b")), (400, 401));
    let (log, _) = reload(&daemon, &home, &feed("posts", "b"));
    assert!(log.contains("SIGHUP: changed feeds.token"), "{log}");
    assert_eq!((status("a"), status("b")), (401, 400));
    let (log, _) = reload(&daemon, &home, &feed("others", "c"));
    assert!(log.contains("SIGHUP: feeds cannot change while the daemon runs"), "{log}");
    assert_eq!((status("b"), status("c")), (400, 401));
    assert_eq!(daemon.stop(), Some(0));
}
