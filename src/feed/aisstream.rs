//! Listens to aisstream.io, again and again for ever.
//!
//! In:      frames of JSON over WebSocket, one message in each
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room nothing is read, and TCP slows the server
//! Metrics: `received`, `rejected`, `ignored`, `bytes`, and those of `web_socket::caller`
//!
//! A record holds the frame as it came and the six-bit payload that it was decoded from, made again (`payload`). So everything
//! behind it treats it like any other, and a transmission that was heard by a receiver of our own as well is known to be one.
//! The time is when aisstream.io received it.
//!
//! The key goes to the server in the first frame and nowhere else. An error frame ends the connection, and the server is left
//! alone for 30 s then. The blocking call is the wait for the socket, of 50 ms at most.

pub mod field;
pub mod frame;
pub mod layout;
pub mod payload;

use std::time::{Duration, Instant};

use serde_json::json;

use super::intake::Intake;
use super::sockets::DRAIN_MAX;
use super::web_socket::caller::Caller;
use super::web_socket::target::Target;
use super::web_socket::why::Ended;
use super::web_socket::{Bounds, Event};
use super::{FeedContext, Opened};
use crate::config::{FeedKind, boxes};
use crate::nmea::Message;
use crate::record;
use crate::reject::Reject;
use crate::stage::{self, Broken, Stage, Turn};
use frame::Frame;
use payload::Payload;

/// Bytes of a frame at most.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Between two pings.
const PING: Duration = Duration::from_secs(20);

/// The aisstream.io feed.
pub struct Aisstream {
    name: String,
    target: Target,
    bounds: Bounds,
    subscription: String,
    caller: Caller,
    payload: Payload,
    intake: Intake,
    drain_until: Option<Instant>,
}

impl Aisstream {
    /// Connects to this server, with what the configuration asks for.
    #[must_use]
    pub fn new(context: FeedContext, name: &str, target: Target, config: &FeedKind) -> Self {
        let silent = match config {
            FeedKind::Aisstream { silent_seconds, .. } => Duration::from_secs(*silent_seconds),
            _ => Duration::MAX,
        };
        Self {
            name: stage::thread_name("feed", context.id.into(), name),
            bounds: Bounds { message_bytes: MESSAGE_BYTES_MAX, silent, ping: PING },
            subscription: subscription(config),
            caller: Caller::new(&context, name, target.shown()),
            target,
            payload: Payload::default(),
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
    let FeedKind::Aisstream { url, ca_file, .. } = config else {
        return Err(format!("feed {name} is no aisstream"));
    };
    let target = Target::new(url, ca_file.as_deref());
    let target = target.map_err(|why| format!("feed {name}: {why}"))?;
    let feed = Aisstream::new(context, name, target, config);
    Ok(Opened { stage: Box::new(feed), address: None })
}

/// The first frame: who we are and what we want.
fn subscription(config: &FeedKind) -> String {
    let FeedKind::Aisstream { api_key, boxes: text, types, .. } = config else {
        return String::new();
    };
    let corners = |[south, west, north, east]: [f64; 4]| json!([[south, west], [north, east]]);
    let boxes: Vec<_> = boxes(text).unwrap_or_default().into_iter().map(corners).collect();
    let mut asked = json!({"APIKey": api_key.reveal(), "BoundingBoxes": boxes});
    if let Some(types) = types {
        asked["FilterMessageTypes"] = types.split(',').map(str::trim).collect();
    }
    asked.to_string()
}

impl Stage for Aisstream {
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
        if !self.caller.is_calling() {
            if self.caller.attempts.wait().is_some() {
                return Ok(self.idle());
            }
            self.caller.call(self.target.clone(), self.bounds);
        }
        Ok(match self.listen(true) {
            Event::LookingUp => self.idle(),
            _ => self.hand_on(),
        })
    }

    fn stop(&mut self) {
        self.caller.hang_up(self.intake.context());
    }
}

impl Aisstream {
    /// Takes what there is; the event that was none of a message.
    fn listen(&mut self, mut may_wait: bool) -> Event {
        while !self.intake.is_kept() {
            match self.caller.go_on(self.intake.context(), may_wait) {
                Event::Message(bytes) => self.hear(&bytes),
                Event::Opened => {
                    let asked = self.subscription.clone();
                    self.caller.send(self.intake.context(), asked);
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

    fn hear(&mut self, bytes: &[u8]) {
        match frame::read(bytes, &mut self.payload) {
            Ok(Frame::Report { mmsi, sent_us, fill }) => {
                self.caller.prove();
                let message = Message {
                    raw: bytes,
                    payload: record::Payload::Joined(self.payload.chars()),
                    mmsi,
                    sent_us,
                    received_us: self.intake.now_us(),
                    fill,
                    channel: 0,
                    parts: 1,
                    own_ship: false,
                };
                self.intake.message(&message, bytes.len());
            }
            Ok(Frame::Nothing) => self.intake.ignore(bytes),
            Ok(Frame::Error(text)) => {
                self.intake.ignore(bytes);
                let ended = Ended::refused(format!("the server says: {text}"));
                self.caller.end(self.intake.context(), &ended);
            }
            Err(reason) => self.intake.refuse(reason, bytes),
        }
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
