//! Where a Postgres is and how it is talked to, from its URL.
//!
//! The URL is libpq's: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?parameters`, several hosts separated by commas,
//! `postgres:///DATABASE?host=/DIRECTORY` for a Unix socket. What differs is TLS: it is either verified, host name included,
//! or not there. Without an `sslmode` (or with libpq's `allow` and `prefer`) a server on this machine is talked to in
//! plain and every other over TLS; `disable` is plain, `require`, `verify-ca` and `verify-full` are all verified.
//!
//! No text made here holds a password.

mod url;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use nix::unistd::{Uid, User};
use postgres::Config;
use postgres::config::Host;
use url::Url;

/// Port of a Postgres unless said otherwise.
const PORT: u16 = 5432;

/// How a server is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// In plain.
    Plain,
    /// Over TLS; the server must prove its name.
    Verified {
        /// The file of authorities to trust instead of the system's.
        root: Option<PathBuf>,
    },
}

/// One place where the server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name, a number, or the directory of a Unix socket.
    pub host: Host,
    /// The port, also of a Unix socket.
    pub port: u16,
    /// How it is talked to.
    pub tls: Tls,
}

/// A Postgres.
#[derive(Clone)]
pub struct Address {
    config: Config,
    endpoints: Vec<Endpoint>,
    user: String,
    database: String,
    pooled: bool,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, in words that hold no password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let url = Url::split(url)?;
        let mut config: Config = url.plain.parse().map_err(|error| words(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host("localhost");
        }
        let endpoints = endpoints(&config, &url)?;
        let user = match config.get_user() {
            Some(user) => user.to_owned(),
            None => system_user().ok_or("no user is named: write postgres://USER@HOST/DATABASE")?,
        };
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        config.user(&user).dbname(&database);
        Ok(Self { config, endpoints, user, database, pooled: url.pooled })
    }

    /// The places to try, in this order.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The user to log in as.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, if one is given.
    #[must_use]
    pub fn password(&self) -> Option<&[u8]> {
        self.config.get_password()
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether the URL says that a pooler is there.
    #[must_use]
    pub const fn is_pooled(&self) -> bool {
        self.pooled
    }

    /// What the server is told the client is called, if the URL does not say: `pg_stat_activity` shows it.
    #[must_use]
    pub fn application_name<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.config.get_application_name().unwrap_or(otherwise)
    }

    /// Settings for the session, as `-c name=value`, if any are given.
    #[must_use]
    pub fn options(&self) -> Option<&str> {
        self.config.get_options()
    }

    /// Everything of the URL but where the server is and how it is talked to.
    #[must_use]
    pub fn login(&self) -> Config {
        let old = &self.config;
        let mut new = Config::new();
        new.user(&self.user).dbname(&self.database).application_name(self.application_name("aisd"));
        if let Some(password) = old.get_password() {
            new.password(password);
        }
        if let Some(options) = old.get_options() {
            new.options(options);
        }
        new.keepalives(old.get_keepalives()).keepalives_idle(old.get_keepalives_idle());
        if let Some(interval) = old.get_keepalives_interval() {
            new.keepalives_interval(interval);
        }
        if let Some(retries) = old.get_keepalives_retries() {
            new.keepalives_retries(retries);
        }
        new.target_session_attrs(old.get_target_session_attrs());
        new.channel_binding(old.get_channel_binding());
        new
    }

    /// As operators read it: `postgres at HOST:PORT`.
    #[must_use]
    pub fn shown(&self) -> String {
        let places: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        format!("postgres at {}", places.join(","))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (user {}, database {})", self.shown(), self.user, self.database)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Tcp(host) if host.contains(':') => write!(out, "[{host}]:{}", self.port),
            Host::Tcp(host) => write!(out, "{host}:{}", self.port),
            Host::Unix(path) => write!(out, "{}:{}", path.display(), self.port),
        }
    }
}

impl Endpoint {
    /// The path of its Unix socket, if it has one.
    #[must_use]
    pub fn socket_path(&self) -> Option<PathBuf> {
        match &self.host {
            Host::Tcp(_) => None,
            Host::Unix(directory) => Some(directory.join(format!(".s.PGSQL.{}", self.port))),
        }
    }
}

fn endpoints(config: &Config, url: &Url) -> Result<Vec<Endpoint>, String> {
    let (hosts, numbers) = (config.get_hosts(), config.get_hostaddrs());
    // A number given beside a name would be connected to under that name, which nobody needs here.
    if !hosts.is_empty() && !numbers.is_empty() {
        return Err("hostaddr is not supported, name the host alone".to_owned());
    }
    let numbers = numbers.iter().map(|number| Host::Tcp(number.to_string()));
    let hosts: Vec<Host> = hosts.iter().cloned().chain(numbers).collect();
    let ports = config.get_ports();
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(format!("{} hosts and {} ports are named", hosts.len(), ports.len()));
    }
    let port = |n: usize| ports.get(n).or_else(|| ports.first()).copied().unwrap_or(PORT);
    let endpoint = |(n, host): (usize, Host)| {
        let tls = match &host {
            // Postgres speaks no TLS on Unix sockets.
            Host::Unix(_) => Tls::Plain,
            Host::Tcp(name) => url.tls(is_this_machine(name)),
        };
        Endpoint { port: port(n), tls, host }
    };
    Ok(hosts.into_iter().enumerate().map(endpoint).collect())
}

