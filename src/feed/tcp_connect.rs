//! Connects to a server of lines, again and again for ever.
//!
//! In:      bytes of one TCP connection, cut into lines anywhere
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room nothing is read, and TCP slows the server
//! Metrics: `received`, `rejected`, `bytes`, `connections`, `connections_total`, `connections_idle`,
//!          `connect_failures` of the feed
//!
//! A connection that fails, ends or stays silent for too long is made anew after a jittered wait of 0.5 s to 30 s, short
//! again once bytes have come, which alone is success: a server that accepts and says nothing has failed. The server is a neighbour
//! with a breaker of its own, named `feed:` and the feed. The name is looked up at each attempt. The blocking calls (the read, a look at a connection
//! in the making, what is said to a server that wants a line first) have deadlines of 50 ms, so a stop is seen at any time; what the
//! socket then still holds is taken, within a bound of time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::FeedContext;
use super::dial::{Dial, Progress};
use super::intake::Intake;
use super::sockets::{self, DRAIN_MAX, WAIT_MAX};
use crate::nmea::line::Framer;
use crate::observe::neighbours::Neighbour;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::resilience::breaker::State;
use crate::stage::{self, Broken, Stage, Turn};

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;
/// The shortest and the longest wait between two attempts.
const WAIT_SHORTEST: Duration = Duration::from_millis(500);
const WAIT_LONGEST: Duration = Duration::from_secs(30);

struct Connection {
    stream: TcpStream,
    framer: Framer,
    /// Counts up, so that the parts of messages of two connections do not join.
    number: u64,
    heard: Instant,
    /// Whether anything came.
    is_proven: bool,
}

enum Link {
    Waiting,
    Dialling(Dial),
    Up(Connection),
}

/// The TCP client feed.
pub struct TcpConnect {
    name: String,
    address: String,
    /// What is said to the server first, with the end of its line.
    hello: Vec<u8>,
    silent: Duration,
    link: Link,
    attempts: Attempts,
    connections: u64,
    buffer: Vec<u8>,
    intake: Intake,
    drain_until: Option<Instant>,
}

impl TcpConnect {
    /// Connects to `HOST:PORT`, and anew after a silence of `silent`.
    #[must_use]
    pub fn new(context: FeedContext, name: &str, address: &str, silent: Duration) -> Self {
        let known = context.counts.neighbours.feed(name).cloned();
        let server = known.unwrap_or_else(|| Arc::new(Neighbour::of_feed(name)));
        let backoff = Backoff::new(WAIT_SHORTEST, WAIT_LONGEST);
        Self {
            name: stage::thread_name("feed", context.id.into(), name),
            address: address.to_owned(),
            hello: Vec::new(),
            silent,
            link: Link::Waiting,
            attempts: Attempts::new(server, &context.breakers, backoff),
            connections: 0,
            buffer: vec![0; READ_BYTES],
            intake: Intake::new(context),
            drain_until: None,
        }
    }

    /// Says this line to the server when it is connected, if there is one.
    #[must_use]
    pub fn saying(self, hello: Option<&str>) -> Self {
        let hello = hello.map_or_else(Vec::new, |hello| [hello, "\r\n"].concat().into_bytes());
        Self { hello, ..self }
    }
}

impl Stage for TcpConnect {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.intake.is_kept() {
            return Ok(self.hand_on());
        }
        if self.intake.context().is_stopping() {
            return Ok(self.finish());
        }
        self.intake.expire(self.intake.now_us());
        match &mut self.link {
            Link::Waiting if self.attempts.wait().is_some() => return Ok(self.idle()),
            Link::Waiting => self.link = Link::Dialling(Dial::new(&self.address)),
            Link::Dialling(_) => return Ok(self.dial()),
            Link::Up(_) => {
                self.read();
            }
        }
        Ok(self.hand_on())
    }

    fn stop(&mut self) {
        if matches!(self.link, Link::Up(_)) {
            self.intake.context().feed_counts().connections.set(0);
        }
        self.link = Link::Waiting;
    }
}

