//! aisd takes AIS from any kind of feed, knows the state of every vessel, and lands every report in a database,
//! durably and exactly once.
//!
//! ```text
//!  feeds            one thread each      journal             shards                      writers
//!  udp ───┐   lines, checksum, parts   append, number,    decode, check, dedup,       ┌─► store   Postgres | SQLite
//!  tcp ───┤── MMSI peek ─► partition ─► fsync in groups ─► vessel LRU, plausibility ───┤   (one transaction: rows + offsets)
//!  file ──┘                            route by partition                            └─► live    Redis
//!                              supervisor · metrics · http                    rejects ─► counted, sampled
//! ```
//!
//! The modules are declared in the order in which a message meets them; read them in that order. ARCHITECTURE.md has
//! the map, the threads and the invariants.

// What travels, and the shape of everything that moves it.
pub mod clock;
pub mod disk;
pub mod filter;
pub mod given;
pub mod heard;
pub mod partition;
pub mod picture;
pub mod queue;
pub mod record;
pub mod reject;
pub mod report;
pub mod rows;
pub mod stage;
pub mod taken;
pub mod tls;

// 1 bytes come in
pub mod feed;
pub mod nmea;
// 2 they are accepted
pub mod journal;
// 3 they become reports
pub mod ais;
// 4 what we know of each vessel
pub mod shard;
// 5 reports land
pub mod store;
// 6 the picture shows, and what was heard goes on
pub mod forward;
pub mod live;

// When the world fails.
pub mod resilience;

// Seeing and steering.
pub mod command;
pub mod config;
pub mod exit;
pub mod http;
pub mod observe;
pub mod supervisor;
