//! `aisd run`: the daemon.

use std::path::PathBuf;

use clap::Args;

use super::FileArgs;
use crate::config::load::{Flags, Loaded, load};
use crate::exit::Failure;
use crate::observe::log;
use crate::supervisor::{self, Mode};

/// Arguments of `run`. Naming any feed takes the place of all configured ones; port 0 stands for any free port.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Keep journal and store here
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Take datagrams at this address
    #[arg(long, value_name = "ADDR")]
    udp: Vec<String>,
    /// Take senders of lines at this address
    #[arg(long, value_name = "ADDR")]
    tcp: Vec<String>,
    /// Connect to a server of lines at this address
    #[arg(long, value_name = "ADDR")]
    tcp_connect: Vec<String>,
    /// Take what is posted to this address; "" for that of --http
    #[arg(long, value_name = "ADDR")]
    http_feed: Vec<String>,
    /// Read this file of lines; - for standard input
    #[arg(long = "file", value_name = "PATH")]
    file_feed: Vec<String>,
    /// Answer HTTP at this address; "" for none
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// What is wrong with the configuration, or why the daemon had to stop.
pub fn run(args: RunArgs) -> Result<u8, Failure> {
    let flags = flags(args);
    let loaded = load(&flags)?;
    begin(&loaded)?;
    supervisor::run(loaded.config, Mode::Serve, flags)
}

/// Starts the log, and says what is to be said about the configuration.
///
/// # Errors
/// When the log cannot be started.
pub fn begin(loaded: &Loaded) -> Result<(), Failure> {
    log::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    match &loaded.file {
        Some(file) => tracing::info!("configuration read from {}", file.display()),
        None => tracing::info!("no configuration file, defaults apply"),
    }
    Ok(())
}

/// What they say about the configuration.
pub fn flags(args: RunArgs) -> Flags {
    let mut feeds = Vec::new();
    let mut name = |flag, kind, targets: Vec<String>| {
        feeds.extend(targets.into_iter().map(|target| (flag, kind, target)));
    };
    name("--udp", "udp", args.udp);
    name("--tcp", "tcp", args.tcp);
    name("--tcp-connect", "tcp_client", args.tcp_connect);
    name("--http-feed", "http", args.http_feed);
    name("--file", "file", args.file_feed);
    Flags { data_dir: args.data_dir, http: args.http, feeds, ..args.file.flags() }
}
