//! What the engine is about: starting, ready or draining. Set by the supervisor, shown by the HTTP face.

use std::sync::atomic::{AtomicU8, Ordering};

/// What the engine is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The journal is being recovered, threads are being started.
    Starting,
    /// Messages are taken.
    Ready,
    /// No more messages are taken; what was accepted is being stored.
    Draining,
}

impl State {
    /// As it stands in answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// The state, for all threads to see.
#[derive(Debug)]
pub struct Status {
    state: AtomicU8,
    started_us: i64,
}

impl Status {
    /// Starting, at this time in microseconds since 1970.
    #[must_use]
    pub const fn new(started_us: i64) -> Self {
        Self { state: AtomicU8::new(State::Starting as u8), started_us }
    }

    /// Moves on to another state.
    pub fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Starting,
            1 => State::Ready,
            _ => State::Draining,
        }
    }

    /// When the process started, microseconds since 1970.
    #[must_use]
    pub const fn started_us(&self) -> i64 {
        self.started_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_set_is_seen() {
        let status = Status::new(5);
        assert_eq!((status.state(), status.started_us()), (State::Starting, 5));
        for state in [State::Ready, State::Draining, State::Starting] {
            status.set(state);
            assert_eq!(status.state(), state);
        }
    }
}
