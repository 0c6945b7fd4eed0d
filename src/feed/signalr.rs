//! Listens to a SignalR hub that answers queries with rows, again and again for ever.
//!
//! In:      rows of JSON, in events of the hub
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room nothing is read, and TCP slows the hub
//! Metrics: `received`, `repeats`, `rejected`, `ignored`, `bytes`, and those of `web_socket::caller`
//!
//! ```text
//! POST /api/signalR/negotiate ─► token ─► WebSocket, handshake ─► POST /api/query ─► QueryCount, QueryData…, QueryEnd
//!                                                                      ▲    every signalr.trigger_seconds     │
//!                                                                      └───────────────────────────────────────┘
//! ```
//!
//! A row is a report that was told in fields (`json`). Queries look back, so that rows that came late are not passed over; what they
//! bring again is known (`seen`) and counted as a repeat. A hub that is away, at the start as well, is called again; so is one that
//! does not end a query. The blocking calls are the waits for a socket, of 50 ms at most.

pub mod hub;
pub mod query;
pub mod seen;

use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use uuid::Uuid;

use super::intake::Intake;
use super::json::{self, Dialect};
use super::sockets::DRAIN_MAX;
use super::web_socket::caller::Caller;
use super::web_socket::post::{Answer, Post};
use super::web_socket::target::Target;
use super::web_socket::why::Ended;
use super::web_socket::{Bounds, Event};
use super::{FeedContext, Opened};
use crate::config::{FeedKind, SignalrConfig};
use crate::reject::Reject;
use crate::stage::{self, Broken, Stage, Turn};
use hub::Said;
use query::Query;
use seen::Seen;

/// Bytes of a frame and of a record at most; all rows of an answer may be in one.
const RECORD_BYTES_MAX: usize = 16 << 20;
/// Between two pings of either protocol.
const PING: Duration = Duration::from_secs(15);
/// A query that has not ended after this is given up, with its connection.
const QUERY_MAX: Duration = Duration::from_secs(60);

/// What is under way beside the WebSocket.
enum Asking {
    Nothing,
    Negotiating(Box<Post>),
    Triggering(Box<Post>),
    /// The hub answers since then.
    Answering(Instant),
}

/// The SignalR feed.
pub struct Signalr {
    name: String,
    server: Target,
    bounds: Bounds,
    trigger_every: Option<Duration>,
    caller: Caller,
    connection: Uuid,
    asking: Asking,
    next_trigger: Instant,
    next_ping: Instant,
    query: Query,
    seen: Seen,
    /// A record that goes over several frames.
    begun: Vec<u8>,
    intake: Intake,
    drain_until: Option<Instant>,
}

impl Signalr {
    /// Connects to the hub of this server.
    #[must_use]
    pub fn new(context: FeedContext, name: &str, server: Target, config: &SignalrConfig) -> Self {
        let now = Instant::now();
        let silent = Duration::from_secs(config.silent_seconds);
        Self {
            name: stage::thread_name("feed", context.id.into(), name),
            bounds: Bounds { message_bytes: RECORD_BYTES_MAX, silent, ping: PING },
            trigger_every: Some(Duration::from_secs(config.trigger_seconds))
                .filter(|every| !every.is_zero()),
            caller: Caller::new(&context, name, server.shown()),
            server,
            connection: Uuid::nil(),
            asking: Asking::Nothing,
            next_trigger: now,
            next_ping: now,
            query: Query::new(config.clone()),
            seen: Seen::default(),
            begun: Vec::new(),
            intake: Intake::new(context),
            drain_until: None,
        }
    }
}

/// The feed of a configuration.
///
/// # Errors
/// What is wrong with its URL or its authorities.
pub fn open(context: FeedContext, name: &str, config: &FeedKind) -> Result<Opened, String> {
    let FeedKind::Signalr { url, ca_file, hub } = config else {
        return Err(format!("feed {name} is no signalr"));
    };
    let server = Target::new(url, ca_file.as_deref());
    let server = server.map_err(|why| format!("feed {name}: {why}"))?;
    let feed = Signalr::new(context, name, server, hub);
    Ok(Opened { stage: Box::new(feed), address: None })
}

