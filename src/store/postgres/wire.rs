//! A connection to Postgres that never waits longer than it was told to, for the writer.
//!
//! It sends a whole transaction before it reads the first answer, so a commit is one round trip. Each statement is prepared
//! when it is first used; through a pooler, which hands every transaction to another server process, none has a name and each is
//! sent whole ([`pooler`] finds out). Every read and write of the socket ends at the deadline of the call, whatever the server does.
//!
//! Why not the `postgres` crate here: it drives an async connection behind each call, takes six round trips for the same
//! transaction, and has no deadline on a socket of its own ([`super::deadline`] is what it takes to give
//! it one from outside). `benches/postgres.rs` compares the two.

mod copy_in;
mod listen;
mod login;
mod pooler;
mod prepared;
mod statement;
mod stream;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use postgres_protocol::message::backend::{ErrorResponseBody, Message};
use postgres_protocol::message::frontend;

use super::address::{Address, Endpoint, Tls};
use super::tls;
pub use pooler::Pooler;
use prepared::Prepared;
pub use statement::Parameter;
use stream::Stream;

/// Bytes that gather before they are sent.
const FLUSH_BYTES: usize = 256 << 10;
/// Bytes asked of the socket at once.
const READ_BYTES: usize = 16 << 10;

/// Where to connect, and as whom.
#[derive(Clone)]
pub struct Target {
    /// The places to try, in order.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// Its password, if it has one.
    pub password: Option<Vec<u8>>,
    /// The database.
    pub database: String,
    /// What the server is told the client is called.
    pub application_name: String,
    /// Settings for the session, as `-c name=value`.
    pub options: Option<String>,
    /// Whether a pooler is between: then no statement is prepared.
    pub pooler: Pooler,
}

/// One place to connect to.
#[derive(Clone)]
pub enum Host {
    /// Over TCP.
    Tcp {
        /// A name or an address.
        name: String,
        /// The port.
        port: u16,
        /// Encrypted with this, the host's name verified; absent for plain.
        tls: Option<Arc<rustls::ClientConfig>>,
    },
    /// A socket of this machine.
    Unix(std::path::PathBuf),
}

impl Target {
    /// As a URL says.
    ///
    /// # Errors
    /// When the certificates that it names cannot be read.
    pub fn of(address: &Address, pooled: bool) -> Result<Self, String> {
        let host = |endpoint: &Endpoint| match (&endpoint.host, endpoint.socket_path()) {
            (postgres::config::Host::Tcp(name), _) => {
                let tls = match &endpoint.tls {
                    Tls::Plain => None,
                    Tls::Verified { root } => Some(tls::client(root.as_deref())?),
                };
                Ok(Host::Tcp { name: name.clone(), port: endpoint.port, tls })
            }
            (postgres::config::Host::Unix(dir), path) => {
                Ok(Host::Unix(path.unwrap_or_else(|| dir.clone())))
            }
        };
        Ok(Self {
            hosts: address.endpoints().iter().map(host).collect::<Result<_, String>>()?,
            user: address.user().to_owned(),
            password: address.password().map(<[u8]>::to_vec),
            database: address.database().to_owned(),
            application_name: address.application_name("aisd writer").to_owned(),
            options: address.options().map(str::to_owned),
            pooler: Pooler::known(pooled || address.is_pooled()),
        })
    }
}

/// Why a call did not do what was asked. After anything but [`WireError::Server`] the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The deadline came first.
    #[error("no answer in time")]
    Late,
    /// The connection failed, or never was.
    #[error("{0}")]
    Io(String),
    /// The server is not who it should be, or cannot prove it.
    #[error("{0}")]
    Untrusted(String),
    /// The server refused. The code is its SQLSTATE.
    #[error("{message} ({code})")]
    Server {
        /// Five characters.
        code: String,
        /// What it says.
        message: String,
    },
}

impl WireError {
    /// The SQLSTATE, if the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        if let Self::Server { code, .. } = self { Some(code) } else { None }
    }
}

/// What the server said to one statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its tag, such as `UPDATE 3`.
    pub tag: String,
    /// Rows, as text.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// The only number of its only row.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.rows.first()?.first()?.as_ref()?.parse().ok()
    }
}

/// The connection.
pub struct Wire {
    stream: Stream,
    deadline: Instant,
    out: BytesMut,
    input: BytesMut,
    /// None through a pooler.
    prepared: Option<Prepared>,
    pooler: Pooler,
    /// The server process, as it was told when logging in.
    process: Option<i32>,
    /// The end of how many answers is to be noted, and when it came.
    awaits: Option<usize>,
    heard: Option<Instant>,
    /// How much time the present call has from when the first answer has ended.
    then: Option<Duration>,
}

