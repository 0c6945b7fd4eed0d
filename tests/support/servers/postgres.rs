//! A private Postgres.

mod data;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use postgres::{Client, Config, NoTls};
use postgres_protocol::escape::{escape_identifier, escape_literal};

use self::data::{Kind, binary, prepare};
use super::super::process::wait_until;
use super::certificates::Identity;
use super::place::{Folder, Port, can_mount, on_free_port, unprivileged_command};
use super::program::Program;

pub use self::data::Log;

/// The role that the daemon comes as, its password, and the database that it owns.
pub const ROLE: &str = "aisd";
pub const PASSWORD: &str = "a-password-of-tests";
pub const DATABASE: &str = "ais";
/// Who may do everything; without a password, but through the socket alone.
pub const SUPERUSER: &str = "postgres";

/// How a server is told to stop.
#[derive(Clone, Copy)]
pub enum Stop {
    /// Ends sessions, writes a checkpoint.
    Fast,
    /// Drops everything, as in a crash; the next start recovers.
    Immediate,
}

/// A server of its own. Dropped, it ends and its folder is gone.
pub struct Postgres {
    program: Program,
    port: Port,
}

impl Postgres {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings as in `postgresql.conf`, over those of the harness.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::make(Kind { settings, ..Kind::default() })
    }

    /// Over TCP it speaks TLS alone, and shows this certificate.
    pub fn with_tls(identity: Identity, settings: &[(&str, &str)]) -> Self {
        Self::make(Kind { settings, tls: Some(identity), ..Kind::default() })
    }

    /// On a disk of its own, which can be filled. Mounting one needs root; without, there is none, and the reason is written.
    pub fn on_small_disk(megabytes: u32, log: Log, settings: &[(&str, &str)]) -> Option<Self> {
        if let Err(why) = can_mount() {
            eprintln!("no disk can be filled, for none can be mounted: {why}");
            return None;
        }
        Some(Self::make(Kind { settings, disk: Some((megabytes, log)), ..Kind::default() }))
    }

    fn make(kind: Kind) -> Self {
        on_free_port(|port| {
            let folder = Folder::new("p");
            prepare(&folder, port.number(), kind)?;
            let mut postgres = unprivileged_command(binary("postgres"));
            postgres.arg("-D").arg(folder.join("data"));
            let program = Program::new(folder, postgres, Signal::SIGQUIT);
            let mut server = Self { program, port };
            server.try_start()?;
            Ok(server)
        })
    }

    /// It writes into its lock file that it is ready.
    fn try_start(&mut self) -> Result<(), String> {
        let lock = self.program.folder().join("data/postmaster.pid");
        self.program.start(|pid| {
            let text = std::fs::read_to_string(&lock).unwrap_or_default();
            let mut lines = text.lines();
            lines.next() == Some(pid.to_string().as_str())
                && lines.nth(6).is_some_and(|state| state.trim_end() == "ready")
        })
    }

    /// For the daemon: over TCP, with its role and password.
    pub fn url(&self) -> String {
        self.url_as(ROLE, PASSWORD)
    }

    /// Over TCP, with another role or password.
    pub fn url_as(&self, role: &str, password: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{DATABASE}", self.port())
    }

    /// For the daemon, through the socket in the server's folder.
    pub fn socket_url(&self) -> String {
        self.socket_url_as(ROLE)
    }

    /// For those who may do everything, which is only through the socket.
    pub fn superuser_url(&self) -> String {
        self.socket_url_as(SUPERUSER)
    }

    fn socket_url_as(&self, role: &str) -> String {
        let folder = self.folder().to_str().unwrap().replace('/', "%2F");
        format!("postgres://{role}@{folder}:{}/{DATABASE}", self.port())
    }

    /// Of `127.0.0.1`.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where the server and its socket live.
    pub fn folder(&self) -> &Path {
        self.program.folder().path()
    }

    /// What the server has said.
    pub fn log(&self) -> String {
        self.program.log()
    }

    pub fn stop(&mut self, how: Stop) {
        self.program.stop(match how {
            Stop::Fast => Signal::SIGINT,
            Stop::Immediate => Signal::SIGQUIT,
        });
    }

    /// On the same port, with the same data; it recovers if it has to.
    pub fn start_again(&mut self) {
        self.try_start().unwrap_or_else(|why| panic!("does not start again: {why}"));
    }

    /// `kill -9` of the first process. The others see that and end; they are gone when this returns.
    pub fn kill_postmaster(&mut self) {
        let lock = std::fs::read_to_string(self.folder().join("data/postmaster.pid")).unwrap();
        self.program.stop(Signal::SIGKILL);
        // Nobody may start it again: then its bit of shared memory would stay until the machine's end.
        let memory = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
        let _ = Command::new("ipcrm").arg("-m").arg(memory.unwrap()).output();
    }

    /// Waits for the end of a server that goes down by itself.
    pub fn wait_until_it_fell(&mut self) {
        self.program.wait_until_it_ended();
    }

    /// Stops the time of all its processes.
    pub fn freeze(&self) {
        self.program.freeze();
    }

    /// Lets all its processes go on.
    pub fn thaw(&self) {
        self.program.thaw();
    }

    /// Stops the time of one session, by what `pg_backend_pid()` says.
    pub fn freeze_backend(&self, pid: i32) {
        self.program.freeze_one(pid);
    }

    /// Lets one session go on.
    pub fn thaw_backend(&self, pid: i32) {
        self.program.thaw_one(pid);
    }

    /// A session of the superuser in the daemon's database. It comes through the socket and has connections reserved, so it also
    /// works when others are refused. It has no time-out of its own: on a frozen server it waits.
    pub fn connect(&self) -> Client {
        let mut config: Config = self.superuser_url().parse().unwrap();
        config.connect_timeout(Duration::from_secs(5)).application_name("observer");
        config.connect(NoTls).unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()))
    }

    /// Has the superuser run statements.
    pub fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The one number, not negative, that a query answers with.
    pub fn count(&self, sql: &str) -> u64 {
        let row = self.connect().query_one(sql, &[]);
        let number: i64 = row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0);
        number.try_into().unwrap()
    }

    /// Runs a program of the server's package to its end, as the superuser; what it wrote.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> String {
        let mut tool = unprivileged_command(binary(name));
        tool.arg("--host").arg(self.folder()).args(["--port", &self.port().to_string()]);
        tool.args(["--username", SUPERUSER]).args(arguments).current_dir(self.folder());
        let output = tool.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Changes a setting. Sessions from now on have it; others have it before their next statement.
    pub fn set(&self, name: &str, value: &str) {
        const LOADED: &str = "SELECT (extract(epoch FROM pg_conf_load_time()) * 1e6)::int8";
        let before = self.count(LOADED);
        // A statement of its own each: ALTER SYSTEM refuses to be part of a transaction.
        let mut client = self.connect();
        let change =
            format!("ALTER SYSTEM SET {} = {}", escape_identifier(name), escape_literal(value));
        client.batch_execute(&change).unwrap_or_else(|error| panic!("{change}: {error:?}"));
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        wait_until("a changed setting", || self.count(LOADED) > before);
    }

    /// Gives the daemon's role another password; `url` keeps the first.
    pub fn change_password(&self, password: &str) {
        self.execute(&format!("ALTER ROLE {ROLE} PASSWORD {}", escape_literal(password)));
    }

    /// Leaves nothing free on the server's small disk.
    pub fn fill_disk(&self) {
        let mut filler = OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        // Whole blocks of Postgres first, then what is left.
        for size in [8192, 1] {
            let full = std::iter::repeat_with(|| filler.write_all(&vec![0; size]));
            let error = full.into_iter().find_map(Result::err).unwrap();
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        }
    }

    /// Gives back what `fill_disk` took.
    pub fn free_disk(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder().join("data/filler")
    }
}
