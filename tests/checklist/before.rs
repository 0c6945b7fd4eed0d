//! `aisd preflight` passes where a daemon will find what it needs, and finds what it will not.

use std::net::TcpListener;
use std::path::Path;

use super::{ANY_MACHINE, Said, command};
use crate::support::http::metrics;
use crate::support::process::{Home, aisd, wait_until};
use crate::support::servers::{Postgres, Redis, Stop};
use crate::support::traffic::Traffic;

const ROLES: [&str; 3] = ["aisd_owner", "aisd_writer", "aisd_reader"];
const SECRET: &str = "a secret of the tests, of 32 bytes or more";
/// A dump in the form of `pg_dump --format=custom` begins so.
const DUMP: &str = "PGDMP and more";

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path);
    std::fs::read_to_string(path).unwrap()
}

/// Ports that nobody has: another daemon may run on this machine.
const FEEDS: &str = "[[feeds]]\nkind = \"udp\"\naddress = \"127.0.0.1:0\"\n\
    [[feeds]]\nkind = \"tcp\"\naddress = \"127.0.0.1:0\"\n";

/// The shipped roles in a Postgres and the shipped user in a Redis, named by a `.env`.
struct Site {
    server: Postgres,
    redis: Redis,
    home: Home,
    env: String,
    backup: String,
}

