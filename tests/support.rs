//! What several tests need.

pub mod accepted;
pub mod bits;
pub mod compare;
pub mod database;
pub mod http;
pub mod journal;
pub mod lateness;
pub mod log;
pub mod migration;
pub mod namespace;
pub mod numbered;
pub mod postgres_daemon;
pub mod postgres_rows;
pub mod posts;
pub mod process;
pub mod proxy;
pub mod random;
pub mod sentences;
pub mod servers;
pub mod storing;
pub mod sums;
pub mod traffic;
/// Shared with the tests of the feeds themselves.
#[path = "../src/feed/web_socket/testing.rs"]
#[allow(dead_code, reason = "the feeds' own tests use more of it")]
pub mod web_socket;

/// The bytes of a file in `tests/data`.
pub fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// The lines of a file in `tests/data`.
pub fn lines(name: &str) -> Vec<String> {
    String::from_utf8_lossy(&data(name)).lines().map(str::to_owned).collect()
}

/// Whether tests run at the length that their documents tell, and not at that of every day.
pub fn at_full_length() -> bool {
    let all = std::env::var_os("FAULTS").is_some_and(|it| it == "all");
    all || std::env::var_os("AISD_SOAK").is_some()
}
