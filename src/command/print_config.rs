//! `aisd print-config`: the configuration that applies, as TOML that can be read back.

use std::io::Write;

use clap::Args;

use super::run::{RunArgs, flags};
use super::write_out;
use crate::config::load::load;
use crate::config::{to_toml, to_toml_with};
use crate::exit::Failure;

/// The arguments of `run`, which is what would apply to it.
#[derive(Args, Debug)]
pub struct PrintConfigArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Say behind each setting where it comes from: the default, a line of the file, a variable, a secret's file or a flag
    #[arg(long)]
    sources: bool,
}

/// Writes the configuration that flags, environment, file and defaults make together.
///
/// # Errors
/// Every fault, one a line.
pub fn print_config(args: PrintConfigArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let loaded = load(&flags(args.run))?;
    let text = match args.sources {
        true => to_toml_with(&loaded.config, &loaded.sources),
        false => to_toml(&loaded.config),
    };
    write_out(out, &text)
}
