//! What the kernel says of this process: memory, threads, processor time.
//!
//! Read from `/proc/self` when somebody asks. Where that is hidden, the values are 0 and nothing else changes.

use std::fs;

use parking_lot::Mutex;

/// What the kernel says at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Memory in use, bytes.
    pub rss_bytes: u64,
    /// The most memory in use since the start, bytes.
    pub rss_peak_bytes: u64,
    /// The most memory in use since the last reset by a client, bytes.
    pub rss_peak_window_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// Processor time of all threads, seconds.
    pub cpu_seconds: f64,
    /// Processor time by thread name, seconds; threads that are gone are not in it.
    pub thread_cpu_seconds: Vec<(String, f64)>,
}

/// Remembers the peaks that the kernel forgets when its mark is reset.
#[derive(Debug, Default)]
pub struct ProcessWatch {
    peak_before_reset: Mutex<u64>,
}

impl ProcessWatch {
    /// What the kernel says now.
    #[must_use]
    pub fn read(&self) -> Process {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let window = kib(&status, "VmHWM:");
        Process {
            rss_bytes: kib(&status, "VmRSS:"),
            rss_peak_bytes: window.max(*self.peak_before_reset.lock()),
            rss_peak_window_bytes: window,
            threads: number(&status, "Threads:"),
            open_files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
            cpu_seconds: fs::read_to_string("/proc/self/stat").map_or(0.0, |stat| cpu(&stat).1),
            thread_cpu_seconds: thread_cpu_seconds(),
        }
    }

    /// Starts the window of the memory's peak anew.
    pub fn reset_window(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut before = self.peak_before_reset.lock();
        *before = before.max(kib(&status, "VmHWM:"));
        // 5 puts the kernel's high-water mark back to what is in use. Where that is forbidden the window is since the start.
        let _ = fs::write("/proc/self/clear_refs", "5");
    }
}

fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn kib(status: &str, name: &str) -> u64 {
    number(status, name).saturating_mul(1024)
}

/// The name in a `stat` file, and its user and system time in seconds.
fn cpu(stat: &str) -> (&str, f64) {
    // The name stands in parentheses and may hold anything, also parentheses.
    let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { return ("", 0.0) };
    let name = stat.get(open + 1..close).unwrap_or_default();
    let after: Vec<&str> = stat[close + 1..].split_whitespace().collect();
    // Fields 14 and 15 of the file, 1/100 s on every Linux; the first after the name is field 3.
    let ticks = |at: usize| after.get(at).and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
    (name, (f64::from(ticks(11)) + f64::from(ticks(12))) / 100.0)
}

fn thread_cpu_seconds() -> Vec<(String, f64)> {
    let mut threads: Vec<(String, f64)> = Vec::new();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    for stat in tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok()) {
        let (name, seconds) = cpu(&stat);
        match threads.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds,
            None => threads.push((name.to_owned(), seconds)),
        }
    }
    threads.sort_by(|a, b| a.0.cmp(&b.0));
    threads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_understood() {
        let process = ProcessWatch::default().read();
        assert!(process.rss_bytes > 100_000 && process.rss_peak_bytes >= process.rss_bytes);
        assert!(process.threads >= 1 && process.open_files >= 3);
        assert!(!process.thread_cpu_seconds.is_empty());
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu(stat), ("a) b) (c", 2.0));
        assert_eq!(cpu("nonsense"), ("", 0.0));
    }

    #[test]
    fn a_reset_keeps_the_peak_since_the_start() {
        let watch = ProcessWatch::default();
        let before = watch.read().rss_peak_bytes;
        watch.reset_window();
        let after = watch.read();
        assert!(
            after.rss_peak_bytes >= before && after.rss_peak_window_bytes <= after.rss_peak_bytes
        );
    }
}
