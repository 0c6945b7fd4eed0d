//! A server that comes, goes and falls silent, over real loopback sockets.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::super::testing::{Bench, SENTENCE, lines, turn_until};
use super::*;
use crate::config::BreakerConfig;

fn connect(bench: &Bench, address: &str, silent: Duration) -> TcpConnect {
    let mut feed = TcpConnect::new(bench.context(), "tcp_client", address, silent);
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    let breaker = BreakerConfig { open_ms: 20, ..BreakerConfig::default() };
    feed.attempts = Attempts::new(Arc::new(Neighbour::of_feed("tcp_client")), &breaker, backoff);
    feed
}

fn server() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

const NEVER: Duration = Duration::from_secs(300);

#[test]
fn lines_come_and_a_connection_that_ends_is_made_anew() {
    let bench = Bench::new(8);
    let (listener, address) = server();
    let mut feed = connect(&bench, &address, NEVER);
    for round in 1..=2 {
        turn_until(&mut feed, || bench.counts().connections.get() == 1);
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(&lines(2, "\r\n")).unwrap();
        peer.write_all(SENTENCE).unwrap();
        drop(peer);
        turn_until(&mut feed, || bench.counts().connections.get() == 0);
        assert_eq!(bench.counts().received.get(), 3 * round);
        assert_eq!(bench.records().len(), 3);
    }
    assert_eq!(bench.counts().connections_total.get(), 2);
    assert_eq!(bench.counts().connect_failures.get(), 0);
}

#[test]
fn a_server_that_wants_to_hear_something_first_hears_it_on_each_connection() {
    let bench = Bench::new(8);
    let (listener, address) = server();
    let mut feed = connect(&bench, &address, NEVER).saying(Some("?WATCH={\"nmea\":true}"));
    for round in 1..=2 {
        turn_until(&mut feed, || bench.counts().connections.get() == 1);
        let (mut peer, _) = listener.accept().unwrap();
        let mut said = String::new();
        BufReader::new(peer.try_clone().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "?WATCH={\"nmea\":true}\r\n");
        peer.write_all(&lines(1, "\r\n")).unwrap();
        drop(peer);
        turn_until(&mut feed, || bench.counts().connections.get() == 0);
        assert_eq!(bench.counts().received.get(), round);
    }
}

#[test]
fn a_silent_server_is_connected_to_anew() {
    let bench = Bench::new(8);
    let (listener, address) = server();
    let mut feed = connect(&bench, &address, Duration::from_millis(60));
    turn_until(&mut feed, || bench.counts().connections_total.get() == 2);
    assert_eq!(bench.counts().connections_idle.get(), 1);
    let (mut first, _) = listener.accept().unwrap();
    assert_eq!(first.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_server_that_is_away_is_tried_until_it_is_there() {
    let bench = Bench::new(8);
    let (listener, address) = server();
    drop(listener);
    let mut feed = connect(&bench, &address, NEVER);
    turn_until(&mut feed, || bench.counts().connect_failures.get() == 5);
    let _listener = TcpListener::bind(&address).unwrap();
    turn_until(&mut feed, || bench.counts().connections.get() == 1);
}

#[test]
fn the_breaker_of_a_server_that_only_accepts_opens_and_closes_when_lines_come() {
    let bench = Bench::new(8);
    let (listener, address) = server();
    listener.set_nonblocking(true).unwrap();
    let mut feed = connect(&bench, &address, NEVER);
    let server = Arc::clone(feed.attempts.neighbour());
    turn_until(&mut feed, || {
        drop(listener.accept());
        server.trips.get() >= 1
    });
    assert_eq!(server.failures.get(), 5);
    let trouble = server.trouble().unwrap();
    let cause = format!("feed feed: connect to {address}: the server closed the connection");
    assert_eq!((trouble.cause, trouble.attempt), (cause, 5));
    let mut peer = None;
    turn_until(&mut feed, || {
        peer = peer.take().or_else(|| listener.accept().ok().map(|(peer, _)| peer));
        // The second read is the second success.
        let sent = peer.as_mut().is_none_or(|peer| peer.write_all(&lines(1, "\n")).is_ok());
        bench.records();
        sent && server.state() == State::Closed
    });
    assert_eq!((server.trips.get(), server.trouble()), (1, None));
}

#[test]
fn a_stop_is_seen_at_once_in_every_state() {
    let (listener, address) = server();
    for state in ["waiting", "up"] {
        let bench = Bench::new(8);
        let mut feed = connect(&bench, &address, NEVER);
        if state == "up" {
            turn_until(&mut feed, || bench.counts().connections.get() == 1);
            listener.accept().unwrap().0.write_all(SENTENCE).unwrap();
        }
        bench.stop();
        let began = Instant::now();
        while feed.turn().unwrap() != Turn::Finished {}
        assert!(began.elapsed() < 2 * WAIT_MAX, "{state}");
        assert_eq!(bench.records().len(), usize::from(state == "up"));
    }
}

#[test]
fn a_full_queue_slows_the_server_and_loses_nothing() {
    let bench = Bench::new(1);
    let (listener, address) = server();
    let mut feed = connect(&bench, &address, Duration::from_millis(1));
    turn_until(&mut feed, || bench.counts().connections.get() == 1);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(&lines(8000, "\n")).unwrap();
    let (mut stalled, mut records) = (0, 0);
    while records < 8000 {
        if feed.turn().unwrap() == Turn::Stalled {
            stalled += 1;
        }
        records += if stalled % 3 == 1 { bench.records().len() } else { 0 };
    }
    assert!(stalled > 0);
    assert_eq!(bench.counts().received.get(), 8000);
}
