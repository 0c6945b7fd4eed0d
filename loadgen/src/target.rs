//! Finds out where to send, whom to ask and which store to read; waits for the daemon when told to.

use crate::arguments::{Arguments, Store};
use crate::live;
use crate::metrics::{Metrics, resolve};
use crate::secret::{self, Secret};
use crate::send::http::{Http, Route};
use crate::send::{Null, Sink, tcp, udp};
use crate::stored::At;
use crate::stored::postgres::Address;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long `--wait` waits.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The store's file in the daemon's data folder.
const STORE_FILE: &str = "aisd.db";
/// The file there that says which instance it is.
const INSTANCE_FILE: &str = "instance";
/// Where batches of positions are posted.
const POST_PATH: &str = "/api/vessels/positions/batch";

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nowhere.
    Null,
    /// One datagram for each.
    Udp(SocketAddr),
    /// Lines on connections.
    Tcp(SocketAddr),
    /// Arrays of positions as JSON.
    Http(Route),
}

/// Everything about the other side.
#[derive(Clone, Debug)]
pub struct Daemon {
    /// Where messages go.
    pub target: Target,
    /// Whom to ask for figures.
    pub metrics: Option<Metrics>,
    /// What to compare with.
    pub store: Option<At>,
    /// Its process, when run.json tells.
    pub pid: Option<u32>,
    /// What to follow.
    pub live: Option<live::address::Address>,
}

impl Daemon {
    /// Puts together what the arguments and `run.json` say.
    ///
    /// # Errors
    /// A text that says what is missing or out of reach.
    pub fn find(arguments: &Arguments) -> Result<Self, String> {
        let until = arguments.wait.then(|| Instant::now() + WAIT_MAX);
        let told = match &arguments.run_json {
            Some(file) => Some(patiently(until, || read_run_json(file))?),
            None => None,
        };
        let told = told.as_ref();
        let asked = arguments.target.as_deref();
        let target = match (asked, told) {
            (Some(asked), _) if asked == "null" || asked.contains("://") => Target::parse(asked)?,
            (_, Some(told)) => Target::of_feed(told, asked)?,
            (asked, None) => Target::parse(asked.unwrap_or_default())?,
        };
        let http = told.and_then(|told| told.get("http")).and_then(Value::as_str);
        let metrics = arguments.metrics.as_deref().or(http).map(Metrics::parse).transpose()?;
        let store = match arguments.store()? {
            Some(store) => Some(place(store, arguments, told)?),
            None => None,
        };
        let live = arguments.live.as_ref().map(followed).transpose()?;
        if until.is_some() {
            patiently(until, || target.listens())?;
            if let Some(metrics) = &metrics {
                let answers = || metrics.read().map_err(|error| format!("metrics: {error}"));
                patiently(until, answers)?;
            }
        }
        let pid = told.and_then(|told| told.get("pid")?.as_u64());
        let pid = pid.and_then(|pid| u32::try_from(pid).ok());
        Ok(Self { target, metrics, store, pid, live })
    }
}

impl Target {
    /// From `udp://HOST:PORT`, `tcp://HOST:PORT` or `null`.
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text == "null" => Ok(Self::Null),
            Some(("udp", host)) => resolve(host.trim_end_matches('/')).map(Self::Udp),
            Some(("tcp", host)) => resolve(host.trim_end_matches('/')).map(Self::Tcp),
            Some(("http", rest)) => Self::route(rest),
            _ => Err(format!(
                "--target is {text}, must be udp://HOST:PORT, tcp://HOST:PORT or http://HOST:PORT"
            )),
        }
    }

    /// From `HOST:PORT`, with the path where load tests of the backend before post, or with another one.
    fn route(text: &str) -> Result<Self, String> {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let path = if path.is_empty() { POST_PATH.to_owned() } else { format!("/{path}") };
        Ok(Self::Http(Route { address: resolve(host)?, host: host.to_owned(), path }))
    }

    /// Whether positions go there as JSON.
    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Http(_))
    }

    /// The first feed in `run.json` that takes messages, of the asked kind if there is one.
    fn of_feed(told: &Value, asked: Option<&str>) -> Result<Self, String> {
        if asked == Some("http") {
            let http = told.get("http").and_then(Value::as_str);
            return Self::route(http.ok_or("run.json names no address for http")?);
        }
        let feeds = told.get("feeds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for feed in feeds {
            let text = |name: &str| feed.get(name).and_then(Value::as_str).unwrap_or_default();
            let (kind, name, address) = (text("kind"), text("name"), text("address"));
            if address.is_empty()
                || asked.is_some_and(|asked| !kind.starts_with(asked) && name != asked)
            {
                continue;
            }
            if kind.starts_with("udp") {
                return resolve(address).map(Self::Udp);
            }
            if kind.starts_with("tcp") && !kind.contains("connect") {
                return resolve(address).map(Self::Tcp);
            }
        }
        Err(format!("run.json has no feed that takes {}", asked.unwrap_or("messages")))
    }

    /// Opens the way there.
    ///
    /// # Errors
    /// When it is closed.
    pub fn connect(&self, arguments: &Arguments) -> io::Result<Box<dyn Sink>> {
        let receivers = arguments.receivers;
        let connections = usize::from(arguments.connections);
        Ok(match *self {
            Self::Null => Box::new(Null),
            Self::Udp(address) => Box::new(udp::Udp::connect(address, receivers)?),
            Self::Tcp(address) => Box::new(tcp::Tcp::connect(address, connections, receivers)?),
            Self::Http(ref route) => {
                Box::new(Http::start(route, connections, u64::from(arguments.batch))?)
            }
        })
    }

    fn listens(&self) -> Result<(), String> {
        let listens = match *self {
            Self::Null => true,
            Self::Udp(address) => udp::listens(address),
            Self::Tcp(address) | Self::Http(Route { address, .. }) => tcp::listens(address),
        };
        if listens { Ok(()) } else { Err(format!("nobody listens at {self}")) }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => write!(out, "null"),
            Self::Udp(address) => write!(out, "udp://{address}"),
            Self::Tcp(address) => write!(out, "tcp://{address}"),
            Self::Http(Route { host, path, .. }) => write!(out, "http://{host}{path}"),
        }
    }
}

