//! What the stage asks of where it writes.

use super::link::Trouble;
use super::writer::{Outcome, Writer};
use crate::picture::Change;

/// Where the picture is written: a server, or what a test puts in its place. Its calls are those of [`Writer`].
pub trait Sink: Send {
    /// See [`Writer::shown`].
    fn shown(&self) -> String;

    /// See [`Writer::connect`].
    ///
    /// # Errors
    /// As there.
    fn connect(&mut self) -> Result<bool, Trouble>;

    /// See [`Writer::is_whole`].
    ///
    /// # Errors
    /// As there.
    fn is_whole(&mut self) -> Result<bool, Trouble>;

    /// See [`Writer::write`].
    ///
    /// # Errors
    /// As there.
    fn write(&mut self, changes: &[Change], now_us: i64) -> Result<Outcome, Trouble>;

    /// See [`Writer::trim`].
    ///
    /// # Errors
    /// As there.
    fn trim(&mut self, now_us: i64) -> Result<bool, Trouble>;
}

impl Sink for Writer {
    fn shown(&self) -> String {
        Self::shown(self)
    }

    fn connect(&mut self) -> Result<bool, Trouble> {
        Self::connect(self)
    }

    fn is_whole(&mut self) -> Result<bool, Trouble> {
        Self::is_whole(self)
    }

    fn write(&mut self, changes: &[Change], now_us: i64) -> Result<Outcome, Trouble> {
        Self::write(self, changes, now_us)
    }

    fn trim(&mut self, now_us: i64) -> Result<bool, Trouble> {
        Self::trim(self, now_us)
    }
}
