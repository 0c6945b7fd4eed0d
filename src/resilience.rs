//! What a thread does when a neighbour (the store's server, Redis, a server of lines) does not do its part.
//!
//! [`attempts`] is what such a thread holds: it says when to try, and is told how it went. It is made of a [`breaker`], which
//! leaves a neighbour alone that fails again and again, of a [`backoff`] between attempts, and of [`quiet`], which keeps
//! the log short. What the world sees of a neighbour is in `observe::neighbours`.
//!
//! [`dead_letters`] keeps what a store refuses for good, on a full disk in the room of the [`reserve`]. [`words`] makes bounded lines out of what neighbours say.

pub mod attempts;
pub mod backoff;
pub mod breaker;
pub mod dead_letters;
pub mod quiet;
pub mod reserve;
pub mod words;
