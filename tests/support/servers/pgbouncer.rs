//! A private PgBouncer in front of a private Postgres: many clients, few sessions, one for the length of a transaction.

use std::net::TcpStream;
use std::path::Path;

use nix::sys::signal::Signal;
use postgres::{Client, NoTls};

use super::place::{Folder, Port, on_free_port, unprivileged_command};
use super::postgres::{DATABASE, PASSWORD, Postgres, ROLE};
use super::program::Program;

/// Dropped, it ends and its folder is gone.
pub struct PgBouncer {
    program: Program,
    port: Port,
}

impl PgBouncer {
    pub fn in_front_of(postgres: &Postgres) -> Self {
        Self::with(postgres, &[])
    }

    /// With settings as in the part `[pgbouncer]` of its file, over those of the harness.
    pub fn with(postgres: &Postgres, settings: &[(&str, &str)]) -> Self {
        on_free_port(|port| {
            let folder = Folder::new("b");
            let users = folder.write("users", &format!("\"{ROLE}\" \"{PASSWORD}\"\n"));
            let ours = [
                ("listen_addr", "127.0.0.1".to_owned()),
                ("listen_port", port.number().to_string()),
                ("unix_socket_dir", folder.path().display().to_string()),
                ("auth_type", "scram-sha-256".to_owned()),
                ("auth_file", users.display().to_string()),
                ("admin_users", ROLE.to_owned()),
                ("pool_mode", "transaction".to_owned()),
                // Of the daemon's clients, and of libpq's.
                ("ignore_startup_parameters", "extra_float_digits".to_owned()),
            ];
            let behind = format!("host=127.0.0.1 port={}", postgres.port());
            let mut text = format!("[databases]\n{DATABASE} = {behind}\n[pgbouncer]\n");
            text.extend(ours.iter().map(|(name, value)| format!("{name} = {value}\n")));
            text.extend(settings.iter().map(|(name, value)| format!("{name} = {value}\n")));
            let config = folder.write("pgbouncer.ini", &text);
            let mut pgbouncer = unprivileged_command("pgbouncer");
            pgbouncer.arg(config);
            let program = Program::new(folder, pgbouncer, Signal::SIGKILL);
            let mut server = Self { program, port };
            server.try_start()?;
            Ok(server)
        })
    }

    fn try_start(&mut self) -> Result<(), String> {
        let address = ("127.0.0.1", self.port());
        self.program.start(|_| TcpStream::connect(address).is_ok())
    }

    /// For the daemon: the same role, password and database as without it.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// Of `127.0.0.1`.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it and its socket live.
    pub fn folder(&self) -> &Path {
        self.program.folder().path()
    }

    /// Its own console, which knows `SHOW POOLS`, `PAUSE`, `KILL` and the like, as simple queries alone.
    pub fn console(&self) -> Client {
        let client = Client::connect(&self.url_of("pgbouncer"), NoTls);
        client.unwrap_or_else(|error| panic!("{error:?}\n{}", self.program.log()))
    }

    /// At once, whatever its clients do.
    pub fn stop(&mut self) {
        self.program.stop(Signal::SIGTERM);
    }

    /// On the same port.
    pub fn start_again(&mut self) {
        self.try_start().unwrap_or_else(|why| panic!("does not start again: {why}"));
    }

    /// Stops its time.
    pub fn freeze(&self) {
        self.program.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.program.thaw();
    }
}
