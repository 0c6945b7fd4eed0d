//! `aisd dlq`: looks into the dead letters, has them tried again, or clears them away.
//!
//! What only reads works beside a running daemon. What changes something goes through it when there is one ([`remote`]), and else
//! works on the file, with the data directory locked.

mod remote;

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{FileArgs, write_out};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};
use crate::journal::directory::{Unavailable, hold};
use crate::observe::counts::Counts;
use crate::resilience::dead_letters::{
    DeadLetterError, DeadLetters, FILE_NAME, Letter, Reader, Stats, Which,
};
use remote::Asked;

/// What can be asked of the dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Write how many there are, and what they were refused for
    Stats(DlqArgs),
    /// Write the oldest ones as one JSON object a line
    Peek(PeekArgs),
    /// Write all of them as one JSON object a line
    Export(DlqArgs),
    /// Have those tried now that wait for their next try
    Retry(RetryArgs),
    /// Clear some away, for good; their messages count as dropped
    Clear(ClearArgs),
}

/// Whose dead letters.
#[derive(Args, Debug)]
pub struct DlqArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The data directory that holds them
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Whose dead letters, and how many of them.
#[derive(Args, Debug)]
pub struct PeekArgs {
    #[command(flatten)]
    letters: DlqArgs,
    /// Write at most this many
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: usize,
}

/// Whose dead letters are to be tried.
#[derive(Args, Debug)]
pub struct RetryArgs {
    #[command(flatten)]
    letters: DlqArgs,
    /// Also those that have used up their tries
    #[arg(long)]
    dead: bool,
}

/// Whose dead letters are to go.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub struct ClearArgs {
    #[command(flatten)]
    letters: DlqArgs,
    /// Those that have used up their tries
    #[arg(long, group = "which")]
    dead: bool,
    /// Those that are tried again by themselves
    #[arg(long, group = "which")]
    pending: bool,
}

/// Does what is asked.
///
/// # Errors
/// When the dead letters cannot be read or changed.
pub fn dlq(command: DlqCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    let text = match command {
        DlqCommand::Stats(args) => stats_text(&args.read(Reader::stats)?.unwrap_or_default()),
        DlqCommand::Peek(args) => {
            let letters = args.letters.read(|reader| reader.peek(args.count))?.unwrap_or_default();
            letters.iter().map(line).collect()
        }
        DlqCommand::Export(args) => return export(&args, out),
        DlqCommand::Retry(args) => retry(&args)?,
        DlqCommand::Clear(args) => clear(&args)?,
    };
    write_out(out, &text)
}

impl DlqArgs {
    fn config(&self) -> Result<Config, Failure> {
        let flags = Flags { data_dir: self.data_dir.clone(), ..self.file.flags() };
        let config = load(&flags)?.config;
        if !config.data_dir.is_dir() {
            let text = format!("there is no data directory {}", config.data_dir.display());
            return Err(Failure::new(exit::NO_INPUT, text));
        }
        Ok(config)
    }

    /// Reads something out of the file; nothing when there is none.
    fn read<T>(
        &self,
        what: impl FnOnce(&Reader) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let data_dir = self.config()?.data_dir;
        let reader = Reader::open(&data_dir).map_err(|error| failed(error.to_string()))?;
        let read = reader.as_ref().map(what).transpose();
        read.map_err(|error| failed(format!("read the dead letters: {error}")))
    }

    /// Has the running daemon do it, or does it here when there is none.
    fn change(&self, asked: &[Asked]) -> Result<Changed, Failure> {
        let config = self.config()?;
        match hold(&config.data_dir) {
            Ok(_held) if !config.data_dir.join(FILE_NAME).exists() => Ok(Changed::default()),
            Ok(_held) => here(&config, asked),
            Err(Unavailable::Owned { owner, .. }) => remote::ask(&config.data_dir, &owner, asked),
            Err(error) => Err(Failure::new(exit::DATA_DIR, error.to_string())),
        }
    }
}

/// What came of a change.
#[derive(Debug, Default)]
struct Changed {
    letters: u64,
    by_daemon: bool,
}

/// Works on the file of a data directory that is held.
fn here(config: &Config, asked: &[Asked]) -> Result<Changed, Failure> {
    let counts = Arc::new(Counts::default());
    let cannot = |error: DeadLetterError| failed(error.to_string());
    let mut letters =
        DeadLetters::open(&config.data_dir, &config.dead_letters, &counts).map_err(cannot)?;
    let (now_us, mut all) = (Clock::System.now_us(), 0);
    for asked in asked {
        loop {
            let changed = match asked {
                Asked::Retry { dead: false } => letters.hurry(Which::Pending, now_us),
                Asked::Retry { dead: true } => letters.hurry(Which::Dead, now_us),
                Asked::Clear(which) => letters.clear(*which, now_us),
            };
            match changed.map_err(cannot)? {
                0 => break,
                changed => all += changed,
            }
        }
    }
    Ok(Changed { letters: all, by_daemon: false })
}

fn retry(args: &RetryArgs) -> Result<String, Failure> {
    let mut asked = vec![Asked::Retry { dead: false }];
    asked.extend(args.dead.then_some(Asked::Retry { dead: true }));
    let Changed { letters, by_daemon } = args.letters.change(&asked)?;
    let when = if by_daemon { "now" } else { "at the next start" };
    Ok(format!("{letters} dead letters are tried {when}\n"))
}

fn clear(args: &ClearArgs) -> Result<String, Failure> {
    let mut asked = Vec::new();
    asked.extend(args.pending.then_some(Asked::Clear(Which::Pending)));
    asked.extend(args.dead.then_some(Asked::Clear(Which::Dead)));
    let Changed { letters, .. } = args.letters.change(&asked)?;
    Ok(format!("{letters} dead letters cleared away\n"))
}

fn export(args: &DlqArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut written = Ok(exit::OK);
    args.read(|reader| {
        reader.each(usize::MAX, |letter| {
            if matches!(written, Ok(exit::OK)) {
                written = write_out(out, &line(&letter));
            }
        })
    })?;
    written
}

fn failed(text: String) -> Failure {
    Failure::new(exit::IO, text)
}

fn stats_text(stats: &Stats) -> String {
    let Stats { rows, messages, dead, .. } = stats;
    let pending = rows.saturating_sub(*dead);
    let mut text =
        format!("{rows} dead letters of {messages} messages: {pending} pending, {dead} dead\n");
    for (sqlstate, rows) in &stats.by_sqlstate {
        let _ = writeln!(text, "{sqlstate} {rows}");
    }
    text
}

fn line(letter: &Letter) -> String {
    format!("{}\n", letter.to_json())
}
