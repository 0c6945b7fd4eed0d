//! A disk in memory that knows what was synced and forgets the rest when the power goes.
//!
//! What a process sees and what would be there after a power cut are kept apart, for the bytes of files and for the names in
//! directories. A failed sync behaves as Linux does: what it could not write counts as written from then on, and no
//! later sync writes it.

mod calls;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use parking_lot::Mutex;

use super::random::Random;
use crate::disk::Mode;

/// A fault that is not in the disk but in what it promises, for the proof that it would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A sync says that it is done, and does nothing.
    Sync,
    /// A power cut takes the number of the last start back.
    Generation,
}

/// What is to go wrong from now on.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Calls move half of their bytes now and then, or are interrupted.
    pub short: bool,
    /// There is no room for new bytes.
    pub full: bool,
    /// The next write fails.
    pub write_fails: bool,
    /// The next sync fails.
    pub sync_fails: bool,
    /// The process dies inside the call after so many.
    pub dies_after: Option<u64>,
}

/// How often each fault fired.
#[derive(Clone, Debug, Default)]
pub struct Fired {
    pub short: u64,
    pub interrupted: u64,
    pub full: u64,
    pub write_failed: u64,
    pub sync_failed: u64,
    pub forgotten: u64,
    pub died_in_call: u64,
    pub power_cuts: u64,
    pub writes_lost: u64,
    pub writes_torn: u64,
    pub names_lost: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Clone, Debug)]
enum Change {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug, Default)]
struct Inode {
    seen: Vec<u8>,
    kept: Vec<u8>,
    pending: Vec<Change>,
}

type Names = BTreeMap<PathBuf, Node>;
/// Names that change together: to this, or to nothing.
type Renamed = Vec<(PathBuf, Option<Node>)>;

#[derive(Debug)]
struct State {
    random: Random,
    inodes: Vec<Inode>,
    names: Names,
    kept_names: Names,
    pending_names: Vec<Renamed>,
    open: BTreeMap<u64, usize>,
    next_handle: u64,
    weather: Weather,
    fired: Fired,
    dead: bool,
    lie: Option<Lie>,
}

/// The disk.
#[derive(Debug)]
pub struct Simulated(Mutex<State>);

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Bytes(at, new) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
        }
    }
}

fn set(names: &mut Names, (path, node): &(PathBuf, Option<Node>)) {
    match node {
        Some(node) => names.insert(path.clone(), *node),
        None => names.remove(path),
    };
}

fn errno<T>(errno: Errno) -> io::Result<T> {
    Err(errno.into())
}

impl Simulated {
    pub fn new(random: Random, lie: Option<Lie>) -> Self {
        let names: Names = [(PathBuf::from("/"), Node::Directory)].into();
        Self(Mutex::new(State {
            random,
            inodes: Vec::new(),
            kept_names: names.clone(),
            names,
            pending_names: Vec::new(),
            open: BTreeMap::new(),
            next_handle: 0,
            weather: Weather::default(),
            fired: Fired::default(),
            dead: false,
            lie,
        }))
    }

    pub fn set_weather(&self, weather: Weather) {
        self.0.lock().weather = weather;
    }

    pub fn fired(&self) -> Fired {
        self.0.lock().fired.clone()
    }

    /// Whether the process has died, and nothing that it does reaches the disk any more.
    pub fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    pub fn kill(&self) {
        self.0.lock().dead = true;
    }

    /// A new process begins, and finds what the last one wrote.
    pub fn next_process(&self) {
        let mut state = self.0.lock();
        (state.dead, state.weather.dies_after) = (false, None);
    }

    /// Everything that was not synced may be gone.
    pub fn cut_power(&self) {
        self.0.lock().cut_power();
    }

    /// What a process would read of this file.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        state.file(path).map(|inode| state.inodes[inode].seen.clone())
    }

    /// A bit turns, for good.
    pub fn flip(&self, path: &Path, byte: usize, bit: u32) {
        let mut state = self.0.lock();
        let Some(inode) = state.file(path) else { return };
        let inode = &mut state.inodes[inode];
        inode.seen[byte] ^= 1 << bit;
        for change in &mut inode.pending {
            if let Change::Bytes(at, bytes) = change
                && let Some(byte) = byte.checked_sub(*at).and_then(|at| bytes.get_mut(at))
            {
                *byte ^= 1 << bit;
            }
        }
        if let Some(byte) = inode.kept.get_mut(byte) {
            *byte ^= 1 << bit;
        }
    }

    pub fn files(&self, directory: &Path) -> Vec<PathBuf> {
        let state = self.0.lock();
        let files = state.names.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).filter(|it| it.parent() == Some(directory)).collect()
    }
}

impl State {
    fn file(&self, path: &Path) -> Option<usize> {
        match self.names.get(path) {
            Some(Node::File(inode)) => Some(*inode),
            _ => None,
        }
    }

    /// Before every call; whether the process dies in it.
    fn enter(&mut self) -> io::Result<bool> {
        if self.dead {
            return errno(Errno::EIO);
        }
        match &mut self.weather.dies_after {
            Some(0) => {
                self.fired.died_in_call += 1;
                self.dead = true;
                Ok(true)
            }
            Some(left) => {
                *left -= 1;
                Ok(false)
            }
            None => Ok(false),
        }
    }

