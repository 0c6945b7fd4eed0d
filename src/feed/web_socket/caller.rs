//! Calls a server of WebSockets again and again for ever, and counts how that goes.
//!
//! In:      a target for each attempt
//! Out:     the events of the connection
//! Drops:   nothing
//! Metrics: `connections`, `connections_total`, `connections_idle`, `connect_failures` of the feed
//!
//! Between two attempts lies a jittered wait of 1 s to 60 s, and at least 30 s after a server has said that we come too often or
//! may not come. A message that was worth something is success, and only that: a server that lets us in and says nothing has
//! failed. The server is a neighbour with a breaker of its own, named `feed:` and the feed.

use std::sync::Arc;
use std::time::Duration;

use super::target::Target;
use super::why::Ended;
use super::{Bounds, Connection, Event};
use crate::feed::FeedContext;
use crate::observe::neighbours::Neighbour;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use crate::resilience::breaker::State;

/// The shortest and the longest wait between two attempts.
const WAIT_SHORTEST: Duration = Duration::from_secs(1);
const WAIT_LONGEST: Duration = Duration::from_secs(60);

/// One who calls a server.
pub struct Caller {
    shown: String,
    /// When to call, and how it went.
    pub attempts: Attempts,
    connection: Option<Connection>,
    /// Whether this call got as far as messages.
    was_up: bool,
    /// Whether something came that was worth the call.
    is_proven: bool,
}

impl Caller {
    /// Of this feed; `shown` is the server for people.
    #[must_use]
    pub fn new(context: &FeedContext, name: &str, shown: String) -> Self {
        let known = context.counts.neighbours.feed(name).cloned();
        let server = known.unwrap_or_else(|| Arc::new(Neighbour::of_feed(name)));
        let backoff = Backoff::new(WAIT_SHORTEST, WAIT_LONGEST);
        let attempts = Attempts::new(server, &context.breakers, backoff);
        Self { shown, attempts, connection: None, was_up: false, is_proven: false }
    }

    /// Whether there is a connection, or one in the making.
    #[must_use]
    pub const fn is_calling(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether messages can come.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_up)
    }

    /// Begins to connect.
    pub fn call(&mut self, target: Target, bounds: Bounds) {
        (self.was_up, self.is_proven) = (false, false);
        self.connection = Some(Connection::open(target, bounds));
    }

    /// Goes on with the connection; see [`Connection::go_on`].
    pub fn go_on(&mut self, context: &FeedContext, may_wait: bool) -> Event {
        let Some(connection) = &mut self.connection else { return Event::Nothing };
        let event = connection.go_on(may_wait);
        match &event {
            Event::Opened => {
                let counts = context.feed_counts();
                tracing::info!("feed {}: connected to {}", counts.name, self.shown);
                counts.connections.set(1);
                counts.connections_total.add(1);
                self.was_up = true;
            }
            Event::Ended(ended) => self.end(context, ended),
            Event::Nothing | Event::LookingUp | Event::Message(_) => {}
        }
        event
    }

    /// Sends a text; says whether the connection still holds.
    pub fn send(&mut self, context: &FeedContext, text: String) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        match connection.send(text) {
            Ok(()) => true,
            Err(ended) => {
                self.end(context, &ended);
                false
            }
        }
    }

    /// Something came that was worth the call.
    pub fn prove(&mut self) {
        let is_closed = self.attempts.neighbour().state() == State::Closed;
        if !std::mem::replace(&mut self.is_proven, true) || !is_closed {
            self.attempts.succeeded();
        }
    }

    /// The call is over for this reason, if there is one.
    pub fn end(&mut self, context: &FeedContext, ended: &Ended) {
        let counts = context.feed_counts();
        counts.connections_idle.add(u64::from(ended.is_idle));
        if !std::mem::take(&mut self.was_up) {
            counts.connect_failures.add(1);
        }
        let cause = format!("feed {}: connect to {}: {}", counts.name, self.shown, ended.why);
        self.attempts.failed_and_rests(&cause, ended.rest);
        self.hang_up(context);
    }

    /// Takes leave of the server.
    pub fn hang_up(&mut self, context: &FeedContext) {
        if let Some(mut connection) = self.connection.take() {
            connection.close();
            context.feed_counts().connections.set(0);
        }
    }
}
