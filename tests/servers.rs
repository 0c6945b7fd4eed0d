//! The servers that tests start are real, private, and gone afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use redis::Commands;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::support::process::wait_until;
use crate::support::servers::{
    Identity, Log, PgBouncer, Postgres, Redis, RedisCluster, Stop, authority, other_authority,
    processes_in,
};

/// What is sure to be answered by a server that is not frozen.
const SOON: Duration = Duration::from_millis(300);
/// When a server that was thawed has answered.
const LATER: Duration = Duration::from_secs(10);

/// Does something that hangs while time is stopped, and is done when it goes on.
fn stands_still(act: impl FnOnce() + Send + 'static, thaw: impl FnOnce()) {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        act();
        let _ = done.send(());
    });
    assert_eq!(is_done.recv_timeout(SOON), Err(RecvTimeoutError::Timeout), "it was not frozen");
    thaw();
    is_done.recv_timeout(LATER).expect("it was not thawed");
}

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

#[test]
fn a_postgres_is_there_in_a_moment_and_leaves_nothing() {
    let began = Instant::now();
    let server = Postgres::start();
    let took = began.elapsed();
    let folder = server.folder().to_owned();
    eprintln!("started in {took:?}");
    assert!(processes_in(&folder).len() > 3, "postmaster and its helpers");
    let mut client = connect(&server.url());
    let who = client.query_one("SELECT current_user::text, current_database()::text", &[]).unwrap();
    assert_eq!((who.get(0), who.get(1)), ("aisd", "ais"));
    client
        .batch_execute("CREATE TABLE t (n int8); INSERT INTO t SELECT generate_series(1, 9)")
        .unwrap();
    assert_eq!(server.count("SELECT count(*) FROM t"), 9);
    for (setting, value) in
        [("fsync", "on"), ("synchronous_commit", "on"), ("max_connections", "50")]
    {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    drop(server);
    assert_eq!(processes_in(&folder), [0_i32; 0]);
    assert!(!folder.exists());
}

#[test]
fn a_postgres_that_stops_or_is_killed_comes_back_with_its_data() {
    let mut server = Postgres::start();
    server.execute("CREATE TABLE t (n int8)");
    let mut rows = 0;
    let downs: [fn(&mut Postgres); 3] = [
        |server| server.stop(Stop::Fast),
        |server| server.stop(Stop::Immediate),
        Postgres::kill_postmaster,
    ];
    for down in downs {
        server.execute("INSERT INTO t VALUES (1)");
        rows += 1;
        down(&mut server);
        assert!(Client::connect(&server.url(), NoTls).is_err());
        assert_eq!(processes_in(server.folder()), [0_i32; 0]);
        server.start_again();
        assert_eq!(server.count("SELECT count(*) FROM t"), rows);
    }
    let log = server.log();
    assert_eq!(log.matches("was not properly shut down").count(), 2, "{log}");
}

#[test]
fn a_frozen_postgres_answers_nothing_until_it_is_thawed() {
    let server = Postgres::start();
    let mut client = connect(&server.url());
    server.freeze();
    stands_still(move || drop(client.query_one("SELECT 1", &[]).unwrap()), || server.thaw());

    let (mut one, mut other) = (connect(&server.url()), connect(&server.socket_url()));
    let pid: i32 = one.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    server.freeze_backend(pid);
    other.query_one("SELECT 1", &[]).unwrap();
    stands_still(
        move || drop(one.query_one("SELECT 1", &[]).unwrap()),
        || server.thaw_backend(pid),
    );

    let folder = server.folder().to_owned();
    server.freeze();
    drop(server);
    assert!(processes_in(&folder).is_empty() && !folder.exists());
}

/// For the test below, in a process of its own: where it is to write its folder.
const HOLD: &str = "AISD_TEST_HOLD";

#[test]
fn tests_that_are_killed_leave_no_server() {
    if let Some(file) = std::env::var_os(HOLD) {
        return hold_servers(Path::new(&file));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("folder");
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests.args(["--exact", "servers::tests_that_are_killed_leave_no_server"]);
    let mut tests = tests.env(HOLD, &file).stdin(Stdio::piped()).spawn().unwrap();
    wait_until("servers of another process", || file.exists());
    let folder = PathBuf::from(std::fs::read_to_string(&file).unwrap());
    assert!(processes_in(&folder).len() > 4, "a frozen postgres and a redis");
    tests.kill().unwrap();
    tests.wait().unwrap();
    wait_until("the end of all servers", || processes_in(&folder).is_empty());
    wait_until("the end of their folder", || !folder.exists());
}

/// Until it is killed, or the other process is gone.
fn hold_servers(file: &Path) {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    postgres.freeze();
    let folder = redis.folder().parent().unwrap();
    // At once, so that nobody reads half of it.
    let whole = file.with_extension("whole");
    std::fs::write(&whole, folder.to_str().unwrap()).unwrap();
    std::fs::rename(whole, file).unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn a_setting_and_a_password_change_while_postgres_runs() {
    let server = Postgres::with(&[("work_mem", "5MB")]);
    let setting = |name: &str| -> String {
        connect(&server.url()).query_one("SELECT current_setting($1)", &[&name]).unwrap().get(0)
    };
    assert_eq!(setting("work_mem"), "5MB");
    server.set("work_mem", "6MB");
    assert_eq!(setting("work_mem"), "6MB");
    server.set("default_transaction_read_only", "on");
    let refused = connect(&server.url()).batch_execute("CREATE TABLE t ()").unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "25006");
    server.set("default_transaction_read_only", "off");

    server.change_password("another");
    let refused = Client::connect(&server.url(), NoTls).err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28P01");
    connect(&server.url_as("aisd", "another")).batch_execute("CREATE TABLE t ()").unwrap();
}

#[test]
fn a_redis_is_there_in_a_moment_and_leaves_nothing() {
    drop(Redis::start());
    let began = Instant::now();
    let mut server = Redis::with(&[("maxmemory", "10mb")]);
    eprintln!("started in {:?}", began.elapsed());
    let folder = server.folder().to_owned();
    let client = redis::Client::open(server.url()).unwrap();
    let _: () = client.get_connection().unwrap().set("key", 7).unwrap();
    assert_eq!(server.connect().get::<_, u32>("key").unwrap(), 7);
    server.stop();
    assert!(client.get_connection().is_err());
    server.start_again();
    assert_eq!(server.connect().get::<_, Option<u32>>("key").unwrap(), None);
    server.kill();
    server.start_again();

    let mut connection = client.get_connection().unwrap();
    server.freeze();
    stands_still(move || connection.set("key", 8).unwrap(), || server.thaw());
    assert_eq!(server.connect().get::<_, u32>("key").unwrap(), 8);
    drop(server);
    assert_eq!(processes_in(&folder), [0_i32; 0]);
    assert!(!folder.exists());
}

#[test]
fn a_redis_lets_in_only_whom_it_should() {
    let check = |server: &Redis| {
        let client = redis::Client::open(server.url()).unwrap();
        let _: () = client.get_connection().unwrap().set("ais:key", 7).unwrap();
        let stranger = redis::Client::open(format!("redis://127.0.0.1:{}/", server.port()));
        let refused = stranger.unwrap().get_connection().unwrap().get::<_, Option<u32>>("ais:key");
        assert_eq!(refused.unwrap_err().code(), Some("NOAUTH"), "{}", server.log());
        client.get_connection().unwrap()
    };
    check(&Redis::with_password("secret"));
    let server = Redis::with_rules("secret", "~ais:* +@all");
    let elsewhere = check(&server).set::<_, _, ()>("other:key", 7);
    assert_eq!(elsewhere.unwrap_err().code(), Some("NOPERM"));
}

/// What trusts one authority.
fn trusting(authority: &Path) -> MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(ring);
    let config = config.with_safe_default_protocol_versions().unwrap();
    MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[test]
fn a_postgres_with_tls_proves_its_name_and_speaks_nothing_else() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let url = format!("{}?sslmode=require", server.url());
    for url in [&url, &url.replace("127.0.0.1", "localhost")] {
        let mut client = Client::connect(url, trusting(&authority())).unwrap();
        let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]);
        assert!(row.unwrap().get::<_, bool>(0));
    }
    let why = |url: &str, authority: &Path| {
        format!("{:?}", Client::connect(url, trusting(authority)).err().unwrap())
    };
    assert!(why(&url, &other_authority()).contains("UnknownIssuer"));
    let refused = Client::connect(&server.url(), NoTls).err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28000");

    let elsewhere = Postgres::with_tls(Identity::Elsewhere, &[]);
    let url = format!("{}?sslmode=require", elsewhere.url());
    assert!(why(&url, &authority()).contains("NotValidForName"));
}

