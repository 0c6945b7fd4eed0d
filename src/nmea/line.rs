//! Cuts bytes into lines.
//!
//! In:      bytes as they were read
//! Out:     lines without their ends; empty lines are left out
//! Drops:   the rest of a line longer than the bound, which is reported once
//!
//! A line ends at a line feed, a carriage return or both. A line that lies wholly in one read is handed on where it lies;
//! only the unfinished end of a read is kept. What comes out does not depend on how the bytes were cut into reads.

use memchr::memchr2;

/// A kept end with more room than this gives its memory back once its line is complete, so that idle clients cost little.
const TAIL_KEPT_BYTES: usize = 256;

/// The lines of bytes that are all there, such as a datagram.
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// From the first byte on.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (line, rest) = match memchr2(b'\n', b'\r', self.rest) {
                Some(end) => (&self.rest[..end], after(self.rest, end)),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// What follows the line end at `end`, of which it may be the first of two bytes. When the second one is yet to be read
/// it will end an empty line, which is as good.
#[inline]
fn after(bytes: &[u8], end: usize) -> &[u8] {
    match &bytes[end..] {
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
        [] => &[],
    }
}

/// What a framer found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEvent<'a> {
    /// A line within the bound, without its end.
    Line(&'a [u8]),
    /// The first bytes, as many as the bound allows, of a line that is longer; the rest of it is skipped.
    TooLong(&'a [u8]),
}

/// Cuts the bytes of one connection.
#[derive(Debug)]
pub struct Framer {
    tail: Vec<u8>,
    bytes_max: usize,
    skipping: bool,
}

impl Framer {
    /// For lines of at most this many bytes.
    #[must_use]
    pub const fn new(line_bytes_max: usize) -> Self {
        Self { tail: Vec::new(), bytes_max: line_bytes_max, skipping: false }
    }

    /// Takes what was read and hands on every line that is complete.
    pub fn feed(&mut self, bytes: &[u8], mut on_line: impl FnMut(LineEvent<'_>)) {
        let mut rest = self.complete_tail(bytes, &mut on_line);
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            if end > self.bytes_max {
                on_line(LineEvent::TooLong(&rest[..self.bytes_max]));
            } else if end > 0 {
                on_line(LineEvent::Line(&rest[..end]));
            }
            rest = after(rest, end);
        }
        self.keep(rest, &mut on_line);
    }

    /// Hands on the last line if its end never came, and is ready for another connection.
    pub fn finish(&mut self, mut on_line: impl FnMut(LineEvent<'_>)) {
        if !self.tail.is_empty() {
            on_line(LineEvent::Line(&self.tail));
        }
        self.tail = Vec::new();
        self.skipping = false;
    }

    /// Bytes kept of a line that is not complete.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.tail.len()
    }

    /// Finishes the line that earlier reads began; returns what follows it.
    fn complete_tail<'a>(
        &mut self,
        bytes: &'a [u8],
        on_line: &mut impl FnMut(LineEvent<'_>),
    ) -> &'a [u8] {
        if self.tail.is_empty() && !self.skipping {
            return bytes;
        }
        let Some(end) = memchr2(b'\n', b'\r', bytes) else {
            self.keep(bytes, on_line);
            return &[];
        };
        self.keep(&bytes[..end], on_line);
        if !self.tail.is_empty() {
            on_line(LineEvent::Line(&self.tail));
        }
        self.skipping = false;
        self.empty_tail();
        &bytes[end + 1..]
    }

    /// Adds to the kept end, up to the bound.
    fn keep(&mut self, bytes: &[u8], on_line: &mut impl FnMut(LineEvent<'_>)) {
        if self.skipping || bytes.is_empty() {
            return;
        }
        let room = self.bytes_max - self.tail.len();
        self.tail.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            on_line(LineEvent::TooLong(&self.tail));
            self.skipping = true;
            self.empty_tail();
        }
    }

    fn empty_tail(&mut self) {
        self.tail.clear();
        if self.tail.capacity() > TAIL_KEPT_BYTES {
            self.tail = Vec::new();
        }
    }
}
