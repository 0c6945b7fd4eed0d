//! A server process that stands still inside the COMMIT of a retry: cut off, and woken when another has taken its place, it
//! stores no letter twice.

use std::collections::BTreeSet;

use super::fixture::{CHECK, NO_CHECK, config, done, in_doubt, wait_delivered};
use crate::support::http::metrics;
use crate::support::postgres_daemon::{
    IN_CHECK, IN_COMMIT, SLEEP_IF_ARMED, freeze_session, verbose,
};
use crate::support::process::{Home, wait_until};
use crate::support::servers::Postgres;
use crate::support::storing::{accepted, letters, numbers, send_numbers, seqs, wait_stored};

/// Every commit is there at once, but for that of a retry while this is armed: it waits for a standby that does not exist.
const WAITS_FOR_NOBODY: &str = "
CREATE TABLE armed (n int);
CREATE FUNCTION wait_if_armed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF EXISTS (SELECT FROM armed) THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER wait_in_commit AFTER INSERT ON aisd_dlq_done FOR EACH STATEMENT EXECUTE FUNCTION wait_if_armed()";
/// The COMMIT of a retry sleeps in its last check while this is armed; what has constraints checked at once is undone before.
const SLEEPS: &str = "
CREATE CONSTRAINT TRIGGER sleep_in_commit AFTER INSERT ON aisd_dlq_done
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep_if_armed();
CREATE FUNCTION check_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SET CONSTRAINTS sleep_in_commit DEFERRED;
  RETURN NULL;
END
$$;
CREATE TRIGGER before_check BEFORE INSERT ON aisd_dlq_done FOR EACH STATEMENT EXECUTE FUNCTION check_later()";
const SENT: u32 = 5000;

/// A daemon with five letters, whose retry stands still in its COMMIT.
struct Frozen {
    server: Postgres,
    home: Home,
    daemon: crate::support::process::Daemon,
    pid: i32,
    /// The letters that were sent.
    doubtful: Vec<u64>,
}

impl Frozen {
    fn new(settings: &[(&str, &str)], trigger: &str, state: &str) -> Self {
        let server = Postgres::with(settings);
        let deadlines = "connect_seconds = 1\ncommit_seconds = 2\n";
        let home = Home::new(&config(&server, deadlines, "retries_max = 1000\n"));
        let daemon = home.start();
        server.execute(CHECK);
        send_numbers(&daemon, 0..SENT);
        wait_stored(&daemon, u64::from(SENT));
        let refused = metrics(daemon.http()).feed("tcp", "undelivered");
        assert!(refused > 0, "nothing was refused");
        server.execute(trigger);
        server.execute("INSERT INTO armed VALUES (1)");
        server.execute(NO_CHECK);
        let pid = freeze_session(&server, state);
        let doubtful = in_doubt(&home);
        assert!(!doubtful.is_empty(), "it stood still, and not in a retry");
        server.execute("DELETE FROM armed");
        // Cut off at its deadline, the daemon comes back, and waits for the lock of the one that stands still.
        wait_until("a word of the lock", || verbose(&daemon).contains("SQLSTATE 55P03"));
        assert_eq!(in_doubt(&home), doubtful, "decided while nobody could know");
        assert!(done(&server).is_empty(), "its rows are not seen yet");
        Self { server, home, daemon, pid, doubtful }
    }

    fn is_there(&self) -> bool {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {}", self.pid);
        self.server.count(&sql) == 1
    }

    /// All letters are delivered, each once.
    fn finish(self) {
        wait_delivered(&self.daemon);
        let seen = metrics(self.daemon.http());
        let counts = ["stored", "undelivered"].map(|it| seen.feed("tcp", it));
        assert_eq!(counts, [u64::from(SENT), 0]);
        assert_eq!(self.daemon.stop(), Some(0), "{}", self.home.log());
        assert_eq!(seqs(&self.server, 1), accepted(&self.home.data()), "each once");
        assert_eq!(numbers(&self.server), (0..SENT).collect::<Vec<u32>>());
        assert!(letters(&self.home).is_empty());
    }
}

#[test]
fn a_retry_that_stood_still_in_its_commit_and_came_through_is_not_made_again() {
    let settings = [("synchronous_commit", "local"), ("synchronous_standby_names", "nobody")];
    let frozen = Frozen::new(&settings, WAITS_FOR_NOBODY, IN_COMMIT);
    frozen.server.set("synchronous_standby_names", "");
    frozen.server.thaw_backend(frozen.pid);
    wait_until("rows of the retry that stood still", || !done(&frozen.server).is_empty());
    let those = frozen.doubtful.iter().copied().collect::<BTreeSet<u64>>();
    assert!(done(&frozen.server).is_superset(&those), "its letters are stored by it");
    frozen.finish();
}

#[test]
fn a_retry_that_stood_still_in_its_commit_and_came_to_nothing_is_made_again() {
    let frozen = Frozen::new(&[], &format!("{SLEEP_IF_ARMED}{SLEEPS}"), IN_CHECK);
    let end = format!("SELECT count(pg_terminate_backend({}))", frozen.pid);
    assert_eq!(frozen.server.count(&end), 1);
    assert!(frozen.is_there());
    frozen.server.thaw_backend(frozen.pid);
    wait_until("the end of the one that stood still", || !frozen.is_there());
    assert_eq!(frozen.server.log().matches("terminating connection due to admin").count(), 1);
    frozen.finish();
}
