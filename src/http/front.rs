//! The thread that owns all sockets: accepts, reads whole requests, answers the quick ones, writes all answers.
//!
//! Its blocking call is `epoll_wait`, for 50 ms at most. A turn takes at most one request from each connection, so one
//! that sends many at once does not keep the others waiting.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{Backlog, listen};

use super::Face;
use super::api::{Answer, Answers, Job};
use super::connection::{Connection, Phase, Step};
use super::reply::Reply;
use super::request::Request;
use super::routes::{self, Route};
use crate::config::HttpConfig;
use crate::queue::{Inlet, Outlet, Poll};
use crate::stage::{Broken, Stage, Turn, parking};

/// How long one wait may take; timers and the end are noticed this late at most.
const WAIT_MS: u8 = 50;
/// Connections accepted in one turn at most.
const ACCEPTS_PER_TURN: usize = 64;
/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(100);
/// Bytes of answers that slow readers may hold together; then the API asks to come back.
const HELD_BYTES_MAX: usize = 32 << 20;
/// Answers that may wait here: one for each request that may wait, and for the one that is being answered meanwhile.
const ANSWERS_MAX: usize = super::JOBS_MAX + 1;

const LISTENER: u64 = u64::MAX;
const ANSWERED: u64 = u64::MAX - 1;

/// Which connection, and which of those that had its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    place: u32,
    generation: u32,
}

impl Token {
    fn pack(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.place)
    }

    fn unpack(packed: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self { place: half(packed), generation: half(packed >> 32) }
    }
}

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// The stage that owns all sockets.
pub struct Front {
    listener: TcpListener,
    address: SocketAddr,
    epoll: Epoll,
    face: Arc<Face>,
    jobs: Option<Outlet<Job>>,
    answers: Inlet<Answer>,
    bell: Arc<EventFd>,
    stopping: Arc<AtomicBool>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Connections that may have another whole request in what was read.
    again: Vec<Token>,
    patience: Duration,
    swept: Instant,
}

