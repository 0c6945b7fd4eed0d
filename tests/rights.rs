//! The roles and users that ship in `config/` suffice for a daemon, and refuse everything else.

use std::path::Path;

use postgres::error::SqlState;
use postgres::{Client, NoTls};
use redis::Commands;

use crate::support::http::{get, metrics};
use crate::support::numbered::lines;
use crate::support::postgres_daemon::{received, series, verbose, wait_until_all_is_decided};
use crate::support::process::{Daemon, Home, aisd, wait_until};
use crate::support::servers::{Postgres, Redis};

/// How many sentences are sent.
const SENT: u32 = 500;
/// A report of type 5 in two parts, and one of type 4, so that each table gets a row.
const OTHERS: &str = "!AIVDM,2,1,1,A,55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf0NSQEp6ClRp8,0*1C\r\n\
    !AIVDM,2,2,1,A,88888888880,2*25\r\n!AIVDM,1,1,,A,403OviQuMGCqWrRO9>E6fE700@GO,0*4D\r\n";

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path);
    std::fs::read_to_string(path).unwrap()
}

/// Sends and waits until all of it is decided.
fn send(daemon: &Daemon) {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(daemon.tcp()).unwrap();
    stream.write_all(&lines(0..SENT)).unwrap();
    stream.write_all(OTHERS.as_bytes()).unwrap();
    drop(stream);
    // The parts of type 5 are one.
    wait_until("all messages", || received(&metrics(daemon.http())) == u64::from(SENT) + 2);
    wait_until_all_is_decided(daemon);
}

fn client(server: &Postgres, role: &str) -> Client {
    Client::connect(&server.url_as(role, role), NoTls).unwrap()
}

/// A server with the three roles, each with its name as password.
fn with_roles() -> Postgres {
    let server = Postgres::start();
    // A second time it changes nothing.
    for _ in 0..2 {
        server.execute(&shipped("postgres/roles.sql"));
    }
    for role in ["aisd_owner", "aisd_writer", "aisd_reader"] {
        server.execute(&format!("ALTER ROLE {role} PASSWORD '{role}'"));
    }
    server
}

fn home(server: &Postgres) -> Home {
    let (writer, owner) = ("aisd_writer", "aisd_owner");
    let (url, direct) = (server.url_as(writer, writer), server.url_as(owner, owner));
    Home::new(&format!(
        "[store]\nurl = \"{url}\"\ndirect_url = \"{direct}\"\n[breakers]\nopen_ms = 300\n"
    ))
}

