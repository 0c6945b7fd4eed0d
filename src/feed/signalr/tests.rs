//! A hub that negotiates, answers queries, comes late, and fails in every way, over real loopback sockets.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::super::testing::{Bench, turn_until};
use super::super::web_socket::testing::Server;
use super::*;
use crate::clock::Clock;
use crate::config::BreakerConfig;
use crate::observe::neighbours::Neighbour;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use tungstenite::{Message, WebSocket};

const NEGOTIATED: &str =
    r#"{"connectionToken":"a token","availableTransports":[{"transport":"WebSockets"}]}"#;

/// What a hub was asked and what it is to answer.
#[derive(Default)]
struct Script {
    /// Request lines and bodies, in order.
    asked: Vec<(String, String)>,
    /// Records for each query, the next one first; when there are none, it answers with no rows.
    answers: VecDeque<Vec<String>>,
    /// Whole HTTP answers in the place of those to the next requests.
    instead: VecDeque<String>,
    /// Bytes of a frame; 0 for one for each record.
    slices: usize,
}

/// A hub; each of its connections has a thread.
fn hub(script: &Arc<Mutex<Script>>) -> Server {
    let (script, socket) = (Arc::clone(script), Arc::new(Mutex::new(None)));
    Server::start(move |_, stream| serve(stream, &script, &socket))
}

type Socket = Arc<Mutex<Option<WebSocket<TcpStream>>>>;

fn serve(mut stream: TcpStream, script: &Arc<Mutex<Script>>, socket: &Socket) {
    let mut peeked = [0; 4];
    let _ = stream.peek(&mut peeked);
    if &peeked == b"GET " {
        let mut opened = tungstenite::accept(stream).unwrap();
        let shake = opened.read().unwrap().into_text().unwrap();
        assert_eq!(shake.as_str(), hub::HANDSHAKE);
        opened.send(Message::text("{}\u{1e}{\"type\":6}\u{1e}")).unwrap();
        *socket.lock().unwrap() = Some(opened);
        return;
    }
    let Some((line, body)) = request(&mut stream) else { return };
    let mut script = script.lock().unwrap();
    let is_trigger = line.contains("/api/query");
    script.asked.push((line, body));
    if let Some(answer) = script.instead.pop_front() {
        let _ = stream.write_all(answer.as_bytes());
        return;
    }
    let answer = if is_trigger { "{}" } else { NEGOTIATED };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
    let _ = stream.write_all(head.as_bytes());
    drop(stream);
    if is_trigger {
        let records = script.answers.pop_front().unwrap_or_else(|| answer_of(&[]));
        send(socket, &records, script.slices);
    }
}

fn send(socket: &Socket, records: &[String], slices: usize) {
    let mut socket = socket.lock().unwrap();
    let Some(open) = socket.as_mut() else { return };
    let whole: String = records.iter().flat_map(|it| [it.as_str(), "\u{1e}"]).collect();
    let frames: Vec<Vec<u8>> = match slices {
        0 => records.iter().map(|it| format!("{it}\u{1e}").into_bytes()).collect(),
        bytes => whole.as_bytes().chunks(bytes).map(<[u8]>::to_vec).collect(),
    };
    for frame in frames {
        let _ = open.send(Message::binary(frame));
    }
    if records.iter().any(|it| it == "end") {
        *socket = None;
    }
}

/// The first line and the body of a request.
fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return Some((head.lines().next().unwrap().to_owned(), body.to_owned()));
        }
    }
}

/// A row of a vessel, so many seconds ago.
fn row(mmsi: u32, ago_s: i64) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago_s);
    format!(r#"{{"mmsi":"{mmsi}","lat":51.5,"lon":4.25,"sog":12.3,"updatetime":"{time:.3}"}}"#)
}

fn answer_of(rows: &[String]) -> Vec<String> {
    let event = |name: &str, arguments: String| {
        format!(r#"{{"type":1,"target":"{name}","arguments":[{arguments}]}}"#)
    };
    vec![
        event("QueryCount", rows.len().to_string()),
        event("QueryData", format!("[{}]", rows.join(","))),
        event("QueryEnd", String::new()),
    ]
}

fn feed(bench: &Bench, server: &Server) -> Signalr {
    let config = SignalrConfig {
        query: "(x)[tail]".to_owned(),
        query_minutes: 10,
        user_id: "me".to_owned(),
        trigger_seconds: 1,
        silent_seconds: 60,
        ..SignalrConfig::default()
    };
    let url = format!("http://{}", server.address());
    let target = Target::new(&url, None).unwrap();
    let mut feed = Signalr::new(bench.context(), "signalr", target, &config);
    feed.trigger_every = Some(Duration::from_millis(20));
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(5));
    let breaker = BreakerConfig { open_ms: 20, ..BreakerConfig::default() };
    let neighbour = Arc::new(Neighbour::of_feed("signalr"));
    feed.caller.attempts = Attempts::new(neighbour, &breaker, backoff);
    feed
}

fn script(answers: Vec<Vec<String>>) -> Arc<Mutex<Script>> {
    Arc::new(Mutex::new(Script { answers: answers.into(), ..Script::default() }))
}

fn cause(feed: &Signalr) -> String {
    feed.caller.attempts.neighbour().trouble().map(|it| it.cause).unwrap_or_default()
}

