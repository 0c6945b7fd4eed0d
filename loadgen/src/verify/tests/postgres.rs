//! A Postgres store: a real server with the daemon's own tables.

use super::facts;
use super::*;
use crate::settle::{ByRows, Counter};
use crate::stored::postgres::Address;
use crate::stored::{Marks, Outcome};
use crate::testing::servers::{Postgres, Stop};
use ::postgres::Client;

const SCHEMA: &str = include_str!("../../../../src/store/postgres/0001_tables.sql");
const OURS: &str = "11111111-2222-4333-8444-555555555555";
const OTHER: &str = "99999999-2222-4333-8444-555555555555";

/// A server whose database has the tables, with one instance, whose number is 1.
struct Server {
    server: Postgres,
    client: Client,
}

impl Server {
    fn new() -> Self {
        let server = Postgres::start();
        let mut client = server.connect();
        client.batch_execute(SCHEMA).unwrap();
        let mut made = Self { server, client };
        made.instance(OURS);
        made
    }

    fn instance(&mut self, uuid: &str) {
        let sql = format!("INSERT INTO aisd_instances (instance) VALUES ('{uuid}')");
        self.client.batch_execute(&sql).unwrap();
    }

    fn instance_at(&self, uuid: Option<&str>) -> At {
        let address = Address::parse(&self.server.superuser_url(), uuid.map(str::to_owned));
        At::Postgres(Box::new(address.unwrap()))
    }

    fn number(&mut self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).unwrap().get(0)
    }
}

impl Bench for Server {
    fn at(&self) -> At {
        self.instance_at(None)
    }

    fn execute(&mut self, sql: &str) {
        let time = |seconds: &str| format!("(timestamptz 'epoch' + interval '{seconds} seconds')");
        self.client.batch_execute(&with_times(sql, time)).unwrap();
    }
}

#[test]
fn every_fault_is_found_in_postgres_as_well() {
    let mut server = Server::new();
    for fact in [
        facts::a_whole_store_is_good,
        facts::a_row_that_is_missing_is_lost,
        facts::a_row_too_many_is_a_duplicate,
        facts::a_row_with_the_number_of_another_is_noticed,
        facts::a_row_of_another_time_is_misdated,
        facts::a_row_of_another_second_is_not_the_one_that_was_sent,
        facts::a_time_that_was_told_must_be_that_of_the_row,
        facts::a_wrong_value_is_a_loss_and_a_row_that_nobody_sent,
        facts::a_ship_with_another_name_is_wrong,
        facts::what_a_ship_said_is_compared_whatever_the_count_says,
        facts::a_ship_that_nobody_sent_is_unexpected,
        facts::a_message_without_the_needed_fields_is_matched_by_count_and_no_good,
        facts::what_was_being_sent_when_the_way_broke_may_be_there_or_not,
        facts::a_lost_type_19_is_lost_once,
    ] {
        fact(&mut server);
    }
}

#[test]
fn rows_of_before_and_of_other_instances_are_left_alone() {
    let mut server = Server::new();
    fill(&mut server);
    server.instance(OTHER);
    server.execute("UPDATE positions SET instance = 2 WHERE seq = 11");
    server.execute("INSERT INTO aisd_offsets SELECT instance, writer, 1, gen_random_uuid(), seqs FROM (VALUES \
         (1, 0, '{12,7}'::bigint[]), (1, 1, '{0,21}'), (2, 0, '{99}')) AS v (instance, writer, seqs)");
    let (ours, other) = (server.instance_at(Some(OURS)), server.instance_at(Some(OTHER)));
    let of = |at: &At, before: &Baseline| -> Verdict {
        let mut rows = at.open().unwrap().unwrap();
        let none = std::iter::empty();
        verify(&mut ledger(), Some(&mut *rows), before, &mut seen(false), none).unwrap()
    };
    let lost = Verdict { stored: 6, lost: 1, rows: 4, ..GOOD };
    assert_eq!(of(&ours, &Baseline::default()), lost);
    // One row of the other, and what the ships said, which they have in common.
    let lost = Verdict { stored: 3, lost: 4, rows: 1, ..GOOD };
    assert_eq!(of(&other, &Baseline::default()), lost);
    let before = Baseline::read(&ours).unwrap();
    assert_eq!(before.marks, Marks { positions: 20, messages: 20 });
    assert_eq!(before.statics[&ship().mmsi], 2);
    // The message with number 21 came after the offsets.
    let lost = Verdict { stored: 1, lost: 6, rows: 1, ..GOOD };
    assert_eq!(of(&ours, &before), lost);
}

