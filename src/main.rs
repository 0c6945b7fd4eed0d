//! Arguments to command to exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(aisd::command::main())
}
