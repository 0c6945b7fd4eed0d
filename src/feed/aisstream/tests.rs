//! A server like aisstream.io that misbehaves in every way of F28, over real loopback sockets.

use std::io::{Read, Write};
use std::sync::Arc;

use super::super::testing::{Bench, resident_bytes, turn_until};
use super::super::web_socket::testing::{Server, agree, frame, say, until_gone};
use super::*;
use crate::config::{AISSTREAM_TYPES, BreakerConfig, Hidden};
use crate::observe::neighbours::Neighbour;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::resilience::breaker::State;

const NEVER: Duration = Duration::from_secs(300);
const PATIENT: Bounds = Bounds { message_bytes: MESSAGE_BYTES_MAX, silent: NEVER, ping: NEVER };

fn config(url: &str) -> FeedKind {
    FeedKind::Aisstream {
        url: url.to_owned(),
        api_key: Hidden::new("a key"),
        boxes: "50,-1,52,3.5; -10,100,0,110".to_owned(),
        types: Some("PositionReport, ShipStaticData".to_owned()),
        silent_seconds: 60,
        ca_file: None,
    }
}

/// A feed that waits a few milliseconds between attempts.
fn feed(bench: &Bench, server: &Server, bounds: Bounds) -> Aisstream {
    let url = server.url();
    let target = Target::new(&url, None).unwrap();
    let mut feed = Aisstream::new(bench.context(), "aisstream", target, &config(&url));
    feed.bounds = bounds;
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    let breaker = BreakerConfig { open_ms: 20, ..BreakerConfig::default() };
    let neighbour = Arc::new(Neighbour::of_feed("aisstream"));
    feed.caller.attempts = Attempts::new(neighbour, &breaker, backoff);
    feed
}

/// A report of the n-th vessel.
fn report(n: u32) -> String {
    json!({
        "MessageType": "PositionReport",
        "MetaData": {"MMSI": 244_000_000 + n, "time_utc": "2026-10-03 08:43:43.563705035 +0000 UTC"},
        "Message": {"PositionReport": {
            "MessageID": 1, "UserID": 244_000_000 + n, "Valid": true, "Sog": 12.3, "Cog": 78.9,
            "Longitude": 4.25, "Latitude": 51.5, "TrueHeading": 511, "Timestamp": 43,
        }}
    })
    .to_string()
}

fn cause(feed: &Aisstream) -> String {
    feed.caller.attempts.neighbour().trouble().map(|it| it.cause).unwrap_or_default()
}

fn rejected(bench: &Bench, reason: Reject) -> u64 {
    bench.counts().rejected.of(reason as usize).get()
}

