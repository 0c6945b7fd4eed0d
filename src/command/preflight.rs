//! `aisd preflight`: whether a daemon of this configuration will find what it needs, before it is deployed.
//!
//! It changes nothing: no table, no key, no file but one in the data directory that it takes away again. Beside a daemon that runs it
//! looks as well, and knows its addresses as taken by it, as it knows those that systemd holds open for it. A finding that forbids a deployment is a `rollback` by its exit code.

mod held;
mod machine;
mod postgres;
mod redis;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde_json::{Value, json};

use super::FileArgs;
use super::checklist::OutputArgs;
use super::checklist::outcome::{Check, Mark};
use super::checklist::report::Section;
use super::daemon::run;
use super::duration::shown;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::load::{Flags, Loaded, load};
use crate::exit::Failure;

/// A backup of before a deployment is not older than this many hours.
const BACKUP_HOURS_MAX: u64 = 24;

/// What is looked at.
#[derive(Args, Debug)]
pub struct PreflightArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The data directory of the daemon
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The backup that was made before this deployment; it must be there, be no older than a day and hold something
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Looks, and says what it found.
///
/// # Errors
/// What is wrong with the log, or that nothing can be written; a configuration that is wrong is a finding.
pub fn preflight(args: &PreflightArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    args.output.report.check()?;
    let flags = Flags { data_dir: args.data_dir.clone(), ..args.file.flags() };
    let mut checks = match load(&flags) {
        Ok(loaded) => all(&loaded),
        Err(failure) => {
            let faults = failure.text.lines();
            faults.map(|text| Check::new("configuration", Mark::Rollback, text)).collect()
        }
    };
    checks.push(backup(args.backup.as_deref()));
    let section = Section {
        command: "preflight",
        at_us: Clock::System.now_us(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        verdict: Mark::of_all(&checks),
        checks,
        more: json!({}),
    };
    args.output.finish(&section, out)
}

fn all(loaded: &Loaded) -> Vec<Check> {
    let config = &loaded.config;
    let mut checks = configuration(loaded);
    checks.extend(secrets(config));
    let running = running(&config.data_dir);
    if let Some(run) = &running {
        let text = format!("{} runs as process {}", text(run, "version"), run["pid"]);
        checks.push(Check::new("running daemon", Mark::Pass, text));
    }
    checks.extend(machine::look(config, running.is_some()));
    if config.store.url.is_empty() {
        let text = format!(
            "no DATABASE_URL: stored in SQLite in {}; nothing else is needed for that",
            config.data_dir.display()
        );
        checks.push(Check::new("store", Mark::Note, text));
    } else {
        checks.extend(postgres::look(&config.store));
    }
    if config.redis.url.is_empty() {
        let text = "no REDIS_URL: there will be no live picture";
        checks.push(Check::new("redis", Mark::Note, text));
    } else {
        checks.extend(redis::look(&config.redis));
    }
    checks
}

fn configuration(loaded: &Loaded) -> Vec<Check> {
    let from = match &loaded.file {
        Some(file) => format!("{}: right", file.display()),
        None => "no file, defaults apply".to_owned(),
    };
    let warnings = loaded.warnings.iter();
    let warnings = warnings.map(|text| Check::new("configuration", Mark::Note, text));
    std::iter::once(Check::new("configuration", Mark::Pass, from)).chain(warnings).collect()
}

/// The four variables of the checklist, which may also be keys, credentials or files; two of them are looked into later.
fn secrets(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(if config.http.jwt_secret.is_empty() {
        let text =
            "not set: the admin routes answer nobody, `aisd dlq` beside the daemon works without";
        Check::new("JWT_SECRET", Mark::Note, text)
    } else {
        Check::new("JWT_SECRET", Mark::Pass, "set, 32 bytes or more")
    });
    let through = &config.store;
    if !through.url.is_empty() && through.direct_url.is_empty() {
        let text =
            "not set: migrations and days go over DATABASE_URL, which must not be a pooler then";
        checks.push(Check::new("DIRECT_DATABASE_URL", Mark::Note, text));
    }
    checks
}

/// The `run.json` of a daemon that still lives.
fn running(data_dir: &Path) -> Option<Value> {
    let run = run(data_dir)?;
    let name = std::fs::read_to_string(format!("/proc/{}/comm", run["pid"])).ok()?;
    (name.trim_end() == "aisd").then_some(run)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("?")
}

/// Whether there is something to go back to.
fn backup(path: Option<&Path>) -> Check {
    const NAME: &str = "backup";
    let Some(path) = path else {
        let text = "not told: make one (docs/OPERATIONS.md) and name it with --backup";
        return Check::new(NAME, Mark::Note, text);
    };
    let place = path.display();
    let found = std::fs::metadata(path).and_then(|found| Ok((found.len(), found.modified()?)));
    let (bytes, made) = match found {
        Ok(found) => found,
        Err(error) => return Check::new(NAME, Mark::Rollback, format!("{place}: {error}")),
    };
    if bytes == 0 {
        return Check::new(NAME, Mark::Rollback, format!("{place} is empty"));
    }
    let age = SystemTime::now().duration_since(made).unwrap_or_default();
    let age = std::time::Duration::from_secs(age.as_secs());
    let text = format!("{place}: {bytes} bytes, {} old", shown(age));
    let is_old = age.as_secs() > BACKUP_HOURS_MAX * 3600;
    let text = if is_old { format!("{text}, at most {BACKUP_HOURS_MAX} h may be") } else { text };
    Check::new(NAME, if is_old { Mark::Consider } else { Mark::Pass }, text)
}

/// Every address that is listened at, with its name and protocol; what is posted to the face has none of its own.
fn listeners(config: &Config) -> Vec<(String, &'static str, &str)> {
    let face = ("http".to_owned(), "tcp", config.http.address.as_str());
    let feeds = config.feeds.iter().filter_map(|feed| {
        let name = format!("feed {}", feed.name.as_deref().unwrap_or_default());
        feed.kind.listens().map(|(protocol, address)| (name, protocol, address))
    });
    let mut all: Vec<_> = std::iter::once(face).chain(feeds).collect();
    all.retain(|(_, _, address)| !address.is_empty());
    let known = all.clone();
    let mut at = 0;
    // Feeds of posts may share an address with one another and with the face.
    all.retain(|(_, protocol, address)| {
        at += 1;
        !known[..at - 1].iter().any(|other| (other.1, other.2) == (*protocol, *address))
    });
    all
}
