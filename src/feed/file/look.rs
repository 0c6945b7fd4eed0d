//! How much of a file's content is taken: its bytes up to each place that is known, compared with what they came to there.
//!
//! The file is read once, as far as the last place that is known, in pieces. Nothing else of it is looked at, and its name is not. Where
//! nothing is known of any file, this is not done at all.

use std::io;
use std::path::Path;

use super::digest::Digest;
use super::source::{Piece, Source};
use crate::record::{Mark, Place};

/// A look at a file.
pub struct Look {
    source: Source,
    digest: Digest,
    /// In the order of their places.
    marks: Vec<Mark>,
    /// The first of them that is not passed.
    next: usize,
    found: Place,
}

impl Look {
    /// Opens the file, if any mark is known; they come in the order of their places.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn new(path: &Path, marks: Vec<Mark>) -> io::Result<Option<Self>> {
        if marks.is_empty() {
            return Ok(None);
        }
        let (source, digest) = (Source::open(path)?, Digest::new());
        Ok(Some(Self { source, digest, marks, next: 0, found: Place::default() }))
    }

    /// Reads a piece; the last place up to which everything is as it was, once that is known.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn go_on(&mut self, buffer: &mut [u8]) -> io::Result<Option<Place>> {
        match self.source.read(buffer)? {
            Piece::Bytes(count) => self.compare(&buffer[..count]),
            Piece::Nothing => {}
            Piece::End | Piece::Damaged(_) => return Ok(Some(self.found)),
        }
        Ok((self.next == self.marks.len()).then_some(self.found))
    }

    fn compare(&mut self, mut piece: &[u8]) {
        while let Some(mark) = self.marks.get(self.next) {
            let ahead = mark.place.bytes.saturating_sub(self.digest.bytes());
            let here = usize::try_from(ahead).unwrap_or(usize::MAX);
            if here > piece.len() {
                break;
            }
            let (before, rest) = piece.split_at(here);
            self.digest.update(before);
            piece = rest;
            if self.digest.value() == mark.digest {
                self.found = mark.place;
            }
            self.next += 1;
        }
        self.digest.update(piece);
    }
}
