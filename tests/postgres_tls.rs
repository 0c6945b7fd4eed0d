//! Postgres is talked to over TLS that proves whom it talks to, or in plain, and through a pooler as without it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aisd::clock::Clock;
use aisd::config::{Index, StoreConfig};
use aisd::observe::counts::Counts;
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::{Dialer, Link};
use aisd::store::postgres::migrate::{Build, migrate};
use aisd::store::postgres::reader::PostgresReader;
use aisd::store::{StoreError, StoreReader};
use uuid::Uuid;

use crate::support::lateness::lateness;
use crate::support::migration::wanted;
use crate::support::servers::{Identity, PgBouncer, Postgres, authority, other_authority};

const LONG: Duration = Duration::from_secs(20);
const SLACK: Duration = Duration::from_millis(100);

fn dialer(url: &str) -> Dialer {
    let watchdog = Watchdog::start(Arc::new(Counts::default())).unwrap();
    Dialer { address: Address::parse(url).unwrap(), watchdog }
}

fn dial(url: &str) -> Result<Link, StoreError> {
    dialer(url).dial(Instant::now() + LONG)
}

/// The server's URL with its host by this name and these parameters.
fn url(server: &Postgres, host: &str, parameters: &str) -> String {
    server.url().replace("127.0.0.1", host) + parameters
}

fn verified_by(authority: &std::path::Path) -> String {
    format!("?sslmode=verify-full&sslrootcert={}", authority.display())
}

/// The version of TLS that a connection has, or nothing.
fn protocol(link: &mut Link) -> Option<String> {
    let ask = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let asked = link.by(Instant::now() + LONG, "ask", |client| client.query_one(ask, &[]));
    asked.unwrap().get(0)
}

#[test]
fn a_server_that_proves_its_name_is_talked_to_over_tls() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let trusted = verified_by(&authority());
    for host in ["127.0.0.1", "localhost"] {
        let mut link = dial(&url(&server, host, &trusted)).unwrap();
        assert_eq!(protocol(&mut link).as_deref(), Some("TLSv1.3"), "{host}");
        let large = "SELECT length(repeat('x', 1000000)), repeat('x', 1000000)";
        let row = link.by(Instant::now() + LONG, "ask", |client| client.query_one(large, &[]));
        assert_eq!(row.unwrap().get::<_, String>(1).len(), 1_000_000);
    }
    // This server wants TLS; a host of this machine is talked to in plain unless said otherwise.
    let Err(error) = dial(&url(&server, "127.0.0.1", "")) else { panic!("it was let in") };
    assert!(error.to_string().ends_with("no encryption (SQLSTATE 28000)"), "{error}");
}

#[test]
fn a_wrong_authority_and_a_wrong_name_are_refused_in_words() {
    let refusal =
        |server: &Postgres, parameters: &str| match dial(&url(server, "localhost", parameters)) {
            Err(StoreError::Setup(text)) => text,
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("it was let in: {parameters}"),
        };
    let server = Postgres::with_tls(Identity::Own, &[]);
    let place = format!("connect to postgres at localhost:{}: ", server.port());
    // Whatever libpq would check less strictly is checked all the same; here the system's authorities are asked.
    for parameters in [verified_by(&other_authority()), "?sslmode=require".to_owned()] {
        let text = refusal(&server, &parameters);
        assert!(text.starts_with(&place), "{text}");
        assert!(
            text.contains("its certificate is of an authority that is not trusted here"),
            "{text}"
        );
    }
    let elsewhere = Postgres::with_tls(Identity::Elsewhere, &[]);
    let text = refusal(&elsewhere, &verified_by(&authority()).replace("verify-full", "verify-ca"));
    assert!(text.contains("its certificate is for another host: "), "{text}");
    assert!(text.contains("\"localhost\""), "{text}");
}

#[test]
fn a_frozen_server_cannot_hold_a_handshake_or_a_query_over_tls() {
    let server = Postgres::with_tls(Identity::Own, &[]);
    let url = url(&server, "127.0.0.1", &verified_by(&authority()));
    let mut link = dial(&url).unwrap();
    server.freeze();
    let within = Duration::from_millis(300);
    let (dialed, late) = lateness(within, |deadline| dialer(&url).dial(deadline).map(drop));
    assert!(dialed.is_err() && late < SLACK, "{late:?} late");
    let ask = |deadline| link.by(deadline, "ask", |client| client.query("SELECT 1", &[]).map(drop));
    let (asked, late) = lateness(within, ask);
    assert!(asked.is_err() && late < SLACK, "{late:?} late");
    let ((), late) = lateness(Duration::ZERO, |_| drop(link));
    assert!(late < SLACK, "{late:?} late");
    server.thaw();
    assert!(dial(&url).is_ok());
}

#[test]
fn migrations_and_readers_work_through_a_pooler() {
    let server = Postgres::start();
    let pooler = PgBouncer::in_front_of(&server);
    let dialer = dialer(&pooler.url());
    let done = migrate(&dialer, wanted(Index::Track, Build::Later), &mut |_| {}).unwrap();
    assert!(!done.applied.is_empty());
    server.execute(
        "INSERT INTO positions (seq, ts, received_at, mmsi, lat, lon, msg_type, instance, source, flags)
         SELECT n, to_timestamp(1790000000 - n), now(), n % 10, 1, 2, 1, 1, 1, 0 FROM generate_series(1, 1000) n",
    );
    let clock = Clock::manual(1_790_000_000_000_000);
    let config = StoreConfig::default();
    let read = || {
        let mut reader =
            PostgresReader::new(dialer.clone(), Uuid::from_u128(7), &config, clock.clone());
        for mmsi in 1..10 {
            assert_eq!(reader.track(mmsi, 0, i64::MAX, 1000).unwrap().len(), 100);
            let newest = reader.vessel(mmsi).unwrap().unwrap().last.unwrap();
            assert_eq!(newest.seq, u64::from(mmsi));
            assert_eq!(reader.newest(0, mmsi - 1, 1).unwrap()[0].last, Some(newest));
        }
    };
    // More readers than the pooler has sessions for, all at once.
    std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(read))));
}
