//! One HTTP POST over the same kind of wire as a WebSocket, without ever waiting for long.
//!
//! In:      a target and a body of JSON
//! Out:     the body of the answer, or why there is none
//! Drops:   an answer over 64 KiB, or none within 30 s: the request has failed
//!
//! Why not a library: those that block would need a thread for each request, which a stop could not end, and bring a TLS set-up of
//! their own.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Status, parse_chunk_size};
use tungstenite::http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::target::Target;
use super::why::Ended;
use super::wire::Wire;
use crate::feed::dial::{Dial, Progress};
use crate::feed::sockets::is_nothing_now;

/// The whole request takes no longer than this.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Headers of an answer at most.
const HEADERS_MAX: usize = 64;

enum State {
    Dialling(Dial),
    Talking(Wire),
    Over,
}

/// A request under way.
pub struct Post {
    target: Target,
    state: State,
    request: Vec<u8>,
    sent: usize,
    /// Whether the server has been written to or waited for.
    has_begun: bool,
    answer: Vec<u8>,
    until: Instant,
}

/// How far a request has come.
pub enum Answer {
    /// Ask again; see [`Post::is_looking_up`].
    Waiting,
    /// The body of an answer of success.
    Body(Vec<u8>),
    /// There is none.
    Ended(Ended),
}

impl Post {
    /// Begins to send a body to the target.
    #[must_use]
    pub fn new(target: Target, body: &str) -> Self {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Accept: application/json\r\nUser-Agent: aisd\r\nConnection: close\r\n\r\n",
            target.path_and_query(),
            target.address,
            body.len()
        );
        Self {
            state: State::Dialling(Dial::new(&target.address)),
            target,
            request: (head + body).into_bytes(),
            sent: 0,
            has_begun: false,
            answer: Vec::new(),
            until: Instant::now() + REQUEST_MAX,
        }
    }

    /// Whether it waits for nothing but a name.
    #[must_use]
    pub const fn is_looking_up(&self) -> bool {
        matches!(&self.state, State::Dialling(dial) if dial.is_looking_up())
    }

    /// Goes on with it, for at most 50 ms.
    pub fn go_on(&mut self) -> Answer {
        if Instant::now() >= self.until {
            self.state = State::Over;
            let why = format!("no answer to a request within {} s", REQUEST_MAX.as_secs());
            return Answer::Ended(Ended::new(why));
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Dialling(dial) => self.dial(dial),
            State::Talking(wire) => self.talk(wire),
            State::Over => Answer::Ended(Ended::new("the request is over")),
        }
    }

    fn dial(&mut self, mut dial: Dial) -> Answer {
        match dial.go_on() {
            Progress::Waiting => {
                self.state = State::Dialling(dial);
                Answer::Waiting
            }
            Progress::Failed(why) => Answer::Ended(Ended::new(why)),
            Progress::Connected(stream) => self.connected(stream),
        }
    }

    fn connected(&mut self, stream: TcpStream) -> Answer {
        match Wire::over(stream, &self.target) {
            Ok(wire) => self.talk(wire),
            Err(why) => Answer::Ended(Ended::new(why)),
        }
    }

    fn talk(&mut self, mut wire: Wire) -> Answer {
        wire.meter().begin(std::mem::replace(&mut self.has_begun, true));
        let exchanged = self.write(&mut wire).and_then(|()| self.read(&mut wire));
        let is_closed = match exchanged {
            Ok(is_closed) => is_closed,
            Err(error) if is_nothing_now(&error) => false,
            Err(error) => return Answer::Ended(Ended::because(error.into())),
        };
        match whole(&self.answer, is_closed) {
            Ok(Some(answer)) if answer.status().is_success() => {
                Answer::Body(answer.into_body().unwrap_or_default())
            }
            Ok(Some(answer)) => Answer::Ended(Ended::answered(&answer)),
            Ok(None) if is_closed => {
                Answer::Ended(Ended::new("the server closed the connection before it answered"))
            }
            Ok(None) if self.answer.len() > ANSWER_BYTES_MAX => {
                let why = format!("an answer of more than {ANSWER_BYTES_MAX} bytes");
                Answer::Ended(Ended::new(why))
            }
            Ok(None) => {
                self.state = State::Talking(wire);
                Answer::Waiting
            }
            Err(why) => Answer::Ended(Ended::new(format!("an answer that is no HTTP: {why}"))),
        }
    }

    fn write(&mut self, wire: &mut Wire) -> io::Result<()> {
        while self.sent < self.request.len() {
            self.sent += wire.write(&self.request[self.sent..])?;
        }
        wire.flush()
    }

    /// Reads all there is; whether the server has ended.
    fn read(&mut self, wire: &mut Wire) -> io::Result<bool> {
        let mut piece = [0; 4096];
        while self.answer.len() <= ANSWER_BYTES_MAX {
            match wire.read(&mut piece) {
                Ok(0) => return Ok(true),
                Ok(count) => self.answer.extend_from_slice(&piece[..count]),
                // TLS that ends without saying so.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The answer, if all of it is there.
fn whole(bytes: &[u8], is_closed: bool) -> Result<Option<Response<Option<Vec<u8>>>>, String> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes).map_err(|error| error.to_string())? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let mut map = HeaderMap::new();
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        if let (Ok(name), Ok(value)) = (name, value) {
            map.insert(name, value);
        }
    }
    let Some(body) = body(&map, bytes.get(length..).unwrap_or_default(), is_closed)? else {
        return Ok(None);
    };
    let mut answer = Response::new(Some(body));
    let status = head.code.and_then(|code| code.try_into().ok());
    *answer.status_mut() = status.ok_or("no status")?;
    *answer.headers_mut() = map;
    Ok(Some(answer))
}