#[test]
fn a_small_disk_fills_and_is_freed() {
    const FILL: &str = "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 30000)";
    let Some(server) = Postgres::on_small_disk(100, Log::Apart, &[]) else { return };
    server.execute("CREATE TABLE t (text text)");
    server.fill_disk();
    let mut superuser = server.connect();
    let full = superuser.batch_execute(FILL).unwrap_err();
    assert_eq!(full.code().unwrap().code(), "53100");
    assert_eq!(server.count("SELECT count(*) FROM t"), 0);
    server.free_disk();
    superuser.batch_execute(FILL).unwrap();
    assert_eq!(server.count("SELECT count(*) FROM t"), 30_000);
}

#[test]
fn a_full_disk_under_the_log_takes_postgres_down_until_it_is_freed() {
    const LOG: &str = "SELECT pg_logical_emit_message(true, 'x', repeat('y', 1000000)) FROM generate_series(1, 40)";
    let Some(mut server) = Postgres::on_small_disk(100, Log::OnTheDisk, &[]) else { return };
    server.execute("CREATE TABLE t AS SELECT 1 AS n");
    server.fill_disk();
    let lost = server.connect().batch_execute(LOG).unwrap_err();
    assert!(lost.is_closed() || lost.code().is_some(), "{lost:?}");
    assert!(server.log().contains("PANIC:  could not write to file"), "{}", server.log());
    server.wait_until_it_fell();
    server.free_disk();
    server.start_again();
    assert_eq!(server.count("SELECT count(*) FROM t"), 1);
}