impl Wire {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Why not, of the last host that was tried.
    pub fn connect(target: &Target, deadline: Instant) -> Result<Self, WireError> {
        let mut why_not = WireError::Io("no host to connect to".to_owned());
        for host in &target.hosts {
            let attempt = Stream::connect(host, deadline).and_then(|stream| {
                let (out, input) = (BytesMut::new(), BytesMut::new());
                let pooler = target.pooler.clone();
                let (prepared, process) = (None, None);
                let (awaits, heard, then) = (None, None, None);
                let mut wire = Self {
                    stream,
                    deadline,
                    out,
                    input,
                    prepared,
                    pooler,
                    process,
                    awaits,
                    heard,
                    then,
                };
                wire.log_in(target)?;
                wire.prepare_unless_pooled()?;
                Ok(wire)
            });
            match attempt {
                Ok(wire) => return Ok(wire),
                Err(error) => why_not = error,
            }
        }
        Err(why_not)
    }

    /// Sets when the next calls must have ended.
    pub const fn until(&mut self, deadline: Instant) {
        (self.deadline, self.then) = (deadline, None);
    }

    /// When the present calls must have ended.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    fn flush_if_full(&mut self) -> Result<(), WireError> {
        if self.out.len() >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), WireError> {
        let sent = self.stream.write_all(&self.out, self.deadline);
        self.out.clear();
        sent.map_err(|error| self.last_words().unwrap_or(error))?;
        // A connection that has ended says so to who reads the answers.
        let _ = self.listen();
        Ok(())
    }

    /// What the server said before it closed the connection, if it did.
    fn last_words(&mut self) -> Option<WireError> {
        loop {
            match self.read_message() {
                Ok(Message::ErrorResponse(body)) => return Some(refusal(&body)),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Sends everything that was added, as one; the answers, one for each statement.
    ///
    /// # Errors
    /// As [`Wire::send`] and [`Wire::answers`].
    pub fn exchange(&mut self) -> Result<Vec<Answer>, WireError> {
        self.send()?;
        self.answers()
    }

    /// Sends everything that was added, as one, whose answers are read later: in the order of what was sent.
    ///
    /// # Errors
    /// That the server cannot be reached, or why it ended the connection.
    pub fn send(&mut self) -> Result<(), WireError> {
        frontend::sync(&mut self.out);
        self.mark();
        self.flush()
    }

    /// What the server says to the first of what was sent and not answered: to each statement one answer.
    ///
    /// # Errors
    /// What the server refused first; it has then done nothing of what followed in the same. Or that it cannot be reached.
    pub fn answers(&mut self) -> Result<Vec<Answer>, WireError> {
        let (mut answers, mut rows, mut refused) = (Vec::new(), Vec::new(), None);
        loop {
            let message = match self.read_message() {
                Ok(message) => message,
                // What it said before it left is the better reason.
                Err(error) => return Err(refused.unwrap_or(error)),
            };
            match message {
                Message::ErrorResponse(body) => {
                    refused = refused.or_else(|| Some(refusal(&body)));
                }
                Message::ParseComplete => self.parsed(),
                Message::DataRow(body) => rows.push(text_of(&body)?),
                Message::CommandComplete(body) => {
                    let tag = body.tag()?.to_owned();
                    answers.push(Answer { tag, rows: std::mem::take(&mut rows) });
                }
                Message::ReadyForQuery(_) => {
                    self.settle(refused.as_ref());
                    return refused.map_or(Ok(answers), Err);
                }
                _ => {}
            }
        }
    }

    fn read_message(&mut self) -> Result<Message, WireError> {
        loop {
            if let Some(message) = Message::parse(&mut self.input)? {
                return Ok(message);
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<(), WireError> {
        let (had, room) = (self.input.len(), READ_BYTES);
        self.input.resize(had + room, 0);
        let read = self.stream.read(&mut self.input[had..], self.deadline);
        self.input.truncate(had + read.as_ref().copied().unwrap_or(0));
        if read? == 0 {
            return Err(WireError::Io("the server closed the connection".to_owned()));
        }
        Ok(())
    }
}

impl Drop for Wire {
    /// Says good-bye, if that takes no time.
    fn drop(&mut self) {
        self.out.clear();
        frontend::terminate(&mut self.out);
        let _ = self.stream.write_all(&self.out, Instant::now());
    }
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Late,
            _ => Self::Io(plain(&error)),
        }
    }
}

/// The system's words without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

fn refusal(body: &ErrorResponseBody) -> WireError {
    use fallible_iterator::FallibleIterator;
    let (mut code, mut message) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = text(),
            b'M' => message = text(),
            _ => {}
        }
    }
    WireError::Server { code, message }
}

fn text_of(
    body: &postgres_protocol::message::backend::DataRowBody,
) -> io::Result<Vec<Option<String>>> {
    use fallible_iterator::FallibleIterator;
    let bytes = body.buffer();
    let text = |range: std::ops::Range<usize>| {
        bytes.get(range).map(|text| String::from_utf8_lossy(text).into_owned())
    };
    body.ranges().map(|range| Ok(range.and_then(text))).collect()
}
