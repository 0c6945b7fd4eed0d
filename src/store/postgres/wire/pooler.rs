//! Whether a pooler is between us and the server.
//!
//! A pooler hands each transaction to any of its sessions. A statement that was prepared in one of them is unknown in the next, or
//! another one has its name; a setting is left behind for strangers. So through a pooler nothing is prepared, and bounds are set
//! for each transaction. The URL may say that one is there, and otherwise it gives itself away: whoever logs in is told the
//! number of the server process, and a pooler, whose session is not chosen yet, makes one up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::prepared::Prepared;
use super::{Wire, WireError};

const PROCESS: &str = "SELECT pg_backend_pid()";

/// What is known of it, by all connections to the same place.
#[derive(Clone, Debug, Default)]
pub struct Pooler(Arc<AtomicBool>);

impl Pooler {
    /// Known from the start.
    #[must_use]
    pub fn known(is_there: bool) -> Self {
        Self(Arc::new(AtomicBool::new(is_there)))
    }

    fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A session refused something for this SQLSTATE: a name that it should know, or should not.
    pub(super) fn refused(&self, code: &str) {
        if code == "26000" || code == "42P05" {
            self.found();
        }
    }

    fn found(&self) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::info!("there is a pooler before postgres: no statement is prepared");
        }
    }
}

impl Wire {
    /// Whether nothing that a session keeps will be there in the next transaction.
    #[must_use]
    pub const fn is_pooled(&self) -> bool {
        self.prepared.is_none()
    }

    /// Right after logging in: prepares statements from here on, if the server itself is on the other end.
    pub(super) fn prepare_unless_pooled(&mut self) -> Result<(), WireError> {
        if self.pooler.is_there() {
            return Ok(());
        }
        self.add(PROCESS, &[])?;
        let answers = self.exchange()?;
        let process = answers.first().and_then(super::Answer::number);
        if process.is_some() && process == self.process.map(i64::from) {
            self.prepared = Some(Prepared::default());
        } else {
            self.pooler.found();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_session_does_not_know_gives_a_pooler_away() {
        for (code, is_there) in
            [("26000", true), ("42P05", true), ("42P01", false), ("23514", false)]
        {
            let pooler = Pooler::default();
            let of_another_connection = pooler.clone();
            pooler.refused(code);
            assert_eq!(of_another_connection.is_there(), is_there, "{code}");
        }
    }
}
