//! Waiting for processes, as the servers of tests need it.

use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits for the end of a process that was told to end.
pub fn wait_for(child: &mut Child, log: &Path) -> ExitStatus {
    let mut ended = None;
    let log = || std::fs::read_to_string(log).unwrap_or_default();
    wait_until(&format!("the end of a process: {}", log()), || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    ended.unwrap()
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(LOOK_EVERY);
    }
}
