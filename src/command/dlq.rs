//! `aisd dlq stats` and `aisd dlq peek`: looks into the dead letters, also beside a running daemon.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FileArgs, write_out};
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};
use crate::resilience::dead_letters::{Letter, Reader, Stats};

/// What can be asked of the dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Write how many there are, and what they were refused for
    Stats(DlqArgs),
    /// Write the oldest ones as one JSON object a line
    Peek(PeekArgs),
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

/// Does what is asked.
///
/// # Errors
/// When the dead letters cannot be read.
pub fn dlq(command: DlqCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    let text = match command {
        DlqCommand::Stats(args) => stats_text(&args.read(Reader::stats)?.unwrap_or_default()),
        DlqCommand::Peek(args) => {
            let letters = args.letters.read(|reader| reader.peek(args.count))?.unwrap_or_default();
            letters.iter().map(line).collect()
        }
    };
    write_out(out, &text)
}

impl DlqArgs {
    /// Reads something out of the file; nothing when there is none.
    fn read<T>(
        &self,
        what: impl FnOnce(&Reader) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let flags = Flags {
            file: self.file.config.clone(),
            data_dir: self.data_dir.clone(),
            ..Flags::default()
        };
        let data_dir = load(&flags)?.config.data_dir;
        if !data_dir.is_dir() {
            let text = format!("there is no data directory {}", data_dir.display());
            return Err(Failure::new(exit::NO_INPUT, text));
        }
        let failed = |text: String| Failure::new(exit::IO, text);
        let reader = Reader::open(&data_dir).map_err(|error| failed(error.to_string()))?;
        let read = reader.as_ref().map(what).transpose();
        read.map_err(|error| failed(format!("read the dead letters: {error}")))
    }
}

fn stats_text(stats: &Stats) -> String {
    let mut text = format!("{} dead letters of {} messages\n", stats.rows, stats.messages);
    for (sqlstate, rows) in &stats.by_sqlstate {
        let _ = writeln!(text, "{sqlstate} {rows}");
    }
    text
}

fn line(letter: &Letter) -> String {
    format!("{}\n", letter.to_json())
}
