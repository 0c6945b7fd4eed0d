//! Real neighbours for tests: the private servers of the engine's own tests, whose files are linked here.

pub mod process;
#[allow(dead_code, unused_imports, reason = "the engine's tests need more of them")]
pub mod servers;
