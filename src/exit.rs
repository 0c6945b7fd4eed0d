//! Exit codes, after sysexits.h where it has one; README lists them.

/// Finished, or drained after a signal.
pub const OK: u8 = 0;
/// `preflight`, `verify` and `watch`: a rollback should be considered, or a deployment wait.
pub const CONSIDER: u8 = 2;
/// `preflight`, `verify` and `watch`: a rollback is due, or no deployment.
pub const ROLL_BACK: u8 = 3;
/// Bad arguments.
pub const USAGE: u8 = 64;
/// Input that cannot be used: a journal found damaged by `journal verify`, an archive that a replay found cut off or damaged.
pub const DATA: u8 = 65;
/// A file or data directory that was named is not there or cannot be read.
pub const NO_INPUT: u8 = 66;
/// A thread could not be started, or signals could not be watched.
pub const SOFTWARE: u8 = 70;
/// A stage thread stopped unexpectedly, or the store was restored or has another owner.
pub const STAGE: u8 = 71;
/// The data directory belongs to another process, or cannot be made.
pub const DATA_DIR: u8 = 73;
/// An address cannot be bound, a file cannot be written, a store cannot be opened, or who was asked does not answer.
pub const IO: u8 = 74;
/// The configuration is wrong, or tables are not those of this program.
pub const CONFIG: u8 = 78;

/// Why a command did not do what was asked: what the operator reads, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// One of the codes above.
    pub code: u8,
    /// One or more lines, lower case.
    pub text: String,
}

impl Failure {
    /// With this code and text.
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}
