//! The thread of the sockets driven by hand, before a client that sends without end.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use crate::http::Tokens;
use crate::http::request::HEAD_BYTES_MAX;
use crate::http::tests::served::face;

/// Each turn read once more and answered one request, so a client that sent requests together faster than one in a turn had them all held in
/// memory; and each turn put it down once more for the next.
#[test]
fn of_requests_that_come_together_no_more_is_held_than_one_reading_takes() {
    const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\n\r\n";
    const TURNS: u64 = 3000;
    let (face, _dir) = face("", None, Tokens::of(&[]));
    let config = HttpConfig { address: "127.0.0.1:0".to_owned(), ..HttpConfig::default() };
    let (_answers, mailbox) = crate::http::mailbox(1, 0).unwrap();
    let parts = Parts {
        name: "http".to_owned(),
        serves: Serves::All,
        jobs: None,
        ingest: Ingest::new(Vec::new()),
        mailbox,
        given: None,
    };
    let mut front = Front::bind(&config, Arc::clone(&face), parts, Arc::default()).unwrap();
    let mut client = TcpStream::connect(front.address()).unwrap();
    client.set_nonblocking(true).unwrap();
    let all = REQUEST.repeat((16 << 20) / REQUEST.len());
    let (mut sent, mut most, mut answers) = (0, 0, vec![0; 1 << 20]);
    for _ in 0..TURNS {
        while let Ok(length @ 1..) = client.write(&all[sent..]) {
            sent += length;
        }
        front.turn().unwrap();
        while matches!(client.read(&mut answers), Ok(1..)) {}
        let held = front.slots.iter().filter_map(|slot| slot.connection.as_ref());
        most = most.max(held.map(Connection::input_bytes).sum());
        assert!(front.again.len() <= 1, "it is put down {} times", front.again.len());
    }
    let served = face.sources.counts.http.requests.get();
    assert!(served > TURNS - 100, "only {served} requests in {TURNS} turns");
    assert!(sent > 1 << 20, "only {sent} bytes were sent");
    assert!(most > 0 && most <= HEAD_BYTES_MAX, "{most} bytes were held");
}

/// Answers had room for the questions that may wait, and those that were made while others came in were lost: their clients waited for ever.
#[test]
fn however_many_ask_at_once_each_is_answered() {
    let (face, _dir) = face("", None, Tokens::of(&[]));
    let (_api_spot, api_waker) = crate::stage::parking();
    let config = HttpConfig { address: "127.0.0.1:0".to_owned(), ..HttpConfig::default() };
    let (answers, mailbox) = crate::http::mailbox(config.connections_max, 0).unwrap();
    let stopping = Arc::new(AtomicBool::new(false));
    let joined = (answers, mailbox, Vec::new());
    let (mut front, mut api) =
        crate::http::open((&config, None), &face, joined, &api_waker, &stopping).unwrap();
    let mut asking: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut socket = TcpStream::connect(front.address()).unwrap();
            socket
                .write_all(b"GET /api/other HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                .unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        })
        .collect();
    let mut answered = 0;
    for _ in 0..100 {
        front.turn().unwrap();
        while matches!(api.turn().unwrap(), Turn::Moved(_)) {}
        asking.retain_mut(|socket| {
            let mut bytes = [0; 1024];
            let is_answered = socket.read(&mut bytes).is_ok_and(|count| {
                // Beyond those that may wait they are told to come back.
                bytes[..count].starts_with(b"HTTP/1.1 404 ")
                    || bytes[..count].starts_with(b"HTTP/1.1 503 ")
            });
            answered += u32::from(is_answered);
            !is_answered
        });
    }
    assert_eq!((answered, asking.len()), (200, 0));
}
