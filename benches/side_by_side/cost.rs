//! What did it cost: processor time, and bytes written?

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};

const TICKS_PER_S: f64 = 100.0;

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

/// Processor seconds of some processes, and of their children that have ended and that they waited for.
pub fn of_all(pids: &[i32]) -> f64 {
    let stat = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    pids.iter().filter_map(stat).filter_map(|stat| seconds(&stat)).sum()
}

fn seconds(stat: &str) -> Option<f64> {
    let (_, behind) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = behind.split(' ').collect();
    // utime, stime, and the same of children: fields 14 to 17 of the whole line.
    let ticks: u64 = (11..15).map(|at| fields.get(at)?.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(ticks as f64 / TICKS_PER_S)
}

/// Bytes that a process had written to the disk.
pub fn written(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
