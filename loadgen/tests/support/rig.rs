//! A daemon in a folder of its own, and runs against it.

use super::process::wait_until;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// Runs share the machine, and are timed: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Whether runs have the length that documents tell, and not that of every day.
pub fn at_full_length() -> bool {
    std::env::var_os("FAULTS").is_some_and(|it| it == "all")
}

/// A running daemon; killed when it goes out of scope.
pub struct Rig {
    child: Child,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Rig {
    /// Starts one that takes posts, datagrams and lines, and waits until it is ready. With a URL it stores there.
    pub fn start(store: Option<&str>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_loadgen")).with_file_name("aisd");
        assert!(program.exists(), "{} is not built: cargo build", program.display());
        let mut aisd = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("AISD_") || name.contains("_URL") || name.starts_with("JWT_") {
                aisd.env_remove(&*name);
            }
        }
        if let Some(url) = store {
            aisd.env("DATABASE_URL", url);
        }
        let config = folder.path().join("aisd.toml");
        std::fs::write(&config, "").unwrap();
        aisd.args(["run", "--http", "127.0.0.1:0", "--http-feed", "", "--udp", "127.0.0.1:0"]);
        aisd.args(["--tcp", "127.0.0.1:0", "--config"]).arg(config).arg("--data-dir");
        aisd.arg(folder.path().join("data")).stdin(Stdio::null()).stdout(Stdio::null());
        aisd.stderr(File::create(folder.path().join("log")).unwrap());
        let child = aisd.spawn().unwrap();
        let mut rig = Self { child, folder, _alone: alone };
        wait_until("a daemon that is ready", || {
            assert!(rig.child.try_wait().unwrap().is_none(), "{}", rig.log());
            rig.run_json().exists()
        });
        rig
    }

    fn run_json(&self) -> PathBuf {
        self.folder.path().join("data/run.json")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Runs the generator against it to its end: its exit code, and its results.
    pub fn load(&self, arguments: &[&str]) -> (i32, Value) {
        let results = self.folder.path().join("results.json");
        let mut loadgen = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        loadgen.arg("--run-json").arg(self.run_json()).arg("--json").arg(&results);
        let out = loadgen.args(["--quiet"]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        let text = std::fs::read(&results);
        let text = text.unwrap_or_else(|_| panic!("{arguments:?}: {said}\n{}", self.log()));
        (out.status.code().unwrap(), serde_json::from_slice(&text).unwrap())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