impl Site {
    fn new() -> Self {
        let server = Postgres::start();
        server.execute(&shipped("postgres/roles.sql"));
        for role in ROLES {
            server.execute(&format!("ALTER ROLE {role} PASSWORD '{role}'"));
        }
        let users = shipped("redis/aisd.acl").replace("#REPLACE_BY_SHA256_OF_THE_PASSWORD", ">p");
        let redis = Redis::with_users("p", &users);
        let home = Home::new(&format!("[http]\naddress = \"127.0.0.1:0\"\n{FEEDS}"));
        let [owner, writer, _] = ROLES;
        let (url, direct) = (server.url_as(writer, writer), server.url_as(owner, owner));
        let beside = |name: &str, text: &str| {
            let path = home.config().with_file_name(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let variables = format!(
            "# of the checklist\nDATABASE_URL={url}\nDIRECT_DATABASE_URL=\"{direct}\"\nREDIS_URL='{}'\nexport JWT_SECRET={SECRET}\n",
            redis.url()
        );
        let (env, backup) = (beside(".env", &variables), beside("ais.dump", DUMP));
        Self { server, redis, home, env, backup }
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Said {
        Said::by(command(&self.home, name, &[&["--env-file", &self.env], arguments].concat()))
    }

    fn preflight(&self) -> Said {
        self.run("preflight", &["--json", "--backup", &self.backup])
    }

    fn migrate(&self) {
        let output = aisd().arg("migrate").args(["--env-file", &self.env]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let owner = self.server.url_as(ROLES[0], ROLES[0]);
        let mut owner = postgres::Client::connect(&owner, postgres::NoTls).unwrap();
        owner.batch_execute(&shipped("postgres/writer.sql")).unwrap();
    }
}

/// What is wrong is found by these checks and no others; nothing is shown that is secret.
fn check(said: &Said, code: i32, rollback: &[&str]) {
    assert_eq!(said.with("rollback"), rollback, "{}", said.text);
    assert_eq!(said.code, code, "{}", said.text);
    for secret in [SECRET, "aisd_writer:aisd_writer", ":p@"] {
        assert!(!said.text.contains(secret), "{}", said.text);
    }
}

/// The checklist from its first line to its last, with the shipped roles, against real servers and under load.
#[test]
fn preflight_verify_and_watch_pass_one_after_the_other() {
    let site = Site::new();
    // Before the tables are there the owner may make them, and the writer needs nothing yet.
    check(&site.preflight(), 0, &[]);
    assert!(site.preflight().with("note").contains(&"tables".to_owned()));
    site.migrate();
    let log = site.home.config().with_file_name("log.md");
    let report = ["--report", log.to_str().unwrap()];
    let said = site.run("preflight", &[&["--backup", &site.backup], &report[..]].concat());
    assert_eq!(said.code, 0, "{}", said.text);
    for expected in [
        "pass      rights to store",
        "pass      rights in redis",
        "pass      backup",
        "aisd preflight: pass\n",
    ] {
        assert!(said.text.contains(expected), "{expected}: {}", said.text);
    }

    let mut run = site.home.command("run");
    run.args(["--env-file", &site.env]);
    let mut daemon = site.home.run(run, &["--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0"]);
    daemon.wait_until_ready();
    let traffic = Traffic::start(1500);
    traffic.aim(&daemon);
    wait_until("traffic", || metrics(daemon.http()).feed("udp", "stored") > 100);
    let quick = ["--hurry", "60", "--for", "4s", "--look", "200ms"];
    for name in ["verify", "watch"] {
        let said = site.run(name, &[&quick[..], ANY_MACHINE, &report].concat());
        assert_eq!(said.code, 0, "{}", said.text);
    }
    // Beside the daemon, for the one that will take its place.
    let said = site.preflight();
    check(&said, 0, &[]);
    assert!(said.with("pass").contains(&"running".to_owned()), "{}", said.text);
    traffic.stop();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("Final status: **successful**"), "{text}");
    for command in ["preflight", "verify", "watch"] {
        assert!(text.contains(&format!("`aisd {command}`, 20")), "{text}");
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_the_neighbours_refuse_is_found_before_the_deployment() {
    let mut site = Site::new();
    site.migrate();
    site.server.execute("REVOKE UPDATE ON vessels FROM aisd_writer");
    let said = site.preflight();
    check(&said, 3, &["rights"]);
    assert!(said.text.contains("lacks vessels UPDATE"), "{}", said.text);
    site.server.execute("GRANT UPDATE ON vessels TO aisd_writer");
    site.server.execute("ALTER ROLE aisd_writer SET default_transaction_read_only = on");
    check(&site.preflight(), 3, &["postgres"]);
    site.server.execute("ALTER ROLE aisd_writer RESET default_transaction_read_only");
    // Version N-1 against the tables of version N.
    site.server
        .execute("INSERT INTO aisd_migrations (version, name, checksum) VALUES (99, 'later', 'x')");
    check(&site.preflight(), 3, &["tables"]);
    site.server.execute("DELETE FROM aisd_migrations WHERE version = 99");
    check(&site.preflight(), 0, &[]);
    site.server.stop(Stop::Fast);
    site.redis.stop();
    let said = site.preflight();
    check(&said, 3, &["postgres", "postgres,", "redis"]);
    assert!(said.text.contains("connection refused"), "{}", said.text);
}

#[test]
fn a_redis_that_refuses_a_command_is_found() {
    // Commands that a script alone gives, and the channel, were not asked for once.
    let taken = [
        ("+geoadd ", "GEOADD"),
        ("+hset ", "HSET"),
        (" &positions", "PUBLISH"),
        ("+evalsha ", "EVALSHA"),
    ];
    for (right, command_refused) in taken {
        let users = shipped("redis/aisd.acl").replace("#REPLACE_BY_SHA256_OF_THE_PASSWORD", ">p");
        let redis = Redis::with_users("p", &users.replace(right, ""));
        let home = Home::new(&format!(
            "[http]\naddress = \"127.0.0.1:0\"\n[redis]\nurl = \"{}\"\n{FEEDS}",
            redis.url()
        ));
        let said = Said::by(command(&home, "preflight", &["--json"]));
        let found = (said.code, said.with("rollback"));
        assert_eq!(found, (3, vec!["rights".to_owned()]), "{right}: {}", said.text);
        assert!(said.text.contains(&format!("{command_refused}: ")), "{}", said.text);
    }
}

#[test]
fn addresses_backups_and_faults_of_the_configuration_are_found() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::new(&format!("[http]\naddress = \"{address}\"\n{FEEDS}"));
    let empty = home.config().with_file_name("empty.dump");
    std::fs::write(&empty, "").unwrap();
    let said =
        Said::by(command(&home, "preflight", &["--json", "--backup", empty.to_str().unwrap()]));
    assert_eq!(
        (said.code, said.with("rollback")),
        (3, vec!["http".to_owned(), "backup".to_owned()]),
        "{}",
        said.text
    );
    assert!(!home.data().exists(), "it makes nothing");
    for expected in ["store", "redis", "JWT_SECRET"] {
        assert!(said.with("note").contains(&expected.to_owned()), "said aloud: {}", said.text);
    }
    std::fs::write(home.config(), "[store]\nbatch_rows_max = 0\nlinger = 1\n").unwrap();
    let said = Said::by(command(&home, "preflight", &["--json"]));
    assert_eq!((said.code, said.with("rollback").len()), (3, 2), "{}", said.text);
}
