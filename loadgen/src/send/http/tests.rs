//! What posting promises, against a server that answers as it is told.

use super::*;
use std::io::Read;
use std::net::TcpListener;

/// A server that gives these answers, one after the other, over however many connections; the bodies come back.
fn server(answers: Vec<&'static str>) -> (Route, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let path = "/api/vessels/positions/batch".to_owned();
    let route = Route { address, host: address.to_string(), path };
    let serve = move || {
        let (mut bodies, mut stream) = (Vec::new(), None::<TcpStream>);
        for answer in answers {
            let mut open = stream.take().unwrap_or_else(|| listener.accept().unwrap().0);
            let body = request(&mut open);
            bodies.push(body);
            if answer.is_empty() {
                continue;
            }
            open.write_all(answer.as_bytes()).unwrap();
            stream = Some(open);
        }
        bodies
    };
    (route, thread::spawn(serve))
}

/// Reads one request; its body.
fn request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            assert!(head.starts_with("POST /api/vessels/positions/batch HTTP/1.1\r\n"), "{head}");
            let length = head.split("Content-Length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if body.len() >= length {
                return body.to_owned();
            }
        }
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the sender went away");
        bytes.extend_from_slice(&buffer[..length]);
    }
}

fn post(route: &Route, positions: usize) -> (Answers, io::Result<()>) {
    let mut http = Http::start(route, 1, 2).unwrap();
    let entries = vec![Entry { length: 4, ..Entry::NONE }; positions];
    let sent = http.send(&b"{1},{2},{3},{4},{5},"[..4 * positions], &entries);
    http.finish();
    (http.answers().unwrap(), sent)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn positions_are_posted_in_batches_over_one_connection() {
    let (route, served) = server(vec![OK, OK, OK]);
    let (answers, sent) = post(&route, 5);
    sent.unwrap();
    assert_eq!(served.join().unwrap(), ["[{1},{2}]", "[{3},{4}]", "[{5}]"]);
    assert_eq!((answers.acknowledged, answers.refused, answers.by_sort), (5, 0, [3, 0, 0, 0]));
    assert_eq!((answers.answer_us.len(), answers.broken, answers.failure), (3, 0, None));
}

#[test]
fn a_batch_that_is_not_taken_comes_again_until_it_is() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    // An empty answer: the connection breaks instead.
    let (route, served) = server(vec![busy, "", OK]);
    let (answers, sent) = post(&route, 2);
    sent.unwrap();
    assert_eq!(served.join().unwrap(), ["[{1},{2}]"; 3]);
    assert_eq!((answers.acknowledged, answers.by_sort, answers.broken), (2, [1, 0, 1, 0], 1));
    assert_eq!(answers.failure, None);
}

/// Only the last post of a batch was timed: after a second of 503s the answer had taken a millisecond.
#[test]
fn the_time_to_the_answer_counts_from_the_first_post() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let (route, served) = server(vec![busy, OK]);
    let (answers, sent) = post(&route, 2);
    sent.unwrap();
    served.join().unwrap();
    assert_eq!(answers.by_sort, [1, 0, 1, 0]);
    assert!(answers.answer_us.min() >= 990_000, "{} us", answers.answer_us.min());
}

#[test]
fn what_is_refused_of_a_batch_is_counted() {
    let some =
        "HTTP/1.1 207 Multi-Status\r\nContent-Length: 27\r\n\r\n{\"accepted\":1,\"rejected\":1}";
    let (route, served) = server(vec![some]);
    let (answers, _) = post(&route, 2);
    drop(served);
    assert_eq!((answers.acknowledged, answers.refused), (1, 1));
    assert_eq!(answers.by_sort, [0, 1, 0, 0]);
}

#[test]
fn a_batch_that_is_refused_whole_ends_the_run() {
    let (route, served) = server(vec!["HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad"]);
    let (answers, _) = post(&route, 2);
    drop(served);
    assert_eq!((answers.acknowledged, answers.refused), (0, 2));
    assert_eq!(answers.failure.as_deref(), Some("answered 400 to a batch: bad"));
}
