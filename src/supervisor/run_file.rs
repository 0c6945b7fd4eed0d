//! `run.json` in the data directory: which process serves it, and at which addresses.
//!
//! It is removed at the start and appears by rename once the daemon is ready, so a script that finds it may go on.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

/// What was bound.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Each feed's name and kind, and its address if it listens.
    pub feeds: Vec<(String, String, Option<SocketAddr>)>,
    /// Where HTTP is answered.
    pub http: Option<SocketAddr>,
}

/// Where the file is.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("run.json")
}

/// Removes the file of an earlier run, if there is one.
pub fn remove(data_dir: &Path) {
    let _ = std::fs::remove_file(path(data_dir));
}

/// Writes the file; it appears whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(data_dir: &Path, addresses: &Addresses) -> io::Result<()> {
    let feeds: Vec<_> = addresses
        .feeds
        .iter()
        .map(|(name, kind, address)| {
            json!({ "name": name, "kind": kind, "address": address.map(|it| it.to_string()) })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "data_dir": std::path::absolute(data_dir)?.display().to_string(),
        "feeds": feeds,
        "http": addresses.http.map(|it| it.to_string()),
    }))?;
    let temporary = data_dir.join("run.json.new");
    std::fs::write(&temporary, text + "\n")?;
    std::fs::rename(temporary, path(data_dir))
}
