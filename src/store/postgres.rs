//! Postgres: the store of real use.
//!
//! Everything beside the writer is here, on the `postgres` crate: migrations, partitions, and readers. No call of theirs
//! outlives its deadline, also when the server is frozen, see [`deadline`].

pub mod address;
pub mod deadline;
pub mod fault;
mod held;
pub mod link;
mod look_up;
pub mod migrate;
pub mod pool;
pub mod reader;
pub mod tls;
