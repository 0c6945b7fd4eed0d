//! What did it cost: processor time, and bytes written?

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};

/// Processor seconds of all children that have ended and were waited for.
pub fn children() -> f64 {
    of(UsageWho::RUSAGE_CHILDREN)
}

/// Processor seconds of this thread.
pub fn thread() -> f64 {
    of(UsageWho::RUSAGE_THREAD)
}

fn of(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Bytes that a process had written to the disk.
pub fn written(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
