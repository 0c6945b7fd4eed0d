//! Exit codes, after sysexits.h where it has one; README lists them.

/// Finished, or drained after a signal.
pub const OK: u8 = 0;
/// Bad arguments.
pub const USAGE: u8 = 64;
/// Input that cannot be used, such as a journal found damaged by `journal verify`.
pub const DATA: u8 = 65;
/// A file that was named cannot be read.
pub const NO_INPUT: u8 = 66;
/// A thread ended without being asked, or an invariant broke.
pub const SOFTWARE: u8 = 70;
/// A stage thread stopped unexpectedly.
pub const STAGE: u8 = 71;
/// The data directory belongs to another process, or cannot be made.
pub const DATA_DIR: u8 = 73;
/// An address cannot be bound, or a file cannot be written.
pub const IO: u8 = 74;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;
