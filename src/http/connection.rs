//! One connection: bytes in, a request out; an answer in, bytes out. Never waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::reply::Reply;
use super::request::{HEAD_BYTES_MAX, Head, Request, read_head};
use super::routes;

/// After an answer that closes, what the peer still sends is taken for this long, so that the answer is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of bodies that all connections of a front may hold together, as their heads announce them.
const BODIES_BYTES_MAX: usize = 32 << 20;

/// Room for bodies, shared by all connections.
#[derive(Clone, Default)]
pub struct Room(Arc<AtomicUsize>);

/// Some of it, given back when it goes out of scope.
struct Taken {
    room: Room,
    bytes: usize,
}

impl Room {
    fn take(&self, bytes: u64) -> Option<Taken> {
        let bytes = usize::try_from(bytes).ok()?;
        let taken = Taken { room: self.clone(), bytes };
        let before = self.0.fetch_add(bytes, Ordering::AcqRel);
        (before + bytes <= BODIES_BYTES_MAX).then_some(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// What the connection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for a request to be whole.
    Reading,
    /// May have read another whole request, which is looked for in the next turn.
    Queued,
    /// Waits for the answer to be made.
    Waiting,
    /// Writes the answer.
    Writing,
    /// Has written its last answer.
    Lingering,
}

/// What came of trying to go on.
pub enum Step {
    /// Nothing more now.
    Blocked,
    /// The answer is written, the next request may come.
    Answered,
    /// A request is whole.
    Request(Request),
    /// What came is answered with an error.
    Refuse(Reply),
    /// The connection is over.
    Over,
}

/// One connection.
pub struct Connection {
    socket: TcpStream,
    phase: Phase,
    input: Vec<u8>,
    /// A request whose body is not yet read to its end.
    pending: Option<Request>,
    body_left: u64,
    room: Room,
    /// Where its body has room, until it is answered.
    taken: Option<Taken>,
    output: Vec<u8>,
    written: usize,
    closes: bool,
    answered: u64,
    since: Instant,
    deadline: Instant,
    patience: Duration,
}

impl Connection {
    /// Over a socket that does not block; each request, and each answer, may take as long as `patience`.
    pub fn new(socket: TcpStream, now: Instant, patience: Duration, room: Room) -> Self {
        Self {
            socket,
            phase: Phase::Reading,
            input: Vec::new(),
            pending: None,
            body_left: 0,
            room,
            taken: None,
            output: Vec::new(),
            written: 0,
            closes: false,
            answered: 0,
            since: now,
            deadline: now + patience,
            patience,
        }
    }

    /// The socket, for `epoll`.
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// What it is about.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Since when it waits for its request to be whole.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// Whether its time is over. While its answer is made it has time.
    pub fn is_late(&self, now: Instant) -> bool {
        self.phase != Phase::Waiting && now >= self.deadline
    }

    /// Whether it has nothing open: all its requests are answered and the next one has not begun.
    pub const fn is_idle(&self) -> bool {
        match self.phase {
            Phase::Reading => self.answered > 0 && !self.has_input(),
            Phase::Lingering => true,
            Phase::Queued | Phase::Waiting | Phase::Writing => false,
        }
    }

    /// Whether it holds bytes of a request.
    pub const fn has_input(&self) -> bool {
        !self.input.is_empty() || self.pending.is_some()
    }

    /// Bytes of requests that are held, bodies apart.
    #[cfg(test)]
    pub const fn input_bytes(&self) -> usize {
        self.input.len()
    }

    /// Puts it off: nothing more is read before what was read is answered, so no more of it is ever held than one reading takes.
    pub const fn queue(&mut self) {
        self.phase = Phase::Queued;
    }

    /// Bytes of answer that are held.
    pub const fn output_bytes(&self) -> usize {
        self.output.len()
    }

    /// Reads what there is, once, and looks for a request.
    pub fn read(&mut self, now: Instant) -> Step {
        let mut chunk = [0; HEAD_BYTES_MAX];
        match self.socket.read(&mut chunk) {
            Ok(0) => Step::Over,
            Ok(_) if self.phase == Phase::Lingering => Step::Blocked,
            Ok(length) => {
                if self.is_idle() {
                    // The time of a request starts with its first byte and is not prolonged by others.
                    self.since = now;
                    self.deadline = now + self.patience;
                }
                self.input.extend_from_slice(&chunk[..length]);
                self.next_request()
            }
            Err(error) => blocked_or_over(&error),
        }
    }

    /// Looks for a whole request in what was read.
    pub fn next_request(&mut self) -> Step {
        self.phase = Phase::Reading;
        if self.pending.is_none() {
            match read_head(&self.input) {
                Head::Incomplete => return Step::Blocked,
                Head::Refused(reply) => return Step::Refuse(reply),
                Head::Complete(request, length) => {
                    self.input.drain(..length);
                    if let Err(refusal) = self.begin(request) {
                        return Step::Refuse(refusal);
                    }
                }
            }
        }
        let here = usize::try_from(self.body_left).unwrap_or(usize::MAX).min(self.input.len());
        let bytes = self.input.drain(..here);
        match &mut self.pending {
            Some(request) if self.taken.is_some() => request.body.extend(bytes),
            _ => drop(bytes),
        }
        self.body_left -= here as u64;
        if self.body_left > 0 {
            return Step::Blocked;
        }
        self.pending.take().map_or(Step::Blocked, Step::Request)
    }

    /// Makes ready for the body of a request.
    fn begin(&mut self, request: Request) -> Result<(), Reply> {
        self.body_left = request.body_bytes;
        if routes::takes_body(&request) && request.body_bytes > 0 {
            self.taken = self.room.take(request.body_bytes);
            if self.taken.is_none() {
                let reply = Reply::error(503, "too many bodies at once, try again");
                return Err(reply.with_header("Retry-After", "1"));
            }
        }
        if request.expects_continue && self.body_left > self.input.len() as u64 {
            // Who does not get it sends the body after a moment anyway.
            let _ = self.socket.write(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.pending = Some(request);
        Ok(())
    }

    /// Leaves the request with somebody who will answer it.
    pub const fn wait(&mut self, keep_alive: bool) {
        self.phase = Phase::Waiting;
        self.closes = !keep_alive;
    }

    /// Takes an answer, as bytes, and starts to write it.
    pub fn answer(&mut self, bytes: Vec<u8>, closes: bool, now: Instant) -> Step {
        self.phase = Phase::Writing;
        self.taken = None;
        self.output = bytes;
        self.written = 0;
        self.closes = closes;
        self.deadline = now + self.patience;
        self.write(now)
    }

    /// Whether it closes after the answer that is being made.
    pub const fn closes(&self) -> bool {
        self.closes
    }

    /// Writes what the peer takes.
    pub fn write(&mut self, now: Instant) -> Step {
        while self.written < self.output.len() {
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return Step::Over,
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return blocked_or_over(&error),
            }
        }
        self.output = Vec::new();
        self.written = 0;
        self.answered += 1;
        self.since = now;
        if self.closes {
            self.input = Vec::new();
            self.phase = Phase::Lingering;
            self.deadline = now + LINGER.min(self.patience);
            return match self.socket.shutdown(std::net::Shutdown::Write) {
                Ok(()) => Step::Blocked,
                Err(_) => Step::Over,
            };
        }
        self.phase = Phase::Reading;
        self.deadline = now + self.patience;
        Step::Answered
    }

    /// Says goodbye to a peer that was too slow, as far as it takes that at once.
    pub fn give_up(&mut self) {
        if self.phase == Phase::Reading && self.has_input() {
            let text = format!("the request was not whole after {} s", self.patience.as_secs());
            let _ = self.socket.write(&Reply::error(408, text).into_bytes(false, true));
        }
    }
}

fn blocked_or_over(error: &io::Error) -> Step {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Step::Blocked,
        _ => Step::Over,
    }
}
