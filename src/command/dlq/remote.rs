//! Asks the running daemon over its HTTP face, with a token that is signed with the key of its run: who may read that in the data
//! directory could change the file itself.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::Changed;
use crate::exit::{self, Failure};
use crate::http::token;
use crate::resilience::dead_letters::Which;
use crate::supervisor::run_file;

/// A connection may take so long to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The answer comes when all is done.
const ANSWER: Duration = Duration::from_secs(300);
/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// The token lives so long.
const TOKEN_LIVES: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// That letters are tried now; the dead ones, or the others.
    Retry {
        /// The dead ones.
        dead: bool,
    },
    /// That letters go.
    Clear(Which),
}

impl Asked {
    const fn line(self) -> &'static str {
        match self {
            Self::Retry { dead: false } => "POST /admin/dlq/retry",
            Self::Retry { dead: true } => "POST /admin/dlq/retry?dead=true",
            Self::Clear(Which::Pending) => "DELETE /admin/dlq/clear",
            Self::Clear(Which::Dead) => "DELETE /admin/dlq/dead-letter",
        }
    }
}

/// Asks the daemon of this data directory, which is the process `owner`.
pub fn ask(data_dir: &Path, owner: &str, asked: &[Asked]) -> Result<Changed, Failure> {
    let failed = |text: String| Failure::new(exit::IO, text);
    let (address, key) = find(data_dir, owner)?;
    let subject = format!("aisd dlq of user {}", nix::unistd::getuid());
    let token = token::sign(&key, &subject, TOKEN_LIVES)
        .map_err(|error| failed(format!("make a token: {error}")))?;
    let mut letters = 0;
    for asked in asked {
        let said = exchange(address, asked.line(), &token)
            .map_err(|error| failed(format!("ask the daemon at {address}: {error}")))?;
        letters += read(&said).map_err(|text| failed(format!("the daemon says: {text}")))?;
    }
    Ok(Changed { letters, by_daemon: true })
}

/// Where it answers, and the key of its run.
fn find(data_dir: &Path, owner: &str) -> Result<(SocketAddr, String), Failure> {
    let none = |what: &str| {
        let place = data_dir.display();
        let text = format!("process {owner} owns the data directory {place}, {what}");
        Failure::new(exit::DATA_DIR, text)
    };
    let run = std::fs::read(run_file::path(data_dir)).ok();
    let run: Value = run
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or_else(|| none("and is not ready yet: try again"))?;
    let address: Option<SocketAddr> = run["http"].as_str().and_then(|text| text.parse().ok());
    let address = address.ok_or_else(|| {
        none("and answers no HTTP (http.address is empty): stop it, and try again")
    })?;
    let key = std::fs::read_to_string(run_file::key_path(data_dir));
    let key = key.map_err(|error| none(&format!("and its run.key cannot be read: {error}")))?;
    Ok((reachable(address), key.trim().to_owned()))
}

/// Who listens everywhere also does so here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn exchange(address: SocketAddr, line: &str, token: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, CONNECT)?;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.set_write_timeout(Some(CONNECT))?;
    write!(
        socket,
        "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    )?;
    let mut said = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// How many letters an answer is about.
fn read(said: &str) -> Result<u64, String> {
    let (head, body) = said.split_once("\r\n\r\n").ok_or("nothing")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let letters = body["due"].as_u64().or_else(|| body["cleared"].as_u64());
    match letters {
        Some(letters) if status.starts_with('2') => Ok(letters),
        _ => Err(body["error"].as_str().unwrap_or(status).to_owned()),
    }
}
