//! Reads a file of lines or of rows of a table, or standard input.
//!
//! In:      a file, an archive, a pipe or a terminal, from its beginning to its end
//! Out:     batches to the journal, at the end of every turn
//! Drops:   never; when the journal has no room the file waits
//! Metrics: `received`, `rejected`, `bytes`, `bytes_expected`, `file_read`, `damaged` of the feed
//!
//! As fast as possible, or so many times faster than recorded, by the times that the messages carry (see `pace`). The
//! received time is the clock's. A file is a recording: each message must carry its own time, or be dated by a `start`,
//! which is the time of the first line; without either it is refused, as `time_missing`. A pipe is live.
//!
//! **The same file twice changes nothing.** Each record carries how far the file was read and what that much of it comes to
//! ([`crate::record::Mark`]); the store keeps the last of them in the transaction that passes their records, the journal has those that
//! are not stored yet. A reading begins with a look at the content (`look`): as far as it is known it is read without taking or counting
//! anything, since what is known begins in its middle for parts that wait for their partners. What a file is called says nothing; one
//! that grew is read on, another one of the same name is read whole.
//!
//! The blocking calls are the read of a pipe, and at a recorded pace the wait for the moment at which a message is due;
//! both have deadlines of 50 ms. The feed is finished at the end of the file; a stop ends it before that, without the
//! line that was being read, and so does an archive that is cut off or damaged.

mod digest;
mod look;
mod source;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memchr2;
use uuid::Uuid;

use super::intake::Intake;
use super::pace::Pace;
use super::sockets::{self, WAIT_MAX};
use super::table::Format;
use super::{FeedContext, Happening};
use crate::nmea::line::Framer;
use crate::record::{Mark, Place};
use crate::stage::{self, Broken, Stage, Turn};
use digest::Digest;
use look::Look;
use source::{Piece, Source};

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Times faster than recorded; absent for as fast as possible.
    pub pace: Option<f64>,
    /// The time of the first line, microseconds since 1970, for lines that carry none.
    pub start_us: Option<i64>,
    /// Whether to take also what was taken before.
    pub again: bool,
}

/// The file feed.
pub struct FileFeed {
    name: String,
    path: PathBuf,
    source: Source,
    phase: Phase,
    /// None for a pipe, which nobody can read again.
    marking: Option<Marking>,
    pace: Option<Pace>,
    buffer: Vec<u8>,
    /// What of the buffer is not yet taken.
    taken: usize,
    filled: usize,
    /// When the message in the batch is to be handed on.
    due_us: Option<i64>,
    at_end: bool,
    framer: Framer,
    format: Format,
    intake: Intake,
}

/// What is done with the file now.
enum Phase {
    /// What is taken of files is not known yet.
    Waiting {
        /// Whether that was said.
        said: bool,
    },
    /// How much of it is taken is being found out.
    Looking(Box<Look>),
    /// It is read.
    Reading,
}

/// What marks are made of.
struct Marking {
    reading: u64,
    digest: Digest,
}

