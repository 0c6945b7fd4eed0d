//! Counters of outputs.

use super::{Counter, Gauge};

/// What is known of one output.
#[derive(Debug, Default)]
pub struct OutputCounts {
    /// Its name, the `output` label.
    pub name: String,
    /// Messages that could be sent on.
    pub heard: Counter,
    /// Sentences sent.
    pub sent: Counter,
    /// Bytes sent.
    pub bytes: Counter,
    /// Messages of types that it does not want.
    pub filtered_type: Counter,
    /// Messages from where it does not want them.
    pub filtered_area: Counter,
    /// Messages of vessels that one like it was just sent of.
    pub filtered_interval: Counter,
    /// Reports that were told in fields and so have no sentence.
    pub no_sentence: Counter,
    /// Messages that found its queue full.
    pub dropped_full: Counter,
    /// Messages that were too old when their turn came.
    pub dropped_late: Counter,
    /// Messages that wait for it.
    pub waiting: Gauge,
    /// Whether it is connected.
    pub connected: Gauge,
    /// Connections made.
    pub connections: Counter,
}
