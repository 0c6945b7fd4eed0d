//! The thread that answers what may take longer, one request after the other: vessels and tracks, and dead letters.
//!
//! In:      whole requests from the front
//! Out:     whole answers, as bytes, back to it
//! Drops:   answers to connections that are gone meanwhile
//!
//! Its blocking calls are a query of the store, bounded by the number of rows, and changes of the file of dead letters, in chunks.

use std::sync::Arc;

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Face;
use super::front::Token;
use super::request::Request;
use super::routes;
use crate::queue::{self, Inlet, Outlet, Poll};
use crate::stage::{Broken, Stage, Turn, parking};

/// A request that waits for its answer.
pub struct Job {
    pub(super) token: Token,
    pub(super) request: Request,
}

/// An answer on its way to its connection.
pub struct Answer {
    pub(super) token: Token,
    pub(super) bytes: Vec<u8>,
}

/// Where answers are put.
#[derive(Clone)]
pub struct Answers {
    outlet: Outlet<Answer>,
    bell: Arc<EventFd>,
}

/// Where a front finds them.
pub struct Mailbox {
    pub(super) answers: Inlet<Answer>,
    pub(super) bell: Arc<EventFd>,
}

impl Mailbox {
    /// With room for so many answers: as many as those who make them may have questions.
    ///
    /// # Errors
    /// When the system has no event for it.
    pub fn new(room: usize) -> Result<(Answers, Self), Broken> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let bell = EventFd::from_flags(flags)
            .map_err(|error| Broken::because("make a bell for http", error))?;
        let bell = Arc::new(bell);
        // The front waits in epoll, so the queue's own wake-up goes nowhere; the bell takes its place.
        let (_, nowhere) = parking();
        let (outlet, answers) = queue::bounded(room, &nowhere);
        Ok((Answers { outlet, bell: Arc::clone(&bell) }, Self { answers, bell }))
    }
}

impl Answers {
    pub(super) fn put(&self, answer: Answer) {
        // There is room for one of each connection; when the front is gone nobody waits for the answer.
        let _ = self.outlet.offer(answer);
        let _ = self.bell.write(1);
    }
}

/// The stage that answers the API.
pub struct Api {
    face: Arc<Face>,
    jobs: Inlet<Job>,
    answers: Answers,
}

impl Api {
    pub(super) const fn new(face: Arc<Face>, jobs: Inlet<Job>, answers: Answers) -> Self {
        Self { face, jobs, answers }
    }
}

impl Stage for Api {
    fn name(&self) -> &'static str {
        "http-api"
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        match self.jobs.poll() {
            Poll::Empty => Ok(Turn::Idle),
            Poll::Closed => Ok(Turn::Finished),
            Poll::Item(Job { token, request }) => {
                let reply = routes::answer_api(&self.face, &request);
                let bytes = reply.into_bytes(request.is_head(), !request.keep_alive);
                self.answers.put(Answer { token, bytes });
                Ok(Turn::Moved(1))
            }
        }
    }
}
