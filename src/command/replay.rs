//! `aisd replay`: recorded files through the whole engine, then the end.

use std::path::PathBuf;

use clap::Args;

use super::FileArgs;
use super::run::begin;
use crate::config::load::{Flags, load};
use crate::exit::Failure;
use crate::supervisor::{self, Mode};

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Keep journal and store here
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Times faster than recorded; without it as fast as possible
    #[arg(long, value_name = "X")]
    pace: Option<f64>,
    /// RFC 3339 time of the first line, for files whose lines carry no time
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Take also what was taken of these files before
    #[arg(long)]
    again: bool,
    /// Answer HTTP at this address meanwhile
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// The files (.gz and .zst too), each a feed of its own; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
}

/// Replays the files and ends when everything in them is decided and stored.
///
/// # Errors
/// What is wrong with the configuration, or why the engine had to stop.
pub fn replay(args: ReplayArgs) -> Result<u8, Failure> {
    let flags = flags(args);
    let loaded = load(&flags)?;
    begin(&loaded)?;
    supervisor::run(loaded.config, Mode::Replay, flags)
}

/// A replay listens nowhere unless told to, so that it runs beside a daemon.
fn flags(args: ReplayArgs) -> Flags {
    Flags {
        data_dir: args.data_dir,
        http: Some(args.http.unwrap_or_default()),
        feeds: args.files.into_iter().map(|file| ("FILE", "file", file)).collect(),
        pace: args.pace,
        start: args.start,
        again: args.again,
        ..args.file.flags()
    }
}
