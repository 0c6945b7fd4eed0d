//! The calls of the disk in memory.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{Change, Lie, Node, Simulated, State, errno, set};
use crate::disk::Mode;
use crate::disk::testing::Disk;

impl Disk for Simulated {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<u64> {
        self.0.lock().whole(|state| state.open(path, mode))
    }

    fn close(&self, file: u64) {
        self.0.lock().open.remove(&file);
    }

    fn length(&self, file: u64) -> io::Result<u64> {
        self.0.lock().whole(|state| Ok(state.inodes[state.inode(file)?].seen.len() as u64))
    }

    fn set_length(&self, file: u64, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).unwrap();
        self.0.lock().whole(|state| {
            let inode = state.inode(file)?;
            state.write(inode, Change::Length(length));
            Ok(())
        })
    }

    fn preallocate(&self, file: u64, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).unwrap();
        self.0.lock().whole(|state| {
            let inode = state.inode(file)?;
            if state.weather.full {
                state.fired.full += 1;
                return errno(Errno::ENOSPC);
            }
            state.write(inode, Change::Length(length));
            Ok(())
        })
    }

    fn sync(&self, file: u64) -> io::Result<()> {
        self.0.lock().whole(|state| {
            let inode = state.inode(file)?;
            state.sync(inode)
        })
    }

    fn read_at(&self, file: u64, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.lock().whole(|state| {
            let seen = &state.inodes[state.inode(file)?].seen;
            let from = usize::try_from(offset).unwrap().min(seen.len());
            let bytes = buffer.len().min(seen.len() - from);
            buffer[..bytes].copy_from_slice(&seen[from..from + bytes]);
            Ok(bytes)
        })
    }

    fn write_at(&self, file: u64, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.0.lock();
        let inode = state.inode(file)?;
        state.write_at(inode, bytes, usize::try_from(offset).unwrap())
    }

    fn lock(&self, _path: &Path, _owner: &str) -> io::Result<()> {
        self.0.lock().whole(|_| Ok(()))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.lock().whole(|_| Ok(()))?;
        Ok(self.files(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.lock().names.contains_key(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.lock().whole(|state| {
            let Some(inode) = state.file(from) else { return errno(Errno::ENOENT) };
            let to = (to.to_owned(), Some(Node::File(inode)));
            state.change_names(vec![(from.to_owned(), None), to]);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().whole(|state| {
            if state.file(path).is_none() {
                return errno(Errno::ENOENT);
            }
            state.change_names(vec![(path.to_owned(), None)]);
            Ok(())
        })
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.0.lock().whole(|state| {
            let mut missing: Vec<_> =
                path.ancestors().take_while(|it| !state.names.contains_key(*it)).collect();
            while let Some(made) = missing.pop() {
                state.change_names(vec![(made.to_owned(), Some(Node::Directory))]);
            }
            Ok(())
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.0.lock().whole(|state| {
            if std::mem::take(&mut state.weather.sync_fails) {
                state.fired.sync_failed += 1;
                return errno(Errno::EIO);
            }
            let State { pending_names, kept_names, lie, .. } = state;
            pending_names.retain(|renamed| {
                let is_here = renamed.iter().any(|(name, _)| name.parent() == Some(path));
                let forgets = *lie == Some(Lie::Generation)
                    && renamed.iter().any(|(name, _)| name.ends_with("generation"));
                let is_synced = is_here && !forgets && *lie != Some(Lie::Sync);
                if is_synced {
                    renamed.iter().for_each(|name| set(kept_names, name));
                }
                !is_synced
            });
            Ok(())
        })
    }
}