/// Where the store is that was asked for.
fn place(store: Store, arguments: &Arguments, told: Option<&Value>) -> Result<At, String> {
    let text = |name| told.and_then(|told| told.get(name)).and_then(Value::as_str);
    let folder = text("data_dir").map(Path::new);
    match (store, folder) {
        (Store::Sqlite(file), _) => Ok(At::Sqlite(file)),
        (Store::Embedded, Some(folder)) => Ok(At::Sqlite(folder.join(STORE_FILE))),
        (Store::Embedded, None) => Err("run.json names no data_dir".into()),
        (Store::Postgres(url), _) => {
            let url = secret::or_from(url, "--verify", "DATABASE_URL")?;
            let of_folder = || std::fs::read_to_string(folder?.join(INSTANCE_FILE)).ok();
            let instance = arguments.instance.clone().or_else(of_folder);
            let address = Address::parse(url.reveal(), instance);
            address
                .map(|it| At::Postgres(Box::new(it)))
                .map_err(|error| format!("address of the store: {error}"))
        }
    }
}

/// Where the live picture is that was asked for.
fn followed(asked: &Secret) -> Result<live::address::Address, String> {
    let url = match asked.reveal().strip_prefix("redis") {
        Some(query) if query.is_empty() || query.starts_with('?') => {
            let server = secret::or_from(None, "--live", "REDIS_URL")?;
            format!("{}{query}", server.reveal()).into()
        }
        _ => asked.clone(),
    };
    live::address::Address::parse(&url)
}

/// Tries again until it works or the time is over; once when there is no time.
fn patiently<T>(
    until: Option<Instant>,
    mut work: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    loop {
        match work() {
            Err(_) if until.is_some_and(|until| Instant::now() < until) => {
                thread::sleep(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

fn read_run_json(file: &Path) -> Result<Value, String> {
    let name = file.display();
    let text = std::fs::read(file).map_err(|error| format!("{name}: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_feed_is_found_by_kind() {
        let told = json!({"feeds": [
            {"name": "hub", "kind": "tcp_connect", "address": "127.0.0.1:1"},
            {"name": "udp", "kind": "udp", "address": "127.0.0.1:2"},
            {"name": "tcp", "kind": "tcp_listen", "address": "127.0.0.1:3"},
        ]});
        let check = |asked, expected: &str| {
            let found = Target::of_feed(&told, asked).map(|target| target.to_string());
            assert_eq!(found.unwrap_or_else(|error| error), expected);
        };
        check(None, "udp://127.0.0.1:2");
        check(Some("udp"), "udp://127.0.0.1:2");
        check(Some("tcp"), "tcp://127.0.0.1:3");
        check(Some("ws"), "run.json has no feed that takes ws");
        check(Some("http"), "run.json names no address for http");
    }

    #[test]
    fn targets_are_read_and_refused() {
        assert_eq!(Target::parse("null"), Ok(Target::Null));
        assert!(matches!(Target::parse("udp://127.0.0.1:5"), Ok(Target::Udp(_))));
        assert!(matches!(Target::parse("tcp://localhost:5/"), Ok(Target::Tcp(_))));
        let http = |text: &str| Target::parse(text).unwrap().to_string();
        let posted = "http://127.0.0.1:5/api/vessels/positions/batch";
        assert_eq!(http("http://127.0.0.1:5"), posted);
        assert_eq!(http("http://127.0.0.1:5/"), posted);
        assert_eq!(http("http://127.0.0.1:5/x/y"), "http://127.0.0.1:5/x/y");
        assert!(Target::parse("https://127.0.0.1:5").is_err());
        assert!(Target::parse("127.0.0.1:5").is_err());
    }
}
