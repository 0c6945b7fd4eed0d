//! Real neighbours for tests: the private servers that the engine's tests start.

pub use support::{process, servers};

#[allow(dead_code, unused_imports, reason = "the engine's tests need more of the servers")]
#[path = "../../tests/support"]
mod support {
    pub mod http;
    #[path = "../../loadgen/src/testing/process.rs"]
    pub mod process;
    pub mod servers;
}
