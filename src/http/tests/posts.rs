//! What is posted: to whom it goes, and what the sender is told.

use crate::config::{FeedConfig, FeedKind, Hidden};
use crate::feed::http::{Content, Form, POSTS_MAX, Post};
use crate::http::{Door, Tokens};
use crate::queue::{Inlet, Poll, bounded};
use crate::stage::parking;

use super::served::Served;

const TOKEN: &str = "a token of thirty-two bytes or so";
const OTHER: &str = "another of thirty-two bytes or so";
const BATCH: &str = "/api/vessels/positions/batch";

/// Feeds that want these tokens.
fn feeds(tokens: &[&str]) -> Vec<FeedConfig> {
    let kind = |token: &&str| FeedKind::Http { address: String::new(), token: Hidden::new(*token) };
    tokens.iter().map(|token| FeedConfig { name: None, kind: kind(token) }).collect()
}

/// The ways to feeds that want these tokens, and what comes out of them.
fn doors(tokens: &[&str]) -> ((Vec<Door>, Tokens), Vec<Inlet<Post>>) {
    let (_spot, waker) = parking();
    let queue = |feed| {
        let (outlet, inlet) = bounded(POSTS_MAX, &waker);
        (Door::new(feed, outlet), inlet)
    };
    let (doors, inlets) = (0..tokens.len()).map(queue).unzip();
    ((doors, Tokens::of(&feeds(tokens))), inlets)
}

/// What came to a feed; nobody answers, so its sender is not waited for.
fn came(inlet: &Inlet<Post>) -> Option<Post> {
    let began = std::time::Instant::now();
    while began.elapsed().as_secs() < 5 {
        if let Poll::Item(post) = inlet.poll() {
            return Some(post);
        }
        std::thread::yield_now();
    }
    None
}

fn send(served: &Served, target: &str, headers: &str, body: &str) -> std::net::TcpStream {
    use std::io::Write;
    let mut socket = served.connect();
    let length = body.len();
    write!(socket, "POST {target} HTTP/1.1\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .unwrap();
    socket
}

#[test]
fn a_post_reaches_its_feed_whole_and_as_what_it_is_said_to_be() {
    let (doors, inlets) = doors(&[""]);
    let served = Served::posted(16, 5, doors);
    let check = |target: &str, headers: &str, form: Form, content: Content| {
        let body = "x".repeat(100_000);
        let _socket = send(&served, target, headers, &body);
        let post = came(&inlets[0]).unwrap();
        assert_eq!(
            (post.form, post.content, post.body.len()),
            (form, content, 100_000),
            "{headers}"
        );
        assert!(!post.ticket.closes);
    };
    check("/api/vessels/positions", "", Form::One, Content::Unknown);
    check(BATCH, "Content-Type: application/json; charset=utf-8\r\n", Form::Many, Content::Json);
    check(BATCH, "Content-Type: Application/X-NDJSON\r\n", Form::Many, Content::JsonLines);
    check(
        BATCH,
        "Content-Type: text/plain\r\nContent-Encoding: identity\r\n",
        Form::Many,
        Content::Lines,
    );
    let refused = |headers: &str, expected: u16| {
        let (status, _, body) = served.ask("POST", BATCH, headers);
        assert_eq!(status, expected, "{headers}: {body}");
    };
    refused("Content-Type: multipart/form-data; boundary=x\r\n", 415);
    refused("Content-Encoding: gzip\r\n", 415);
    refused("Transfer-Encoding: chunked\r\n", 411);
    assert_eq!(served.ask("POST", "/api/vessels/positions?x=1", "").0, 400);
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let (status, head, _) = served.ask(method, BATCH, "");
        assert!(status == 405 && head.contains("Allow: POST"), "{method} {head}");
    }
}

#[test]
fn a_token_tells_which_feed_it_is_for() {
    let (doors, inlets) = doors(&[TOKEN, "", OTHER]);
    let served = Served::posted(16, 5, doors);
    let check = |headers: &str, feed: usize| {
        let _socket = send(&served, BATCH, headers, "{}");
        assert!(came(&inlets[feed]).is_some(), "{headers}");
    };
    check(&format!("Authorization: Bearer {TOKEN}\r\n"), 0);
    check(&format!("authorization: bearer  {OTHER} \r\n"), 2);
    check("", 1);
    let (status, head, _) = served.ask("POST", BATCH, "Authorization: Bearer nobody's\r\n");
    assert!(status == 401 && head.contains("WWW-Authenticate: Bearer"), "{head}");
}

#[test]
fn a_token_that_changes_lets_in_who_has_the_new_one_and_nobody_else() {
    let (doors, inlets) = doors(&[TOKEN, OTHER]);
    let served = Served::posted(16, 5, doors);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let check = |token: &str, feed: usize| {
        let _socket = send(&served, BATCH, &bearer(token), "{}");
        assert!(came(&inlets[feed]).is_some(), "{token}");
    };
    check(TOKEN, 0);
    // Two that change places are never the same.
    served.face.tokens.follow(&feeds(&[OTHER, TOKEN]));
    check(TOKEN, 1);
    check(OTHER, 0);
    served.face.tokens.follow(&feeds(&["a third of thirty-two bytes or so", TOKEN]));
    check(TOKEN, 1);
    assert_eq!(served.ask("POST", BATCH, &bearer(OTHER)).0, 401);
}

#[test]
fn where_every_feed_wants_a_token_nobody_gets_in_without_and_guessing_is_slow() {
    let (doors, _inlets) = doors(&[TOKEN]);
    let served = Served::posted(16, 5, doors);
    let statuses: Vec<u16> = (0..12).map(|_| served.ask("POST", BATCH, "").0).collect();
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert_eq!(statuses[0], 401);
    assert!(statuses.contains(&429), "{statuses:?}");
    let nobody = Served::new(16, 5);
    assert_eq!(nobody.ask("POST", BATCH, "").0, 404);
}

#[test]
fn who_waits_to_be_told_sends_its_body_then() {
    use std::io::{Read, Write};
    let (doors, inlets) = doors(&[""]);
    let served = Served::posted(16, 5, doors);
    let mut socket = served.connect();
    let head =
        format!("POST {BATCH} HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 25];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"{}").unwrap();
    assert_eq!(came(&inlets[0]).unwrap().body, b"{}");
}

#[test]
fn bodies_beyond_what_may_be_held_and_posts_beyond_what_may_wait_get_503() {
    use std::io::Write;
    let (doors, inlets) = doors(&[""]);
    let served = Served::posted(256, 5, doors);
    let begin = || {
        let mut socket = served.connect();
        write!(socket, "POST {BATCH} HTTP/1.1\r\nContent-Length: 1048576\r\n\r\nx").unwrap();
        socket
    };
    let held: Vec<_> = (0..32).map(|_| begin()).collect();
    while served.http().connections.get() < 32 {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let refused = |headers: &str| {
        let (status, head, _) = served.ask("POST", BATCH, headers);
        assert!(status == 503 && head.contains("Retry-After: 1"), "{head}");
    };
    refused("Content-Length: 5\r\n");
    assert_eq!(served.get("/livez").0, 200);
    drop(held);
    while served.http().connections.get() > 0 {
        std::thread::yield_now();
    }
    let _waiting: Vec<_> = (0..POSTS_MAX).map(|_| send(&served, BATCH, "", "{}")).collect();
    while inlets[0].len() < POSTS_MAX {
        std::thread::yield_now();
    }
    let (status, head, _) = served.ask("POST", BATCH, "");
    assert!(status == 503 && head.contains("Retry-After: 1"), "{head}");
}