    /// A call that is done or not done when the process dies in it.
    fn whole<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.enter()? {
            if self.random.chance(50) {
                let _ = work(self);
            }
            return errno(Errno::EIO);
        }
        work(self)
    }

    fn change_names(&mut self, renamed: Renamed) {
        renamed.iter().for_each(|name| set(&mut self.names, name));
        self.pending_names.push(renamed);
    }

    fn write(&mut self, inode: usize, change: Change) {
        change.apply(&mut self.inodes[inode].seen);
        self.inodes[inode].pending.push(change);
    }

    fn inode(&self, handle: u64) -> io::Result<usize> {
        self.open.get(&handle).copied().map_or_else(|| errno(Errno::EBADF), Ok)
    }

    fn open(&mut self, path: &Path, mode: Mode) -> io::Result<u64> {
        let known = self.file(path);
        let inode = match (mode, known) {
            (Mode::Read | Mode::Write, None) => return errno(Errno::ENOENT),
            (Mode::New, Some(_)) => return errno(Errno::EEXIST),
            (Mode::Read | Mode::Write, Some(inode)) => inode,
            (Mode::Empty, Some(inode)) => {
                self.write(inode, Change::Length(0));
                inode
            }
            (Mode::New | Mode::Empty, None) => self.create(path)?,
        };
        self.next_handle += 1;
        self.open.insert(self.next_handle, inode);
        Ok(self.next_handle)
    }

    fn create(&mut self, path: &Path) -> io::Result<usize> {
        let parent = path.parent().and_then(|parent| self.names.get(parent));
        if parent != Some(&Node::Directory) {
            return errno(Errno::ENOENT);
        }
        if self.weather.full && self.random.chance(30) {
            self.fired.full += 1;
            return errno(Errno::ENOSPC);
        }
        self.inodes.push(Inode::default());
        let inode = self.inodes.len() - 1;
        self.change_names(vec![(path.to_owned(), Some(Node::File(inode)))]);
        Ok(inode)
    }

    fn sync(&mut self, inode: usize) -> io::Result<()> {
        if self.lie == Some(Lie::Sync) {
            return Ok(());
        }
        let fails = std::mem::take(&mut self.weather.sync_fails);
        let pending = std::mem::take(&mut self.inodes[inode].pending);
        for change in &pending {
            if !fails || self.random.chance(50) {
                change.apply(&mut self.inodes[inode].kept);
            }
        }
        if !fails {
            return Ok(());
        }
        self.fired.sync_failed += 1;
        if self.random.chance(25) {
            self.fired.forgotten += 1;
            self.inodes[inode].seen = self.inodes[inode].kept.clone();
        }
        errno(Errno::EIO)
    }

    fn write_at(&mut self, inode: usize, bytes: &[u8], at: usize) -> io::Result<usize> {
        if self.enter()? {
            let torn = self.random.index(bytes.len() + 1);
            self.write(inode, Change::Bytes(at, bytes[..torn].to_vec()));
            return errno(Errno::EIO);
        }
        if std::mem::take(&mut self.weather.write_fails) {
            self.fired.write_failed += 1;
            return errno(Errno::EIO);
        }
        let mut wanted = bytes.len();
        if self.weather.full && at + wanted > self.inodes[inode].seen.len() {
            wanted = self.inodes[inode].seen.len().saturating_sub(at);
            if wanted == 0 {
                self.fired.full += 1;
                return errno(Errno::ENOSPC);
            }
        }
        if self.weather.short && self.random.chance(5) {
            self.fired.interrupted += 1;
            return errno(Errno::EINTR);
        }
        if self.weather.short && wanted > 1 && self.random.chance(10) {
            self.fired.short += 1;
            wanted = 1 + self.random.index(wanted - 1);
        }
        self.write(inode, Change::Bytes(at, bytes[..wanted].to_vec()));
        Ok(wanted)
    }

    fn cut_power(&mut self) {
        self.fired.power_cuts += 1;
        let survives = [0, 50, 90][self.random.index(3)];
        for inode in 0..self.inodes.len() {
            for change in std::mem::take(&mut self.inodes[inode].pending) {
                self.write_or_lose(inode, change, survives);
            }
            self.inodes[inode].seen = self.inodes[inode].kept.clone();
        }
        for renamed in std::mem::take(&mut self.pending_names) {
            if self.random.chance(survives) {
                renamed.iter().for_each(|name| set(&mut self.kept_names, name));
            } else {
                self.fired.names_lost += 1;
            }
        }
        self.names = self.kept_names.clone();
        // What lies in a directory that is gone is gone.
        let all = self.names.clone();
        let is_there = |path: &Path| path.ancestors().all(|it| all.contains_key(it));
        self.names.retain(|path, _| is_there(path));
        self.kept_names = self.names.clone();
        self.open.clear();
    }

    fn write_or_lose(&mut self, inode: usize, change: Change, survives: u64) {
        if !self.random.chance(survives) {
            self.fired.writes_lost += 1;
            return;
        }
        let change = match change {
            Change::Bytes(at, bytes) if self.random.chance(30) => {
                self.fired.writes_torn += 1;
                let torn = self.random.index(bytes.len() + 1);
                // The front or the back of it reached the disk.
                match self.random.chance(50) {
                    true => Change::Bytes(at, bytes[..torn].to_vec()),
                    false => Change::Bytes(at + torn, bytes[torn..].to_vec()),
                }
            }
            change => change,
        };
        change.apply(&mut self.inodes[inode].kept);
    }
}
