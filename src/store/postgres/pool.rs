//! The readers' connections to Postgres: few, made when they are needed, dropped when they are not.
//!
//! They are not tested when they are taken (that would be one more thing to wait for). One that the server has closed
//! meanwhile is found out by its use, which is then tried once more on another: readers only read. While the server
//! cannot be reached the pool goes on trying, and whoever asks hears at once why there is no connection.

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
/// A failed attempt to connect is repeated after this at the latest, and speaks for the server until then.
const REST: Duration = Duration::from_secs(3);
/// How often somebody who waits for a connection looks whether there will be none.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// When and why the last attempt to connect failed, if it did.
type Failure = Arc<Mutex<Option<(Instant, StoreError)>>>;

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
        let failure = made.as_ref().err().map(|error| (Instant::now(), error.clone()));
        *self.failure.lock() = failure;
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
            .connection_timeout(2 * REST)
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
            let was_closed = answer.is_err() && link.is_broken() && !link.is_cut();
            if !was_closed {
                return answer;
            }
        }
        question(&mut *self.take(deadline)?)
    }

    fn take(&self, deadline: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            if let Some(link) = self.connections.try_get() {
                return Ok(link);
            }
            if let Some((at, why)) = &*self.failure.lock()
                && at.elapsed() < REST
            {
                return Err(why.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = "no connection to Postgres became free in time";
                return Err(StoreError::Transient(text.to_owned()));
            }
            if let Ok(link) = self.connections.get_timeout(left.min(LOOK_EVERY)) {
                return Ok(link);
            }
        }
    }
}
