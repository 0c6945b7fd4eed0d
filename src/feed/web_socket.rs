//! One connection to a WebSocket server, from the look-up of its name to its end, without ever waiting for long.
//!
//! In:      a [`Target`]; frames of the server
//! Out:     its messages one by one, or why there is no connection any more
//! Drops:   nothing by itself; a message over its bound ends the connection
//!
//! The socket never blocks: [`Connection::go_on`] waits for it for at most 50 ms, and reads a bounded number of bytes, so that
//! no server can hold a turn up, not with fragments that never end either. Pings are sent, and one without an answer ends the
//! connection; so does a silence of no messages. Redirects are not followed: who is sent elsewhere would take his key there.

pub mod caller;
pub mod post;
pub mod target;
#[cfg(test)]
pub mod testing;
pub mod why;
mod wire;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use tungstenite::client::client_with_config;
use tungstenite::handshake::MidHandshake;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Error, HandshakeError, Message, WebSocket};

use super::dial::{Dial, Progress};
use target::Target;
use why::Ended;
use wire::Wire;

/// TLS and the handshake take no longer than this.
const SHAKE_MAX: Duration = Duration::from_secs(10);
/// Bytes that the socket's bytes are read into at a time.
const READ_BYTES: usize = 16 * 1024;
/// Bytes that wait to be written at most; a server that reads nothing is left then.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// How long a connection may be quiet, and how much it may say at once.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a frame, and of a message of several.
    pub message_bytes: usize,
    /// Without a message.
    pub silent: Duration,
    /// Between two pings, and for the answer to one.
    pub ping: Duration,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Nothing but the passing of a moment.
    Nothing,
    /// Nothing, and nothing was waited for either: the name is being looked up.
    LookingUp,
    /// The server has agreed to talk.
    Opened,
    /// A message, text or binary.
    Message(Bytes),
    /// The connection is over, or could not be made.
    Ended(Ended),
}

enum State {
    Dialling(Dial),
    Shaking(Box<MidHandshake<ClientHandshake<Wire>>>, Instant),
    Up(Box<WebSocket<Wire>>),
    Over,
}

/// A connection, or an attempt at one.
pub struct Connection {
    target: Target,
    bounds: Bounds,
    state: State,
    /// When the last message came.
    told: Instant,
    /// When the last frame of any kind came.
    heard: Instant,
    pinged: Instant,
}

impl Connection {
    /// Begins to connect.
    #[must_use]
    pub fn open(target: Target, bounds: Bounds) -> Self {
        let now = Instant::now();
        let state = State::Dialling(Dial::new(&target.address));
        Self { target, bounds, state, told: now, heard: now, pinged: now }
    }

