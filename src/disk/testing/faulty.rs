//! The system's disk, on which one call fails.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use parking_lot::Mutex;

use super::super::{Mode, real};
use super::Disk;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With this error, having done nothing.
    Error(Errno),
    /// A read or a write moves half of the bytes, and says so.
    Short,
    /// A read or a write was interrupted.
    Interrupted,
    /// A write moves half of the bytes, and the call after it fails with this error.
    ShortThen(Errno),
    /// A write moves half of the bytes, other calls nothing, and nothing works from then on: the process has died.
    Crash,
}

/// What is to be done with a call.
enum Fate {
    Done,
    Half,
    Fails(io::Error),
}

/// Fails at one call.
#[derive(Debug)]
pub struct Faulty {
    way: Way,
    at: u64,
    calls: AtomicU64,
    fired: Mutex<Option<&'static str>>,
    files: Mutex<HashMap<u64, real::Raw>>,
}

impl Faulty {
    /// Fails in this way at the call of this number, from 1; at the next one that can fail so.
    pub fn new(way: Way, at: u64) -> Self {
        let (fired, files) = (Mutex::new(None), Mutex::default());
        Self { way, at, calls: AtomicU64::new(0), fired, files }
    }

    /// The call that failed, if one did.
    pub fn fired(&self) -> Option<&'static str> {
        *self.fired.lock()
    }

    fn fate(&self, call: &'static str) -> Fate {
        let moves_bytes = matches!(call, "read" | "write");
        let is_write = call == "write";
        let counts = match self.way {
            Way::Error(_) | Way::Crash => true,
            Way::Short | Way::Interrupted => moves_bytes,
            Way::ShortThen(_) => is_write || self.fired().is_some(),
        };
        if !counts {
            return Fate::Done;
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number < self.at {
            return Fate::Done;
        }
        let is_first = number == self.at;
        if is_first {
            *self.fired.lock() = Some(call);
        }
        let error = |errno: Errno| Fate::Fails(errno.into());
        match self.way {
            Way::Error(errno) if is_first => error(errno),
            Way::Short if is_first => Fate::Half,
            Way::Interrupted if is_first => error(Errno::EINTR),
            Way::ShortThen(_) if is_first => Fate::Half,
            Way::ShortThen(errno) if number == self.at + 1 => error(errno),
            Way::Crash if is_first && is_write => Fate::Half,
            Way::Crash => error(Errno::EIO),
            _ => Fate::Done,
        }
    }

    /// A call that is done or not.
    fn whole<T>(&self, call: &'static str, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.fate(call) {
            Fate::Done | Fate::Half => work(),
            Fate::Fails(error) => Err(error),
        }
    }

    fn with<T>(&self, file: u64, work: impl FnOnce(&real::Raw) -> io::Result<T>) -> io::Result<T> {
        self.files.lock().get(&file).map_or_else(|| Err(Errno::EBADF.into()), work)
    }
}

impl Disk for Faulty {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<u64> {
        let file = self.whole("open", || real::open(path, mode))?;
        let mut files = self.files.lock();
        let number = files.keys().max().map_or(0, |last| last + 1);
        files.insert(number, file);
        Ok(number)
    }

    fn close(&self, file: u64) {
        self.files.lock().remove(&file);
    }

    fn length(&self, file: u64) -> io::Result<u64> {
        self.whole("length", || self.with(file, real::length))
    }

    fn set_length(&self, file: u64, bytes: u64) -> io::Result<()> {
        self.whole("cut", || self.with(file, |file| real::set_length(file, bytes)))
    }

    fn preallocate(&self, file: u64, bytes: u64) -> io::Result<()> {
        self.whole("preallocate", || self.with(file, |file| real::preallocate(file, bytes)))
    }

    fn sync(&self, file: u64) -> io::Result<()> {
        self.whole("sync", || self.with(file, real::sync))
    }

    fn read_at(&self, file: u64, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = match self.fate("read") {
            Fate::Done => buffer.len(),
            Fate::Half => buffer.len().div_ceil(2),
            Fate::Fails(error) => return Err(error),
        };
        self.with(file, |file| real::read_at(file, &mut buffer[..bytes], offset))
    }

    fn write_at(&self, file: u64, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (bytes, died) = match self.fate("write") {
            Fate::Done => (bytes, false),
            Fate::Half => (&bytes[..bytes.len().div_ceil(2)], self.way == Way::Crash),
            Fate::Fails(error) => return Err(error),
        };
        let written = self.with(file, |file| real::write_at(file, bytes, offset))?;
        if died { Err(Errno::EIO.into()) } else { Ok(written) }
    }

    fn lock(&self, path: &Path, owner: &str) -> io::Result<()> {
        self.whole("lock", || real::lock(path, owner).map(drop))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.whole("list", || real::list(path))
    }

    fn exists(&self, path: &Path) -> bool {
        real::exists(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole("rename", || real::rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole("remove", || real::remove(path))
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.whole("make a directory", || real::make_directory(path))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.whole("sync a directory", || real::sync_directory(path))
    }
}
