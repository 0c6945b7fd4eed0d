//! The servers that tests start are real, private, and gone afterwards.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use redis::Commands;

use crate::support::servers::{Postgres, Redis, Stop, processes_in};

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
