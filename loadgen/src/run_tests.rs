//! What a run promises of what it says: nothing counts as held that was not seen stored.

use super::*;
use clap::Parser;
use std::io::{Read, Write};
use std::net::TcpListener;

const SENT: u64 = 1000;

/// A daemon that has stored nothing when it is asked first, and so many messages from then on. It answers until the process
/// ends.
fn daemon(stored: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        for (number, stream) in listener.incoming().enumerate() {
            let (mut stream, mut buffer) = (stream.unwrap(), [0; 1000]);
            let _ = stream.read(&mut buffer).unwrap();
            let stored = if number == 0 { 0 } else { stored };
            let body = format!(
                r#"{{"feeds":{{"udp":{{"stored":{stored}}}}},"accounting":{{"in_flight":0}}}}"#
            );
            let head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    };
    thread::spawn(serve);
    address
}

/// A short run into nothing, whose daemon says that it stored so many of a thousand messages.
fn results(stored: u64) -> Results {
    let (metrics, count) = (daemon(stored), SENT.to_string());
    let arguments = ["loadgen", "--target", "null", "--rate", "10000", "--vessels", "100"];
    let more = ["--count", &count, "--metrics", &metrics, "--quiet"];
    let arguments = Arguments::parse_from(arguments.iter().chain(&more));
    once(&arguments, &Progress::new(true)).unwrap()
}

fn why(results: &Results) -> String {
    search::why(results).unwrap_or_else(|| "it holds".into())
}

/// All that was sent counted as held, in the time until the counter stood still: a daemon that stored half of it held the
/// whole rate, and one that stored nothing at all held every rate.
#[test]
fn half_of_it_stored_is_no_rate_and_does_not_hold() {
    let results = results(SENT / 2);
    assert_eq!(results.sent.ledger.sent, SENT);
    assert_eq!(results.settled.map(|it| (it.count, it.complete)), Some((SENT / 2, false)));
    assert_eq!(results.rate_held(), None);
    assert_eq!(why(&results), "only 500 of 1000 messages were seen stored");
}

#[test]
fn nothing_stored_is_no_rate_and_does_not_hold() {
    let results = results(0);
    assert_eq!(results.rate_held(), None);
    assert_eq!(why(&results), "nothing was seen stored");
}

#[test]
fn all_of_it_stored_is_a_rate() {
    let results = results(SENT);
    let rate = results.rate_held().unwrap();
    assert!(rate > 0.0 && rate <= results.rate_sent() * 1.01, "{rate}");
    assert_eq!(why(&results), "it holds");
}
