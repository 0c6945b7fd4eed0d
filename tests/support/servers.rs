//! Real servers of the neighbours: private, in a folder of their own, on ports of their own, and never left behind.
//!
//! Each comes from Debian's packages (`tests/run` installs them) and runs as an unprivileged user also when the tests run
//! as root. Going out of scope ends it and removes its folder. When the tests themselves are killed, a guardian does both.

mod certificates;
mod pgbouncer;
mod place;
mod postgres;
mod program;
mod prometheus;
mod redis;
mod redis_cluster;

pub use certificates::{Identity, authority, certificate, other_authority, trusting};
pub use pgbouncer::PgBouncer;
pub use place::{Folder, can_mount};
pub use postgres::{Log, Postgres, Stop};
pub use program::processes_in;
pub use prometheus::Prometheus;
pub use redis::Redis;
pub use redis_cluster::RedisCluster;
