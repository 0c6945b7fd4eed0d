//! The running daemon, as commands beside it find and ask it.
//!
//! Each question is a connection of its own with a deadline, so that a daemon that stands still is noticed. Where it answers is
//! looked up anew when it does not: one that was started again may have another port.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::FileArgs;
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};
use crate::supervisor::run_file;

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// A daemon that lives answers within this.
const WITHIN: Duration = Duration::from_secs(5);

/// Which daemon.
#[derive(Args, Clone, Debug)]
pub struct DaemonArgs {
    #[command(flatten)]
    pub file: FileArgs,
    /// The data directory of the daemon, whose run.json says where it answers
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Ask the daemon that answers HTTP here instead, on this machine or another
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
}

/// A daemon that may be there.
pub struct Daemon {
    data_dir: PathBuf,
    /// Told on the command line.
    told: Option<String>,
    /// As configured, for when there is no `run.json` yet.
    configured: String,
    known: Option<SocketAddr>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// The text.
    pub body: String,
}

impl Daemon {
    /// The one that is meant.
    ///
    /// # Errors
    /// What is wrong with the configuration that names it.
    pub fn of(args: &DaemonArgs) -> Result<Self, Failure> {
        let told = args.address.clone();
        if told.is_some() {
            let (data_dir, configured) = (PathBuf::new(), String::new());
            return Ok(Self { data_dir, told, configured, known: None });
        }
        let flags = Flags { data_dir: args.data_dir.clone(), ..args.file.flags() };
        let config = load(&flags)?.config;
        if config.http.address.is_empty() {
            let text = "http.address is empty, so the daemon answers nobody; give it one, or name it with --address";
            return Err(Failure::new(exit::CONFIG, text));
        }
        let configured = config.http.address;
        Ok(Self { data_dir: config.data_dir, told, configured, known: None })
    }

    /// What it answers to `GET path`.
    ///
    /// # Errors
    /// Why it does not, in words.
    pub fn get(&mut self, path: &str) -> Result<Answer, String> {
        let known = self.known.take();
        let mut failed = String::new();
        if let Some(address) = known {
            match get(address, path) {
                Ok(answer) => {
                    self.known = known;
                    return Ok(answer);
                }
                Err(error) => failed = format!("{address}: {}", plain(&error)),
            }
        }
        let address = self.find()?;
        if known == Some(address) {
            return Err(failed);
        }
        let answer = get(address, path).map_err(|error| format!("{address}: {}", plain(&error)))?;
        self.known = Some(address);
        Ok(answer)
    }

    /// Where it answers, as far as is known.
    #[must_use]
    pub fn shown(&self) -> String {
        let known = self.known.map(|address| address.to_string());
        known.or_else(|| self.told.clone()).unwrap_or_else(|| self.configured.clone())
    }

    /// By its `run.json`; where that cannot be read, since the data directory is another user's or elsewhere, as configured. A
    /// directory without one has no daemon that is ready, whoever else may answer at the configured address.
    fn find(&self) -> Result<SocketAddr, String> {
        if let Some(told) = &self.told {
            return look_up(told);
        }
        let running = run(&self.data_dir).and_then(|run| run["http"].as_str()?.parse().ok());
        if let Some(address) = running {
            return Ok(reachable(address));
        }
        if std::fs::read_dir(&self.data_dir).is_ok() {
            let path = run_file::path(&self.data_dir);
            return Err(format!("no daemon is ready, for there is no {}", path.display()));
        }
        look_up(&self.configured)
    }
}

fn look_up(address: &str) -> Result<SocketAddr, String> {
    let found = address.to_socket_addrs().map(|mut found| found.next());
    match found {
        Ok(Some(found)) => Ok(reachable(found)),
        Ok(None) => Err(format!("{address}: no address has this name")),
        Err(error) => Err(format!("{address}: {}", plain(&error))),
    }
}

/// What the daemon of a data directory says of itself, when it is ready.
#[must_use]
pub fn run(data_dir: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(run_file::path(data_dir)).ok()?).ok()
}

/// Who listens everywhere also does so here.
#[must_use]
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(address, &format!("GET {path}"), "", WITHIN)
}

/// Sends a request without a body, each header ending its line, and reads the answer until the deadline.
///
/// # Errors
/// When there is none in time, or it is none.
pub fn exchange(
    address: SocketAddr,
    line: &str,
    headers: &str,
    within: Duration,
) -> io::Result<Answer> {
    let until = Instant::now() + within;
    let mut socket = TcpStream::connect_timeout(&address, within.min(WITHIN))?;
    socket.set_write_timeout(Some(WITHIN))?;
    write!(socket, "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n")?;
    let mut said = Vec::new();
    let mut socket = socket.take(ANSWER_BYTES_MAX);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        socket.get_ref().set_read_timeout(Some(left))?;
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => said.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    let said = String::from_utf8_lossy(&said);
    parts(&said).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parts(said: &str) -> Option<Answer> {
    let (head, body) = said.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// The system's words without its number.
fn plain(error: &io::Error) -> String {
    if error.kind() == ErrorKind::TimedOut {
        return "no answer in time".to_owned();
    }
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let check = |said, expected: Option<(u16, &str)>| {
            let parts = parts(said).map(|answer| (answer.status, answer.body));
            assert_eq!(parts, expected.map(|(status, body)| (status, body.to_owned())), "{said}");
        };
        check(
            "HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nstarting\n",
            Some((503, "starting\n")),
        );
        check("HTTP/1.1 200 OK\r\n\r\n", Some((200, "")));
        check("HTTP/1.1 OK\r\n\r\n", None);
        check("SSH-2.0-OpenSSH\r\n", None);
    }

    #[test]
    fn who_accepts_and_says_nothing_is_given_up_at_the_deadline() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let began = Instant::now();
        let answer = exchange(address, "GET /", "", Duration::from_millis(200));
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(3));
    }
}
