//! The readers' connections to Postgres: few, made when they are needed, dropped when they are not.
//!
//! They are not tested when they are taken (that would be one more thing to wait for). One that the server has closed
//! meanwhile is found out by its use, which is then tried once more on another: readers only read. Once the server does not
//! answer or cannot be reached, the pool goes on trying to connect, and until it has whoever asks hears at once why not:
//! a server that stands still holds readers up for one answer, not for each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};

use super::link::{Dialer, Link};
use crate::store::StoreError;

/// Connections at once at most.
const CONNECTIONS_MAX: u32 = 2;
/// One that nobody needs is closed after this.
const IDLE: Duration = Duration::from_secs(60);
/// A failed attempt to connect is repeated after this at the latest.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3);
/// How often somebody who waits for a connection looks whether there will be none.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Why there was no answer or no connection, until there is one again.
type Failure = Arc<Mutex<Option<StoreError>>>;

/// Makes connections for the pool.
struct Manager {
    dialer: Dialer,
    connect_within: Duration,
    failure: Failure,
}

impl ManageConnection for Manager {
    type Connection = Link;
    type Error = StoreError;

    fn connect(&self) -> Result<Link, StoreError> {
        let made = self.dialer.dial(Instant::now() + self.connect_within);
        *self.failure.lock() = made.as_ref().err().cloned();
        made
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), StoreError> {
        link.by(Instant::now() + self.connect_within, "look", |client| client.batch_execute(""))
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.is_broken()
    }
}

/// The connections.
pub struct Pool {
    connections: r2d2::Pool<Manager>,
    failure: Failure,
}

impl Pool {
    /// Without a connection yet; each is made within this time or not at all.
    #[must_use]
    pub fn new(dialer: Dialer, connect_within: Duration) -> Self {
        let failure = Failure::default();
        let manager = Manager { dialer, connect_within, failure: Arc::clone(&failure) };
        let connections = r2d2::Pool::builder()
            .max_size(CONNECTIONS_MAX)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .idle_timeout(Some(IDLE))
            // It doubles its pauses up to half of this.
            .connection_timeout(2 * RETRY_AFTER_MAX)
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager);
        Self { connections, failure }
    }

    /// Asks something of the server that can be asked twice, by the deadline.
    ///
    /// # Errors
    /// When there is no connection, or no answer.
    pub fn ask<T>(
        &self,
        deadline: Instant,
        question: impl Fn(&mut Link) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // All that are idle may have been closed by a restart of the server.
        for _ in 0..CONNECTIONS_MAX {
            let mut link = self.take(deadline)?;
            let answer = question(&mut link);
            match &answer {
                Err(error) if link.is_cut() => {
                    drop(link);
                    self.is_gone(error.clone());
                    return answer;
                }
                Err(_) if link.is_broken() => {}
                Err(_) => return answer,
                Ok(_) => {
                    *self.failure.lock() = None;
                    return answer;
                }
            }
        }
        question(&mut *self.take(deadline)?)
    }

    /// Begins to look for another connection.
    fn is_gone(&self, why: StoreError) {
        *self.failure.lock() = Some(why);
        // This asks for one, which is made in the background.
        let _ = self.connections.get_timeout(Duration::ZERO);
    }

    /// A connection; one is made if there is none and room for it.
    fn take(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            let failure = self.failure.lock().clone();
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = if failure.is_some() { Duration::ZERO } else { left.min(LOOK_EVERY) };
            if let Ok(link) = self.connections.get_timeout(wait) {
                return Ok(link);
            }
            if let Some(why) = failure {
                return Err(why);
            }
            if left.is_zero() {
                let text = "no connection to Postgres became free in time";
                return Err(StoreError::Transient(text.to_owned()));
            }
        }
    }
}