#[test]
fn it_negotiates_asks_and_takes_the_rows() {
    for slices in [0, 7] {
        let bench = Bench::new(64);
        let rows = [row(244_000_001, 5), row(244_000_002, 4), r#"{"mmsi":1}"#.to_owned()];
        let script = script(vec![answer_of(&rows)]);
        script.lock().unwrap().slices = slices;
        let server = hub(&script);
        let mut feed = feed(&bench, &server);
        turn_until(&mut feed, || script.lock().unwrap().asked.len() >= 4);
        assert_eq!(bench.counts().received.get(), 3);
        assert_eq!(bench.counts().rejected.total(), 1);
        let records = bench.records();
        assert_eq!(records.len(), 2);
        assert!(records[0].1.starts_with(rows[0].as_bytes()));
        let asked = &script.lock().unwrap().asked;
        assert!(asked[0].0.starts_with("POST /api/signalR/negotiate?Device=&ConnectionId="));
        let id = asked[0].0.split("ConnectionId=").nth(1).unwrap().split('&').next().unwrap();
        let body: serde_json::Value = serde_json::from_str(&asked[1].1).unwrap();
        assert_eq!((&body["ConnectionId"], &body["UserId"]), (&id.into(), &"me".into()));
        let query = body["Query"].as_str().unwrap();
        assert!(query.starts_with("(updatetime >= DateTime(") && query.ends_with(",0))[tail]"));
    }
}

/// The backend that aisd replaces moved its lower bound a minute past the newest row, so a row that came late was never seen.
#[test]
fn a_row_that_comes_late_is_taken_and_one_that_comes_again_is_a_repeat() {
    let bench = Bench::new(64);
    let (newest, late) = (row(244_000_001, 1), row(244_000_002, 300));
    let both = answer_of(&[newest.clone(), late.clone()]);
    let script = script(vec![answer_of(std::slice::from_ref(&newest)), both.clone(), both]);
    let server = hub(&script);
    let mut feed = feed(&bench, &server);
    turn_until(&mut feed, || bench.counts().repeats.get() == 3);
    assert_eq!(bench.counts().received.get(), 5);
    let records = bench.records();
    assert_eq!(records.len(), 2);
    assert!(records[1].1.starts_with(late.as_bytes()));
}

/// The backend that aisd replaces ended with its hub away at the start, and gave up for good after a few attempts later.
#[test]
fn a_hub_that_is_away_or_refuses_is_called_again_and_again() {
    let bench = Bench::new(64);
    let script = script(vec![answer_of(&[row(244_000_001, 5)])]);
    let status = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    let body =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    script.lock().unwrap().instead = VecDeque::from([
        String::new(),
        status("503 Service Unavailable"),
        "SSH-2.0\r\n\r\n".to_owned(),
        body(NEGOTIATED),
        status("500 Internal Server Error"),
    ]);
    let server = hub(&script);
    let mut feed = feed(&bench, &server);
    turn_until(&mut feed, || bench.counts().received.get() == 1);
    assert_eq!(feed.caller.attempts.neighbour().failures.get(), 4);
    assert_eq!(bench.counts().connect_failures.get(), 3);
    assert_eq!(bench.counts().connections_total.get(), 2);
}

#[test]
fn a_hub_that_says_too_often_or_sends_us_elsewhere_is_left_alone() {
    let check = |answer: String, why: &str| {
        let bench = Bench::new(64);
        let script = script(Vec::new());
        script.lock().unwrap().instead = VecDeque::from([answer]);
        let server = hub(&script);
        let mut feed = feed(&bench, &server);
        turn_until(&mut feed, || bench.counts().connect_failures.get() == 1);
        assert!(cause(&feed).contains(why), "{}", cause(&feed));
        assert!(feed.caller.attempts.wait().unwrap() > Duration::from_secs(25));
    };
    let too_often = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
    check(too_often.to_owned(), ": the server answered 429 Too Many Requests");
    let elsewhere = r#"{"url":"https://x","accessToken":"y"}"#;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{elsewhere}", elsewhere.len());
    check(answer, ": the hub sends us on to https://x");
}

#[test]
fn a_hub_that_closes_or_talks_nonsense_is_called_anew_and_what_was_said_before_is_kept() {
    let bench = Bench::new(64);
    let mut closing = answer_of(&[row(244_000_001, 5)]);
    closing.insert(2, r#"{"type":7,"error":"going down"}"#.to_owned());
    let mut cut = answer_of(&[row(244_000_002, 5)]);
    cut.insert(0, "no JSON".to_owned());
    cut.insert(0, r#"{"type":1,"target":"Other","arguments":[7]}"#.to_owned());
    cut.push("end".to_owned());
    let script = script(vec![closing, cut]);
    let server = hub(&script);
    let mut feed = feed(&bench, &server);
    let mut causes = Vec::new();
    while bench.counts().connections_total.get() < 3 {
        feed.turn().unwrap();
        causes.push(cause(&feed));
    }
    assert!(causes.iter().any(|it| it.ends_with(": the hub closed the connection: going down")));
    assert_eq!(bench.records().len(), 2);
    assert_eq!(bench.counts().rejected.of(Reject::Json as usize).get(), 2);
}

#[test]
fn a_stop_is_seen_at_once_in_every_state() {
    let script = script(vec![answer_of(&[row(244_000_001, 5)])]);
    let server = hub(&script);
    for state in ["waiting", "asking"] {
        let bench = Bench::with_clock(64, Clock::System);
        let mut feed = feed(&bench, &server);
        if state == "asking" {
            turn_until(&mut feed, || bench.counts().connections.get() == 1);
        }
        bench.stop();
        let began = Instant::now();
        while feed.turn().unwrap() != Turn::Finished {}
        assert!(began.elapsed() < Duration::from_millis(400), "{state}");
        feed.stop();
    }
}
