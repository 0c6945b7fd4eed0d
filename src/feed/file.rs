//! Reads a file of lines, or standard input.
//!
//! In:      a file, a pipe or a terminal, from its beginning to its end
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room the file waits
//! Metrics: `received`, `rejected`, `bytes`, `bytes_expected` of the feed
//!
//! As fast as possible, or so many times faster than recorded, by the times that the messages carry (see `pace`). The
//! received time is the clock's. A file is a recording: each message must carry its own time, or be dated by a `start`,
//! which is the time of the first line; without either it is refused, as `time_missing`. A pipe is live.
//!
//! The blocking calls are the read of a pipe, and at a recorded pace the wait for the moment at which a message is due;
//! both have deadlines of 50 ms. The feed is finished at the end of the file; a stop ends it before that, without the
//! line that was being read.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use memchr::memchr;
use nix::poll::{PollFd, PollFlags, poll};

use super::intake::Intake;
use super::pace::Pace;
use super::sockets::{self, WAIT_MAX};
use super::{FeedContext, Happening};
use crate::nmea::line::Framer;
use crate::stage::{Broken, Stage, Turn};

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;
/// A wait for a pipe lasts no longer than this.
const WAIT_MS: u8 = 50;
/// A file is one sender.
const SENDER: u64 = 0;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Times faster than recorded; absent for as fast as possible.
    pub pace: Option<f64>,
    /// The time of the first line, microseconds since 1970, for lines that carry none.
    pub start_us: Option<i64>,
}

/// The file feed.
pub struct FileFeed {
    name: String,
    path: String,
    file: File,
    pace: Option<Pace>,
    buffer: Vec<u8>,
    /// What of the buffer is not yet taken; at a recorded pace it is taken line by line.
    taken: usize,
    filled: usize,
    /// When the message in the batch is to be handed on.
    due_us: Option<i64>,
    at_end: bool,
    framer: Framer,
    intake: Intake,
}

impl FileFeed {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// When the file cannot be opened or is a directory, or the pace is not a number above 0.
    pub fn open(
        mut context: FeedContext,
        name: &str,
        path: &Path,
        reading: Reading,
    ) -> io::Result<Self> {
        let file = if path == Path::new("-") {
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path)?
        };
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::from_raw_os_error(nix::libc::EISDIR));
        }
        let expected = if about.is_file() { about.len() } else { 0 };
        let gauge = &context.feed_counts().bytes_expected;
        gauge.set(i64::try_from(expected).unwrap_or(i64::MAX));
        let pace = match reading.pace.map(Pace::new) {
            Some(None) => return Err(io::Error::other("the pace must be a number above 0")),
            Some(pace) => pace,
            None => None,
        };
        if about.is_file() || reading.start_us.is_some() {
            let now_us = context.clock.now_us();
            let shift_us = reading.start_us.map(|at| at.saturating_sub(now_us));
            context.happening = Happening::Recorded { shift_us };
        }
        tracing::info!("feed {name}: file {}, {expected} bytes", path.display());
        let intake = Intake::new(context);
        Ok(Self {
            name: sockets::thread_name(intake.context().id, name),
            path: path.display().to_string(),
            file,
            pace,
            buffer: vec![0; READ_BYTES],
            taken: 0,
            filled: 0,
            due_us: None,
            at_end: false,
            framer: intake.framer(),
            intake,
        })
    }
}

impl Stage for FileFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.intake.is_kept() {
            return Ok(self.hand_on());
        }
        if self.at_end || self.intake.context().is_stopping() {
            return Ok(self.finish());
        }
        if !self.is_due() {
            return Ok(Turn::Moved(0));
        }
        if self.taken == self.filled {
            self.read()?;
        }
        self.take();
        self.intake.expire(self.intake.now_us());
        if self.due_us.is_some() {
            return Ok(Turn::Moved(0));
        }
        Ok(self.hand_on())
    }
}

impl FileFeed {
    /// Waits a little if a message is held that is not due yet; says whether it is due now, or none is held.
    fn is_due(&mut self) -> bool {
        let Some(due_us) = self.due_us else { return true };
        let left_us = u64::try_from(due_us.saturating_sub(self.intake.now_us())).unwrap_or(0);
        if left_us > 0 {
            std::thread::sleep(Duration::from_micros(left_us).min(WAIT_MAX));
            return false;
        }
        self.due_us = None;
        true
    }

    /// Fills the buffer, if there is anything within 50 ms.
    fn read(&mut self) -> Result<(), Broken> {
        let mut polled = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        (self.taken, self.filled) = (0, 0);
        // A file that cannot be waited for can always be read.
        if poll(&mut polled, WAIT_MS) == Ok(0) {
            return Ok(());
        }
        match self.file.read(&mut self.buffer) {
            Ok(0) => self.end(),
            Ok(count) => self.filled = count,
            Err(error) if sockets::is_nothing_now(&error) => {}
            Err(error) => {
                let doing = format_args!("read file {}", self.path);
                return Err(Broken::because(doing, sockets::plain(&error)));
            }
        }
        Ok(())
    }

    /// Takes what is in the buffer: all of it, or up to the first message that is not due yet.
    fn take(&mut self) {
        let now_us = self.intake.now_us();
        let Some(pace) = &mut self.pace else {
            let bytes = &self.buffer[self.taken..self.filled];
            self.intake.bytes(&mut self.framer, bytes, SENDER, now_us);
            self.taken = self.filled;
            return;
        };
        while self.taken < self.filled && self.due_us.is_none() && !self.intake.is_kept() {
            let rest = &self.buffer[self.taken..self.filled];
            let line = &rest[..memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)];
            self.taken += line.len();
            let framer = &mut self.framer;
            self.due_us = self.intake.paced(framer, line, now_us, pace);
        }
    }

    /// Takes the last line, with or without its end.
    fn end(&mut self) {
        let received_us = self.intake.now_us();
        self.intake.end(&mut self.framer, SENDER, received_us);
        self.at_end = true;
    }

    fn hand_on(&mut self) -> Turn {
        self.intake.hand_on().turn()
    }

    /// Hands on what is left; called again until there is room for it.
    fn finish(&mut self) -> Turn {
        self.intake.finish();
        match self.hand_on() {
            Turn::Stalled => Turn::Stalled,
            _ => Turn::Finished,
        }
    }
}

#[cfg(test)]
mod tests;
