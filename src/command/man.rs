//! `aisd man`: the manual pages, made of the definition of the command line, so that they say what it takes.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, write_out};
use crate::exit::{self, Failure};

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write a page for aisd and one for each of its commands into this directory, instead of the first to standard output
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Writes the pages.
///
/// # Errors
/// When they cannot be written.
pub fn man(args: &ManArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        let made = Man::new(Cli::command().disable_help_subcommand(true)).render(&mut page);
        made.map_err(|error| Failure::new(exit::IO, format!("make the manual page: {error}")))?;
        return write_out(out, &String::from_utf8_lossy(&page));
    };
    let made = std::fs::create_dir_all(directory);
    let made = made.and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    made.map(|()| exit::OK).map_err(|error| {
        let text = format!("write the manual pages into {}: {error}", directory.display());
        Failure::new(exit::IO, text)
    })
}
