//! The system's calls.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, Flock, FlockArg, fallocate};
use nix::sys::statvfs::statvfs;

use super::{Mode, Space};

pub type Raw = fs::File;
pub type RawLock = Flock<fs::File>;

pub fn open(path: &Path, mode: Mode) -> io::Result<Raw> {
    let mut options = OpenOptions::new();
    match mode {
        Mode::Read => options.read(true),
        Mode::Write => options.write(true),
        Mode::New => options.read(true).write(true).create_new(true),
        Mode::Empty => options.write(true).create(true).truncate(true),
    };
    options.open(path)
}

pub fn length(file: &Raw) -> io::Result<u64> {
    file.metadata().map(|it| it.len())
}

pub fn set_length(file: &Raw, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

pub fn preallocate(file: &Raw, bytes: u64) -> io::Result<()> {
    let length = i64::try_from(bytes).map_err(io::Error::other)?;
    match fallocate(file.as_fd(), FallocateFlags::empty(), 0, length) {
        Ok(()) => Ok(()),
        Err(Errno::EOPNOTSUPP) => file.set_len(bytes),
        Err(errno) => Err(errno.into()),
    }
}

pub fn sync(file: &Raw) -> io::Result<()> {
    file.sync_data()
}

pub fn read_at(file: &Raw, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub fn write_at(file: &Raw, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

pub fn lock(path: &Path, owner: &str) -> io::Result<Result<RawLock, String>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut held = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => held,
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            return Ok(Err(owner.trim().to_owned()));
        }
        Err((_, errno)) => return Err(errno.into()),
    };
    held.set_len(0)?;
    writeln!(held, "{owner}")?;
    Ok(Ok(held))
}

pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

pub fn exists(path: &Path) -> bool {
    path.exists()
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

pub fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

pub fn space(path: &Path) -> io::Result<Space> {
    let disk = statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
    Ok(Space { free: bytes(disk.blocks_available()), size: bytes(disk.blocks()) })
}
