//! A daemon under `strace`, which makes its system calls fail, wait, or end in `kill -9`, and writes down what it did.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::support::process::{Daemon, Home, wait_until};

/// A daemon whose system calls are traced, and the trace.
pub struct Traced {
    pub daemon: Daemon,
    trace: PathBuf,
}

/// Starts a daemon whose calls of these names are traced and tampered with; with paths, only calls on those.
///
/// The tracer is a grandchild, so the daemon is killed and waited for like any other. Unless it is to be killed by the tracer, its
/// other calls run at full speed.
pub fn spawn(home: &Home, calls: &str, injections: &[String], paths: &[PathBuf]) -> Traced {
    let trace = home.config().with_file_name("trace");
    let _ = std::fs::remove_file(&trace);
    let mut wrapper: Vec<String> = ["strace", "-D", "-f", "-q", "-y"].map(str::to_owned).into();
    // Faster, but strace 6.1 then forgets to deliver signals.
    let kills = injections.iter().any(|injection| injection.contains("signal="));
    wrapper.extend((!kills).then(|| "--seccomp-bpf".to_owned()));
    wrapper.extend(["-o".to_owned(), trace.display().to_string()]);
    wrapper.extend(["-e".to_owned(), format!("trace={calls}")]);
    for injection in injections {
        wrapper.extend(["-e".to_owned(), format!("inject={injection}")]);
    }
    for path in paths {
        wrapper.extend(["-P".to_owned(), path.display().to_string()]);
    }
    Traced { daemon: home.spawn_under(&wrapper, &[]), trace }
}

impl Traced {
    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read(&self.trace).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    /// Has the daemon drain; all lines of its life.
    pub fn stop(&mut self, home: &Home) -> Vec<String> {
        self.daemon.signal(Signal::SIGTERM);
        assert_eq!(self.daemon.wait().code(), Some(0), "{}", home.log());
        let pid = self.daemon.pid().to_string();
        let is_last = |line: &String| line.starts_with(&pid) && line.contains("+++ exited with 0");
        wait_until("its end in the trace", || self.lines().iter().any(is_last));
        self.lines()
    }

    /// The lines once one of them is about something.
    pub fn wait_for(&self, what: &str) -> Vec<String> {
        wait_until(&format!("{what} in the trace"), || {
            self.lines().iter().any(|line| line.contains(what))
        });
        self.lines()
    }
}

/// The files of the first segments of a journal, there or not.
pub fn segments(home: &Home) -> Vec<PathBuf> {
    let name = aisd::journal::segment::file_name;
    (1..20).map(|index| home.data().join("journal").join(name(index))).collect()
}
