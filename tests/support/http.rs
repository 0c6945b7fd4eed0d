//! A client for what the daemon answers over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The status and the body of `GET path`.
pub fn get(address: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    ask(address, "GET", path, "")
}

/// The status and the body of `GET path`, if somebody is there.
pub fn get_if_there(address: SocketAddr, path: &str) -> Option<(u16, Vec<u8>)> {
    parts(&exchange(address, "GET", path, "").ok()?)
}

/// The status and the body of any request without a body; each header ends its line.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> (u16, Vec<u8>) {
    parts(&exchange(address, method, path, headers).unwrap()).unwrap()
}

/// Everything that is counted, unless nobody is there.
pub fn metrics_if_there(address: SocketAddr) -> Option<Metrics> {
    let (_, body) = parts(&exchange(address, "GET", "/metrics?format=json", "").ok()?)?;
    serde_json::from_slice(&body).ok().map(Metrics)
}

fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: aisd\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn parts(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..head_end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[head_end + 4..].to_vec()))
}

/// Everything that is counted.
pub fn metrics(address: SocketAddr) -> Metrics {
    let (status, body) = get(address, "/metrics?format=json");
    assert_eq!(status, 200);
    Metrics(serde_json::from_slice(&body).unwrap())
}

/// One look at the metrics.
pub struct Metrics(pub Value);

impl Metrics {
    /// A number, by the way to it.
    pub fn number(&self, pointer: &str) -> u64 {
        let value = self.0.pointer(pointer);
        value.and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {pointer}: {value:?}"))
    }

    /// A number of one feed.
    pub fn feed(&self, feed: &str, name: &str) -> u64 {
        self.number(&format!("/feeds/{feed}/{name}"))
    }

    /// What a feed counted by reason, over all reasons.
    pub fn reasons(&self, feed: &str, name: &str) -> u64 {
        let reasons = self.0["feeds"][feed][name].as_object().unwrap();
        reasons.values().map(|count| count.as_u64().unwrap()).sum()
    }

    /// The names of all feeds.
    pub fn feeds(&self) -> Vec<String> {
        self.0["feeds"].as_object().unwrap().keys().cloned().collect()
    }

    /// A number, over all shards.
    pub fn shards(&self, name: &str) -> u64 {
        let shards = self.0["shards"].as_array().unwrap();
        shards.iter().map(|shard| shard[name].as_u64().unwrap()).sum()
    }

    /// Messages that came to a feed, and those of them that are decided.
    pub fn came_and_left(&self, feed: &str) -> (u64, u64) {
        let sum = |names: &[&str]| names.iter().map(|name| self.feed(feed, name)).sum::<u64>();
        let refused = ["rejected", "filtered", "dropped"].map(|name| self.reasons(feed, name));
        let left = sum(&["stored", "repeats", "undelivered"]) + refused.iter().sum::<u64>();
        (sum(&["received", "recovered"]), left)
    }
}
