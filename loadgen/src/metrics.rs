//! Asks the daemon for its own figures: `GET /metrics` as JSON, over a plain connection with time-outs.
//!
//! What the daemon says is reported (latency, memory) and tells when to look (how much it has stored); whether messages
//! were lost is never taken from here. Fields that are missing are missing in the report.

use serde_json::{Map, Value, json};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a connection, and each read from it, may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Where messages may end that are not stored.
const NOT_STORED: &[&str] = &["repeats", "rejected", "filtered", "dropped", "undelivered"];

/// Where to ask.
#[derive(Clone, Debug)]
pub struct Metrics {
    address: SocketAddr,
    host: String,
}

impl Metrics {
    /// From `http://HOST:PORT` or `HOST:PORT`.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let host = text.strip_prefix("http://").unwrap_or(text);
        let host = host.split('/').next().unwrap_or(host).to_owned();
        let address = resolve(&host)?;
        Ok(Self { address, host })
    }

    /// The figures now.
    ///
    /// # Errors
    /// When the daemon does not answer with JSON.
    pub fn read(&self) -> io::Result<Figures> {
        self.get("/metrics").map(Figures)
    }

    /// The figures now; the window of latency and peak memory begins anew.
    ///
    /// # Errors
    /// When the daemon does not answer with JSON.
    pub fn reset_window(&self) -> io::Result<Figures> {
        self.get("/metrics?window=reset").map(Figures)
    }

    fn get(&self, path: &str) -> io::Result<Value> {
        let mut stream = TcpStream::connect_timeout(&self.address, ANSWER_MAX)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        // Version 1.0: the answer comes whole and ends with the connection.
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {}\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
            self.host
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(BYTES_MAX).read_to_end(&mut answer)?;
        body(&answer).ok_or_else(|| {
            let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let first = String::from_utf8_lossy(first).into_owned();
            io::Error::other(format!("no JSON at {path}: {first}"))
        })
    }
}

/// The first address of `HOST:PORT`.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn resolve(host: &str) -> Result<SocketAddr, String> {
    let mut found = host.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    found.next().ok_or_else(|| format!("{host}: no address"))
}

fn body(answer: &[u8]) -> Option<Value> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let ok = answer.split(|byte| *byte == b' ').nth(1) == Some(b"200");
    ok.then(|| serde_json::from_slice(&answer[end + 4..]).ok()).flatten()
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Figures(Value);

impl Figures {
    /// Messages stored since the daemon started, over all feeds.
    pub fn stored(&self) -> Option<u64> {
        self.over_feeds("stored")
    }

    /// What became of the messages that are not stored, by the names in [`NOT_STORED`], since `before`.
    pub fn not_stored(&self, before: &Self) -> Map<String, Value> {
        let since = |name: &&str| {
            let (now, then) = (self.over_feeds(name)?, before.over_feeds(name).unwrap_or(0));
            // A daemon that was started again counts from nothing.
            Some(((*name).to_owned(), json!(now.checked_sub(then).unwrap_or(now))))
        };
        NOT_STORED.iter().filter_map(since).collect()
    }

