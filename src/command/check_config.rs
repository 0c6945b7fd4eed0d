//! `aisd check-config`: all faults of the configuration at once.

use std::io::Write;

use super::{FileArgs, write_out};
use crate::config::load::load;
use crate::exit::Failure;

/// Says that the configuration is right.
///
/// # Errors
/// Every fault, one a line.
pub fn check_config(args: &FileArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let loaded = load(&args.flags())?;
    let mut text: String =
        loaded.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    text.push_str(&match loaded.file {
        Some(file) => format!("{}: ok\n", file.display()),
        None => "no configuration file, defaults apply: ok\n".to_owned(),
    });
    write_out(out, &text)
}
