//! Real neighbours for tests: the private servers that the engine's tests start.

pub mod process;
pub mod servers;
