//! The thread that owns all sockets: accepts, reads whole requests, answers the quick ones, writes all answers.
//!
//! Its blocking call is `epoll_wait`, for 50 ms at most. A turn takes at most one request from each connection, so one
//! that sends many at once does not keep the others waiting.

mod door;
#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{Backlog, listen};

use super::Face;
use super::api::{Answer, Job, Mailbox};
use super::connection::{Connection, Phase, Room, Step};
use super::ingest::Ingest;
use super::reply::Reply;
use super::request::Request;
use super::routes::{self, Route, Serves};
use crate::config::HttpConfig;
use crate::queue::{Inlet, Outlet, Poll};
use crate::stage::{Broken, Stage, Turn};

/// How long one wait may take; timers and the end are noticed this late at most.
const WAIT_MS: u8 = 50;
/// Connections accepted in one turn at most.
const ACCEPTS_PER_TURN: usize = 64;
/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(100);
/// Bytes of answers that slow readers may hold together; then the API asks to come back.
const HELD_BYTES_MAX: usize = 32 << 20;

const LISTENER: u64 = u64::MAX;
const ANSWERED: u64 = u64::MAX - 1;

/// Which connection, and which of those that had its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    place: u32,
    generation: u32,
}

impl Token {
    pub(super) fn pack(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.place)
    }

    pub(super) fn unpack(packed: u64) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self { place: half(packed), generation: half(packed >> 32) }
    }
}

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// What a front is joined to.
pub struct Parts {
    /// Its thread's name.
    pub name: String,
    /// What it answers, or leaves to others.
    pub serves: Serves,
    /// Where questions go that take longer.
    pub jobs: Option<Outlet<Job>>,
    /// Where posts go.
    pub ingest: Ingest,
    /// Where answers come from.
    pub mailbox: Mailbox,
    /// A socket that listens already, to be taken instead of binding one.
    pub given: Option<TcpListener>,
}

/// The stage that owns all sockets.
pub struct Front {
    name: String,
    listener: TcpListener,
    address: SocketAddr,
    epoll: Epoll,
    face: Arc<Face>,
    jobs: Option<Outlet<Job>>,
    ingest: Ingest,
    serves: Serves,
    room: Room,
    answers: Inlet<Answer>,
    bell: Arc<EventFd>,
    stopping: Arc<AtomicBool>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Connections that may have another whole request in what was read, each once.
    again: Vec<Token>,
    patience: Duration,
    swept: Instant,
}

impl Front {
    /// Listens; nothing is accepted before the first turn.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(
        config: &HttpConfig,
        face: Arc<Face>,
        parts: Parts,
        stopping: Arc<AtomicBool>,
    ) -> Result<Self, Broken> {
        let cannot = |error: &dyn std::fmt::Display| {
            Broken::because(format!("listen for http at {}", config.address), error)
        };
        let listener = match parts.given {
            Some(listener) => listener,
            None => TcpListener::bind(&config.address).map_err(|error| cannot(&error))?,
        };
        // The library asks for a queue of 128: a burst of others would cost a client a second of retrying.
        listen(&listener, Backlog::MAXCONN).map_err(|error| cannot(&error))?;
        listener.set_nonblocking(true).map_err(|error| cannot(&error))?;
        let address = listener.local_addr().map_err(|error| cannot(&error))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|error| cannot(&error))?;
        let readable = |data| EpollEvent::new(EpollFlags::EPOLLIN, data);
        let Mailbox { answers, bell } = parts.mailbox;
        epoll.add(&listener, readable(LISTENER)).map_err(|error| cannot(&error))?;
        epoll.add(&*bell, readable(ANSWERED)).map_err(|error| cannot(&error))?;
        let places = u32::try_from(config.connections_max).unwrap_or(u32::MAX);
        Ok(Self {
            name: parts.name,
            listener,
            address,
            epoll,
            face,
            jobs: parts.jobs,
            ingest: parts.ingest,
            serves: parts.serves,
            room: Room::default(),
            answers,
            bell,
            stopping,
            slots: (0..places).map(|_| Slot::default()).collect(),
            free: (0..places).rev().collect(),
            again: Vec::new(),
            patience: Duration::from_secs(config.request_seconds),
            swept: Instant::now(),
        })
    }

    /// Where it listens; the port that was taken when 0 was configured.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
            Phase::Queued | Phase::Waiting
                if events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) =>
            {
                Step::Over
            }
            Phase::Queued | Phase::Waiting => Step::Blocked,
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
                if let Some(connection) = self.connection(token).filter(|it| it.has_input()) {
                    connection.queue();
                    self.again.push(token);
                }
                self.watch(token);
            }
            _ => self.watch(token),
        }
    }

    fn serve(&mut self, token: Token, mut request: Request, now: Instant) -> Step {
        self.face.sources.counts.http.requests.add(1);
        let (head_only, keep_alive) = (request.is_head(), request.keep_alive);
        let left = match routes::find(&request, self.serves) {
            Route::Quick(answer) => Err(answer(&self.face, &request)),
            Route::Api => self.hand_over(token, request),
            // Here, so that who may not never waits in the queue of those who may.
            Route::Admin => self
                .face
                .admin
                .admit(&mut request, now)
                .and_then(|()| self.hand_over(token, request)),
            Route::Post(form) => {
                let received_us = self.face.sources.clock.now_us();
                self.ingest.take(&self.face.tokens, form, request, (token, now), received_us)
            }
        };
        match left {
            Ok(()) => {
                if let Some(connection) = self.connection(token) {
                    connection.wait(keep_alive);
                }
                Step::Blocked
            }
            Err(reply) => {
                let is_full = reply.status == 503 && reply.header.is_some();
                self.face.sources.counts.http.refused.add(u64::from(is_full));
                self.send(token, reply.into_bytes(head_only, !keep_alive), !keep_alive, now)
            }
        }
    }

    fn send(&mut self, token: Token, bytes: Vec<u8>, closes: bool, now: Instant) -> Step {
        self.connection(token).map_or(Step::Blocked, |held| held.answer(bytes, closes, now))
    }

    fn hand_over(&self, token: Token, request: Request) -> Result<(), Reply> {
        let held = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let held: usize = held.map(Connection::output_bytes).sum();
        let jobs = self.jobs.as_ref().filter(|_| held < HELD_BYTES_MAX);
        if jobs.is_some_and(|jobs| jobs.offer(Job { token, request }).is_ok()) {
            return Ok(());
        }
        let reply = Reply::error(503, "too many requests at once, try again");
        Err(reply.with_header("Retry-After", "1"))
    }

    /// Sends what was answered, in every turn: the bell may have to wait behind many connections that can be read, and requests of those
    /// are answered meanwhile.
    fn take_answers(&mut self, now: Instant) {
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
            Phase::Queued | Phase::Waiting => EpollFlags::empty(),
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
            if connection.phase() == Phase::Queued {
                let step = connection.next_request();
                self.follow(token, step, now);
            }
        }
    }
}

impl Stage for Front {
    fn name(&self) -> &str {
        &self.name
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
        let mut accepts = true;
        for event in &events[..found] {
            match event.data() {
                LISTENER => accepts = self.accept(now),
                // It is silenced first, so that an answer that comes meanwhile rings again.
                ANSWERED => drop(self.bell.read()),
                packed => self.attend(Token::unpack(packed), event.events(), now),
            }
        }
        self.take_answers(now);
        self.go_on(now);
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
