//! `run.json` in the data directory: which process serves it, and at which addresses. `run.key` beside it is for the commands
//! of whoever may read it: they sign their tokens with it, so that none has to be made for them.
//!
//! The former is removed at the start and appears by rename once the daemon is ready, so a script that finds it may go on.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use uuid::Uuid;

/// What was bound.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Each feed's name and kind, and its address if it listens.
    pub feeds: Vec<(String, String, Option<SocketAddr>)>,
    /// Where HTTP is answered.
    pub http: Option<SocketAddr>,
}

impl Addresses {
    /// Says aloud where other machines may come in: what listens at the loopback alone is nobody else's.
    pub fn warn_of_others(&self) {
        let feeds = self.feeds.iter().filter_map(|(name, kind, address)| {
            Some((format!("feed {name} ({kind})"), (*address)?))
        });
        let face =
            self.http.map(|address| ("http: metrics, vessels and tracks".to_owned(), address));
        for (what, address) in feeds.chain(face) {
            if !address.ip().to_canonical().is_loopback() {
                tracing::warn!(
                    "{what} listens at {address}, where other machines may come in; keep it behind a firewall or a proxy, or at 127.0.0.1"
                );
            }
        }
    }
}

/// Where the file is.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("run.json")
}

/// Where the key is.
#[must_use]
pub fn key_path(data_dir: &Path) -> PathBuf {
    data_dir.join("run.key")
}

/// Removes the files of an earlier run, if there are any.
pub fn remove(data_dir: &Path) {
    let _ = std::fs::remove_file(path(data_dir));
    let _ = std::fs::remove_file(key_path(data_dir));
}

/// Makes a key for this run, and writes it where only the owner reads it.
///
/// # Errors
/// When it cannot be written.
pub fn write_key(data_dir: &Path) -> io::Result<String> {
    let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let temporary = data_dir.join("run.key.new");
    let _ = std::fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{key}")?;
    std::fs::rename(temporary, key_path(data_dir))?;
    Ok(key)
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
