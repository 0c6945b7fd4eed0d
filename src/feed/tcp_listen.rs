//! Listens for senders of lines, thousands of them on one thread.
//!
//! In:      TCP connections; bytes of each, cut into lines anywhere
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room nothing is read, and TCP slows the senders
//! Metrics: `received`, `rejected`, `bytes`, `connections`, `connections_total`, `connections_refused`,
//!          `connections_crowded`, `connections_idle` of the feed
//!
//! The one blocking call is the wait for any socket, with a deadline of 50 ms. All clients share one read buffer; a
//! client costs its descriptor and the beginning of a line. Everyone who is ready is read once before anyone is read
//! twice, and no more than the buffer at a time, so a busy client does not hold up the others. The received time is the
//! clock after the wait.
//!
//! One address has a part of the places and no more, so that whoever opens connections without end leaves some to others.
//!
//! A client that goes away leaves its last line, with or without its end, and its parts of messages until their
//! time-out. At a stop the feed takes what the sockets still hold, within a bound of time.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::FeedContext;
use super::door::{Door, Visitor};
use super::intake::Intake;
use super::sockets::{self, DRAIN_MAX};
use crate::nmea::line::Framer;
use crate::stage::{self, Broken, Stage, Turn};

/// Bytes read from a client at a time.
const READ_BYTES: usize = 64 * 1024;
/// Bytes read in a turn, from all clients.
const TURN_BYTES: usize = 256 * 1024;
/// Clients accepted in a turn.
const ACCEPTS_PER_TURN: usize = 64;
/// Sockets told of by one wait.
const EVENTS: usize = 256;
/// Milliseconds that a wait lasts at most.
const WAIT_MS: u8 = 50;
/// How often silent clients are looked for, at most.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// What stands for the door among the clients' numbers.
const DOOR: u64 = 0;

struct Client {
    stream: TcpStream,
    whose: IpAddr,
    framer: Framer,
    heard: Instant,
}

/// Clients at once.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of all addresses.
    pub clients_max: usize,
    /// Of one.
    pub of_one_address_max: usize,
}

/// The TCP listener feed.
pub struct TcpListen {
    name: String,
    door: Option<Door>,
    door_is_watched: bool,
    epoll: Epoll,
    clients: HashMap<u64, Client>,
    /// How many of them an address has.
    by_address: HashMap<IpAddr, usize>,
    bounds: Bounds,
    idle: Duration,
    last_client: u64,
    buffer: Vec<u8>,
    events: Vec<EpollEvent>,
    /// Sockets that are ready and not yet served, the next one last.
    ready: Vec<u64>,
    intake: Intake,
    received_us: i64,
    next_idle_look: Instant,
    drain_until: Option<Instant>,
}

impl TcpListen {
    /// Listens on `HOST:PORT` for clients within these bounds, each closed after a silence of `idle`; also
    /// says where it listens.
    ///
    /// # Errors
    /// When the address cannot be resolved or bound.
    pub fn bind(
        context: FeedContext,
        name: &str,
        address: &str,
        bounds: Bounds,
        idle: Duration,
    ) -> io::Result<(Self, SocketAddr)> {
        Self::on(context, name, TcpListener::bind(address)?, (bounds, idle))
    }

    /// The same on a socket that is bound already.
    ///
    /// # Errors
    /// When the system refuses to have it watched.
    pub fn on(
        context: FeedContext,
        name: &str,
        listener: TcpListener,
        (bounds, idle): (Bounds, Duration),
    ) -> io::Result<(Self, SocketAddr)> {
        let (door, bound) = Door::of(listener)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(door.listener(), EpollEvent::new(EpollFlags::EPOLLIN, DOOR))?;
        let Bounds { clients_max, of_one_address_max } = bounds;
        tracing::info!(
            "feed {name}: tcp {bound}, at most {clients_max} clients, {of_one_address_max} of one address"
        );
        let feed = Self {
            name: stage::thread_name("feed", context.id.into(), name),
            door: Some(door),
            door_is_watched: true,
            epoll,
            clients: HashMap::new(),
            by_address: HashMap::new(),
            bounds,
            idle,
            last_client: DOOR,
            buffer: vec![0; READ_BYTES],
            events: vec![EpollEvent::empty(); EVENTS],
            ready: Vec::with_capacity(EVENTS),
            received_us: context.clock.now_us(),
            intake: Intake::new(context),
            next_idle_look: Instant::now() + idle.min(IDLE_INTERVAL),
            drain_until: None,
        };
        Ok((feed, bound))
    }
}

impl Stage for TcpListen {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.intake.is_kept() {
            return Ok(self.hand_on());
        }
        if self.intake.context().is_stopping() {
            self.door = None;
            self.drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
        }
        if self.ready.is_empty() {
            self.wait()?;
            if self.ready.is_empty() && self.drain_until.is_some() {
                return Ok(self.finish());
            }
        }
        self.serve();
        self.close_idle();
        self.intake.expire(self.received_us);
        Ok(self.hand_on())
    }

    fn stop(&mut self) {
        let gauge = &self.intake.context().feed_counts().connections;
        gauge.add(-i64::try_from(self.clients.len()).unwrap_or(0));
        self.clients.clear();
        self.by_address.clear();
    }
}

