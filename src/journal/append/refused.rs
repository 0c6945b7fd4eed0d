//! What the disk refuses the journal: told once, tried again, and forgotten when it is over.

use super::{Append, RETRY_AFTER};
use crate::clock;

impl Append {
    /// Notes what the disk refused, for those who look at the daemon, and when to try again.
    pub(super) fn refused(&mut self, what: &str, error: &std::io::Error) {
        let text = format!("{what}: {error}, tried again every {} ms", RETRY_AFTER.as_millis());
        if self.quiet.may_say(&text, clock::now()) {
            tracing::error!("{text}");
        }
        self.with.counts.journal.failures.add(1);
        *self.with.counts.journal.trouble.lock() = Some(text);
        self.is_refused = true;
        self.retry_at = Some(clock::now() + RETRY_AFTER);
    }

    /// Notes that the disk takes records.
    pub(super) fn taken(&mut self) {
        if std::mem::take(&mut self.is_refused) {
            *self.with.counts.journal.trouble.lock() = None;
        }
    }
}