fn body(headers: &HeaderMap, rest: &[u8], is_closed: bool) -> Result<Option<Vec<u8>>, String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
        return chunks(rest);
    }
    match text("content-length") {
        Some(length) => {
            let length: usize = length.trim().parse().map_err(|_| "a length that is no number")?;
            Ok(rest.get(..length).map(<[u8]>::to_vec))
        }
        None => Ok(is_closed.then(|| rest.to_vec())),
    }
}

/// What is in chunks, if the last one is there.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let size = parse_chunk_size(rest).map_err(|_| "a chunk without a size")?;
        let Status::Complete((at, size)) = size else { return Ok(None) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size == 0 {
            return Ok(Some(body));
        }
        let Some(end) = at.checked_add(size).filter(|end| end + 2 <= rest.len()) else {
            return if size > ANSWER_BYTES_MAX { Err("a chunk too long".into()) } else { Ok(None) };
        };
        body.extend_from_slice(&rest[at..end]);
        rest = &rest[end + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_closed: bool, expected: Result<Option<(u16, &str)>, ()>) {
        let found = whole(text.as_bytes(), is_closed).map_err(|_| ()).map(|answer| {
            answer.map(|it| {
                let status = it.status().as_u16();
                (status, String::from_utf8(it.into_body().unwrap()).unwrap())
            })
        });
        let expected = expected.map(|it| it.map(|(status, body)| (status, body.to_owned())));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_answer_is_whole_by_its_length_its_last_chunk_or_its_end() {
        let of_length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        for (text, body) in [(of_length, "{}"), (chunked, "abcde")] {
            for end in 0..text.len() {
                let answer = whole(&text.as_bytes()[..end], false).unwrap();
                // The line end behind the last chunk is not waited for.
                assert!(answer.is_none() || text.len() - end <= 2, "{end}");
            }
            check(text, false, Ok(Some((200, body))));
        }
        check("HTTP/1.1 503 No\r\n\r\nlater", false, Ok(None));
        check("HTTP/1.1 503 No\r\n\r\nlater", true, Ok(Some((503, "later"))));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        check("SSH-2.0-OpenSSH\r\n", false, Err(()));
        check("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, Err(()));
        let chunked =
            |size: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n");
        check(&chunked("zz"), false, Err(()));
        check(&chunked("ffffffffffffffff"), false, Err(()));
        check(&chunked("7fffffff"), false, Err(()));
    }
}