/// Whether a name or number stands for the loopback.
fn is_this_machine(host: &str) -> bool {
    let number = host.parse::<IpAddr>().map(|number| number.to_canonical());
    number.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |number| number.is_loopback())
}

fn system_user() -> Option<String> {
    User::from_uid(Uid::effective()).ok().flatten().map(|user| user.name)
}

/// The crate's own words, which name parameters but never values.
fn words(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        text = format!("{text}: {cause}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Address::parse(url).unwrap().shown()
    }

    fn verified(root: Option<&str>) -> Tls {
        Tls::Verified { root: root.map(PathBuf::from) }
    }

    #[test]
    fn a_url_names_places_user_and_database() {
        let address = Address::parse("postgres://me:se%40cret@db-1:6432/ais?options=-cjit%3Doff");
        let address = address.unwrap();
        assert_eq!(address.shown(), "postgres at db-1:6432");
        assert_eq!((address.user(), address.database()), ("me", "ais"));
        assert_eq!(address.password(), Some(&b"se@cret"[..]));
        assert_eq!(address.options(), Some("-cjit=off"));
        assert_eq!(address.application_name("aisd"), "aisd");
        assert_eq!(address.login().get_password(), address.password());
        assert!(!format!("{address:?}").contains("cret"));
        assert_eq!(shown("postgres://me@a,b:7/x"), "postgres at a:5432,b:7");
        assert_eq!(shown("postgresql://me@[::1]:7/x"), "postgres at [::1]:7");
        assert_eq!(shown("postgres:///ais?user=me&hostaddr=10.0.0.1"), "postgres at 10.0.0.1:5432");
    }

    #[test]
    fn a_socket_is_named_by_its_directory() {
        let address = Address::parse("postgres:///ais?host=/run/pg&port=6000&user=me").unwrap();
        assert_eq!(address.shown(), "postgres at /run/pg:6000");
        let path = address.endpoints()[0].socket_path();
        assert_eq!(path, Some(PathBuf::from("/run/pg/.s.PGSQL.6000")));
        let encoded = Address::parse("postgres://me@%2Frun%2Fpg/ais").unwrap();
        assert_eq!(encoded.endpoints()[0].host, Host::Unix(PathBuf::from("/run/pg")));
    }

    #[test]
    fn what_is_not_named_is_the_users() {
        let me = system_user().unwrap();
        let address = Address::parse("postgres://localhost").unwrap();
        assert_eq!((address.user(), address.database()), (me.as_str(), me.as_str()));
        assert_eq!(shown("postgres:///"), "postgres at localhost:5432");
    }

    #[test]
    fn a_url_may_say_that_a_pooler_is_there() {
        for (parameters, is_pooled) in [
            ("", false),
            ("?pgbouncer=true", true),
            ("?sslmode=disable&pgbouncer=true", true),
            ("?pgbouncer=false", false),
        ] {
            let address = Address::parse(&format!("postgres://me@db/x{parameters}")).unwrap();
            assert_eq!(address.is_pooled(), is_pooled, "{parameters}");
        }
    }

    #[test]
    fn tls_is_verified_or_not_there() {
        let check = |rest: &str, expected: Tls| {
            let address = Address::parse(&format!("postgres://me@{rest}")).unwrap();
            assert_eq!(address.endpoints()[0].tls, expected, "{rest}");
        };
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "%2Frun"] {
            check(&format!("{here}/x"), Tls::Plain);
        }
        for there in ["db", "localhost.example", "10.0.0.1", "[fe80::1]", "128.0.0.1"] {
            check(&format!("{there}/x"), verified(None));
            check(&format!("{there}/x?sslmode=prefer"), verified(None));
            check(&format!("{there}/x?sslmode=disable"), Tls::Plain);
        }
        check("[::ffff:127.0.0.1]/x", Tls::Plain);
        check("localhost/x?sslmode=require", verified(None));
        check("localhost/x?sslmode=verify-ca", verified(None));
        check("db/x?sslmode=verify-full&sslrootcert=/a%20b.pem", verified(Some("/a b.pem")));
        check("localhost/x?sslrootcert=/a.pem", verified(Some("/a.pem")));
        check("db/x?sslrootcert=system", verified(None));
        check("%2Frun/x?sslmode=require", Tls::Plain);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let check = |url: &str, part: &str| {
            let text = Address::parse(url).unwrap_err();
            assert!(text.contains(part), "{url}: {text}");
            assert!(!text.contains("secret"), "{text}");
        };
        check("mysql://me:secret@db", "must begin with postgres://");
        check("postgres://me:sec@secret@db", "write @ as %40");
        check("postgres://me:/secret@db/x", "write @ as %40, / as %2F");
        check("postgres:///x?password=se@secret", "write @ as %40");
        check("postgres://me:secret@db/x?sslmode=no", "sslmode is \"no\", must be disable,");
        check("postgres://me:secret@db/x?sslcert=a", "sslcert is not supported");
        check("postgres://me:secret@db/x?sslnegotiation=direct", "must be postgres");
        check("postgres://me:secret@db/x?sslrootcert=%f", "is not written as URLs are");
        check("postgres://me:secret@db/x?colour=red", "unknown option `colour`");
        check("postgres://me:secret@db:port/x", "invalid value for option `port`");
        check("postgres://me:secret@db/x?hostaddr=1.2.3.4", "hostaddr is not supported");
        check("postgres://me:secret@a,b/x?port=1", "2 hosts and 3 ports");
    }
}
