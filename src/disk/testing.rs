//! Another disk in the place of the system's, for the thread that says so.

pub mod faulty;

use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Mode, real};

/// What a disk can be asked. Files are known by the number that `open` gives out.
pub trait Disk: Debug + Send + Sync {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<u64>;
    fn close(&self, file: u64);
    fn length(&self, file: u64) -> io::Result<u64>;
    fn set_length(&self, file: u64, bytes: u64) -> io::Result<()>;
    fn preallocate(&self, file: u64, bytes: u64) -> io::Result<()>;
    fn sync(&self, file: u64) -> io::Result<()>;
    fn read_at(&self, file: u64, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, file: u64, bytes: &[u8], offset: u64) -> io::Result<usize>;
    fn lock(&self, path: &Path, owner: &str) -> io::Result<()>;
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    fn exists(&self, path: &Path) -> bool;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

thread_local! {
    static IN_PLACE: RefCell<Option<Arc<dyn Disk>>> = const { RefCell::new(None) };
}

/// Puts a disk in the place of the system's until this is dropped.
pub struct InPlace;

impl InPlace {
    pub fn of(disk: Arc<dyn Disk>) -> Self {
        IN_PLACE.set(Some(disk));
        Self
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        IN_PLACE.set(None);
    }
}

fn in_place() -> Option<Arc<dyn Disk>> {
    IN_PLACE.with_borrow(Clone::clone)
}

#[derive(Debug)]
pub enum Raw {
    Real(real::Raw),
    Other(Arc<dyn Disk>, u64),
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Self::Other(disk, file) = self {
            disk.close(*file);
        }
    }
}

/// Of another disk nobody holds a lock but the one who drives it.
#[derive(Debug)]
pub struct RawLock(#[expect(dead_code, reason = "it is held")] Option<real::RawLock>);

pub fn open(path: &Path, mode: Mode) -> io::Result<Raw> {
    match in_place() {
        None => real::open(path, mode).map(Raw::Real),
        Some(disk) => disk.open(path, mode).map(|file| Raw::Other(Arc::clone(&disk), file)),
    }
}

pub fn length(file: &Raw) -> io::Result<u64> {
    match file {
        Raw::Real(file) => real::length(file),
        Raw::Other(disk, file) => disk.length(*file),
    }
}

pub fn set_length(file: &Raw, bytes: u64) -> io::Result<()> {
    match file {
        Raw::Real(file) => real::set_length(file, bytes),
        Raw::Other(disk, file) => disk.set_length(*file, bytes),
    }
}

pub fn preallocate(file: &Raw, bytes: u64) -> io::Result<()> {
    match file {
        Raw::Real(file) => real::preallocate(file, bytes),
        Raw::Other(disk, file) => disk.preallocate(*file, bytes),
    }
}

pub fn sync(file: &Raw) -> io::Result<()> {
    match file {
        Raw::Real(file) => real::sync(file),
        Raw::Other(disk, file) => disk.sync(*file),
    }
}

pub fn read_at(file: &Raw, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    match file {
        Raw::Real(file) => real::read_at(file, buffer, offset),
        Raw::Other(disk, file) => disk.read_at(*file, buffer, offset),
    }
}

pub fn write_at(file: &Raw, bytes: &[u8], offset: u64) -> io::Result<usize> {
    match file {
        Raw::Real(file) => real::write_at(file, bytes, offset),
        Raw::Other(disk, file) => disk.write_at(*file, bytes, offset),
    }
}

pub fn lock(path: &Path, owner: &str) -> io::Result<Result<RawLock, String>> {
    match in_place() {
        None => real::lock(path, owner).map(|taken| taken.map(|lock| RawLock(Some(lock)))),
        Some(disk) => disk.lock(path, owner).map(|()| Ok(RawLock(None))),
    }
}

pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    in_place().map_or_else(|| real::list(path), |disk| disk.list(path))
}

pub fn exists(path: &Path) -> bool {
    in_place().map_or_else(|| real::exists(path), |disk| disk.exists(path))
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    in_place().map_or_else(|| real::rename(from, to), |disk| disk.rename(from, to))
}

pub fn remove(path: &Path) -> io::Result<()> {
    in_place().map_or_else(|| real::remove(path), |disk| disk.remove(path))
}

pub fn make_directory(path: &Path) -> io::Result<()> {
    in_place().map_or_else(|| real::make_directory(path), |disk| disk.make_directory(path))
}

pub fn sync_directory(path: &Path) -> io::Result<()> {
    in_place().map_or_else(|| real::sync_directory(path), |disk| disk.sync_directory(path))
}
