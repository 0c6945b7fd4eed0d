//! The disk: every call that the journal makes to its files goes through here.
//!
//! In a build without tests these are the system's calls and nothing else. In tests a thread may put another disk in their
//! place ([`testing`]): one in memory that loses what was not synced, or one that fails at a given call.

mod real;
#[cfg(test)]
pub(crate) mod testing;

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[cfg(not(test))]
use real as under;
#[cfg(test)]
use testing as under;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading; it must be there.
    Read,
    /// For writing; it must be there.
    Write,
    /// For reading and writing; it must not be there.
    New,
    /// For writing; what it held is gone.
    Empty,
}

/// An open file.
#[derive(Debug)]
pub struct File(under::Raw);

impl File {
    /// Opens a file.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(path: &Path, mode: Mode) -> io::Result<Self> {
        under::open(path, mode).map(Self)
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn length(&self) -> io::Result<u64> {
        under::length(&self.0)
    }

    /// Cuts it, or makes it longer with zeros.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_length(&self, bytes: u64) -> io::Result<()> {
        under::set_length(&self.0, bytes)
    }

    /// Reserves its bytes; on a file system that cannot, the file is made long and stays sparse.
    ///
    /// # Errors
    /// When there is no room.
    pub fn preallocate(&self, bytes: u64) -> io::Result<()> {
        under::preallocate(&self.0, bytes)
    }

    /// Has what was written on the disk when it returns. Its name in the directory is another matter: [`sync_directory`].
    ///
    /// # Errors
    /// When anything could not be written; the system may then have forgotten what that was.
    pub fn sync(&self) -> io::Result<()> {
        under::sync(&self.0)
    }
}

impl FileExt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        under::read_at(&self.0, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        under::write_at(&self.0, bytes, offset)
    }
}

/// A file that one process at a time holds, until this is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held")] under::RawLock);

/// Takes a lock and writes `owner` into its file; what stands there when somebody else holds it.
///
/// # Errors
/// When the system refuses.
pub fn lock(path: &Path, owner: &str) -> io::Result<Result<Lock, String>> {
    under::lock(path, owner).map(|taken| taken.map(Lock))
}

/// All of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path, Mode::Read)?;
    let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// All of a file, as text.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// What is in a directory.
///
/// # Errors
/// When it cannot be read.
pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    under::list(path)
}

/// Whether anything has this name.
#[must_use]
pub fn exists(path: &Path) -> bool {
    under::exists(path)
}

/// Gives a file another name; what had that before is gone.
///
/// # Errors
/// When the system refuses.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    under::rename(from, to)
}

/// Takes a file away.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    under::remove(path)
}

/// Room on the disk that a directory lies on, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// For whoever is not root.
    pub free: u64,
    /// Free or not.
    pub size: u64,
}

/// What room there is. Of the system's disk always, also where a test put another in its place.
///
/// # Errors
/// When the system refuses.
pub fn space(path: &Path) -> io::Result<Space> {
    real::space(path)
}

/// Makes a directory and those it lies in, where they are not there.
///
/// # Errors
/// When the system refuses.
pub fn make_directory(path: &Path) -> io::Result<()> {
    under::make_directory(path)
}

/// Has the names in a directory on the disk when it returns.
///
/// # Errors
/// When they could not be written.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    under::sync_directory(path)
}