impl TcpListen {
    /// Waits until somebody is ready, and notes who.
    fn wait(&mut self) -> Result<(), Broken> {
        self.watch_door();
        let wait_ms = match self.drain_until {
            None => WAIT_MS,
            Some(until) if Instant::now() >= until => return Ok(()),
            Some(_) => 0,
        };
        let count = match self.epoll.wait(&mut self.events, wait_ms) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(Broken::because("wait for tcp clients", error.desc())),
        };
        self.received_us = self.intake.now_us();
        self.ready.extend(self.events[..count].iter().rev().map(EpollEvent::data));
        Ok(())
    }

    /// Has the door waited for, or not, as it is open or shut.
    fn watch_door(&mut self) {
        let Some(door) = &mut self.door else { return };
        let open = door.is_open();
        if open != self.door_is_watched {
            let flags = if open { EpollFlags::EPOLLIN } else { EpollFlags::empty() };
            let changed = self.epoll.modify(door.listener(), &mut EpollEvent::new(flags, DOOR));
            self.door_is_watched = if changed.is_ok() { open } else { self.door_is_watched };
        }
    }

    /// Reads from everyone who is ready, until the turn has read enough or the journal has no room.
    fn serve(&mut self) {
        let mut left = TURN_BYTES;
        while left > 0 && !self.intake.is_kept() {
            match self.ready.pop() {
                None => return,
                Some(DOOR) => self.admit(),
                Some(number) => left = left.saturating_sub(self.read(number)),
            }
        }
    }

    /// Lets in who is at the door, up to the bound.
    fn admit(&mut self) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(door) = &mut self.door else { return };
            let counts = self.intake.context().feed_counts();
            match door.visitor() {
                Visitor::Nobody => return,
                Visitor::TurnedAway => counts.connections_refused.add(1),
                Visitor::Client(..) if self.clients.len() >= self.bounds.clients_max => {
                    counts.connections_refused.add(1);
                }
                Visitor::Client(_, whose) if self.is_crowded(whose) => {
                    counts.connections_refused.add(1);
                    counts.connections_crowded.add(1);
                }
                Visitor::Client(stream, whose) => {
                    let number = self.last_client + 1;
                    let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
                    if self.epoll.add(&stream, event).is_err() {
                        counts.connections_refused.add(1);
                        continue;
                    }
                    counts.connections.add(1);
                    counts.connections_total.add(1);
                    self.last_client = number;
                    let framer = self.intake.framer();
                    let heard = Instant::now();
                    self.clients.insert(number, Client { stream, whose, framer, heard });
                    *self.by_address.entry(whose).or_default() += 1;
                }
            }
        }
    }

    fn is_crowded(&self, whose: IpAddr) -> bool {
        let there = self.by_address.get(&whose).copied().unwrap_or(0);
        there >= self.bounds.of_one_address_max
    }

    /// Reads once from a client and says how many bytes; a client that is gone is taken leave of.
    fn read(&mut self, number: u64) -> usize {
        let Some(client) = self.clients.get_mut(&number) else { return 0 };
        match client.stream.read(&mut self.buffer) {
            Ok(0) => self.leave(number),
            Ok(count) => {
                client.heard = Instant::now();
                let bytes = &self.buffer[..count];
                self.intake.bytes(&mut client.framer, bytes, number, self.received_us);
                return count;
            }
            Err(error) if sockets::is_nothing_now(&error) => {}
            Err(_) => self.leave(number),
        }
        0
    }

    /// Closes a client, after its last line.
    fn leave(&mut self, number: u64) {
        let Some(mut client) = self.clients.remove(&number) else { return };
        if let Some(left) = self.by_address.get_mut(&client.whose) {
            *left -= 1;
            if *left == 0 {
                self.by_address.remove(&client.whose);
            }
        }
        self.intake.end(&mut client.framer, number, self.received_us);
        self.intake.context().feed_counts().connections.add(-1);
    }

    /// Closes clients that were silent for too long. One whose bytes were not read for want of room is not silent.
    fn close_idle(&mut self) {
        let now = Instant::now();
        if now < self.next_idle_look || self.intake.is_kept() {
            return;
        }
        self.next_idle_look = now + self.idle.min(IDLE_INTERVAL);
        let silent = |client: &Client| now.duration_since(client.heard) >= self.idle;
        let silent: Vec<u64> =
            self.clients.iter().filter(|(_, client)| silent(client)).map(|(id, _)| *id).collect();
        for number in silent {
            if self.read(number) == 0 && self.clients.contains_key(&number) {
                self.intake.context().feed_counts().connections_idle.add(1);
                self.leave(number);
            }
            if self.intake.is_kept() {
                return;
            }
        }
    }

    fn hand_on(&mut self) -> Turn {
        self.intake.hand_on().turn()
    }

    /// Closes everyone and hands on the last lines; called again until there is room for them.
    fn finish(&mut self) -> Turn {
        let everyone: Vec<u64> = self.clients.keys().copied().collect();
        for number in everyone {
            self.leave(number);
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
