//! No call to Postgres outlives its deadline, also when the server stands still.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aisd::observe::counts::Counts;
use aisd::store::StoreError;
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::{Dialer, GOODBYE, Link};

use crate::support::lateness::lateness;
use crate::support::servers::{Postgres, Stop};

/// How long calls may take here, and how much longer they take at most.
const DEADLINE: Duration = Duration::from_millis(300);
const SLACK: Duration = Duration::from_millis(100);
/// Longer than anything takes that is not frozen.
const LONG: Duration = Duration::from_secs(20);

struct Fixture {
    server: Postgres,
    watchdog: Arc<Watchdog>,
    counts: Arc<Counts>,
}

impl Fixture {
    fn new() -> Self {
        let counts = Arc::new(Counts::default());
        let watchdog = Watchdog::start(Arc::clone(&counts)).unwrap();
        Self { server: Postgres::start(), watchdog, counts }
    }

    fn dialer(&self, url: &str) -> Dialer {
        let address = Address::parse(url).unwrap();
        Dialer { address, watchdog: Arc::clone(&self.watchdog) }
    }

    /// A connection, and the session that it has.
    fn link(&self, url: &str) -> (Link, i32) {
        let mut link = self.dialer(url).dial(Instant::now() + LONG).unwrap();
        let pid = link.by(Instant::now() + LONG, "ask", |client| {
            Ok(client.query_one("SELECT pg_backend_pid()", &[])?.get(0))
        });
        (link, pid.unwrap())
    }

    fn urls(&self) -> [String; 2] {
        [self.server.url(), self.server.socket_url()]
    }
}

/// Ends within the deadline and its slack, and not before; with the words that say so.
fn is_cut<T>(call: impl FnOnce(Instant) -> Result<T, StoreError>) {
    let began = Instant::now();
    let (ended, late) = lateness(DEADLINE, call);
    assert!(began.elapsed() >= DEADLINE && late < SLACK, "{late:?} late");
    let Err(StoreError::Transient(text)) = ended else { panic!("not cut") };
    assert!(text.contains("no answer within "), "{text}");
}

#[test]
fn a_frozen_postgres_cannot_hold_who_connects() {
    let fixture = Fixture::new();
    fixture.server.freeze();
    for url in fixture.urls() {
        is_cut(|deadline| fixture.dialer(&url).dial(deadline));
    }
    assert_eq!(fixture.counts.store.calls_cut.get(), 2);
    fixture.server.thaw();
    for url in fixture.urls() {
        assert!(!fixture.link(&url).0.is_broken());
    }
}

#[test]
fn a_frozen_postgres_cannot_hold_a_query_a_commit_or_a_copy() {
    let fixture = Fixture::new();
    fixture.server.execute("CREATE TABLE t (n int8); GRANT ALL ON t TO PUBLIC");
    for url in fixture.urls() {
        let (mut link, pid) = fixture.link(&url);
        fixture.server.freeze_backend(pid);
        is_cut(|deadline| link.by(deadline, "ask", |client| client.query("SELECT 1", &[])));
        assert!(link.is_broken());
        fixture.server.thaw_backend(pid);

        let (mut link, pid) = fixture.link(&url);
        let begun = link.by(Instant::now() + LONG, "insert", |client| {
            client.batch_execute("BEGIN; INSERT INTO t VALUES (1)")
        });
        begun.unwrap();
        fixture.server.freeze_backend(pid);
        is_cut(|deadline| link.by(deadline, "commit", |client| client.batch_execute("COMMIT")));
        fixture.server.thaw_backend(pid);

        // More than the buffers of both ends hold.
        let (mut link, pid) = fixture.link(&url);
        fixture.server.freeze_backend(pid);
        is_cut(|deadline| {
            link.by(deadline, "copy", |client| {
                let mut copy = client.copy_in("COPY t FROM STDIN")?;
                let line = "1\n".repeat(1 << 20);
                while copy.write_all(line.as_bytes()).is_ok() {}
                copy.finish()
            })
        });
        fixture.server.thaw_backend(pid);
    }
}

#[test]
fn a_frozen_postgres_cannot_hold_who_leaves() {
    let fixture = Fixture::new();
    for url in fixture.urls() {
        let (mut asked, _) = fixture.link(&url);
        let (idle, _) = fixture.link(&url);
        fixture.server.freeze();
        is_cut(|deadline| asked.by(deadline, "ask", |client| client.query("SELECT 1", &[])));
        // The idle one has a statement to close, and would wait for the answer to that.
        for (who, link, deadline) in [("cut", asked, Duration::ZERO), ("idle", idle, GOODBYE)] {
            let ((), late) = lateness(deadline, |_| drop(link));
            assert!(late < SLACK, "{who} by {url}: {late:?} late");
        }
        fixture.server.thaw();
    }
}

#[test]
fn nobody_else_is_cut_and_an_answer_in_time_leaves_the_connection_alone() {
    let fixture = Fixture::new();
    let (mut frozen, pid) = fixture.link(&fixture.server.url());
    let (mut other, _) = fixture.link(&fixture.server.url());
    fixture.server.freeze_backend(pid);
    is_cut(|deadline| {
        let ended = frozen.by(deadline, "ask", |client| client.query("SELECT 1", &[]));
        let answer = other.by(Instant::now() + LONG, "ask", |client| client.query("SELECT 1", &[]));
        answer.unwrap();
        ended
    });
    let refused = other.by(Instant::now() + LONG, "ask", |client| client.query("SELECT x", &[]));
    let Err(StoreError::Setup(text)) = refused else { panic!() };
    assert_eq!(text, "ask: column \"x\" does not exist (SQLSTATE 42703)");
    assert!(frozen.is_broken() && !other.is_broken());
    fixture.server.thaw_backend(pid);
}

#[test]
fn what_keeps_us_out_is_said_in_words_without_the_password() {
    let mut fixture = Fixture::new();
    let refusal = |fixture: &Fixture, url: &str| {
        let Err(error) = fixture.dialer(url).dial(Instant::now() + LONG) else { panic!("{url}") };
        let text = error.to_string();
        assert!(!text.contains("secret"), "{text}");
        (matches!(error, StoreError::Setup(_)), text)
    };
    let port = fixture.server.port();
    let place = format!("connect to postgres at 127.0.0.1:{port}");
    let (is_setup, text) = refusal(&fixture, &fixture.server.url_as("aisd", "secret"));
    let words = "password authentication failed for user \"aisd\" (SQLSTATE 28P01)";
    assert_eq!((is_setup, text), (true, format!("{place}: {words}")));
    let (is_setup, text) = refusal(&fixture, &format!("{}?sslmode=require", fixture.server.url()));
    let words = "the server has no TLS; sslmode=disable in the URL goes without";
    assert_eq!((is_setup, text), (true, format!("{place}: {words}")));
    let url = fixture.server.url();
    fixture.server.stop(Stop::Fast);
    let (is_setup, text) = refusal(&fixture, &url);
    assert_eq!((is_setup, text), (false, format!("{place}: connection refused")));
    let url = fixture.server.socket_url();
    assert!(refusal(&fixture, &url).1.ends_with(": no such file or directory"));
}
