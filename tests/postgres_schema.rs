//! The tables of a Postgres: made once however many come, refused when they are not ours, left alone by who may not change them.

use std::process::Output;
use std::sync::Arc;

use aisd::config::Index;
use aisd::observe::counts::Counts;
use aisd::store::StoreError;
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::Dialer;
use aisd::store::postgres::migrate::{Build, Migrated, migrate};

use crate::support::migration::wanted;
use crate::support::process::aisd;
use crate::support::servers::Postgres;

fn dialer(url: &str) -> Dialer {
    let watchdog = Watchdog::start(Arc::new(Counts::default())).unwrap();
    Dialer { address: Address::parse(url).unwrap(), watchdog }
}

fn bring_up(url: &str, index: Index, build: Build) -> Result<Migrated, StoreError> {
    migrate(&dialer(url), wanted(index, build), &mut |_| {})
}

fn refusal(url: &str) -> String {
    match bring_up(url, Index::Track, Build::Later) {
        Err(StoreError::Setup(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// `aisd migrate` for this server, through its socket.
fn command(server: &Postgres, variables: &[(&str, &str)]) -> (i32, String, String) {
    let mut aisd = aisd();
    aisd.arg("migrate").env("DATABASE_URL", server.socket_url());
    aisd.envs(variables.iter().copied());
    let Output { status, stdout, stderr } = aisd.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const VALID: &str = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('positions_mmsi_ts') AND indisvalid";
/// Partitions of positions whose index by vessel is part of the whole.
const INDEXED: &str =
    "SELECT count(*) FROM pg_inherits WHERE inhparent = to_regclass('positions_mmsi_ts')";

#[test]
fn many_that_start_at_once_make_the_tables_once() {
    let server = Postgres::start();
    let done: Vec<Migrated> = std::thread::scope(|scope| {
        let start = || bring_up(&server.url(), Index::Track, Build::Later).unwrap();
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(start)).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let mut applied: Vec<&String> = done.iter().flat_map(|it| &it.applied).collect();
    applied.sort_unstable();
    let latest = done[0].version;
    let first = |step: &&String| step.split(' ').next().and_then(|n| n.parse().ok());
    assert_eq!(
        applied.iter().filter_map(first).collect::<Vec<i32>>(),
        (1..=latest).collect::<Vec<_>>()
    );
    assert!(done.iter().all(|it| it.version == latest && it.warnings.is_empty()), "{done:?}");
    let noted = server.count("SELECT count(*) FROM aisd_migrations");
    assert_eq!((noted, server.count(VALID)), (applied.len() as u64, 1));
    let again = bring_up(&server.url(), Index::Track, Build::Later).unwrap();
    assert_eq!(again, Migrated { version: latest, ..Migrated::default() });
}

#[test]
fn tables_that_are_newer_or_of_other_files_are_refused_with_both_versions() {
    let server = Postgres::start();
    let url = server.url();
    let known = bring_up(&url, Index::Track, Build::Later).unwrap().version;
    let newer = known + 1;
    server.execute(&format!("INSERT INTO aisd_migrations VALUES ({newer}, 'later', 'x')"));
    let place = format!("postgres at 127.0.0.1:{}", server.port());
    let text = refusal(&url);
    assert!(text.starts_with(&format!("{place} has tables of version {newer}")), "{text}");
    let way_out = format!("knows version {known}; run the aisd that made them");
    assert!(text.contains(&way_out), "{text}");
    let (code, out, errors) = command(&server, &[]);
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(errors.contains(&way_out), "{errors}");
    server.execute(&format!(
        "DELETE FROM aisd_migrations WHERE version = {newer};
         UPDATE aisd_migrations SET checksum = 'abc' WHERE version = 1",
    ));
    let text = refusal(&url);
    assert!(text.starts_with(&format!("{place}: migration 1 (tables) was made with")), "{text}");
    let both = format!("checksum abc, this program (version {known}) has ");
    assert!(text.contains(&both), "{text}");
}

#[test]
fn a_step_that_fails_leaves_nothing_behind() {
    let server = Postgres::start();
    server.execute("CREATE TABLE sources (mine int)");
    let text = refusal(&server.url());
    assert!(text.contains("relation \"sources\" already exists (SQLSTATE 42P07)"), "{text}");
    assert_eq!(
        server.count("SELECT count(*) FROM pg_class WHERE relname ~ '^(aisd|positions)'"),
        0
    );
    server.execute("DROP TABLE sources");
    let done = bring_up(&server.url(), Index::Track, Build::Later).unwrap();
    assert_eq!(done.applied.len(), done.version.unsigned_abs() as usize);
}

#[test]
fn the_command_says_what_it_did_and_follows_the_index() {
    let server = Postgres::start();
    let (code, first, errors) = command(&server, &[]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(first.starts_with("took step 1 tables\ntook step 2 "), "{first}");
    let added = "the index positions_mmsi_ts was added\n";
    let place = format!("postgres at {}:{}", server.folder().display(), server.port());
    let end = first.split_once(added).unwrap().1.to_owned();
    assert!(end.starts_with(&format!("{place} has tables of version ")), "{end}");
    assert_eq!(command(&server, &[]), (0, end.clone(), String::new()));
    let append = [("AISD_STORE_INDEX", "append")];
    let dropped = format!("the index positions_mmsi_ts was dropped\n{end}");
    assert_eq!(command(&server, &append), (0, dropped, String::new()));
    assert_eq!(server.count(VALID), 0);
    let direct = server.socket_url();
    let nowhere =
        [("DATABASE_URL", "postgres://me:secret@127.0.0.1:1/x"), ("DIRECT_DATABASE_URL", &direct)];
    assert_eq!(command(&server, &nowhere), (0, format!("{added}{end}"), String::new()));
}

#[test]
fn the_command_tells_configuration_from_a_server_that_is_away() {
    let server = Postgres::start();
    let check = |url: &str, code: i32, part: &str| {
        let said = command(&server, &[("DATABASE_URL", url)]);
        assert!(said.0 == code && said.2.contains(part), "{said:?}");
        assert!(!said.2.contains("secret"), "{said:?}");
    };
    check("", 78, "store.url is empty, so there is no Postgres to migrate");
    check("postgres://me:secret@127.0.0.1:1/x", 74, "127.0.0.1:1: connection refused");
    check(
        "postgres://me:secret@127.0.0.1/x?sslmode=maybe",
        78,
        "store.url is postgres://me:***@127",
    );
    check(&server.url_as("aisd", "secret"), 78, "password authentication failed");
}

#[test]
fn who_may_only_write_connects_once_the_tables_are_there() {
    let server = Postgres::start();
    server.execute(
        "CREATE ROLE writer LOGIN PASSWORD 'w'; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    );
    let writer = server.url_as("writer", "w");
    let text = refusal(&writer);
    assert!(text.contains("permission denied for schema public (SQLSTATE 42501)"), "{text}");
    let version = bring_up(&server.url(), Index::Track, Build::Later).unwrap().version;
    server.execute("GRANT SELECT ON aisd_migrations TO writer");
    let done = bring_up(&writer, Index::Track, Build::Later).unwrap();
    assert_eq!(done, Migrated { version, ..Migrated::default() });
    // What it cannot change is told, and is no reason to stay away.
    let done = bring_up(&writer, Index::Append, Build::Later).unwrap();
    assert!(done.warnings[0].contains("the role may not change it"), "{done:?}");
    assert_eq!(server.count(VALID), 1);
}

#[test]
fn the_index_of_many_positions_is_built_beside_who_writes() {
    let server = Postgres::start();
    bring_up(&server.url(), Index::Append, Build::Later).unwrap();
    let as_owner = |sql: &str| server.execute(&format!("SET ROLE aisd; {sql}"));
    as_owner(
        "CREATE TABLE positions_20260101 PARTITION OF positions FOR VALUES FROM ('2026-01-01Z') TO ('2026-01-02Z')",
    );
    as_owner(
        "CREATE TABLE positions_20260102 PARTITION OF positions FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z')",
    );
    // Over 64 MiB.
    as_owner(
        "INSERT INTO positions (seq, ts, received_at, mmsi, msg_type, instance, source, flags)
         SELECT n, '2026-01-01Z', '2026-01-01Z', n % 1000, 1, 1, 1, 0 FROM generate_series(1, 1000000) n",
    );
    let done = bring_up(&server.url(), Index::Track, Build::Later).unwrap();
    assert!(done.warnings[0].starts_with("3 partitions have no index by vessel yet"), "{done:?}");
    assert_eq!((server.count(VALID), server.count(INDEXED)), (0, 0));
    // A partition that is made meanwhile has it, as have those that come later.
    as_owner("CREATE TABLE positions_20260103 (LIKE positions)");
    as_owner(
        "ALTER TABLE positions ATTACH PARTITION positions_20260103 FOR VALUES FROM ('2026-01-03Z') TO ('2026-01-04Z')",
    );
    assert_eq!((server.count(VALID), server.count(INDEXED)), (0, 1));
    // One build was killed half way.
    as_owner("CREATE INDEX positions_20260102_mmsi_ts ON positions_20260102 (mmsi, ts)");
    server.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'positions_20260102_mmsi_ts'::regclass");
    // Somebody writes all the while and never waits for long.
    let mut writer = server.connect();
    writer.batch_execute("SET lock_timeout = '2s'").unwrap();
    let done = std::thread::scope(|scope| {
        let build = scope.spawn(|| bring_up(&server.url(), Index::Track, Build::Now).unwrap());
        let mut written = 0;
        while !build.is_finished() {
            written += 1;
            writer
                .batch_execute(
                    "INSERT INTO positions (seq, ts, received_at, mmsi, msg_type, instance, source, flags)
                     VALUES (0, '2026-01-01Z', '2026-01-01Z', 1, 1, 1, 1, 0)",
                )
                .unwrap();
        }
        assert!(written > 2, "nobody wrote meanwhile");
        build.join().unwrap()
    });
    let built = "the index by vessel of positions_20260101 was built".to_owned();
    assert!(done.changed.contains(&built) && done.warnings.is_empty(), "{done:?}");
    assert_eq!((server.count(VALID), server.count(INDEXED)), (1, 4));
}

#[test]
fn postgis_gets_its_points_when_it_is_there() {
    let server = Postgres::start();
    assert_eq!(bring_up(&server.url(), Index::Track, Build::Later).unwrap().changed.len(), 1);
    server.execute(
        "CREATE SCHEMA gis; CREATE EXTENSION postgis SCHEMA gis; GRANT USAGE ON SCHEMA gis TO aisd",
    );
    let done = bring_up(&server.url(), Index::Track, Build::Later).unwrap();
    assert_eq!(done.changed, ["the view positions_geo was added"]);
    server.execute(
        "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, msg_type, instance, source, flags)
         VALUES (1, now(), now(), 52.5, 4.25, 244660000, 1, 1, 1, 0)",
    );
    let exact = "SELECT count(*) FROM positions_geo WHERE gis.st_asewkt(geom) = 'SRID=4326;POINT(4.25 52.5)'";
    assert_eq!(server.count(exact), 1);
    assert!(bring_up(&server.url(), Index::Track, Build::Later).unwrap().changed.is_empty());
}
