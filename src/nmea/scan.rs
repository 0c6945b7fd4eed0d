//! Takes a line apart: tag blocks, stamp lines, sentences, and whatever lies between.
//!
//! In:      a line
//! Out:     its pieces, in order
//! Drops:   nothing; bytes that are no piece lie between pieces
//!
//! `!`, `$` and `\` are reserved by the standard for what they begin here, so a damaged piece ends where one of them
//! begins the next, and what follows it is not lost.

use memchr::memchr3;

use super::sentence::{ADDRESS_BYTES, hex, is_address};
use super::tag_block;

/// A piece of a line; positions count from the line's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What is between two backslashes.
    TagBlock {
        /// Where the first backslash is.
        at: usize,
        /// What is between them.
        content: &'a [u8],
        /// Where the next piece may begin.
        end: usize,
    },
    /// A VDM or VDO sentence, or what is left of one.
    Ais(Found<'a>),
    /// A `$PGHP` sentence.
    Stamp(Found<'a>),
}

/// A sentence, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where its `!` or `$` is.
    pub at: usize,
    /// What is between that and `*`.
    pub body: &'a [u8],
    /// What the digits behind `*` say.
    pub checksum: Given,
    /// What follows the digits after a comma, up to the next piece.
    pub suffix: &'a [u8],
    /// Where the next piece may begin.
    pub end: usize,
}

/// The checksum that a sentence came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Two digits.
    Is(u8),
    /// A star without two digits behind it.
    Cut,
    /// No star.
    Missing,
}

/// The pieces of a line.
pub struct Pieces<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Pieces<'a> {
    /// From its first byte on.
    pub const fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// The tag block that begins at a backslash. A backslash of another kind is left alone.
    fn tag_block(&self, at: usize) -> Option<Piece<'a>> {
        let after = &self.line[at + 1..];
        let close = memchr3(b'\\', b'!', b'$', after)?;
        let content = &after[..close];
        if after[close] != b'\\' || !tag_block::is_meant(content) {
            return None;
        }
        Some(Piece::TagBlock { at, content, end: at + close + 2 })
    }

    /// The sentence that begins at a `!` or `$`.
    fn sentence(&self, at: usize) -> Option<Piece<'a>> {
        let after = &self.line[at + 1..];
        if is_address(after) {
            Some(Piece::Ais(self.found(at)))
        } else if self.line[at] == b'$' && after.starts_with(b"PGHP,") {
            Some(Piece::Stamp(self.found(at)))
        } else {
            None
        }
    }

    fn found(&self, at: usize) -> Found<'a> {
        let from = at + 1 + ADDRESS_BYTES.min(self.line.len() - at - 1);
        let stop = self.next_of(from, |byte| matches!(byte, b'*' | b'!' | b'$' | b'\\'));
        let body = &self.line[at + 1..stop];
        let checksum = match &self.line[stop..] {
            [b'*', high, low, ..] => hex(*high, *low).map_or(Given::Cut, Given::Is),
            [b'*', ..] => Given::Cut,
            _ => Given::Missing,
        };
        let mut end = match checksum {
            Given::Is(_) => stop + 3,
            Given::Cut => stop + 1,
            Given::Missing => stop,
        };
        let mut suffix = &[][..];
        if matches!(checksum, Given::Is(_)) && self.line.get(end) == Some(&b',') {
            let from = end + 1;
            end = self.next_of(from, |byte| matches!(byte, b'!' | b'$' | b'\\'));
            suffix = &self.line[from..end];
        }
        Found { at, body, checksum, suffix, end }
    }

    /// The next byte of a kind, or the line's end.
    fn next_of(&self, from: usize, kind: impl Fn(u8) -> bool) -> usize {
        let rest = self.line.get(from..).unwrap_or_default();
        rest.iter().position(|&byte| kind(byte)).map_or(self.line.len(), |found| from + found)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let at = self.at + memchr3(b'!', b'$', b'\\', self.line.get(self.at..)?)?;
            let piece = if self.line[at] == b'\\' { self.tag_block(at) } else { self.sentence(at) };
            self.at = match &piece {
                Some(Piece::TagBlock { end, .. }) => *end,
                Some(Piece::Ais(found) | Piece::Stamp(found)) => found.end,
                None => at + 1,
            };
            if piece.is_some() {
                return piece;
            }
        }
    }
}
