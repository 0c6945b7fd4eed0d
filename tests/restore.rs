//! What docs/OPERATIONS.md says of backups: dump, destroy, restore, and the journal brings what came since.

use std::io::Write;
use std::net::TcpStream;

use crate::support::accepted::Accepted;
use crate::support::numbered::lines;
use crate::support::postgres_daemon::{
    assert_rows_are_those_accepted, home_of, wait_until_all_is_decided,
};
use crate::support::process::wait_until;
use crate::support::servers::Postgres;
use crate::support::traffic::Traffic;

const ROWS: &str = "SELECT count(*) FROM positions";
/// What is sent after the restore.
const LATER: u32 = 100;

#[test]
fn after_a_restore_the_journal_brings_what_came_since_the_backup() {
    let server = Postgres::start();
    // It keeps every segment (journal.keep_all).
    let home = home_of(&server);
    let daemon = home.start();
    let traffic = Traffic::start(500);
    traffic.aim(&daemon);
    wait_until("rows before the backup", || server.count(ROWS) > 1000);
    // Under load, as backups are made.
    server.tool("pg_dump", &["--format=custom", "--file=backup", "ais"]);
    let dumped_below = server.count(ROWS);
    wait_until("rows after the backup", || server.count(ROWS) > dumped_below + 1000);
    traffic.stop();
    wait_until_all_is_decided(&daemon);
    let stored = server.count(ROWS);
    assert_eq!(daemon.stop(), Some(0));

    server.tool("dropdb", &["--force", "ais"]);
    server.tool("createdb", &["--owner=aisd", "ais"]);
    server.tool("pg_restore", &["--dbname=ais", "--exit-on-error", "backup"]);
    let restored = server.count(ROWS);
    assert!(restored >= 1000 && restored <= dumped_below, "{restored} of {stored} in the backup");

    let daemon = home.start();
    wait_until("the rows since the backup", || server.count(ROWS) == stored);
    // And it goes on.
    let mut stream = TcpStream::connect(daemon.tcp()).unwrap();
    stream.write_all(&lines(1_000_000..1_000_000 + LATER)).unwrap();
    wait_until("what came after", || server.count(ROWS) == stored + u64::from(LATER));
    wait_until_all_is_decided(&daemon);
    assert_eq!(daemon.stop(), Some(0));
    assert_rows_are_those_accepted(&mut Accepted::default(), &home, &server);
    assert_eq!(server.count(ROWS), stored + u64::from(LATER));
}
