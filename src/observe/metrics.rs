//! What the outside sees: names, help texts, and values made from the counters when somebody asks.
//!
//! In:      the counters of all threads
//! Out:     Prometheus text, and JSON with exact quantiles
//!
//! One list ([`list`]) holds every metric with its help; both forms are made from one [`Seen`], which is read with the
//! ends of the flow first (see `accounting`).

mod checklist;
mod engine;
mod feeds;
mod json;
mod letters;
pub mod list;
mod live;
mod machine;
mod outputs;
mod seen;
mod sources;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::observe::counts::{Counts, StageCounts};
use crate::observe::latency::Latency;
use crate::observe::process::ProcessWatch;
use crate::observe::status::Status;

pub use json::{summary, to_json};
pub use seen::Seen;
pub use text::{CONTENT_TYPE, to_text};

/// Everything that metrics are made from.
pub struct Sources {
    /// All counters.
    pub counts: Arc<Counts>,
    /// Latencies, as the store's writer records them.
    pub latency: Arc<Mutex<Latency>>,
    /// The counters of each thread.
    pub stages: Vec<Arc<StageCounts>>,
    /// What the engine is about.
    pub status: Arc<Status>,
    /// The time of day.
    pub clock: Clock,
    /// What is remembered of the process' memory.
    pub process: ProcessWatch,
}

impl Sources {
    /// Everything as it is now.
    #[must_use]
    pub fn look(&self) -> Seen {
        Seen::new(self)
    }

    /// Everything as it is now; what a client's window counts then starts anew.
    #[must_use]
    pub fn look_and_reset_window(&self) -> Seen {
        let seen = self.look();
        self.latency.lock().reset_window();
        self.process.reset_window();
        seen
    }
}