impl Stage for Signalr {
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
        if self.caller.is_calling() {
            return Ok(self.talk());
        }
        if let Asking::Negotiating(_) = self.asking {
            return Ok(self.negotiate());
        }
        if self.caller.attempts.wait().is_some() {
            return Ok(self.idle());
        }
        Ok(self.begin())
    }

    fn stop(&mut self) {
        self.caller.hang_up(self.intake.context());
    }
}

impl Signalr {
    /// Begins with a negotiation.
    fn begin(&mut self) -> Turn {
        self.connection = Uuid::new_v4();
        self.begun.clear();
        let path = self.query.hub(self.connection, None, self.intake.now_us());
        match self.server.at(&path) {
            Ok(target) => {
                self.asking = Asking::Negotiating(Box::new(Post::new(target, "")));
                Turn::Moved(0)
            }
            Err(why) => self.fail(&Ended::refused(why)),
        }
    }

    fn negotiate(&mut self) -> Turn {
        let Asking::Negotiating(post) = &mut self.asking else { return Turn::Idle };
        let token = match post.go_on() {
            Answer::Waiting if post.is_looking_up() => return self.idle(),
            Answer::Waiting => return self.hand_on(),
            Answer::Ended(ended) => return self.fail(&ended),
            Answer::Body(body) => query::token(&body),
        };
        let path =
            token.map(|token| self.query.hub(self.connection, Some(&token), self.intake.now_us()));
        match path.and_then(|path| self.server.at(&path)) {
            Ok(target) => {
                self.asking = Asking::Nothing;
                self.caller.call(target, self.bounds);
                self.hand_on()
            }
            Err(why) => self.fail(&Ended::refused(why)),
        }
    }

    /// Goes on with the connection and what is asked over it.
    fn talk(&mut self) -> Turn {
        // While there is a request, its socket is the one that is waited for.
        let may_wait = match &self.asking {
            Asking::Triggering(post) => post.is_looking_up(),
            _ => true,
        };
        let event = self.listen(may_wait);
        if let Event::LookingUp = event {
            return self.idle();
        }
        if self.caller.is_up() {
            self.ask();
        }
        if !self.caller.is_calling() {
            self.asking = Asking::Nothing;
        }
        self.hand_on()
    }

    /// Takes what there is; the event that was none of a message.
    fn listen(&mut self, mut may_wait: bool) -> Event {
        while !self.intake.is_kept() {
            match self.caller.go_on(self.intake.context(), may_wait) {
                Event::Message(bytes) => self.records(&bytes),
                Event::Opened => {
                    self.caller.send(self.intake.context(), hub::HANDSHAKE.to_owned());
                    (self.next_trigger, self.next_ping) = (Instant::now(), Instant::now() + PING);
                }
                Event::Ended(ended) if ended.is_too_long => {
                    self.intake.refuse(Reject::LineTooLong, ended.why.as_bytes());
                    return Event::Ended(ended);
                }
                event => return event,
            }
            may_wait = false;
        }
        Event::Nothing
    }

    /// Takes the records of a frame; the last one may go on in the next.
    fn records(&mut self, frame: &[u8]) {
        let mut rest = frame;
        while let Some(end) = memchr::memchr(hub::END, rest) {
            if self.begun.is_empty() {
                self.record(&rest[..end]);
            } else {
                let mut whole = std::mem::take(&mut self.begun);
                whole.extend_from_slice(&rest[..end]);
                self.record(&whole);
            }
            rest = &rest[end + 1..];
        }
        self.begun.extend_from_slice(rest);
        if self.begun.len() > RECORD_BYTES_MAX {
            let why = format!("a record of more than {RECORD_BYTES_MAX} bytes");
            self.intake.refuse(Reject::LineTooLong, why.as_bytes());
            self.fail(&Ended::new(why));
        }
    }

