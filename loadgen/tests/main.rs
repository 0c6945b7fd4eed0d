//! Runs of the load generator against a real daemon: what they find out is true, and nothing is lost.
//!
//! The daemon is the one that was built beside the generator (`cargo test --workspace` builds both). `FAULTS=all` runs at the lengths
//! that the README tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod commits;
mod find_max;
mod posts;
mod profiles;
#[allow(dead_code, unused_imports, reason = "the engine's tests need more of the servers")]
#[path = "../../tests/support"]
mod support {
    pub mod http;
    #[path = "../../loadgen/src/testing/process.rs"]
    pub mod process;
    #[path = "../../loadgen/tests/support/rig.rs"]
    pub mod rig;
    pub mod servers;
}