#[test]
fn a_redis_with_tls_proves_its_name() {
    let tls = |authority: &Path| redis::TlsCertificates {
        client_tls: None,
        root_cert: Some(std::fs::read(authority).unwrap()),
    };
    let set = |server: &Redis, authority: &Path| -> Result<(), String> {
        let client = redis::Client::build_with_tls(server.url(), tls(authority)).unwrap();
        let mut connection = client.get_connection().map_err(|error| format!("{error:?}"))?;
        connection.set("key", 7).map_err(|error| format!("{error:?}"))
    };
    let server = Redis::with_tls(Identity::Own);
    set(&server, &authority()).unwrap();
    assert_eq!(server.connect().get::<_, u32>("key").unwrap(), 7);
    assert!(set(&server, &other_authority()).unwrap_err().contains("UnknownIssuer"));
    let elsewhere = Redis::with_tls(Identity::Elsewhere);
    let why = set(&elsewhere, &authority()).unwrap_err();
    assert!(why.contains("not valid for name"), "{why}");
}

#[test]
fn a_cluster_gives_the_slots_of_a_killed_master_to_its_replica() {
    let mut cluster = RedisCluster::start();
    let client =
        redis::cluster::ClusterClient::new(cluster.url().split(',').collect::<Vec<_>>()).unwrap();
    let mut connection = client.get_connection().unwrap();
    for n in 0..100 {
        let _: () = connection.set(format!("before:{n}"), n).unwrap();
    }
    let killed = cluster.kill_master(1);
    cluster.wait_ok();
    let master = cluster.master(1);
    assert_ne!(master, killed);
    let mut connection = client.get_connection().unwrap();
    for n in 0..100 {
        let _: () = connection.set(format!("after:{n}"), n).unwrap();
        assert_eq!(connection.get::<_, u32>(format!("before:{n}")).unwrap(), n);
    }
    cluster.start_again(killed);
    cluster.wait_ok();
    assert_eq!(cluster.master(1), master);
    let folders: Vec<_> = (0..6).map(|number| cluster.node(number).folder().to_owned()).collect();
    assert!(folders.iter().all(|folder| processes_in(folder).len() == 1));
    drop(cluster);
    assert!(folders.iter().all(|folder| processes_in(folder).is_empty() && !folder.exists()));
}

/// The session of the server behind that answered.
fn session(client: &mut Client) -> String {
    let answer = client.simple_query("SELECT pg_backend_pid()").unwrap();
    let row = answer.iter().find_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.unwrap().get(0).unwrap().to_owned()
}

#[test]
fn two_clients_of_a_pgbouncer_share_a_session_between_transactions() {
    let postgres = Postgres::start();
    let bouncer = PgBouncer::with(&postgres, &[("default_pool_size", "1")]);
    let (mut one, mut other) = (connect(&bouncer.url()), connect(&bouncer.url()));
    assert_eq!(session(&mut one), session(&mut other), "there is but one");
    one.batch_execute("BEGIN").unwrap();
    let waits = move || drop(session(&mut other));
    stands_still(waits, || one.batch_execute("COMMIT").unwrap());
    let pools = bouncer.console().simple_query("SHOW POOLS").unwrap();
    let modes = pools.iter().filter_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) if row.get("database") == Some("ais") => {
            row.get("pool_mode").map(str::to_owned)
        }
        _ => None,
    });
    assert_eq!(modes.collect::<Vec<_>>(), ["transaction"]);
}

#[test]
fn a_pgbouncer_stops_freezes_and_comes_back() {
    let postgres = Postgres::start();
    let mut bouncer = PgBouncer::in_front_of(&postgres);
    let mut client = connect(&bouncer.url());
    session(&mut client);
    bouncer.freeze();
    stands_still(move || drop(session(&mut client)), || bouncer.thaw());
    bouncer.stop();
    assert!(Client::connect(&bouncer.url(), NoTls).is_err());
    bouncer.start_again();
    session(&mut connect(&bouncer.url()));
    let folder = bouncer.folder().to_owned();
    drop(bouncer);
    assert!(processes_in(&folder).is_empty() && !folder.exists());
}
