//! `aisd journal verify` and `aisd journal dump`: looks into a journal, also beside a running daemon.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::FileArgs;
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};

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
        let flags = Flags {
            file: self.file.config.clone(),
            data_dir: self.data_dir.clone(),
            ..Flags::default()
        };
        Ok(load(&flags)?.config.data_dir)
    }
}

/// To be answered by `journal`: reads every record and writes what was found.
fn verify(_data_dir: &Path, _out: &mut dyn Write) -> Result<u8, Failure> {
    Err(Failure::new(exit::SOFTWARE, "journal verify is not built in yet"))
}

/// To be answered by `journal`: writes records from this number on, at most so many.
fn dump(
    _data_dir: &Path,
    _from: u64,
    _limit: Option<u64>,
    _out: &mut dyn Write,
) -> Result<u8, Failure> {
    Err(Failure::new(exit::SOFTWARE, "journal dump is not built in yet"))
}
