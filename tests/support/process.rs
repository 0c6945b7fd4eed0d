//! Real daemons: started in a directory of their own, watched, killed, and never left behind.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// Tests share the machine; one that looks at rates has it alone.
static MACHINE: RwLock<()> = RwLock::new(());
/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Where a daemon lives: its data directory, its configuration and its log.
pub struct Home {
    dir: TempDir,
    _machine: Machine,
}

/// What of the machine a home has.
#[expect(dead_code, reason = "held until the home goes")]
enum Machine {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
    /// What another home of the same test has.
    Same,
}

impl Home {
    /// With this text as configuration; feeds and HTTP are on free ports of the loopback.
    pub fn new(config: &str) -> Self {
        let shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        Self::make(config, Machine::Shared(shared))
    }

    /// The same, while no other test has a home.
    pub fn alone(config: &str) -> Self {
        let alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        Self::make(config, Machine::Alone(alone))
    }

    /// One more in the same test; the first has the machine.
    pub fn beside(_first: &Self, config: &str) -> Self {
        Self::make(config, Machine::Same)
    }

    fn make(config: &str, machine: Machine) -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap(), _machine: machine };
        std::fs::write(home.config(), config).unwrap();
        home
    }

    /// Another home with the same configuration and a copy of the data directory as it is now.
    pub fn copy(&self) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap(), _machine: Machine::Same };
        std::fs::copy(self.config(), copy.config()).unwrap();
        let status = Command::new("cp").arg("-a").arg(self.data()).arg(copy.data()).status();
        assert!(status.unwrap().success(), "cp");
        copy
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("aisd.toml")
    }

    /// What all daemons of this home have logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// `aisd` with a command, this home's configuration and data directory, and its log.
    pub fn command(&self, command: &str) -> Command {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut aisd = aisd();
        aisd.arg(command).arg("--config").arg(self.config()).arg("--data-dir").arg(self.data());
        aisd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        aisd
    }

    /// Starts a daemon with a UDP and a TCP feed, without waiting for anything.
    pub fn spawn(&self) -> Daemon {
        self.spawn_with(&["--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0"])
    }

    /// Starts a daemon that takes posts where it answers HTTP, and datagrams, and waits until it is ready.
    pub fn start_posted(&self) -> Daemon {
        let mut daemon = self.spawn_with(&["--http-feed", "", "--udp", "127.0.0.1:0"]);
        daemon.wait_until_ready();
        daemon
    }

    /// Starts a daemon with the feeds that its configuration names.
    pub fn spawn_as_configured(&self) -> Daemon {
        self.spawn_with(&[])
    }

    fn spawn_with(&self, feeds: &[&str]) -> Daemon {
        self.run(self.command("run"), feeds)
    }

    /// Starts a daemon by this command, with these feeds.
    pub fn run(&self, mut command: Command, feeds: &[&str]) -> Daemon {
        let child = command.args(["--http", "127.0.0.1:0"]).args(feeds).spawn().unwrap();
        let (data, log) = (self.data(), self.log_path());
        Daemon { child, data, log, run: Value::Null, since: Instant::now() }
    }

    /// Starts a daemon under a program that runs others, with more in its environment, without waiting for anything.
    pub fn spawn_under(&self, wrapper: &[String], variables: &[(&str, &Path)]) -> Daemon {
        let command = self.under(wrapper, variables);
        self.run(command, &["--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0"])
    }

    /// A daemon's command under a program that runs others, with more in its environment.
    pub fn under(&self, wrapper: &[String], variables: &[(&str, &Path)]) -> Command {
        let plain = self.command("run");
        let mut command = match wrapper {
            [] => Command::new(plain.get_program()),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(plain.get_program());
                command
            }
        };
        command.args(plain.get_args());
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let log = OpenOptions::new().append(true).open(self.log_path()).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts a daemon and waits until it is ready.
    pub fn start(&self) -> Daemon {
        let mut daemon = self.spawn();
        daemon.wait_until_ready();
        daemon
    }
}

/// The program, with nothing in its environment that would configure it.
pub fn aisd() -> Command {
    let mut aisd = Command::new(env!("CARGO_BIN_EXE_aisd"));
    for (name, _) in std::env::vars_os() {
        let ours = name.to_str().is_none_or(|name| {
            let is_secret = name.ends_with("_URL") || name.ends_with("_URL_FILE");
            name.starts_with("AISD_")
                || is_secret
                || ["JWT_SECRET", "JWT_SECRET_FILE", "CREDENTIALS_DIRECTORY"].contains(&name)
        });
        if ours {
            aisd.env_remove(name);
        }
    }
    aisd
}

/// A running daemon; killed when it goes out of scope.
pub struct Daemon {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    run: Value,
    since: Instant,
}

impl Daemon {
    /// Waits for the `run.json` of this very process; the time since its start.
    pub fn wait_until_ready(&mut self) -> Duration {
        let ready = self.ready_or_dead();
        ready.unwrap_or_else(|| panic!("ended before it was ready:\n{}", self.log()))
    }

    /// The same, or nothing when it ends before.
    pub fn ready_or_dead(&mut self) -> Option<Duration> {
        let path = self.data.join("run.json");
        loop {
            let text = std::fs::read(&path).unwrap_or_default();
            if let Ok(run) = serde_json::from_slice::<Value>(&text)
                && run["pid"] == self.child.id()
            {
                self.run = run;
                return Some(self.since.elapsed());
            }
            if self.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(self.since.elapsed() < PATIENCE, "not ready:\n{}", self.log());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where datagrams are taken.
    pub fn udp(&self) -> SocketAddr {
        self.feed("udp")
    }

    /// Where senders of lines are taken.
    pub fn tcp(&self) -> SocketAddr {
        self.feed("tcp")
    }

    /// Where HTTP is answered.
    pub fn http(&self) -> SocketAddr {
        address(&self.run["http"])
    }

    /// Where the feed of a name is taken.
    pub fn named(&self, name: &str) -> SocketAddr {
        let feeds = self.run["feeds"].as_array().unwrap();
        address(&feeds.iter().find(|feed| feed["name"] == name).unwrap()["address"])
    }

    fn feed(&self, kind: &str) -> SocketAddr {
        let feeds = self.run["feeds"].as_array().unwrap();
        address(&feeds.iter().find(|feed| feed["kind"] == kind).unwrap()["address"])
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for(&mut self.child, &self.log)
    }

    /// Has it drain; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.wait().code()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A number out of `/proc/PID/status`, such as `VmRSS` (kB) or `Threads`.
    pub fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.split(':').next() == Some(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process that was told to end.
pub fn wait_for(child: &mut Child, log: &Path) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("does not end:\n{}", std::fs::read_to_string(log).unwrap_or_default());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn address(value: &Value) -> SocketAddr {
    value.as_str().unwrap_or_else(|| panic!("no address: {value}")).parse().unwrap()
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
