//! The servers of the engine's tests, as they are.
#![allow(dead_code, reason = "the engine's tests need more of them")]

#[path = "../../../tests/support/servers/place.rs"]
mod place;
#[path = "../../../tests/support/servers/postgres.rs"]
mod postgres;
#[path = "../../../tests/support/servers/program.rs"]
mod program;
#[path = "../../../tests/support/servers/redis.rs"]
mod redis;

pub use postgres::{Postgres, Stop};
pub use redis::Redis;
