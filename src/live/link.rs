//! A connection to a server or to all masters of a cluster. Every call has a deadline, and after any failure the connection is
//! given up: an answer that comes late would be taken for that of another question.
//!
//! What has no deadline is the resolver, when the server has a name.

use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterConnection, cluster_pipe};
use redis::{Client, Cmd, Connection, ConnectionAddr, ErrorKind, RedisError, RedisResult, Value};
use redis::{FromRedisValue, TlsMode, cmd, pipe};

use super::address::Address;
use super::fields::Kept;
use crate::config::Format;

/// Why the picture could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub text: String,
    /// Whether nobody knows what became of what was written before, too: the connection was lost.
    pub is_lost: bool,
    /// The server does not know the script yet.
    pub is_no_script: bool,
}

impl Trouble {
    /// With what was being done before it.
    #[must_use]
    pub fn while_doing(self, doing: &str) -> Self {
        Self { text: format!("{doing}: {}", self.text), ..self }
    }

    fn of(error: &RedisError, timeout: Duration) -> Self {
        // Of many answers the first that is an error.
        let errors = error.clone().into_server_errors();
        let first = errors.and_then(|errors| errors.first().cloned());
        let first = first.map(|(_, error)| RedisError::from(error));
        let error = first.as_ref().unwrap_or(error);
        let code = error.code().unwrap_or_default();
        let text = match code {
            "" if error.is_timeout() => format!("no answer within {} ms", timeout.as_millis()),
            "" if error.is_connection_refusal() => "connection refused".to_owned(),
            "" if error.is_connection_dropped() => "the connection was closed".to_owned(),
            "" if error.kind() == ErrorKind::AuthenticationFailed => {
                "the user or password of redis.url is refused".to_owned()
            }
            "" => error.to_string(),
            code => format!("{code} {}", error.detail().unwrap_or_default()),
        };
        Self { text, is_lost: code.is_empty(), is_no_script: code == "NOSCRIPT" }
    }

    /// A server that answers, but not as it should.
    pub fn answer(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_lost: false, is_no_script: false }
    }
}

/// A server, or the masters of a cluster.
enum Peer {
    Server(Connection),
    Cluster(Box<ClusterConnection>),
}

/// A connection.
pub struct Link {
    peer: Peer,
    timeout: Duration,
    /// How vessels are kept there.
    pub kept: Kept,
}

impl Link {
    /// Connects, and finds out what is there.
    ///
    /// # Errors
    /// When nobody answers in time, or something else than what is wanted.
    pub fn open(address: &Address, format: Format, timeout: Duration) -> Result<Self, Trouble> {
        let peer = connect(address, timeout).map_err(|error| Trouble::of(&error, timeout))?;
        let mut link = Self { peer, timeout, kept: Kept::Hash };
        if format != Format::Hash && link.has_json()? {
            link.kept = Kept::Json;
        } else if format == Format::Json {
            let text = "redis.format is \"json\", but the server has no JSON.SET; \"auto\" or \"hash\" does without";
            return Err(Trouble::answer(text));
        }
        Ok(link)
    }

    /// Whether keys lie on several nodes.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self.peer, Peer::Cluster(_))
    }

    /// Sends all commands at once; their answers. Each has the keys of one slot.
    ///
    /// # Errors
    /// The first thing that went wrong; what became of the other commands is then unknown.
    pub fn ask<T: FromRedisValue>(&mut self, commands: Vec<Cmd>) -> Result<Vec<T>, Trouble> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let answers = match &mut self.peer {
            Peer::Server(connection) => {
                let mut pipe = pipe();
                for command in commands {
                    pipe.add_command(command);
                }
                pipe.query(connection)
            }
            Peer::Cluster(connection) => {
                let mut pipe = cluster_pipe();
                for command in commands {
                    pipe.add_command(command);
                }
                pipe.query(connection)
            }
        };
        answers.map_err(|error| Trouble::of(&error, self.timeout))
    }

    /// A command without a key.
    ///
    /// # Errors
    /// When it went wrong.
    pub fn ask_anyone<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Trouble> {
        let answer = match &mut self.peer {
            Peer::Server(connection) => command.query(connection),
            Peer::Cluster(connection) => command.query(connection.as_mut()),
        };
        answer.map_err(|error| Trouble::of(&error, self.timeout))
    }

    fn has_json(&mut self) -> Result<bool, Trouble> {
        let known: Vec<Value> = self.ask_anyone(cmd("COMMAND").arg("INFO").arg("JSON.SET"))?;
        Ok(known.first().is_some_and(|info| !matches!(info, Value::Nil)))
    }
}

fn connect(address: &Address, timeout: Duration) -> RedisResult<Peer> {
    if let [node] = address.nodes.as_slice() {
        let client = match &address.certificates {
            None => Client::open(node.clone())?,
            Some(certificates) => Client::build_with_tls(node.clone(), certificates.clone())?,
        };
        let mut connection = client.get_connection_with_timeout(timeout)?;
        connection.set_read_timeout(Some(timeout))?;
        connection.set_write_timeout(Some(timeout))?;
        let is_unix = matches!(node.addr(), ConnectionAddr::Unix(_));
        if is_unix || !is_node(&mut connection)? {
            return Ok(Peer::Server(connection));
        }
    }
    let mut cluster = ClusterClient::builder(address.nodes.iter().cloned())
        .connection_timeout(timeout)
        .response_timeout(timeout)
        .retries(0);
    if let Some(certificates) = &address.certificates {
        cluster = cluster.certs(certificates.clone());
    }
    if address.nodes.iter().any(|it| matches!(it.addr(), ConnectionAddr::TcpTls { .. })) {
        cluster = cluster.tls(TlsMode::Secure);
    }
    let connection = cluster.build()?.get_connection()?;
    connection.set_read_timeout(Some(timeout))?;
    connection.set_write_timeout(Some(timeout))?;
    Ok(Peer::Cluster(Box::new(connection)))
}

/// Whether the server is a node of a cluster. One that refuses the question is none that we could use as such.
fn is_node(connection: &mut Connection) -> RedisResult<bool> {
    match cmd("CLUSTER").arg("SLOTS").exec(connection) {
        Ok(()) => Ok(true),
        Err(error) if error.code().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}