fn migrate(home: &Home) {
    let output = aisd().arg("migrate").arg("--config").arg(home.config()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_roles_suffice_for_a_daemon_and_refuse_everything_else() {
    let server = with_roles();
    let home = home(&server);
    migrate(&home);
    client(&server, "aisd_owner").batch_execute(&shipped("postgres/writer.sql")).unwrap();
    let daemon = home.start();
    wait_until("days", || series(&daemon, "ais_store_partitions") > 1.0);
    send(&daemon);
    assert!(verbose(&daemon).contains("closed"), "{}", verbose(&daemon));
    assert_eq!(server.count("SELECT count(*) FROM positions"), u64::from(SENT));
    assert_eq!(server.count("SELECT count(*) FROM vessels"), 1);
    assert_eq!(server.count("SELECT count(*) FROM messages"), 1);
    // The owner has made the days.
    assert_eq!(server.count("SELECT count(*) FROM positions_default"), 0);
    let (status, body) = get(daemon.http(), "/api/vessels/200000007/track");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    assert_eq!(daemon.stop(), Some(0));
    assert!(!home.log().contains("42501"), "{}", home.log());
    writers_and_readers_are_refused(&server);
    the_owner_and_strangers_are_refused(&server);
}

fn refused(client: &mut Client, statements: &[&str]) {
    for sql in statements {
        let answer = client.batch_execute(sql);
        let error = answer.expect_err(sql);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{sql}: {error:?}");
    }
}

fn writers_and_readers_are_refused(server: &Postgres) {
    let everybody = [
        "UPDATE positions SET lat = 0",
        "DELETE FROM positions",
        "TRUNCATE positions",
        "DELETE FROM vessels",
        "UPDATE messages SET json = '{}'",
        "DELETE FROM aisd_migrations",
        "DELETE FROM aisd_offsets",
        "CREATE TABLE t ()",
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "CREATE TEMPORARY TABLE t ()",
        "COPY positions TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
        "SET ROLE aisd_owner",
    ];
    let mut writer = client(server, "aisd_writer");
    refused(&mut writer, &everybody);
    let mut reader = client(server, "aisd_reader");
    let read_only = reader.batch_execute("DELETE FROM positions").unwrap_err();
    assert_eq!(read_only.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
    // Whoever turns that off is no further.
    reader.batch_execute("SET default_transaction_read_only = off").unwrap();
    refused(&mut reader, &everybody);
    refused(
        &mut reader,
        &[
            "INSERT INTO positions SELECT * FROM positions",
            "UPDATE aisd_offsets SET epoch = epoch + 1",
            "INSERT INTO aisd_dlq_done SELECT 1, 1",
        ],
    );
    let rows: i64 = reader.query_one("SELECT count(*) FROM vessel_positions", &[]).unwrap().get(0);
    assert_eq!(rows, i64::from(SENT), "a reader reads");
    // The tables themselves may not be left to whoever owns nothing.
    for sql in ["DROP TABLE positions", "ALTER TABLE positions ADD x int"] {
        refused(&mut writer, &[sql]);
        refused(&mut reader, &[sql]);
    }
}

fn the_owner_and_strangers_are_refused(server: &Postgres) {
    let elsewhere = ["CREATE ROLE r", "CREATE DATABASE d", "COPY positions TO PROGRAM 'cat'"];
    refused(&mut client(server, "aisd_owner"), &elsewhere);
    server.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
    let stranger = Client::connect(&server.url_as("stranger", "stranger"), NoTls).err().unwrap();
    assert_eq!(stranger.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{stranger:?}");
}

/// Where the grants of `writer.sql` were forgotten the daemon runs, keeps what comes, and names what is missing.
#[test]
fn a_writer_without_its_grants_is_told_so_and_loses_nothing() {
    let server = with_roles();
    let home = home(&server);
    migrate(&home);
    let daemon = home.start();
    wait_until("the refusal", || verbose(&daemon).contains("42501"));
    client(&server, "aisd_owner").batch_execute(&shipped("postgres/writer.sql")).unwrap();
    send(&daemon);
    assert_eq!(server.count("SELECT count(*) FROM positions"), u64::from(SENT));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_users_of_redis_suffice_for_a_daemon_and_refuse_everything_else() {
    const MARK: &str = "#REPLACE_BY_SHA256_OF_THE_PASSWORD";
    let users = shipped("redis/aisd.acl");
    assert_eq!(users.matches(MARK).count(), 2, "no password ships");
    let server = Redis::with_users("secret", &users.replace(MARK, ">secret"));
    let home = Home::new(&format!("[redis]\nurl = \"{}\"\n", server.url()));
    let daemon = home.start();
    send(&daemon);
    let mut observer = server.connect();
    wait_until("the picture", || {
        let shown: u32 = observer.zcard("vessels:active").unwrap();
        shown == SENT
    });
    assert_eq!(daemon.stop(), Some(0));
    assert!(!home.log().contains("NOPERM"), "{}", home.log());

    let user = |name: &str| {
        let url = server.url().replace("aisd:", &format!("{name}:"));
        redis::Client::open(url).unwrap().get_connection().unwrap()
    };
    let refused = |name: &str, commands: &[&str]| {
        let mut connection = user(name);
        for command in commands {
            let mut words = command.split(' ');
            let mut asked = redis::cmd(words.next().unwrap());
            for word in words {
                asked.arg(word);
            }
            let answer = asked.exec(&mut connection).expect_err(command);
            assert_eq!(answer.code(), Some("NOPERM"), "{name}: {command}: {answer}");
        }
    };
    let everybody = ["FLUSHALL", "KEYS *", "CONFIG GET dir", "ACL LIST", "SET vessel:1 x"];
    refused("aisd", &everybody);
    refused("aisd", &["HSET other a b", "PUBLISH other x", "DEL vessel:1", "HGETALL vessel:1"]);
    refused("aisd_reader", &everybody);
    refused("aisd_reader", &["HSET vessel:1 a b", "PUBLISH positions x", "HGETALL other"]);
    let mut reader = user("aisd_reader");
    let shown: std::collections::HashMap<String, String> =
        reader.hgetall("vessel:200000007").unwrap();
    assert_eq!(shown["mmsi"], "200000007", "a reader reads");
    let nobody = redis::Client::open(format!("redis://127.0.0.1:{}/", server.port())).unwrap();
    let nobody = redis::cmd("PING").exec(&mut nobody.get_connection().unwrap()).unwrap_err();
    assert_eq!(nobody.code(), Some("NOAUTH"));
}
