//! Seeing what the engine does: counters that every step adds to, and the faces that show them.
//!
//! Steps know only [`counts`]: plain atomics, added to once a turn. What the outside sees (names, help texts, quantiles) is made
//! from them by [`metrics`] when somebody asks.

pub mod accounting;
pub mod counts;
pub mod latency;
pub mod log;
pub mod metrics;
pub mod neighbours;
pub mod process;
pub mod samples;
pub mod source_counts;
pub mod status;
