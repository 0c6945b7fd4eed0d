//! A daemon that stores in Postgres: its configuration, what is sent to it, and what is in the tables.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use super::http::metrics;
use super::numbered::{self, NUMBER_SQL};
use super::process::{Daemon, Home, wait_until};
use super::servers::Postgres;

/// Keeps the whole journal, and does not leave a server alone for long that failed.
const ALWAYS: &str = "[journal]\nkeep_all = true\n[breakers]\nopen_ms = 100\n";

/// The configuration that stores there, with more keys of `[store]`.
pub fn config(url: &str, store: &str) -> String {
    format!("{ALWAYS}[store]\nurl = \"{url}\"\n{store}")
}

/// Sends text over TCP.
pub fn send(daemon: &Daemon, text: &[u8]) {
    TcpStream::connect(daemon.tcp()).unwrap().write_all(text).unwrap();
}

/// Sends these numbered sentences over TCP.
pub fn send_numbers(daemon: &Daemon, numbers: std::ops::Range<u32>) {
    send(daemon, &numbered::lines(numbers));
}

/// Sends these sentences over TCP, at once.
pub fn send_sentences(daemon: &Daemon, sentences: &[String]) {
    send(daemon, (sentences.join("\r\n") + "\r\n").as_bytes());
}

/// Waits until this many messages have come over TCP in this run, and all that ever came are decided and committed.
pub fn wait_stored(daemon: &Daemon, received: u64) {
    wait_until("all of it is stored", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        metrics.feed("tcp", "received") == received && metrics.number("/accounting/in_flight") == 0
    });
}

/// The numbers in the journal of all rows, sorted.
pub fn seqs(server: &Postgres, instance: i16) -> Vec<u64> {
    let sql = "SELECT seq FROM positions WHERE instance = $1 \
               UNION ALL SELECT seq FROM messages WHERE instance = $1 ORDER BY 1";
    let rows = server.connect().query(sql, &[&instance]).unwrap();
    rows.iter().map(|row| row.get::<_, i64>(0).cast_unsigned()).collect()
}

/// Numbered sentences that are stored, sorted; one that is stored twice is there twice.
pub fn numbers(server: &Postgres) -> Vec<u32> {
    let sql = format!("SELECT {NUMBER_SQL} FROM positions ORDER BY 1");
    let rows = server.connect().query(&sql, &[]).unwrap();
    rows.iter().map(|row| row.get::<_, i32>(0).cast_unsigned()).collect()
}

/// The numbers in the journal of all its records, oldest first. Only while no daemon runs.
pub fn accepted(data: &Path) -> Vec<u64> {
    super::journal::entries(data).iter().map(|entry| entry.seq).collect()
}

/// What lies in the dead letters, by number and kind, as `aisd dlq peek` tells it.
pub fn letters(home: &Home) -> BTreeMap<(u64, String), Value> {
    let mut peek = super::process::aisd();
    peek.args(["dlq", "peek", "--count", "1000000", "--data-dir"]).arg(home.data());
    let output = peek.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let letters = text.lines().map(|line| {
        let letter: Value = serde_json::from_str(line).unwrap();
        let key = (letter["seq"].as_u64().unwrap(), letter["kind"].as_str().unwrap().to_owned());
        (key, letter)
    });
    letters.collect()
}

/// What `/readyz?verbose` says.
pub fn readiness(daemon: &Daemon) -> String {
    let (_, body) = super::http::get(daemon.http(), "/readyz?verbose");
    String::from_utf8(body).unwrap()
}

/// Waits until `/readyz?verbose` says something.
pub fn wait_said(daemon: &Daemon, what: &str) {
    let mut said = String::new();
    let began = std::time::Instant::now();
    while !said.contains(what) {
        assert!(began.elapsed() < super::process::PATIENCE, "no `{what}` in {said}");
        said = readiness(daemon);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
