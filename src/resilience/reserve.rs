//! Room on the disk for what must be written when nothing else can be: dead letters, and the small notes of a start.
//!
//! A file that holds nothing but its room. On a full disk a piece of it is given up at a time ([`Reserve::give`]) to whoever finds
//! none for a note or a letter; the journal, which would take any room at once, begins no segment while the reserve is
//! not whole ([`Reserve::keep`]). It is made whole again when there is more room than it needs, so that what was just
//! given is not taken back before it is used.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::disk::{self, File, Mode};

const FILE_NAME: &str = "reserve";
/// What is given at a time, and what must be free beside the reserve for it to be made whole.
const PIECE_BYTES: u64 = 1 << 20;

/// The reserve of a data directory.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    bytes: u64,
    file: Mutex<Option<File>>,
}

impl Reserve {
    /// Of so many bytes; 0 for none. What an earlier run kept is still there.
    #[must_use]
    pub fn new(data_dir: &Path, bytes: u64) -> Self {
        Self { path: data_dir.join(FILE_NAME), bytes, file: Mutex::new(None) }
    }

    /// Makes it whole, unless it is.
    ///
    /// # Errors
    /// When there is not that much room; what there was of it is still kept.
    pub fn keep(&self) -> io::Result<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        let mut held = self.file.lock();
        let file = opened(&mut held, &self.path, true)?;
        let kept = file.length()?;
        if kept >= self.bytes {
            return Ok(());
        }
        grow(file, kept, self.bytes)
    }

    /// Gives up a piece of it; says whether there was one.
    pub fn give(&self) -> bool {
        let mut held = self.file.lock();
        let Ok(file) = opened(&mut held, &self.path, false) else { return false };
        let kept = file.length().unwrap_or(0);
        let left = kept.saturating_sub(PIECE_BYTES);
        if kept == 0 || file.set_length(left).is_err() {
            return false;
        }
        tracing::warn!(
            "the disk of {} is full: {left} bytes of the reserve are left for dead letters and notes",
            self.path.display()
        );
        true
    }

    /// Has a piece free before there is need for it: much of what a start writes cannot ask.
    pub fn make_room(&self) {
        let has_room = || {
            let mut held = self.file.lock();
            let file = opened(&mut held, &self.path, false)?;
            let kept = file.length()?;
            grow(file, kept, kept)
        };
        if has_room().is_err_and(|error| is_full(&error)) {
            self.give();
        }
    }

    /// What is kept now, in bytes.
    #[must_use]
    pub fn kept(&self) -> u64 {
        let mut held = self.file.lock();
        opened(&mut held, &self.path, false).and_then(|file| file.length()).unwrap_or(0)
    }
}

/// Whether an error says that the disk is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The file, made where it may be.
fn opened<'a>(held: &'a mut Option<File>, path: &Path, make: bool) -> io::Result<&'a File> {
    let file = match held.take() {
        Some(file) => file,
        None if make && !disk::exists(path) => File::open(path, Mode::New)?,
        None => File::open(path, Mode::Write)?,
    };
    Ok(held.insert(file))
}

/// From one length to another, if a piece more would fit as well.
fn grow(file: &File, from: u64, to: u64) -> io::Result<()> {
    let taken = file.preallocate(to + PIECE_BYTES);
    // What a failed call took is given back as well.
    file.set_length(if taken.is_ok() { to } else { from }).and(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 5 * PIECE_BYTES / 2;

    fn length(dir: &Path) -> u64 {
        std::fs::metadata(dir.join(FILE_NAME)).map_or(0, |file| file.len())
    }

    #[test]
    fn it_is_given_piece_by_piece_and_made_whole_again() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), BYTES);
        assert!(!reserve.give(), "there is none yet");
        reserve.keep().unwrap();
        assert_eq!(length(dir.path()), BYTES);
        // The next run has it as well.
        let reserve = Reserve::new(dir.path(), BYTES);
        for left in [BYTES - PIECE_BYTES, BYTES - 2 * PIECE_BYTES, 0] {
            assert!(reserve.give());
            assert_eq!((length(dir.path()), reserve.kept()), (left, left));
        }
        assert!(!reserve.give());
        reserve.keep().unwrap();
        assert_eq!(length(dir.path()), BYTES);
    }

    #[test]
    fn with_room_enough_nothing_is_given_and_of_no_bytes_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path(), BYTES);
        reserve.make_room();
        assert!(!dir.path().join(FILE_NAME).exists());
        reserve.keep().unwrap();
        reserve.make_room();
        assert_eq!(length(dir.path()), BYTES);
        let none = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(none.path(), 0);
        reserve.keep().unwrap();
        assert!(!reserve.give());
        assert!(!none.path().join(FILE_NAME).exists());
    }
}