    /// Whether messages can come.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Goes on with it. `may_wait` for at most 50 ms when there is nothing now; bounded in what it reads until the next call
    /// that may wait.
    pub fn go_on(&mut self, may_wait: bool) -> Event {
        let event = match std::mem::replace(&mut self.state, State::Over) {
            State::Dialling(dial) => self.dial(dial),
            State::Shaking(mut shake, until) => {
                shake.get_mut().get_mut().meter().begin(may_wait);
                let outcome = shake.handshake();
                self.shaken(outcome, until)
            }
            State::Up(socket) => self.read(socket, may_wait),
            State::Over => Event::Nothing,
        };
        if matches!(event, Event::Ended(_)) {
            self.state = State::Over;
        }
        event
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is lost; it is over then.
    pub fn send(&mut self, text: String) -> Result<(), Ended> {
        let State::Up(socket) = &mut self.state else { return Ok(()) };
        let sent = sent(socket.send(Message::text(text)));
        sent.map_err(|error| {
            self.state = State::Over;
            Ended::because(error)
        })
    }

    /// Takes leave, without waiting for an answer.
    pub fn close(&mut self) {
        if let State::Up(mut socket) = std::mem::replace(&mut self.state, State::Over) {
            // The server may be gone already.
            let _ = socket.close(None);
        }
    }

    fn dial(&mut self, mut dial: Dial) -> Event {
        match dial.go_on() {
            Progress::Waiting => {
                let looks_up = dial.is_looking_up();
                self.state = State::Dialling(dial);
                if looks_up { Event::LookingUp } else { Event::Nothing }
            }
            Progress::Failed(why) => Event::Ended(Ended::new(why)),
            Progress::Connected(stream) => self.shake(stream),
        }
    }

    fn shake(&mut self, stream: TcpStream) -> Event {
        let wire = match Wire::over(stream, &self.target) {
            Ok(wire) => wire,
            Err(why) => return Event::Ended(Ended::new(why)),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BYTES_MAX)
            .max_message_size(Some(self.bounds.message_bytes))
            .max_frame_size(Some(self.bounds.message_bytes));
        let outcome = client_with_config(self.target.request(), wire, Some(config));
        self.shaken(outcome.map(|(socket, _)| (socket, ())), Instant::now() + SHAKE_MAX)
    }

    fn shaken<T>(
        &mut self,
        outcome: Result<(WebSocket<Wire>, T), HandshakeError<ClientHandshake<Wire>>>,
        until: Instant,
    ) -> Event {
        match outcome {
            Ok((socket, _)) => {
                let now = Instant::now();
                (self.told, self.heard, self.pinged) = (now, now, now);
                self.state = State::Up(Box::new(socket));
                Event::Opened
            }
            Err(HandshakeError::Interrupted(_)) if Instant::now() >= until => {
                let text = format!("no handshake within {} s", SHAKE_MAX.as_secs());
                Event::Ended(Ended::new(text))
            }
            Err(HandshakeError::Interrupted(shake)) => {
                self.state = State::Shaking(Box::new(shake), until);
                Event::Nothing
            }
            Err(HandshakeError::Failure(error)) => Event::Ended(Ended::because(error)),
        }
    }

    fn read(&mut self, mut socket: Box<WebSocket<Wire>>, may_wait: bool) -> Event {
        if may_wait {
            socket.get_mut().meter().begin(true);
            if let Err(error) = sent(socket.flush()) {
                return Event::Ended(Ended::because(error));
            }
        }
        let now = Instant::now();
        let event = match socket.read() {
            Ok(message) => {
                self.heard = now;
                self.hear(message, now)
            }
            Err(Error::Io(error)) if super::sockets::is_nothing_now(&error) => Event::Nothing,
            Err(error) => Event::Ended(Ended::because(error)),
        };
        let event = match event {
            Event::Nothing => self.watch(&mut socket, now).map_or(Event::Nothing, Event::Ended),
            event => event,
        };
        self.state = State::Up(socket);
        event
    }

    fn hear(&mut self, message: Message, now: Instant) -> Event {
        match message {
            Message::Text(text) => {
                self.told = now;
                Event::Message(text.into())
            }
            Message::Binary(bytes) => {
                self.told = now;
                Event::Message(bytes)
            }
            Message::Close(frame) => Event::Ended(Ended::closed(frame.as_ref())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Event::Nothing,
        }
    }

    /// Sends a ping when one is due; why the connection is to be left, if it has been quiet for too long.
    fn watch(&mut self, socket: &mut WebSocket<Wire>, now: Instant) -> Option<Ended> {
        let Bounds { silent, ping, .. } = self.bounds;
        if now.duration_since(self.told) >= silent {
            let why = format!("nothing came for {} s", silent.as_secs());
            return Some(Ended { is_idle: true, ..Ended::new(why) });
        }
        if now.duration_since(self.pinged) < ping {
            return None;
        }
        if self.heard < self.pinged {
            let why = format!("no answer to a ping for {} s", ping.as_secs());
            return Some(Ended { is_idle: true, ..Ended::new(why) });
        }
        self.pinged = now;
        sent(socket.send(Message::Ping(Bytes::new()))).err().map(Ended::because)
    }
}

/// What could not be written at once waits in the socket's buffer.
fn sent(outcome: tungstenite::Result<()>) -> tungstenite::Result<()> {
    match outcome {
        Err(Error::Io(error)) if super::sockets::is_nothing_now(&error) => Ok(()),
        outcome => outcome,
    }
}