    /// From the text of an answer.
    #[cfg(test)]
    pub fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text).map(Self)
    }

    /// How often messages were refused for this reason, or parts given up.
    pub fn reason(&self, name: &str) -> Option<u64> {
        let feeds = self.0.get("feeds")?.as_object()?.values();
        let count = |feed: &Value| {
            let told = feed.get(name).or_else(|| feed.get("rejected")?.get(name));
            told.and_then(Value::as_u64)
        };
        feeds.map(count).sum()
    }

    /// A count over all feeds; that of all reasons if it is told by reason.
    pub fn over_feeds(&self, name: &str) -> Option<u64> {
        let count = |feed: &Value| match feed.get(name)? {
            Value::Object(reasons) => reasons.values().map(Value::as_u64).sum(),
            count => count.as_u64(),
        };
        match self.0.get("feeds")? {
            Value::Object(feeds) => feeds.values().map(count).sum(),
            Value::Array(feeds) => feeds.iter().map(count).sum(),
            _ => None,
        }
    }

    /// Messages taken but not yet decided.
    pub fn in_flight(&self) -> Option<u64> {
        self.0.pointer("/accounting/in_flight").and_then(Value::as_u64)
    }

    /// Receive to commit over the window, as the daemon gives it: p50, p99, p999 and max in milliseconds.
    pub fn latency_ms(&self) -> Option<&Value> {
        self.0.pointer("/latency_ms/window").or_else(|| self.0.pointer("/latency_ms/start"))
    }

    /// The 99th percentile of receive to commit over the last minute.
    pub fn p99_of_minute_ms(&self) -> Option<f64> {
        self.0.pointer("/latency_ms/minute/p99").and_then(Value::as_f64)
    }

    /// The share of lookups that the cache of vessels answered, since the daemon started.
    pub fn cache_hit_rate(&self) -> Option<f64> {
        let shards = self.0.get("shards")?.as_array()?;
        let sum = |name| shards.iter().filter_map(|shard| shard.get(name)?.as_u64()).sum::<u64>();
        let (hits, misses) = (sum("cache_hits"), sum("cache_misses"));
        (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
    }

    /// Rows in the dead letters.
    pub fn dead_letters(&self) -> Option<u64> {
        self.0.pointer("/dead_letters/rows").and_then(Value::as_u64)
    }

    /// The state of each circuit breaker of a neighbour that there is, by what it guards.
    pub fn breakers(&self) -> Vec<(String, String)> {
        let neighbours = self.0.get("neighbours").and_then(Value::as_object);
        let state = |(name, told): (&String, &Value)| {
            if told.get("configured") == Some(&json!(false)) {
                return None;
            }
            let state = told.get("breaker")?.as_str()?;
            Some((name.clone(), state.to_owned()))
        };
        neighbours.into_iter().flatten().filter_map(state).collect()
    }

    /// The most memory over the window, in bytes.
    pub fn memory_max(&self) -> Option<u64> {
        let names = ["rss_peak_window_bytes", "rss_peak_bytes", "rss_bytes"];
        let memory = self.0.get("memory")?;
        names.iter().find_map(|name| memory.get(name).and_then(Value::as_u64))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers each of some requests with the next body; the requests' first lines come back.
    pub fn daemon(bodies: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serve = move || {
            let mut asked = Vec::new();
            for body in bodies {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 1000];
                let length = stream.read(&mut buffer).unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                asked.push(text.lines().next().unwrap().to_owned());
                write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}")
                    .unwrap();
            }
            asked
        };
        (address, thread::spawn(serve))
    }

    #[test]
    fn figures_are_read_and_missing_ones_are_missing() {
        let full = r#"{"latency_ms":{"window":{"p50":0.5,"p99":2.5}},"memory":{"rss_bytes":7},
            "feeds":{"udp":{"stored":3},"tcp":{"stored":4}},"accounting":{"in_flight":1}}"#;
        let (address, served) = daemon(vec![full.into(), "{}".into()]);
        let metrics = Metrics::parse(&address).unwrap();
        let figures = metrics.reset_window().unwrap();
        assert_eq!((figures.stored(), figures.in_flight()), (Some(7), Some(1)));
        assert_eq!(figures.memory_max(), Some(7));
        assert_eq!(figures.latency_ms().unwrap()["p99"], 2.5);
        let empty = metrics.read().unwrap();
        assert_eq!((empty.stored(), empty.in_flight(), empty.memory_max()), (None, None, None));
        let asked = served.join().unwrap();
        assert_eq!(asked[0], "GET /metrics?window=reset HTTP/1.0");
    }

    #[test]
    fn what_is_not_stored_is_counted_by_its_end_since_the_run_began() {
        let figures = |text: &str| Figures(serde_json::from_str(text).unwrap());
        let before = figures(r#"{"feeds":{"udp":{"repeats":1,"undelivered":9}}}"#);
        let after = figures(
            r#"{"feeds":{"udp":{"repeats":3,"undelivered":4,"rejected":{"checksum":1,"length":2}},
                "tcp":{"repeats":1,"undelivered":0,"rejected":{}}}}"#,
        );
        let found = Value::from(after.not_stored(&before));
        assert_eq!(found, json!({"repeats": 3, "undelivered": 4, "rejected": 3}));
    }

    #[test]
    fn an_answer_that_is_no_json_is_an_error() {
        let (address, _) = daemon(vec!["ais_up 1".into()]);
        assert!(Metrics::parse(&address).unwrap().read().is_err());
        assert!(Metrics::parse("nowhere").is_err());
    }
}
