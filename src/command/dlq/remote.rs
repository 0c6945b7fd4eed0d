//! Asks the running daemon over its HTTP face, with a token that is signed with the key of its run: who may read that in the data
//! directory could change the file itself.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::Changed;
use crate::command::daemon::{Answer, exchange, reachable, run};
use crate::exit::{self, Failure};
use crate::http::token;
use crate::resilience::dead_letters::Which;
use crate::supervisor::run_file;

/// The answer comes when all is done.
const ANSWER: Duration = Duration::from_secs(300);
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
        let headers = format!("Authorization: Bearer {token}\r\nContent-Length: 0\r\n");
        let said = exchange(address, asked.line(), &headers, ANSWER)
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
    let run = run(data_dir).ok_or_else(|| none("and is not ready yet: try again"))?;
    let address: Option<SocketAddr> = run["http"].as_str().and_then(|text| text.parse().ok());
    let address = address.ok_or_else(|| {
        none("and answers no HTTP (http.address is empty): stop it, and try again")
    })?;
    let key = std::fs::read_to_string(run_file::key_path(data_dir));
    let key = key.map_err(|error| none(&format!("and its run.key cannot be read: {error}")))?;
    Ok((reachable(address), key.trim().to_owned()))
}

/// How many letters an answer is about.
fn read(said: &Answer) -> Result<u64, String> {
    let status = said.status.to_string();
    let body: Value = serde_json::from_str(&said.body).unwrap_or_default();
    let letters = body["due"].as_u64().or_else(|| body["cleared"].as_u64());
    match letters {
        Some(letters) if status.starts_with('2') => Ok(letters),
        _ => Err(body["error"].as_str().unwrap_or(&status).to_owned()),
    }
}