impl Front {
    /// Listens, and says where answers of the API are put; nothing is accepted before the first turn.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(
        config: &HttpConfig,
        face: Arc<Face>,
        jobs: Outlet<Job>,
        stopping: Arc<AtomicBool>,
    ) -> Result<(Self, Answers), Broken> {
        let cannot = |error: &dyn std::fmt::Display| {
            Broken::because(format!("listen for http at {}", config.address), error)
        };
        let listener = TcpListener::bind(&config.address).map_err(|error| cannot(&error))?;
        // The library asks for a queue of 128: a burst of others would cost a client a second of retrying.
        listen(&listener, Backlog::MAXCONN).map_err(|error| cannot(&error))?;
        listener.set_nonblocking(true).map_err(|error| cannot(&error))?;
        let address = listener.local_addr().map_err(|error| cannot(&error))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|error| cannot(&error))?;
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let bell = Arc::new(EventFd::from_flags(flags).map_err(|error| cannot(&error))?);
        let readable = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        epoll.add(&listener, readable(LISTENER)).map_err(|error| cannot(&error))?;
        epoll.add(&*bell, readable(ANSWERED)).map_err(|error| cannot(&error))?;
        // This stage waits in epoll, so the queue's own wake-up goes nowhere; the bell takes its place.
        let (_, nowhere) = parking();
        let (answers_out, answers) = crate::queue::bounded(ANSWERS_MAX, &nowhere);
        let places = u32::try_from(config.connections_max).unwrap_or(u32::MAX);
        let front = Self {
            listener,
            address,
            epoll,
            face,
            jobs: Some(jobs),
            answers,
            bell: Arc::clone(&bell),
            stopping,
            slots: (0..places).map(|_| Slot::default()).collect(),
            free: (0..places).rev().collect(),
            again: Vec::new(),
            patience: Duration::from_secs(config.request_seconds),
            swept: Instant::now(),
        };
        Ok((front, Answers::new(answers_out, bell)))
    }

    /// Where it listens; the port that was taken when 0 was configured.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts who waits; says whether that works.
    fn accept(&mut self, now: Instant) -> bool {
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listener.accept() {
                Ok((socket, _)) => self.admit(socket, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    // Most likely no more files: make room, so that the next try can succeed.
                    self.make_room();
                    return false;
                }
            }
        }
        true
    }

    fn admit(&mut self, socket: TcpStream, now: Instant) {
        if self.free.is_empty() {
            self.make_room();
        }
        let ready = socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true));
        let Some(place) = self.free.pop().filter(|_| ready.is_ok()) else {
            self.face.sources.counts.http.refused.add(1);
            return;
        };
        let slot = &mut self.slots[place as usize];
        let token = Token { place, generation: slot.generation };
        if self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, token.pack())).is_err() {
            self.free.push(place);
            self.face.sources.counts.http.refused.add(1);
            return;
        }
        slot.connection = Some(Connection::new(socket, now, self.patience));
        self.face.sources.counts.http.connections.add(1);
    }

    /// Closes the connection that has kept its request open for longest, if there is any.
    fn make_room(&mut self) {
        let waits = |slot: &Slot| {
            let connection = slot.connection.as_ref()?;
            let open = matches!(connection.phase(), Phase::Reading | Phase::Lingering);
            open.then(|| connection.since())
        };
        let oldest =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((waits(slot)?, at)));
        if let Some((_, place)) = oldest.min() {
            self.face.sources.counts.http.refused.add(1);
            self.close(place);
        }
    }

    fn close(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let Some(connection) = slot.connection.take() else { return };
        // Closing the socket takes it out of epoll.
        drop(connection);
        slot.generation = slot.generation.wrapping_add(1);
        self.free.extend(u32::try_from(place));
        self.face.sources.counts.http.connections.add(-1);
    }

    fn connection(&mut self, token: Token) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(token.place as usize)?;
        if slot.generation == token.generation { slot.connection.as_mut() } else { None }
    }

    fn attend(&mut self, token: Token, events: EpollFlags, now: Instant) {
        let Some(connection) = self.connection(token) else { return };
        let step = match connection.phase() {
            Phase::Reading | Phase::Lingering => connection.read(now),
            Phase::Writing => connection.write(now),
            // Nothing is asked for meanwhile, so this is the end of the connection.
            Phase::Waiting if events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) => {
                Step::Over
            }
            Phase::Waiting => Step::Blocked,
        };
        self.follow(token, step, now);
    }

    /// Does what a step of the connection asks for, at most one request of it.
    fn follow(&mut self, token: Token, step: Step, now: Instant) {
        let step = match step {
            Step::Request(request) => self.serve(token, request, now),
            Step::Refuse(reply) => {
                self.face.sources.counts.http.refused.add(1);
                self.send(token, reply.into_bytes(false, true), true, now)
            }
            other => other,
        };
        match step {
            Step::Over => self.close(token.place as usize),
            Step::Answered => {
                if self.connection(token).is_some_and(|connection| connection.has_input()) {
                    self.again.push(token);
                }
                self.watch(token);
            }
            _ => self.watch(token),
        }
    }

    fn serve(&mut self, token: Token, mut request: Request, now: Instant) -> Step {
        self.face.sources.counts.http.requests.add(1);
        let route = routes::find(&request);
        let reply = match route {
            Route::Quick(answer) => Some(answer(&self.face, &request)),
            Route::Api => None,
            // Here, so that who may not never waits in the queue of those who may.
            Route::Admin => self.face.admin.admit(&mut request, now).err(),
        };
        if let Some(reply) = reply {
            return self.reply(token, &request, reply, now);
        }
        match self.hand_over(token, request) {
            Ok(()) => Step::Blocked,
            Err(request) => {
                let reply = Reply::error(503, "too many requests at once, try again");
                self.face.sources.counts.http.refused.add(1);
                let reply = reply.with_header("Retry-After", "1");
                self.reply(token, &request, reply, now)
            }
        }
    }

    fn reply(&mut self, token: Token, request: &Request, reply: Reply, now: Instant) -> Step {
        let closes = !request.keep_alive;
        self.send(token, reply.into_bytes(request.is_head(), closes), closes, now)
    }

    fn send(&mut self, token: Token, bytes: Vec<u8>, closes: bool, now: Instant) -> Step {
        self.connection(token).map_or(Step::Blocked, |held| held.answer(bytes, closes, now))
    }

    fn hand_over(&mut self, token: Token, request: Request) -> Result<(), Box<Request>> {
        let held = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let held: usize = held.map(Connection::output_bytes).sum();
        let Some(jobs) = self.jobs.as_ref().filter(|_| held < HELD_BYTES_MAX) else {
            return Err(Box::new(request));
        };
        let waiting = request.clone();
        if jobs.offer(Job { token, request }).is_err() {
            return Err(Box::new(waiting));
        }
        if let Some(connection) = self.connection(token) {
            connection.wait(&waiting);
        }
        Ok(())
    }

    fn take_answers(&mut self, now: Instant) {
        // The bell is silenced first, so that an answer that comes meanwhile rings again.
        let _ = self.bell.read();
        while let Poll::Item(Answer { token, bytes }) = self.answers.poll() {
            let Some(connection) = self.connection(token) else { continue };
            let closes = connection.closes();
            let step = connection.answer(bytes, closes, now);
            self.follow(token, step, now);
        }
    }

    /// Asks `epoll` for what the connection waits for now.
    fn watch(&mut self, token: Token) {
        let Some(connection) = self.connection(token) else { return };
        let flags = match connection.phase() {
            Phase::Reading | Phase::Lingering => EpollFlags::EPOLLIN,
            Phase::Writing => EpollFlags::EPOLLOUT,
            Phase::Waiting => EpollFlags::empty(),
        };
        let mut event = EpollEvent::new(flags, token.pack());
        let slot = &self.slots[token.place as usize];
        let Some(connection) = &slot.connection else { return };
        if self.epoll.modify(connection.socket(), &mut event).is_err() {
            self.close(token.place as usize);
        }
    }

    fn sweep(&mut self, now: Instant) {
        if now < self.swept + SWEEP {
            return;
        }
        self.swept = now;
        for place in 0..self.slots.len() {
            let late = |connection: &&mut Connection| connection.is_late(now);
            let Some(connection) = self.slots[place].connection.as_mut().filter(late) else {
                continue;
            };
            if !connection.is_idle() {
                connection.give_up();
                self.face.sources.counts.http.refused.add(1);
            }
            self.close(place);
        }
    }

    fn go_on(&mut self, now: Instant) {
        for token in std::mem::take(&mut self.again) {
            let Some(connection) = self.connection(token) else { continue };
            if connection.phase() == Phase::Reading {
                let step = connection.next_request();
                self.follow(token, step, now);
            }
        }
    }
}

impl Stage for Front {
    fn name(&self) -> &'static str {
        "http"
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.stopping.load(Ordering::Acquire) {
            return Ok(Turn::Finished);
        }
        let mut events = [EpollEvent::empty(); 64];
        let wait = if self.again.is_empty() { WAIT_MS } else { 0 };
        // An interrupted wait is an empty one.
        let found = self.epoll.wait(&mut events, EpollTimeout::from(wait)).unwrap_or(0);
        let now = Instant::now();
        self.go_on(now);
        let mut accepts = true;
        for event in &events[..found] {
            match event.data() {
                LISTENER => accepts = self.accept(now),
                ANSWERED => self.take_answers(now),
                packed => self.attend(Token::unpack(packed), event.events(), now),
            }
        }
        self.sweep(now);
        if !accepts {
            // The listener would call again at once; let the runner wait a little.
            return Ok(Turn::Idle);
        }
        // Otherwise never idle: the next wait is in epoll, not with the runner.
        Ok(Turn::Moved(u32::try_from(found).unwrap_or(u32::MAX)))
    }

    fn stop(&mut self) {
        self.jobs = None;
        for place in 0..self.slots.len() {
            self.close(place);
        }
    }
}