impl TcpConnect {
    /// Goes on with the attempt to connect.
    fn dial(&mut self) -> Turn {
        let Link::Dialling(dial) = &mut self.link else { return Turn::Idle };
        match dial.go_on() {
            Progress::Waiting if dial.is_looking_up() => return self.idle(),
            Progress::Waiting => {}
            Progress::Connected(stream) => self.up(stream),
            Progress::Failed(why) => {
                self.intake.context().feed_counts().connect_failures.add(1);
                self.down(&why);
            }
        }
        self.hand_on()
    }

    fn up(&mut self, mut stream: TcpStream) {
        if let Err(error) = self.greet(&mut stream) {
            self.down(&sockets::plain(&error));
            return;
        }
        self.connections += 1;
        let counts = self.intake.context().feed_counts();
        tracing::info!("feed {}: connected to {}", counts.name, self.address);
        counts.connections.set(1);
        counts.connections_total.add(1);
        self.link = Link::Up(Connection {
            stream,
            framer: self.intake.framer(),
            number: self.connections,
            heard: Instant::now(),
            is_proven: false,
        });
    }

    /// Makes a connection ready to be read, and says what its server wants to hear.
    fn greet(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(WAIT_MAX))?;
        stream.set_write_timeout(Some(WAIT_MAX))?;
        stream.write_all(&self.hello)
    }

    /// Reads once and says how many bytes came; takes leave of a connection that ended or is silent.
    fn read(&mut self) -> usize {
        let Link::Up(connection) = &mut self.link else { return 0 };
        match connection.stream.read(&mut self.buffer) {
            Ok(0) => self.leave("the server closed the connection"),
            Ok(count) => {
                connection.heard = Instant::now();
                let is_closed = self.attempts.neighbour().state() == State::Closed;
                if !std::mem::replace(&mut connection.is_proven, true) || !is_closed {
                    self.attempts.succeeded();
                }
                let received_us = self.intake.now_us();
                let bytes = &self.buffer[..count];
                self.intake.bytes(&mut connection.framer, bytes, connection.number, received_us);
                return count;
            }
            Err(error) if !sockets::is_nothing_now(&error) => self.leave(&sockets::plain(&error)),
            Err(_) if connection.heard.elapsed() >= self.silent => {
                self.intake.context().feed_counts().connections_idle.add(1);
                self.leave(&format!("nothing came for {} s", self.silent.as_secs()));
            }
            Err(_) => {}
        }
        0
    }

    /// Ends the connection, after its last line.
    fn leave(&mut self, why: &str) {
        if let Link::Up(connection) = &mut self.link {
            let received_us = self.intake.now_us();
            self.intake.end(&mut connection.framer, connection.number, received_us);
            self.intake.context().feed_counts().connections.set(0);
        }
        self.down(why);
    }

    fn down(&mut self, why: &str) {
        let feed = &self.intake.context().feed_counts().name;
        let cause = format!("feed {feed}: connect to {}: {why}", self.address);
        self.attempts.failed(&cause);
        self.link = Link::Waiting;
    }

    fn hand_on(&mut self) -> Turn {
        self.intake.hand_on().turn()
    }

    /// Hands on what there may be (parts expire at any time) and asks to be parked.
    fn idle(&mut self) -> Turn {
        self.intake.hand_on().parked()
    }

    /// Takes what the socket still holds, within a bound of time, and finishes; called again until all is handed on.
    fn finish(&mut self) -> Turn {
        let until = *self.drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
        if let Link::Up(connection) = &mut self.link {
            let can_drain = connection.stream.set_nonblocking(true).is_ok();
            if can_drain && Instant::now() < until && self.read() > 0 {
                return self.hand_on();
            }
        }
        let received_us = self.intake.now_us();
        if let Link::Up(connection) = &mut self.link {
            self.intake.end(&mut connection.framer, connection.number, received_us);
        }
        self.intake.finish();
        match self.hand_on() {
            Turn::Stalled => Turn::Stalled,
            _ => Turn::Finished,
        }
    }
}

#[cfg(test)]
mod tests;