#[test]
fn the_instance_must_be_told_when_there_are_several() {
    let mut server = Server::new();
    server.instance(OTHER);
    let error = server.at().open().err().unwrap();
    assert!(error.contains("2 instances") && error.contains(OTHER), "{error}");
    assert!(server.instance_at(Some(OTHER)).open().is_ok());
    let unknown = server.instance_at(Some("77777777-2222-4333-8444-555555555555"));
    assert_eq!(Baseline::read(&unknown).unwrap(), Baseline::default());
}

#[test]
fn a_database_without_tables_holds_nothing_until_they_are_made() {
    let server = Postgres::start();
    let address = Address::parse(&server.url(), None).unwrap();
    let at = At::Postgres(Box::new(address));
    assert_eq!(Baseline::read(&at).unwrap(), Baseline::default());
    let mut rows = ByRows::new(at.open().unwrap().unwrap(), 60_000_000);
    rows.begin().unwrap();
    assert_eq!(rows.count(), Some((0, false)));
    let client = ::postgres::Client::connect(&server.url(), ::postgres::NoTls);
    client.unwrap().batch_execute(SCHEMA).unwrap();
    let mut server = Server { client: server.connect(), server };
    server.instance(OURS);
    fill(&mut server);
    server.execute("UPDATE positions SET msg_type = 19 WHERE seq = 11");
    server.execute("INSERT INTO aisd_offsets VALUES (1, 0, 1, gen_random_uuid(), '{22}')");
    assert_eq!(rows.count(), Some((6, false)));
}

#[test]
fn a_server_that_comes_back_is_counted_on() {
    let mut server = Server::new();
    fill(&mut server);
    let mut rows = ByRows::new(server.at().open().unwrap().unwrap(), 60_000_000);
    assert_eq!(rows.count(), Some((7, false)));
    server.server.stop(Stop::Immediate);
    assert_eq!(rows.count(), None);
    server.server.start_again();
    assert_eq!(rows.count(), Some((7, false)));
}

/// A server that sends faster than rows are looked at must not fill the memory with what it sends.
#[test]
fn rows_are_not_held() {
    let mut server = Server::new();
    server.execute(
        "INSERT INTO messages (seq, ts, received_at, mmsi, msg_type, instance, source, json) \
         SELECT n, @1, @1, 5, 8, 1, 0, jsonb_build_object('data', repeat('x', 4000)) \
         FROM generate_series(1, 30000) AS n",
    );
    assert_eq!(server.number("SELECT count(*) FROM messages"), 30_000);
    let mut rows = server.at().open().unwrap().unwrap();
    let (mut count, mut bytes, mut most) = (0, 0, 0);
    let before = memory().unwrap();
    let read = rows.messages(0, &mut |row| {
        count += 1;
        bytes += row.json.len();
        if count % 1000 == 0 {
            most = most.max(memory().unwrap());
        }
    });
    assert_eq!((read, count), (Ok(()), 30_000));
    assert!(bytes > 120_000_000, "{bytes} bytes");
    assert!(most < before + 60_000_000, "{before} bytes before, {most} while reading");
}

/// What this process has in memory, in bytes.
fn memory() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(pages * 4096)
}
