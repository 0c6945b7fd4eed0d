//! `aisd print-config`: the configuration that applies, as TOML that can be read back.

use std::io::Write;

use super::{FileArgs, write_out};
use crate::config::load::load;
use crate::config::to_toml;
use crate::exit::Failure;

/// Writes the configuration that file, environment and defaults make together.
///
/// # Errors
/// Every fault, one a line.
pub fn print_config(args: &FileArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    write_out(out, &to_toml(&load(&args.flags())?.config))
}
