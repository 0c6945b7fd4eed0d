//! What a thread does when a neighbour (the store's server, Redis, a server of lines) does not do its part.
//!
//! A [`breaker`] leaves a neighbour alone that fails again and again, a [`backoff`] says how long to wait between attempts, and
//! [`quiet`] keeps the log short.

pub mod backoff;
pub mod breaker;
pub mod quiet;
