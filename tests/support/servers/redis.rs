//! A private Redis, which keeps nothing on disk.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use redis::{Client, Connection};

use super::certificates::{Identity, certificate};
use super::place::{Folder, Port, on_free_port, unprivileged_command};
use super::program::Program;

/// How long an observer waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Who looks from outside, whatever the daemon may do.
const OBSERVER: &str = "observer";
const EVERYTHING: &str = "on >observer ~* &* +@all";

/// A server of its own. Dropped, it ends and its folder is gone.
pub struct Redis {
    program: Program,
    port: Port,
    scheme: &'static str,
    who: String,
}

impl Redis {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings as in `redis.conf`, over those of the harness.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::make("redis", "", settings)
    }

    /// The daemon needs this password.
    pub fn with_password(password: &str) -> Self {
        Self::make("redis", &format!(":{password}@"), &[("requirepass", password)])
    }

    /// The daemon comes as the user `aisd` with a password, and may do what the rules say, such as `~ais:* +@all`.
    pub fn with_rules(password: &str, rules: &str) -> Self {
        let user = format!("aisd on >{password} {rules}");
        let settings = [("user", user.as_str()), ("user", "default off")];
        Self::make("redis", &format!("aisd:{password}@"), &settings)
    }

    /// The daemon speaks TLS with it, and sees this certificate.
    pub fn with_tls(identity: Identity) -> Self {
        let (certificate, key) = certificate(identity);
        let settings = [
            ("tls-cert-file", certificate.to_str().unwrap()),
            ("tls-key-file", key.to_str().unwrap()),
            ("tls-auth-clients", "no"),
        ];
        Self::make("rediss", "", &settings)
    }

    /// With this file of users; the daemon is the user `aisd`, with a password that the file has as well.
    pub fn with_users(password: &str, users: &str) -> Self {
        Self::make_with("redis", &format!("aisd:{password}@"), &[], Some(users))
    }

    fn make(scheme: &'static str, who: &str, settings: &[(&str, &str)]) -> Self {
        Self::make_with(scheme, who, settings, None)
    }

    fn make_with(
        scheme: &'static str,
        who: &str,
        settings: &[(&str, &str)],
        users: Option<&str>,
    ) -> Self {
        on_free_port(|port| {
            let folder = Folder::new("r");
            let number = port.number().to_string();
            let ours = [
                ("bind", "127.0.0.1".to_owned()),
                ("port", if scheme == "rediss" { "0".to_owned() } else { number.clone() }),
                ("tls-port", if scheme == "rediss" { number } else { "0".to_owned() }),
                ("unixsocket", folder.join("socket").display().to_string()),
                ("dir", folder.path().display().to_string()),
                ("save", "\"\"".to_owned()),
                ("appendonly", "no".to_owned()),
                match users {
                    None => ("user", format!("{OBSERVER} {EVERYTHING}")),
                    Some(users) => {
                        let users = format!("{users}user {OBSERVER} {EVERYTHING}\n");
                        ("aclfile", folder.write("users.acl", &users).display().to_string())
                    }
                },
            ];
            let ours = ours.iter().map(|(name, value)| format!("{name} {value}\n"));
            let theirs = settings.iter().map(|(name, value)| format!("{name} {value}\n"));
            let config = folder.write("redis.conf", &ours.chain(theirs).collect::<String>());
            let mut redis = unprivileged_command("redis-server");
            redis.arg(config);
            let program = Program::new(folder, redis, Signal::SIGKILL);
            let mut server = Self { program, port, scheme, who: who.to_owned() };
            server.try_start()?;
            Ok(server)
        })
    }

    fn try_start(&mut self) -> Result<(), String> {
        let observer = observer(self.program.folder().path());
        self.program.start(|_| look(&observer).is_ok())
    }

    /// For the daemon, with user and password if there are any.
    pub fn url(&self) -> String {
        format!("{}://{}127.0.0.1:{}/", self.scheme, self.who, self.port())
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

    /// It forgets everything.
    pub fn stop(&mut self) {
        self.program.stop(Signal::SIGTERM);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.program.stop(Signal::SIGKILL);
    }

    /// On the same port, empty.
    pub fn start_again(&mut self) {
        self.try_start().unwrap_or_else(|why| panic!("does not start again: {why}"));
    }

    /// Stops the server's time.
    pub fn freeze(&self) {
        self.program.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.program.thaw();
    }

    /// A connection of somebody who may do everything, through the socket; no answer takes longer than five seconds.
    pub fn connect(&self) -> Connection {
        look(&observer(self.folder())).unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }
}

fn observer(folder: &Path) -> Client {
    let socket = folder.join("socket");
    let url = format!("redis+unix://{}?user={OBSERVER}&pass={OBSERVER}", socket.display());
    Client::open(url).unwrap()
}

fn look(observer: &Client) -> redis::RedisResult<Connection> {
    let connection = observer.get_connection_with_timeout(ANSWER_WITHIN)?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    connection.set_write_timeout(Some(ANSWER_WITHIN))?;
    Ok(connection)
}