    fn record(&mut self, record: &[u8]) {
        match hub::read(record) {
            None => self.intake.refuse(Reject::Json, record),
            Some(Said::Nothing) => self.intake.ignore(record),
            Some(Said::Close(why)) => {
                self.intake.ignore(record);
                let why = why.unwrap_or_else(|| "it does not say why".to_owned());
                self.fail(&Ended::new(format!("the hub closed the connection: {why}")));
            }
            Some(Said::Event(name, arguments)) => match &*name {
                "QueryData" => {
                    self.caller.prove();
                    if let Asking::Answering(since) = &mut self.asking {
                        *since = Instant::now();
                    }
                    let rows = arguments.into_iter().flat_map(hub::rows);
                    rows.for_each(|row| self.row(row));
                }
                "QueryEnd" => {
                    self.caller.prove();
                    self.intake.ignore(record);
                    self.asking = Asking::Nothing;
                }
                _ => self.intake.ignore(record),
            },
        }
    }

    fn row(&mut self, row: &RawValue) {
        let raw = row.get();
        if self.seen.is_known(raw) {
            return self.intake.repeat(raw.as_bytes());
        }
        let now_us = self.intake.now_us();
        match json::read(raw, Dialect::Any) {
            Ok(entry) => {
                self.query.came(entry.sent_us, now_us);
                let times = (now_us, Some(entry.sent_us));
                self.intake.report(&entry.told, raw.as_bytes(), times);
            }
            Err(reason) => self.intake.refuse(reason, raw.as_bytes()),
        }
    }

    /// Starts a query when one is due, and looks after the one under way.
    fn ask(&mut self) {
        let now = Instant::now();
        if now >= self.next_ping {
            self.next_ping = now + PING;
            self.caller.send(self.intake.context(), hub::PING.to_owned());
        }
        match &mut self.asking {
            Asking::Triggering(post) => match post.go_on() {
                Answer::Waiting => {}
                Answer::Body(_) => self.asking = Asking::Answering(now),
                Answer::Ended(ended) => {
                    let why = format!("start a query: {}", ended.why);
                    self.fail(&Ended { why, ..ended });
                }
            },
            Asking::Answering(since) if now.duration_since(*since) >= QUERY_MAX => {
                let why = format!("a query did not end within {} s", QUERY_MAX.as_secs());
                self.fail(&Ended::new(why));
            }
            Asking::Nothing if now >= self.next_trigger => self.trigger(now),
            Asking::Nothing | Asking::Negotiating(_) | Asking::Answering(_) => {}
        }
    }

    fn trigger(&mut self, now: Instant) {
        let Some(every) = self.trigger_every else { return };
        self.next_trigger = now + every;
        let (path, body) = self.query.trigger(self.connection, self.intake.now_us());
        match self.server.at(path) {
            Ok(target) => self.asking = Asking::Triggering(Box::new(Post::new(target, &body))),
            Err(why) => drop(self.fail(&Ended::refused(why))),
        }
    }

    /// Gives the connection up for this reason.
    fn fail(&mut self, ended: &Ended) -> Turn {
        self.asking = Asking::Nothing;
        self.caller.end(self.intake.context(), ended);
        self.hand_on()
    }

    fn hand_on(&mut self) -> Turn {
        self.intake.hand_on().turn()
    }

    /// Hands on what there may be and asks to be parked.
    fn idle(&mut self) -> Turn {
        self.intake.hand_on().parked()
    }

    /// Takes what the socket still holds, within a bound of time, and finishes; called again until all is handed on.
    fn finish(&mut self) -> Turn {
        let until = *self.drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
        if Instant::now() < until {
            self.listen(false);
        }
        match self.hand_on() {
            Turn::Moved(1..) => Turn::Moved(1),
            Turn::Stalled => Turn::Stalled,
            _ => Turn::Finished,
        }
    }
}

#[cfg(test)]
mod tests;
