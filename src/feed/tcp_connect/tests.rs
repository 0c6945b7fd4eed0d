//! A server that comes, goes and falls silent, over real loopback sockets.

use std::io::Write;
use std::net::TcpListener;

use super::super::testing::{Bench, SENTENCE, lines, turn_until};
use super::*;

fn connect(bench: &Bench, address: &str, silent: Duration) -> TcpConnect {
    let mut feed = TcpConnect::new(bench.context(), "tcp_client", address, silent);
    feed.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
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
