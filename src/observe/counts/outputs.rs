//! Counters of outputs.

use super::{ByReason, Counter, Gauge};
use crate::reject::Filtered;

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
    /// Messages that its filter does not want, by [`Filtered`].
    pub filtered: ByReason<{ Filtered::COUNT }>,
    /// Messages that it has had from another feed that it wants.
    pub repeats: Counter,
    /// Messages of vessels that one like it was just sent of.
    pub filtered_interval: Counter,
    /// Reports that were told in fields and so have no sentence.
    pub no_sentence: Counter,
    /// Messages that found its queue full.
    pub dropped_full: Counter,
    /// Messages that were too old when their turn came.
    pub dropped_late: Counter,
    /// Messages that were on their way when their connection broke or the end came.
    pub dropped_unsent: Counter,
    /// Messages that wait for it.
    pub waiting: Gauge,
    /// Whether it is connected.
    pub connected: Gauge,
    /// Connections made.
    pub connections: Counter,
}

impl OutputCounts {
    /// Messages that were wanted and not sent on, by the reason as it stands in metrics.
    pub const fn dropped(&self) -> [(&'static str, &Counter); 3] {
        let (late, unsent) = (&self.dropped_late, &self.dropped_unsent);
        [("full", &self.dropped_full), ("late", late), ("unsent", unsent)]
    }

    /// Messages that were left out on purpose, by the reason as it stands in metrics.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, &Counter)> {
        let by_wish = Filtered::BY_WISH.iter();
        let by_wish = by_wish.map(|it| (it.label(), self.filtered.of(*it as usize)));
        by_wish.chain([
            ("repeat", &self.repeats),
            ("interval", &self.filtered_interval),
            ("no_sentence", &self.no_sentence),
        ])
    }
}
