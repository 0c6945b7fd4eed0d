//! What `tests/faults/shim.c` does to a daemon, told by a page that both see.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::process::{Daemon, Home};

const PAGE_BYTES: u64 = 4096;
const THREAD_AT: u64 = 88;

/// The numbers of the page, in their order.
#[derive(Clone, Copy)]
pub enum Number {
    TimeShiftNs,
    WriteBytesMax,
    StallMs,
    ClockFails,
    CutWrites,
    Shifted,
    Fired,
    NoRoom,
    RefusedWrites,
    FailingSyncs,
    FailedSyncs,
}

/// The compiled library; the compiler is one of the programs that tests need anyway.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&path);
        let status = cc.arg(source).args(["-ldl", "-pthread"]).status();
        assert!(status.expect("a C compiler").success(), "cc");
        (dir, path)
    });
    path
}

/// A page, and daemons that it holds for.
pub struct Shim {
    page: File,
    path: PathBuf,
}

impl Shim {
    /// Does nothing yet.
    pub fn new(home: &Home) -> Self {
        let path = home.config().with_file_name("fault-page");
        let page = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let page = page.unwrap();
        page.set_len(PAGE_BYTES).unwrap();
        Self { page, path }
    }

    /// Starts a daemon under it, without waiting for anything.
    pub fn spawn(&self, home: &Home) -> Daemon {
        self.spawn_with(home, &[])
    }

    /// The same, with more in its environment.
    pub fn spawn_with(&self, home: &Home, more: &[(&str, &Path)]) -> Daemon {
        let variables = [("LD_PRELOAD", library()), ("FAULT_PAGE", &self.path)];
        home.spawn_under(&[], &[&variables, more].concat())
    }

    /// Starts a daemon under it and waits until it is ready.
    pub fn start(&self, home: &Home) -> Daemon {
        let mut daemon = self.spawn(home);
        daemon.wait_until_ready();
        daemon
    }

    pub fn set(&self, number: Number, value: i64) {
        self.page.write_all_at(&value.to_ne_bytes(), number as u64 * 8).unwrap();
    }

    pub fn get(&self, number: Number) -> i64 {
        let mut bytes = [0; 8];
        self.page.read_exact_at(&mut bytes, number as u64 * 8).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// Names the thread that is meant.
    pub fn aim(&self, thread: &str) {
        let mut name = [0; 16];
        name[..thread.len()].copy_from_slice(thread.as_bytes());
        self.page.write_all_at(&name, THREAD_AT).unwrap();
    }
}
