//! The HTTP face: health, metrics, and what is known of vessels.
//!
//! In:      requests of programs and people
//! Out:     answers made from the counters, the vessels in memory, and the store; what is done to dead letters
//! Drops:   requests that are malformed, too large or too slow, and connections over the bound; counted
//! Metrics: `ais_http_requests_total`, `ais_http_refused_total`, `ais_http_connections`
//!
//! Two threads, however many connect. [`front`] owns all sockets: it waits for them in one `epoll`, reads each
//! request whole before anybody works on it, answers health and metrics itself and writes all answers. [`api`] answers what may
//! take longer, one request after the other: vessels, tracks and dead letters. So neither a slow sender, nor a slow reader, nor a slow
//! query delays `/metrics`.
//!
//! Every connection has a deadline for the whole request, however its bytes trickle in, and one for the whole
//! answer. At the bound of connections, the one that has kept its request open for longest gives way to the newcomer.
//!
//! Why not `tiny_http`'s own server: it reads each request on a thread of its own, has no bound on threads, and no
//! deadline, since a receive time-out on the socket starts anew with every byte. With one of 3 s set on the listener, 1 000
//! clients that sent a byte a second made 550 threads, and 450 were left after 8 s; here it is two threads, and
//! `tests/http_slow_clients.rs` keeps it so. Its answers are used: status lines, headers, dates.
//!
//! What is posted goes to a feed ([`ingest`]), whose thread reads it and says what is answered; the body is held here until it is whole,
//! and all bodies together within a bound.
//!
//! The admin routes want a token ([`token`], [`admin`]), and so do feeds that are given one; nothing else has authentication: listen on the
//! loopback, or behind a proxy that has it.

mod admin;
mod api;
mod connection;
mod failures;
mod front;
mod health;
mod ingest;
mod metrics;
mod openapi;
mod query;
pub mod reply;
pub mod request;
mod routes;
pub mod sources;
#[cfg(test)]
mod tests;
pub mod token;
mod tracks;
mod vessels;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;

pub use admin::Admin;
pub use api::{Answers, Api, Mailbox};
pub use front::{Front, Parts};
pub use ingest::{Door, Ingest, Tokens};
pub use routes::Serves;

use crate::config::HttpConfig;
use crate::feed;
use crate::observe::metrics::Sources;
use crate::picture::Fleet;
use crate::queue;
use crate::stage::{Broken, Waker};
use crate::store::StoreReader;

/// Requests that may wait for [`Api`]; more are told to come back.
const JOBS_MAX: usize = 64;

/// What answers are made from.
pub struct Face {
    /// Counters, latencies and state.
    pub sources: Sources,
    /// The vessels in memory.
    pub fleet: Arc<dyn Fleet>,
    /// The store, for tracks.
    pub reader: Mutex<Box<dyn StoreReader>>,
    /// Who may change something, and what.
    pub admin: Admin,
    /// Who may post to which feed.
    pub tokens: Tokens,
}

/// Answers of the API whose clients may have gone: one for each request that may wait, and for the one that is being answered meanwhile.
const API_ANSWERS_MAX: usize = JOBS_MAX + 1;
/// Verdicts of a feed whose senders may have gone: one for each post that it may hold.
const FEED_ANSWERS_MAX: usize = feed::http::POSTS_MAX + feed::http::WAITING_MAX + 1;

/// Where the answers to the requests of one address are put, with room for one of each of so many connections, and for those of so many feeds
/// whose connections have given way to others meanwhile.
///
/// # Errors
/// When the system has no event for it.
pub fn mailbox(connections: usize, feeds: usize) -> Result<(Answers, Mailbox), Broken> {
    Mailbox::new(connections + API_ANSWERS_MAX + feeds * FEED_ANSWERS_MAX)
}

/// Binds the address, unless a socket is given, and makes the two stages. `api_waker` wakes the spot at which [`Api`] will wait. Both finish after
/// `stopping` is set; until then health and metrics are answered, also while the engine drains.
///
/// # Errors
/// When the address cannot be bound, named with the reason.
pub fn open(
    (config, given): (&HttpConfig, Option<TcpListener>),
    face: &Arc<Face>,
    (answers, mailbox, doors): (Answers, Mailbox, Vec<Door>),
    api_waker: &Waker,
    stopping: &Arc<AtomicBool>,
) -> Result<(Front, Api), Broken> {
    let (jobs_out, jobs_in) = queue::bounded(JOBS_MAX, api_waker);
    let parts = Parts {
        name: "http".to_owned(),
        serves: Serves::All,
        jobs: Some(jobs_out),
        ingest: Ingest::new(doors),
        mailbox,
        given,
    };
    let front = Front::bind(config, Arc::clone(face), parts, Arc::clone(stopping))?;
    let api = Api::new(Arc::clone(face), jobs_in, answers);
    Ok((front, api))
}
