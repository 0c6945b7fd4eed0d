//! Builds the engine from its configuration, starts its threads in order, and stops them in the order of the flow.

use crate::config::Config;
use crate::exit::{self, Failure};

/// What the engine is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until a signal comes.
    Serve,
    /// Until all files are read and everything in them is stored.
    Replay,
}

/// Runs the engine to its end; the exit code.
///
/// # Errors
/// Why it could not start or had to stop, with the exit code for that.
pub fn run(_config: Config, _mode: Mode) -> Result<u8, Failure> {
    Err(Failure::new(exit::SOFTWARE, "the engine is not built in yet"))
}
