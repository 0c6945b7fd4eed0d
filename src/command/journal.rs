//! `aisd journal verify` and `aisd journal dump`: looks into a journal, also beside a running daemon.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::FileArgs;
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};
use crate::journal::inspect::Inspection;

/// What can be asked of a journal.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Read every record and check it
    Verify(JournalArgs),
    /// Write every record as one JSON object a line
    Dump(DumpArgs),
}

/// Which journal.
#[derive(Args, Debug)]
pub struct JournalArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The data directory that holds it
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Which journal, and which part of it.
#[derive(Args, Debug)]
pub struct DumpArgs {
    #[command(flatten)]
    journal: JournalArgs,
    /// Begin with the record of this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// Write at most this many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// Does what is asked.
///
/// # Errors
/// When the journal cannot be read, or is damaged.
pub fn journal(command: JournalCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        JournalCommand::Verify(args) => verify(&args.data_dir()?, out),
        JournalCommand::Dump(args) => dump(&args.journal.data_dir()?, args.from, args.limit, out),
    }
}

impl JournalArgs {
    fn data_dir(&self) -> Result<PathBuf, Failure> {
        let flags = Flags { data_dir: self.data_dir.clone(), ..self.file.flags() };
        Ok(load(&flags)?.config.data_dir)
    }
}

/// Reads every record and writes what was found; damage is an exit code of its own.
fn verify(data_dir: &Path, out: &mut dyn Write) -> Result<u8, Failure> {
    let found = open(data_dir)?.verify(out).map_err(failed)?;
    Ok(if found.damaged == 0 && found.foreign == 0 { exit::OK } else { exit::DATA })
}

/// Writes records from this number on, at most so many.
fn dump(
    data_dir: &Path,
    from: u64,
    limit: Option<u64>,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut out = BufWriter::new(out);
    match open(data_dir)?.dump(from, limit, &mut out).and_then(|()| out.flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(exit::OK),
    }
}

fn open(data_dir: &Path) -> Result<Inspection, Failure> {
    Inspection::open(data_dir).map_err(|text| Failure::new(exit::NO_INPUT, text))
}

fn failed(error: io::Error) -> Failure {
    Failure::new(exit::IO, format!("read the journal: {error}"))
}
