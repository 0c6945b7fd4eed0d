//! A program that serves: started, stopped, frozen, killed and started again, with all its processes.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::process::{PATIENCE, wait_for, wait_until};
use super::place::Folder;

/// How long a server may take to end when it goes out of scope.
const END_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Where looking means looking at all processes of the machine.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A program in a folder of its own. All its processes work in that folder, by which they are known.
pub struct Program {
    folder: Folder,
    command: Command,
    child: Option<Child>,
    end: Signal,
}

impl Program {
    /// Not started yet. `end` is the signal that ends it for good.
    pub fn new(folder: Folder, mut command: Command, end: Signal) -> Self {
        let path = folder.join("log");
        let log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let errors = log.try_clone().unwrap();
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(log).stderr(errors);
        Self { folder, command, child: None, end }
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Starts it and waits until it says that it is ready; else the error is its log.
    pub fn start(&mut self, mut is_ready: impl FnMut(u32) -> bool) -> Result<(), String> {
        assert!(self.child.is_none(), "it runs: stop it first");
        let spawned = self.command.spawn();
        let child = spawned.unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let child = self.child.insert(child);
        let began = Instant::now();
        while !is_ready(child.id()) {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return Err(format!("{status}\n{}", self.log()));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("not ready\n{}", self.log()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// What it has said since it was made.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The process that was started first.
    pub fn pid(&self) -> i32 {
        self.child.as_ref().expect("it does not run").id().cast_signed()
    }

    /// Sends a signal to the first process, and waits until all are gone. What is frozen goes on, for it has to end.
    pub fn stop(&mut self, signal: Signal) {
        send(self.pid(), signal);
        processes_in(self.folder.path()).into_iter().for_each(|pid| send(pid, Signal::SIGCONT));
        self.wait_until_it_ended();
    }

    /// Waits until it has ended, with all its processes.
    pub fn wait_until_it_ended(&mut self) {
        wait_for(self.child.as_mut().unwrap(), &self.folder.join("log"));
        self.child = None;
        self.wait_until_gone();
    }

    fn wait_until_gone(&self) {
        wait_until("the end of all processes", || {
            let left = processes_in(self.folder.path());
            // One that is frozen can only go when it is woken.
            left.iter().for_each(|pid| send(*pid, Signal::SIGCONT));
            left.is_empty()
        });
    }

    /// Stops the time of all its processes. The first is stopped first, so that it makes no more.
    pub fn freeze(&self) {
        self.stop_time(self.pid());
        processes_in(self.folder.path()).into_iter().for_each(|pid| self.stop_time(pid));
    }

    /// Stops the time of one of its processes.
    pub fn freeze_one(&self, pid: i32) {
        assert!(self.has(pid), "{pid} is none of its processes");
        self.stop_time(pid);
        assert!(is_frozen(pid), "{pid} ended");
    }

    /// Until the process stands still, or has ended meanwhile.
    fn stop_time(&self, pid: i32) {
        send(pid, Signal::SIGSTOP);
        wait_until("a process that is frozen", || is_frozen(pid) || !self.has(pid));
    }

    /// Lets all its processes go on. The first goes last: it finds the others awake.
    pub fn thaw(&self) {
        let first = self.pid();
        let others = processes_in(self.folder.path()).into_iter().filter(|pid| *pid != first);
        others.for_each(|pid| self.thaw_one(pid));
        self.thaw_one(first);
    }

    /// Lets one of its processes go on.
    pub fn thaw_one(&self, pid: i32) {
        send(pid, Signal::SIGCONT);
        wait_until("a process that goes on", || !is_frozen(pid));
    }

    fn has(&self, pid: i32) -> bool {
        processes_in(self.folder.path()).contains(&pid)
    }

    fn finish(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        send(child.id().cast_signed(), self.end);
        let began = Instant::now();
        loop {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            let left = processes_in(self.folder.path());
            if ended && left.is_empty() {
                return;
            }
            let signal =
                if began.elapsed() < END_WITHIN { Signal::SIGCONT } else { Signal::SIGKILL };
            left.into_iter().for_each(|pid| send(pid, signal));
            if began.elapsed() > 2 * END_WITHIN {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.finish();
    }
}

/// To a process that may be gone already.
fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// The processes that work in a folder or under it.
pub fn processes_in(folder: &Path) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let here = processes.filter(|process| {
        std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    });
    here.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
}

/// Whether a process is stopped by a signal.
fn is_frozen(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}
