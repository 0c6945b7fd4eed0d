//! A connection of the `postgres` crate that answers by a deadline or is given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, Endpoint, Tls};
use super::deadline::{Hold, Watchdog};
use super::held::{self, Failed, Target};
use super::look_up::look_up;
use super::{fault, tls};
use crate::store::StoreError;

/// How long a connection may take to say goodbye: dropping it waits for answers that are still due.
pub const GOODBYE: Duration = Duration::from_millis(100);

/// What is needed to make connections.
#[derive(Clone)]
pub struct Dialer {
    /// The server.
    pub address: Address,
    /// Who ends what takes too long.
    pub watchdog: Arc<Watchdog>,
}

impl Dialer {
    /// Connects by the deadline, to the first place that lets us in.
    ///
    /// # Errors
    /// Why the last place did not.
    pub fn dial(&self, deadline: Instant) -> Result<Link, StoreError> {
        let endpoints = self.address.endpoints();
        let mut why = StoreError::Setup("no place to connect to is known".to_owned());
        for (n, endpoint) in endpoints.iter().enumerate() {
            let until = share(deadline, endpoints.len() - n);
            match self.dial_endpoint(endpoint, until) {
                Ok(link) => return Ok(link),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn dial_endpoint(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Link, StoreError> {
        let doing = format!("connect to postgres at {endpoint}");
        let targets = targets(endpoint, deadline, &doing)?;
        let mut why = StoreError::Transient(format!("{doing}: no address has this name"));
        let count = targets.len();
        for (n, target) in targets.into_iter().enumerate() {
            match self.dial_target(target, share(deadline, count - n), &doing) {
                Ok(link) => return Ok(link),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn dial_target(
        &self,
        target: Target,
        deadline: Instant,
        doing: &str,
    ) -> Result<Link, StoreError> {
        let began = Instant::now();
        let hold = Hold::new();
        let mut login = self.address.login();
        // Also what comes before the first byte, which no hold can cut.
        login.connect_timeout(deadline.saturating_duration_since(began).max(MOMENT));
        let armed = self.watchdog.arm(&hold, deadline);
        let connected = held::connect(login, target, Arc::clone(&hold));
        drop(armed);
        match connected {
            Ok(client) => Ok(Link {
                client: Some(client),
                hold,
                watchdog: Arc::clone(&self.watchdog),
                is_broken: false,
            }),
            Err(_) if hold.is_cut() => Err(too_late(doing, began)),
            Err(Failed::Loopback(error)) => Err(fault::of_io(doing, &error)),
            Err(Failed::Postgres(error)) => Err(fault::of_crate(doing, &error)),
        }
    }
}

/// The shortest time-out that is one.
const MOMENT: Duration = Duration::from_millis(1);

/// The deadline of the first of so many attempts that share the time left.
fn share(deadline: Instant, attempts: usize) -> Instant {
    let now = Instant::now();
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX).max(1);
    now + deadline.saturating_duration_since(now) / attempts
}

fn targets(endpoint: &Endpoint, deadline: Instant, doing: &str) -> Result<Vec<Target>, StoreError> {
    let setup = |text: String| StoreError::Setup(format!("{doing}: {text}"));
    let postgres::config::Host::Tcp(host) = &endpoint.host else {
        return Ok(endpoint.socket_path().map(Target::Unix).into_iter().collect());
    };
    let found =
        look_up(host, endpoint.port, deadline).map_err(|error| fault::of_io(doing, &error))?;
    Ok(match &endpoint.tls {
        Tls::Plain => found.into_iter().map(Target::Tcp).collect(),
        Tls::Verified { root } => {
            tls::name(host).map_err(setup)?;
            let config = tls::client(root.as_deref()).map_err(setup)?;
            let maker = MakeRustlsConnect::new(rustls::ClientConfig::clone(&config));
            found.into_iter().map(|place| Target::Tls(place, host.clone(), maker.clone())).collect()
        }
    })
}

/// A connection.
pub struct Link {
    /// None only while it is being dropped.
    client: Option<Client>,
    hold: Arc<Hold>,
    watchdog: Arc<Watchdog>,
    is_broken: bool,
}

impl Link {
    /// Does something with the connection that ends by the deadline; `doing` says what, for the text of an error.
    ///
    /// # Errors
    /// What the server says, or that it did not answer in time; then the connection is of no further use.
    pub fn by<T>(
        &mut self,
        deadline: Instant,
        doing: &str,
        call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let Some(client) = &mut self.client else { return Err(too_late(doing, began)) };
        let armed = self.watchdog.arm(&self.hold, deadline);
        let done = call(client);
        drop(armed);
        done.map_err(|error| {
            // An answer of the server leaves the connection as it is, unless the server goes away.
            let is_answer = error.as_db_error().is_some();
            self.is_broken |= !is_answer || client.is_closed();
            if self.hold.is_cut() && !is_answer {
                too_late(doing, began)
            } else {
                fault::of_crate(doing, &error)
            }
        })
    }

    /// Whether it was cut off at a deadline.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.hold.is_cut()
    }

    /// Whether it is of no further use.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let is_closed = self.client.as_ref().is_none_or(Client::is_closed);
        self.is_broken || is_closed || self.is_cut()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _armed = self.watchdog.arm(&self.hold, Instant::now() + GOODBYE);
        self.client = None;
    }
}

fn too_late(doing: &str, began: Instant) -> StoreError {
    let seconds = began.elapsed().as_secs_f64();
    StoreError::Transient(format!("{doing}: no answer within {seconds:.1} s"))
}