#[test]
fn it_says_who_it_is_and_what_it_wants_and_takes_what_comes() {
    let bench = Bench::new(8);
    let server = Server::start(|_, stream| {
        let (mut socket, asked) = agree(stream);
        let expected = json!({
            "APIKey": "a key",
            "BoundingBoxes": [[[50.0, -1.0], [52.0, 3.5]], [[-10.0, 100.0], [0.0, 110.0]]],
            "FilterMessageTypes": ["PositionReport", "ShipStaticData"],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&asked).unwrap(), expected);
        say(&mut socket, r#"{"MessageType":"SubscriptionConfirmation","Message":{}}"#);
        for n in 0..3 {
            say(&mut socket, &report(n));
        }
        // As it comes where permessage-deflate is not asked for: bytes instead of text.
        socket.send(tungstenite::Message::binary(report(3).into_bytes())).unwrap();
        until_gone(&mut socket);
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || bench.counts().received.get() == 4);
    assert_eq!(bench.counts().ignored.get(), 1);
    assert_eq!(bench.counts().connections.get(), 1);
    let records = bench.records();
    assert_eq!(records[1].1.split(|byte| *byte == b'\n').next().unwrap(), report(1).as_bytes());
    bench.stop();
    while feed.turn().unwrap() != Turn::Finished {}
    feed.stop();
    assert_eq!(bench.counts().connections.get(), 0);
}

#[test]
fn the_names_that_can_be_asked_for_are_those_that_can_be_read() {
    let mut known: Vec<_> = layout::LAYOUTS.iter().map(|layout| layout.name).collect();
    known.retain(|name| *name != "AddessedSafetyMessage");
    known.sort_unstable();
    assert_eq!(known, AISSTREAM_TYPES);
}

#[test]
fn a_server_that_is_silent_or_answers_no_ping_is_called_anew() {
    let check = |bounds: Bounds, why: &str, answers: bool| {
        let bench = Bench::new(8);
        let server = Server::start(move |_, stream| {
            let (mut socket, _) = agree(stream);
            if answers {
                until_gone(&mut socket);
            } else {
                // Nothing is read any more, so no ping is answered.
                let _ = socket.get_mut().set_read_timeout(Some(Duration::from_millis(500)));
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        let mut feed = feed(&bench, &server, bounds);
        turn_until(&mut feed, || bench.counts().connections_idle.get() == 1);
        assert!(cause(&feed).ends_with(why), "{}", cause(&feed));
        turn_until(&mut feed, || bench.counts().connections_total.get() == 2);
    };
    let ms = Duration::from_millis;
    check(Bounds { silent: ms(300), ping: ms(20), ..PATIENT }, ": nothing came for 0 s", true);
    check(Bounds { ping: ms(100), ..PATIENT }, ": no answer to a ping for 0 s", false);
}

#[test]
fn a_server_that_says_too_often_is_left_alone_for_thirty_seconds() {
    let bench = Bench::new(8);
    let server = Server::start(|_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 45\r\n\r\n");
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || bench.counts().connect_failures.get() == 1);
    assert!(cause(&feed).ends_with(": the server answered 429 Too Many Requests"));
    let wait = feed.caller.attempts.wait().unwrap();
    assert!((40..=45).contains(&wait.as_secs()), "{wait:?}");
    for _ in 0..100 {
        assert_eq!(feed.turn().unwrap(), Turn::Idle);
    }
    assert_eq!(server.calls().len(), 1);
}

#[test]
fn a_key_that_is_refused_is_told_of_in_the_servers_words_and_the_server_is_left_alone() {
    let bench = Bench::new(8);
    let server = Server::start(|_, stream| {
        let (mut socket, _) = agree(stream);
        say(&mut socket, r#"{"error":"Api Key Is Not Valid"}"#);
        until_gone(&mut socket);
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || !feed_is_calm(&bench));
    assert!(cause(&feed).ends_with(": the server says: Api Key Is Not Valid"), "{}", cause(&feed));
    assert!(!cause(&feed).contains("a key"));
    assert!(feed.caller.attempts.wait().unwrap() > Duration::from_secs(25));
}

fn feed_is_calm(bench: &Bench) -> bool {
    bench.counts().ignored.get() == 0
}

/// 1006 is what a client calls an end without a close frame.
#[test]
fn a_connection_that_is_cut_or_closed_is_made_anew_and_what_came_before_is_kept() {
    let bench = Bench::new(64);
    let server = Server::start(|number, stream| {
        let (mut socket, _) = agree(stream);
        say(&mut socket, &report(u32::try_from(number).unwrap()));
        match number % 3 {
            0 => drop(socket.close(None)),
            1 => {}
            _ => drop(socket.get_mut().write_all(&frame(0x88, b"\x03\xf5go away"))),
        }
    });
    let mut feed = feed(&bench, &server, PATIENT);
    let mut causes = std::collections::BTreeSet::new();
    while bench.counts().received.get() < 6 {
        feed.turn().unwrap();
        causes.extend(cause(&feed).split(": ").nth(2).map(str::to_owned));
    }
    assert_eq!(bench.records().len(), 6);
    let causes: Vec<String> = causes.into_iter().collect();
    assert!(causes.contains(&"the connection ended without a close frame (1006)".to_owned()));
    assert!(causes.iter().any(|it| it.starts_with("the server closed the connection (1013")));
}

#[test]
fn a_frame_of_a_mebibyte_is_taken_and_one_byte_more_ends_the_connection() {
    let bench = Bench::new(64);
    let server = Server::start(|number, stream| {
        let (mut socket, _) = agree(stream);
        let bytes = (1 << 20) + usize::from(number > 1);
        let text = format!("{}{}", report(1), " ".repeat(bytes - report(1).len()));
        // Below the library, which would not send so much at once.
        let _ = socket.get_mut().write_all(&frame(0x81, text.as_bytes()));
        until_gone(&mut socket);
    });
    let mut feed = feed(&bench, &server, Bounds { silent: Duration::from_millis(500), ..PATIENT });
    turn_until(&mut feed, || bench.counts().connections_total.get() >= 3);
    // As a record it would be too long.
    assert_eq!(rejected(&bench, Reject::TooLong), 1);
    assert!(rejected(&bench, Reject::LineTooLong) >= 1);
    assert_eq!(bench.counts().received.get(), bench.counts().rejected.total());
}

#[test]
fn fragments_without_end_hold_no_turn_up_and_take_no_memory() {
    let bench = Bench::new(64);
    let server = Server::start(|number, stream| {
        let (mut socket, _) = agree(stream);
        let wire = socket.get_mut();
        // The first is a whole message in pieces of one byte; then a message that never ends.
        let text = report(1);
        let (first, rest) = text.as_bytes().split_at(1);
        let mut bytes = frame(0x01, first);
        bytes.extend(rest.iter().flat_map(|byte| frame(0x00, &[*byte])));
        bytes.extend(frame(0x80, b""));
        bytes.extend(frame(0x01, b"{"));
        let _ = wire.write_all(&bytes);
        let endless = frame(0x00, if number % 2 == 0 { b" " } else { b"" }).repeat(20_000);
        while wire.write_all(&endless).is_ok() {}
    });
    let bounds = Bounds { silent: Duration::from_millis(700), ..PATIENT };
    let mut feed = feed(&bench, &server, bounds);
    let before = resident_bytes();
    let (mut longest, mut sizes) = (Duration::ZERO, Vec::new());
    let began = Instant::now();
    // One is left for its silence, another for the length of its message.
    let idle = || bench.counts().connections_idle.get();
    let both = || idle() >= 1 && rejected(&bench, Reject::LineTooLong) >= 1;
    while !both() && began.elapsed().as_secs() < 30 {
        let turn = Instant::now();
        feed.turn().unwrap();
        longest = longest.max(turn.elapsed());
        sizes.push(resident_bytes());
        bench.batch_bytes();
    }
    assert!(both(), "{}", cause(&feed));
    assert!(bench.counts().received.get() >= 2);
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    let grown = sizes.into_iter().max().unwrap().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes");
}

#[test]
fn what_is_no_report_is_counted_and_the_next_one_is_taken() {
    let bench = Bench::new(64);
    let server = Server::start(|number, stream| {
        let (mut socket, _) = agree(stream);
        if number > 1 {
            return until_gone(&mut socket);
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let bad = ["", "not JSON", "{", "[]", "7", "null", &deep, r#"{"MessageType":7}"#];
        for text in bad {
            say(&mut socket, text);
        }
        say(&mut socket, r#"{"MessageType":"UnknownMessage","Message":{}}"#);
        say(&mut socket, &report(1));
        // No text at all.
        let _ = socket.get_mut().write_all(&frame(0x81, b"\xff\xfe"));
        until_gone(&mut socket);
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || bench.counts().connections_total.get() == 2);
    assert_eq!(rejected(&bench, Reject::Json), 8);
    assert_eq!(rejected(&bench, Reject::Type), 1);
    assert_eq!(bench.counts().received.get(), 10);
    assert_eq!(bench.records().len(), 1);
    assert!(cause(&feed).contains("UTF-8") || cause(&feed).contains("utf-8"), "{}", cause(&feed));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_, _| {});
    let to = elsewhere.url();
    let bench = Bench::new(8);
    let server = Server::start(move |_, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let answer = format!("HTTP/1.1 301 Moved Permanently\r\nLocation: {to}\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || bench.counts().connect_failures.get() == 1);
    assert!(cause(&feed).contains("the server sends us on to ws://127.0.0.1:"), "{}", cause(&feed));
    assert!(feed.caller.attempts.wait().unwrap() > Duration::from_secs(25));
    assert_eq!((server.calls().len(), elsewhere.calls().len()), (1, 0));
}

#[test]
fn whatever_a_server_says_instead_of_agreeing_it_is_called_again() {
    let bench = Bench::new(8);
    let server = Server::start(|number, mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let noise = super::super::testing::random_bytes(number as u64, 70_000);
        let answers: [&[u8]; 5] = [
            b"",
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            b"HTTP/1.1 101 Yes\r\n\r\n",
            &noise,
            b"SSH-2.0\r\n",
        ];
        let _ = stream.write_all(answers[number % answers.len()]);
    });
    let mut feed = feed(&bench, &server, PATIENT);
    turn_until(&mut feed, || bench.counts().connect_failures.get() == 12);
    let neighbour = feed.caller.attempts.neighbour();
    assert!(neighbour.trips.get() >= 1 && neighbour.state() != State::Closed);
}

#[test]
fn a_full_queue_slows_the_server_and_loses_nothing() {
    let bench = Bench::new(1);
    let server = Server::start(|_, stream| {
        let (mut socket, _) = agree(stream);
        for n in 0..3000 {
            say(&mut socket, &report(n));
        }
        until_gone(&mut socket);
    });
    let mut feed = feed(&bench, &server, PATIENT);
    let (mut stalled, mut records) = (0, 0);
    let began = Instant::now();
    while records < 3000 && began.elapsed().as_secs() < 20 {
        if feed.turn().unwrap() == Turn::Stalled {
            stalled += 1;
        }
        records += if stalled % 3 == 1 { bench.records().len() } else { 0 };
    }
    assert!(stalled > 0);
    assert_eq!((records, bench.counts().received.get()), (3000, 3000));
}
