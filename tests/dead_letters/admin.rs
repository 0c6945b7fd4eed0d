//! What people do with dead letters: by command beside a daemon and without one, over HTTP with a token, and after damage.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use super::fixture::{CHECK, NO_CHECK, config, wait_delivered};
use crate::support::http::{ask, metrics};
use crate::support::process::{Home, aisd};
use crate::support::servers::Postgres;
use crate::support::storing::{letters, numbers, send_numbers, wait_stored};

const SECRET: &str = "a secret of thirty-two bytes or so";
/// Nothing is tried by itself in these tests.
const PATIENT: &str = "retry_seconds = 600000\n";

fn patient(server: &Postgres) -> String {
    config(server, "", "").replace("retry_seconds = 1\n", PATIENT)
}

fn dlq(home: &Home, arguments: &[&str]) -> Output {
    let mut aisd = aisd();
    aisd.arg("dlq").args(arguments).arg("--config").arg(home.config());
    aisd.arg("--data-dir").arg(home.data()).output().unwrap()
}

fn said(home: &Home, arguments: &[&str]) -> String {
    let output = dlq(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn letters_are_retried_exported_and_cleared_by_command_beside_a_daemon_and_without() {
    let server = Postgres::start();
    let home = Home::new(&patient(&server));
    let daemon = home.start();
    server.execute(CHECK);
    send_numbers(&daemon, 0..5000);
    wait_stored(&daemon, 5000);
    let stats = "5 dead letters of 5 messages: 5 pending, 0 dead\n23514 5\n";
    assert_eq!(said(&home, &["stats"]), stats);
    assert_eq!(said(&home, &["export"]).lines().count(), 5);
    server.execute(NO_CHECK);
    assert_eq!(said(&home, &["retry"]), "5 dead letters are tried now\n");
    wait_delivered(&daemon);
    server.execute(
        "ALTER TABLE positions ADD CONSTRAINT nobody_seven CHECK (mmsi % 1000 <> 7) NOT VALID",
    );
    send_numbers(&daemon, 5000..10_000);
    wait_stored(&daemon, 10_000);
    assert_eq!(said(&home, &["clear", "--dead"]), "0 dead letters cleared away\n");
    assert_eq!(said(&home, &["clear", "--pending"]), "5 dead letters cleared away\n");
    let seen = metrics(daemon.http());
    assert_eq!(seen.number("/feeds/tcp/dropped/dlq_cleared"), 5);
    assert_eq!((seen.feed("tcp", "stored"), seen.feed("tcp", "undelivered")), (9995, 0));
    assert!(
        home.log().contains("dead letters cleared away") && home.log().contains("aisd dlq of user")
    );
    send_numbers(&daemon, 10_000..15_000);
    wait_stored(&daemon, 15_000);
    assert_eq!(daemon.stop(), Some(0));
    assert!(!home.data().join("run.key").exists());

    assert_eq!(said(&home, &["retry"]), "5 dead letters are tried at the next start\n");
    server.execute(NO_CHECK);
    let daemon = home.start();
    wait_delivered(&daemon);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(numbers(&server).len(), 14_995);
    assert_eq!(said(&home, &["clear", "--pending", "--dead"]), "0 dead letters cleared away\n");
    assert_eq!(dlq(&home, &["clear"]).status.code(), Some(64), "nobody clears by accident");
}

#[test]
fn over_http_a_token_that_is_signed_with_the_secret_is_wanted_and_the_secret_is_never_shown() {
    let server = Postgres::start();
    let home = Home::new(&patient(&server));
    let file = home.config().with_file_name("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), format!("{text}[http]\njwt_secret = \"{SECRET}\"\n")).unwrap();
    let daemon = home.start();
    server.execute(CHECK);
    send_numbers(&daemon, 0..2000);
    wait_stored(&daemon, 2000);
    let token = aisd::http::token::sign(SECRET, "ann", Duration::from_secs(60)).unwrap();
    let request = |method: &str, path: &str| {
        let header = format!("Authorization: Bearer {token}\r\n");
        let (status, body) = ask(daemon.http(), method, path, &header);
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (status, stats) = request("GET", "/api/admin/dlq/stats");
    assert_eq!(
        (status, &stats["pending"], &stats["dead"], &stats["total"]),
        (200, &2.into(), &0.into(), &2.into())
    );
    assert_eq!(ask(daemon.http(), "POST", "/api/admin/dlq/retry", "").0, 401);
    server.execute(NO_CHECK);
    let (status, answer) = request("POST", "/api/admin/dlq/retry");
    assert_eq!((status, &answer["due"]), (201, &2.into()));
    wait_delivered(&daemon);
    assert!(
        home.log().contains("subject=\"ann\"") || home.log().contains("subject=ann"),
        "{}",
        home.log()
    );
    assert_eq!(daemon.stop(), Some(0));
    let print = |command: &str, name: &str, value: &std::ffi::OsStr| {
        let output = aisd().arg(command).env(name, value).output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(all).unwrap())
    };
    let (code, text) = print("print-config", "JWT_SECRET_FILE", file.as_os_str());
    assert_eq!(code, Some(0));
    assert!(text.contains("jwt_secret = \"***\"") && !text.contains(SECRET), "{text}");
    let (code, text) = print("check-config", "JWT_SECRET", "too-short-hunter2".as_ref());
    assert_eq!(code, Some(78));
    assert!(text.contains("http.jwt_secret is \"***\", must be 32 bytes or more"), "{text}");
    assert!(!text.contains("hunter2") && !home.log().contains(SECRET));
}

#[test]
fn a_daemon_starts_without_letters_that_are_damaged_and_says_where_they_are() {
    let server = Postgres::start();
    let home = Home::new(&patient(&server));
    let daemon = home.start();
    server.execute(CHECK);
    send_numbers(&daemon, 0..60_000);
    wait_stored(&daemon, 60_000);
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(letters(&home).len(), 60);
    let path = home.data().join("dead_letters.db");
    // What lies in the log beside it would make up for the cut.
    let file = rusqlite::Connection::open(&path).unwrap();
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(file);
    let whole = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - 4096).unwrap();
    let daemon = home.start();
    assert_eq!(metrics(daemon.http()).number("/dead_letters/quarantined"), 1);
    assert!(
        home.log().contains("; it is kept as ") && home.log().contains("quarantine"),
        "{}",
        home.log()
    );
    send_numbers(&daemon, 60_000..65_000);
    wait_stored(&daemon, 5000);
    assert_eq!(letters(&home).len(), 5);
    assert_eq!(daemon.stop(), Some(0));
    let aside = home.data().join("journal/quarantine/dead_letters.db.1");
    assert_eq!(std::fs::metadata(aside).unwrap().len(), whole - 4096);
}
