//! Daemons that try dead letters again within a second, and what is looked at meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::support::http::metrics;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::Postgres;
use crate::support::storing;

/// One ship in a thousand.
pub const CHECK: &str =
    "ALTER TABLE positions ADD CONSTRAINT nobody_seven CHECK (mmsi % 1000 <> 7)";
pub const NO_CHECK: &str = "ALTER TABLE positions DROP CONSTRAINT nobody_seven";
/// Sessions of the daemon's role.
pub const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'aisd'";

pub fn soak() -> bool {
    std::env::var_os("AISD_SOAK").is_some()
}

/// The configuration that stores there, with more keys of `[store]` and of `[dead_letters]`.
pub fn config(server: &Postgres, store: &str, letters: &str) -> String {
    let store = storing::config(&server.url(), store);
    format!("{store}[dead_letters]\nretry_seconds = 1\n{letters}")
}

/// What has this table refuse one ship in a thousand.
pub fn refused(table: &str) -> String {
    format!("ALTER TABLE {table} ADD CONSTRAINT no_seven CHECK (mmsi % 1000 <> 7)")
}

/// Waits until no letter is left; the sum comes out at every look.
pub fn wait_delivered(daemon: &Daemon) {
    wait_until("no letter is left", || {
        let metrics = metrics(daemon.http());
        assert_eq!(metrics.number("/accounting/imbalance"), 0);
        metrics.number("/dead_letters/rows") == 0
    });
}

/// Numbers of letters that were delivered.
pub fn done(server: &Postgres) -> BTreeSet<u64> {
    let rows = server.connect().query("SELECT seq FROM aisd_dlq_done", &[]).unwrap();
    rows.iter().map(|row| row.get::<_, i64>(0).cast_unsigned()).collect()
}

/// Numbers of letters that were sent to the store again and whose fate is not noted.
pub fn in_doubt(home: &Home) -> Vec<u64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(home.data().join("dead_letters.db"), flags).unwrap();
    file.busy_timeout(Duration::from_secs(5)).unwrap();
    let mut select = file.prepare("SELECT seq FROM letters WHERE trying = 1").unwrap();
    let seqs = select.query_map([], |row| row.get::<_, i64>(0)).unwrap();
    seqs.map(|seq| seq.unwrap().cast_unsigned()).collect()
}