impl FileFeed {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// When the file cannot be opened, is a directory or an archive of a kind that is not read, or the pace is not a number above 0.
    pub fn open(
        mut context: FeedContext,
        name: &str,
        path: &Path,
        reading: Reading,
    ) -> io::Result<Self> {
        let source = Source::open(path)?;
        let is_file = source.is_file();
        let expected = if is_file { path.metadata()?.len() } else { 0 };
        let gauge = &context.feed_counts().bytes_expected;
        gauge.set(i64::try_from(expected).unwrap_or(i64::MAX));
        let pace = match reading.pace.map(Pace::new) {
            Some(None) => return Err(io::Error::other("the pace must be a number above 0")),
            Some(pace) => pace,
            None => None,
        };
        if is_file || reading.start_us.is_some() {
            let now_us = context.clock.now_us();
            let shift_us = reading.start_us.map(|at| at.saturating_sub(now_us));
            context.happening = Happening::Recorded { shift_us };
        }
        tracing::info!("feed {name}: file {}, {expected} bytes", path.display());
        let intake = Intake::new(context);
        let is_known = is_file && !reading.again;
        Ok(Self {
            name: stage::thread_name("feed", intake.context().id.into(), name),
            path: path.to_owned(),
            source,
            phase: if is_known { Phase::Waiting { said: false } } else { Phase::Reading },
            marking: is_file.then(Marking::new),
            pace,
            buffer: vec![0; READ_BYTES],
            taken: 0,
            filled: 0,
            due_us: None,
            at_end: false,
            framer: intake.framer(),
            format: Format::Unknown,
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
        if let Some(turn) = self.look()? {
            return Ok(turn);
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
    /// Finds out how much of the content is taken, some of it in a turn; nothing once that is known.
    fn look(&mut self) -> Result<Option<Turn>, Broken> {
        if let Phase::Waiting { said } = &mut self.phase {
            let Some(marks) = self.intake.context().taken.all() else {
                if !std::mem::replace(said, true) {
                    let path = self.path.display();
                    tracing::info!("file {path} waits for the store to say what is taken of it");
                }
                return Ok(Some(Turn::Idle));
            };
            let look = Look::new(&self.path, marks);
            self.phase = match look.map_err(|error| self.broken("read", &error))? {
                Some(look) => Phase::Looking(Box::new(look)),
                None => Phase::Reading,
            };
        }
        let Phase::Looking(look) = &mut self.phase else { return Ok(None) };
        let found = look.go_on(&mut self.buffer);
        if let Some(known) = found.map_err(|error| self.broken("read", &error))? {
            self.begin_behind(known);
        }
        Ok(Some(Turn::Moved(0)))
    }

    fn begin_behind(&mut self, known: Place) {
        let path = self.path.display();
        if known.bytes == 0 {
            tracing::info!("file {path}: nothing of it is taken yet");
        } else {
            let bytes = known.bytes;
            tracing::info!(
                "file {path}: its first {bytes} bytes were taken before; read on from there"
            );
        }
        self.intake.begin_behind(known);
        self.phase = Phase::Reading;
    }

    fn broken(&self, doing: &str, error: &io::Error) -> Broken {
        let doing = format_args!("{doing} file {}", self.path.display());
        Broken::because(doing, sockets::plain(error))
    }

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
        (self.taken, self.filled) = (0, 0);
        let piece = self.source.read(&mut self.buffer);
        match piece.map_err(|error| self.broken("read", &error))? {
            Piece::Bytes(count) => self.filled = count,
            Piece::Nothing => {}
            Piece::End => self.end(),
            Piece::Damaged(why) => self.end_before(&why),
        }
        let read = i64::try_from(self.source.read_bytes()).unwrap_or(i64::MAX);
        self.intake.context().feed_counts().file_read.set(read);
        Ok(())
    }

    /// Takes what is in the buffer: all of it, or up to the first message that is not due yet.
    fn take(&mut self) {
        let now_us = self.intake.now_us();
        while self.taken < self.filled && self.due_us.is_none() && !self.intake.is_kept() {
            let rest = &self.buffer[self.taken..self.filled];
            let whole = self.marking.is_none() && self.pace.is_none();
            let line = &rest[..if whole { rest.len() } else { line_end(rest) }];
            self.taken += line.len();
            let Self { framer, format, intake, pace, marking, due_us, .. } = self;
            if let Some(marking) = marking {
                intake.mark(marking.advance(line));
            }
            intake.count_bytes(line.len());
            framer.feed(line, |event| {
                let at_us = due_us.unwrap_or(now_us);
                let due = intake.file_line(event, format, at_us, pace.as_mut());
                *due_us = due.or(*due_us);
            });
        }
    }

    /// Takes the last line, with or without its end.
    fn end(&mut self) {
        let now_us = self.intake.now_us();
        let Self { framer, format, intake, .. } = self;
        framer.finish(|event| {
            intake.file_line(event, format, now_us, None);
        });
        self.at_end = true;
    }

    /// Ends where an archive does that should go on. What was whole is taken, and is known when the whole archive comes.
    fn end_before(&mut self, why: &str) {
        let bytes = self.marking.as_ref().map_or(0, |marking| marking.digest.bytes());
        tracing::error!(
            "file {}: {why}; what was whole is kept: {bytes} bytes, decompressed; bring the whole file and read it again",
            self.path.display()
        );
        self.intake.context().feed_counts().damaged.add(1);
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

impl Marking {
    fn new() -> Self {
        Self { reading: Uuid::new_v4().as_u64_pair().0, digest: Digest::new() }
    }

    /// The mark of what comes of a line, or of the next piece of one.
    fn advance(&mut self, line: &[u8]) -> Mark {
        self.digest.update(line);
        let place = Place { bytes: self.digest.bytes(), nth: 0 };
        Mark { reading: self.reading, place, digest: self.digest.value() }
    }
}

/// Bytes of the first line with its end, of one byte or two.
fn line_end(rest: &[u8]) -> usize {
    match memchr2(b'\n', b'\r', rest) {
        Some(at) if rest[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => rest.len(),
    }
}

#[cfg(test)]
mod tests;
