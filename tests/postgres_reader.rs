//! What is stored in Postgres is read back exactly, in bounded time, whatever becomes of the server.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aisd::clock::Clock;
use aisd::config::{Index, StoreConfig};
use aisd::observe::counts::Counts;
use aisd::report::{Place, Position, StaticData, Text};
use aisd::rows::flags;
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::Dialer;
use aisd::store::postgres::migrate::{Build, migrate};
use aisd::store::postgres::reader::PostgresReader;
use aisd::store::{StoreError, StoreReader};
use uuid::Uuid;

use crate::support::lateness::lateness;
use crate::support::migration::wanted;
use crate::support::process::wait_until;
use crate::support::random::Random;
use crate::support::servers::{Postgres, Stop};

const NOW: i64 = 1_790_000_000_000_000;
const DAY: i64 = 86_400_000_000;
const OURS: Uuid = Uuid::from_u128(7);
/// What is remarkable about most positions.
const FLAGS: u16 = flags::ACCURATE | flags::LATE;
/// How long an answer may take here, and how much longer it takes at most.
const SECONDS: u64 = 2;
const SLACK: Duration = Duration::from_millis(100);

struct Fixture {
    server: Postgres,
    dialer: Dialer,
    index: Index,
    seq: i64,
}

impl Fixture {
    fn new(index: Index) -> Self {
        let server = Postgres::start();
        let watchdog = Watchdog::start(Arc::new(Counts::default())).unwrap();
        let dialer = Dialer { address: Address::parse(&server.url()).unwrap(), watchdog };
        migrate(&dialer, wanted(index, Build::Later), &mut |_| {}).unwrap();
        server.execute(&format!(
            "INSERT INTO aisd_instances (instance) VALUES ('{}'), ('{OURS}')",
            Uuid::from_u128(1)
        ));
        Self { server, dialer, index, seq: 0 }
    }

    fn reader(&self) -> PostgresReader {
        let config = StoreConfig {
            index: self.index,
            connect_seconds: SECONDS,
            query_seconds: SECONDS,
            ..StoreConfig::default()
        };
        PostgresReader::new(self.dialer.clone(), OURS, &config, Clock::manual(NOW))
    }

    /// Stores a position as the writer does; its number.
    fn store(&mut self, mmsi: i32, time_us: i64, instance: i16, position: &Position) -> u64 {
        self.store_with(FLAGS, mmsi, time_us, instance, position)
    }

    fn store_with(
        &mut self,
        flags: u16,
        mmsi: i32,
        time_us: i64,
        instance: i16,
        position: &Position,
    ) -> u64 {
        self.seq += 1;
        let tenths = |value: Option<u16>| value.map(|value| f32::from(value) / 10.0);
        let small = |value: Option<u16>| value.map(u16::cast_signed);
        let sql = "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude,
                     nav_status, msg_type, instance, source, flags)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 3, $15)";
        let place = position.place;
        self.server
            .connect()
            .execute(
                sql,
                &[
                    &self.seq,
                    &time(time_us),
                    &time(time_us + 1),
                    &place.map(Place::lat_degrees),
                    &place.map(Place::lon_degrees),
                    &mmsi,
                    &tenths(position.sog),
                    &tenths(position.cog),
                    &small(position.heading),
                    &position.rot.map(i16::from),
                    &small(position.altitude),
                    &position.nav_status.map(i16::from),
                    &i16::from(position.msg_type),
                    &instance,
                    &flags.cast_signed(),
                ],
            )
            .unwrap();
        self.seq.cast_unsigned()
    }
}

fn time(us: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(us.unsigned_abs())
}

fn somewhere(random: &mut Random) -> Position {
    let mut below = |bound: u64| u16::try_from(random.between(0, bound - 1)).unwrap();
    Position {
        msg_type: 1,
        place: None,
        sog: Some(below(1023)),
        cog: Some(below(3600)),
        heading: Some(below(360)),
        rot: Some(-127),
        nav_status: Some(14),
        altitude: None,
        utc_second: None,
        accurate: true,
        raim: false,
    }
}

fn at(lon: i32, lat: i32) -> Position {
    Position { place: Place::new(lon, lat), ..somewhere(&mut Random::seeded(1)) }
}

#[test]
fn positions_come_back_exactly_as_they_were_sent() {
    let mut fixture = Fixture::new(Index::Track);
    let mut random = Random::seeded(7);
    let mut sent = Vec::new();
    for n in 0..200 {
        let unit = |random: &mut Random, most: i32| {
            let any = random.between(0, 2 * u64::from(most.unsigned_abs()));
            i32::try_from(any).unwrap() - most
        };
        let (lon, lat) = (unit(&mut random, 108_000_000), unit(&mut random, 54_000_000));
        let position = Position { place: Place::new(lon, lat), ..somewhere(&mut random) };
        let time_us = NOW - 1_000 + n;
        let seq = fixture.store(5, time_us, 2, &position);
        sent.push((position, time_us, seq));
    }
    let mut reader = fixture.reader();
    let track = reader.track(5, NOW - DAY, NOW, 1000).unwrap();
    assert_eq!(track.len(), sent.len());
    for (point, (position, time_us, seq)) in track.iter().zip(&sent) {
        let place = position.place.unwrap();
        let tenths = |value: Option<u16>| value.map(|value| f64::from(value) / 10.0);
        assert_eq!((point.time_us, point.heading), (*time_us, position.heading));
        assert_eq!((point.lon, point.lat), (place.lon_degrees(), place.lat_degrees()));
        assert_eq!((point.sog, point.cog), (tenths(position.sog), tenths(position.cog)));
        let newest = reader.newest(*time_us, 4, 1).unwrap();
        assert!(newest[0].last.unwrap().seq >= *seq);
    }
    let (position, time_us, seq) = sent.pop().unwrap();
    let last = reader.vessel(5).unwrap().unwrap().last.unwrap();
    assert_eq!((last.position, last.time_us, last.received_us), (position, time_us, time_us + 1));
    assert_eq!((last.seq, last.feed, last.flags), (seq, 3, FLAGS));
    // Bounds: the first time is part of it, the last is not, and it ends at the limit.
    let part = reader.track(5, NOW - 900, NOW - 890, 5).unwrap();
    let times: Vec<i64> = part.iter().map(|point| point.time_us - NOW).collect();
    assert_eq!(times, [-900, -899, -898, -897, -896]);
    assert_eq!(reader.track(5, NOW - 805, NOW - 801, 10).unwrap().len(), 4);
    assert!(reader.track(5, i64::MIN, i64::MAX, 1000).unwrap().len() == 200);
    assert!(reader.track(6, 0, NOW, 10).unwrap().is_empty());
}

#[test]
fn the_newest_of_a_vessel_is_found_however_old_it_is() {
    let mut fixture = Fixture::new(Index::Track);
    for (mmsi, days) in [(1, 0), (2, 5), (3, 40), (4, 4000)] {
        let old = fixture.store(mmsi, NOW - (days + 1) * DAY, 2, &at(1, 1));
        let new = fixture.store(mmsi, NOW - days * DAY, 2, &at(2, 2));
        // The same time again: the later one counts.
        let newest = fixture.store(mmsi, NOW - days * DAY, 2, &at(3, 3));
        assert!(old < new && new < newest);
        let found = fixture.reader().vessel(mmsi.unsigned_abs()).unwrap().unwrap();
        assert_eq!(found.last.unwrap().seq, newest, "{days} days");
    }
    // Our clock may be behind that of those who report.
    let newest = fixture.store(1, NOW + DAY / 2, 2, &at(4, 4));
    let mut reader = fixture.reader();
    assert_eq!(reader.vessel(1).unwrap().unwrap().last.unwrap().seq, newest);
    assert_eq!(reader.vessel(5).unwrap(), None);
}

#[test]
fn what_is_dated_ahead_is_part_of_a_track_but_never_the_newest() {
    for index in [Index::Track, Index::Append] {
        let mut fixture = Fixture::new(index);
        let known = fixture.store(3, NOW - 1, 2, &at(1, 1));
        for mmsi in [1, 2, 3] {
            fixture.store_with(flags::AHEAD, mmsi, NOW + DAY / 2, 2, &at(1, 1));
        }
        let mut reader = fixture.reader();
        assert_eq!(reader.track(1, NOW, NOW + DAY, 10).unwrap().len(), 1);
        assert_eq!(reader.vessel(1).unwrap(), None);
        // Those that have nothing else do not fill a page.
        let page = reader.newest(NOW - 1, 0, 2).unwrap();
        let seqs: Vec<_> = page.iter().map(|it| (it.mmsi, it.last.unwrap().seq)).collect();
        assert_eq!(seqs, [(3, known)]);
    }
}

#[test]
fn the_newest_of_all_come_in_pages_with_what_they_said_of_themselves() {
    for index in [Index::Track, Index::Append] {
        let mut fixture = Fixture::new(index);
        fixture.server.execute(
            "INSERT INTO vessels (mmsi, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught,
               destination, eta, epfd, vendor, mothership, instance, source, updated_at, updated_seq, static_reports)
             VALUES (3, 'EVER GIVEN', 'H3RC', 9811000, 71, 230, 170, 29, 30, 15.7, 'ROTTERDAM', '03-31T??:00Z', 1, 'SRT',
               211000001, 2, 3, to_timestamp(1790000000), 1, 1),
               (9, 'SILENT', NULL, NULL, NULL, 1, NULL, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, 2, 3, to_timestamp(1790000000), 1, 1)",
        );
        for mmsi in [1, 3, 5, 7] {
            fixture.store(mmsi, NOW - 2, 2, &at(1, 1));
        }
        let late = fixture.store(3, NOW - 3, 2, &at(1, 1));
        let tie = fixture.store(5, NOW - 2, 1, &at(2, 2));
        fixture.store(2, NOW - DAY, 2, &at(1, 1));
        let mut reader = fixture.reader();
        let page = |reader: &mut PostgresReader, since, after, limit| {
            let found = reader.newest(since, after, limit).unwrap();
            found.iter().map(|it| it.mmsi).collect::<Vec<_>>()
        };
        assert_eq!(page(&mut reader, NOW - 2, 0, 10), [1, 3, 5, 7]);
        assert_eq!(page(&mut reader, NOW - 2, 0, 2), [1, 3]);
        assert_eq!(page(&mut reader, NOW - 2, 3, 2), [5, 7]);
        assert_eq!(page(&mut reader, NOW - DAY, 1, 1), [2]);
        assert!(page(&mut reader, NOW - 1, 0, 10).is_empty());
        assert!(page(&mut reader, NOW - DAY, 0, 0).is_empty());
        let found = reader.newest(NOW - 5, 0, 10).unwrap();
        assert!(found[1].last.unwrap().seq < late);
        // Stored by another instance, whose feeds have other numbers.
        assert_eq!(found[2].last.map(|last| (last.seq, last.feed)), Some((tie, u8::MAX)));
        let said = StaticData {
            msg_type: 0,
            name: Text::new(b"EVER GIVEN"),
            callsign: Text::new(b"H3RC"),
            imo: Some(9_811_000),
            ship_type: Some(71),
            dimensions: Some([230, 170, 29, 30]),
            draught: Some(157),
            destination: Text::new(b"ROTTERDAM"),
            eta: [Some(3), Some(31), None, Some(0)],
            epfd: Some(1),
            vendor: Text::new(b"SRT"),
            mothership: Some(211_000_001),
        };
        assert_eq!((found[1].statics, found[0].statics), (said, StaticData::default()));
        let silent = reader.vessel(9).unwrap().unwrap();
        assert_eq!((silent.last, silent.last_seen_us), (None, NOW));
        assert_eq!(silent.statics.name, Text::new(b"SILENT"));
    }
}

/// Refuses, for a reason that passes, no later than the slack after this.
fn refusal(reader: &mut PostgresReader, within: Duration) -> String {
    let (answer, late) = lateness(within, |_| reader.vessel(1));
    let Err(StoreError::Transient(text)) = answer else { panic!("{answer:?}") };
    assert!(late < SLACK, "{late:?} late: {text}");
    text
}

#[test]
fn a_restart_is_not_noticed_and_a_server_that_is_away_is_told_at_once() {
    let mut fixture = Fixture::new(Index::Track);
    fixture.store(1, NOW, 2, &at(1, 1));
    let mut reader = fixture.reader();
    assert!(reader.vessel(1).unwrap().is_some());
    fixture.server.stop(Stop::Fast);
    fixture.server.start_again();
    assert!(reader.vessel(1).unwrap().is_some());
    fixture.server.stop(Stop::Immediate);
    for _ in 0..3 {
        let text = refusal(&mut reader, Duration::ZERO);
        assert!(text.ends_with(": connection refused"), "{text}");
    }
    fixture.server.start_again();
    wait_until("the reader is back", || reader.vessel(1).is_ok_and(|it| it.is_some()));
}

#[test]
fn a_frozen_server_costs_a_reader_no_more_than_its_time() {
    let mut fixture = Fixture::new(Index::Track);
    fixture.store(1, NOW, 2, &at(1, 1));
    let mut reader = fixture.reader();
    assert!(reader.vessel(1).unwrap().is_some());
    fixture.server.freeze();
    let within = Duration::from_secs(SECONDS);
    let text = refusal(&mut reader, within);
    assert!(text.starts_with("read a vessel: no answer within 2."), "{text}");
    // It is told once: the others are not held up.
    for _ in 0..3 {
        refusal(&mut reader, Duration::ZERO);
    }
    fixture.server.thaw();
    wait_until("the reader is back", || reader.vessel(1).is_ok_and(|it| it.is_some()));
}

#[test]
fn a_slow_question_is_given_up_by_the_server_and_the_connection_lives_on() {
    let mut fixture = Fixture::new(Index::Track);
    fixture.store(1, NOW, 2, &at(1, 1));
    let mut reader = fixture.reader();
    assert!(reader.vessel(1).unwrap().is_some());
    let sessions = "SELECT sum(pid)::int8 FROM pg_stat_activity WHERE application_name = 'aisd'";
    let session = fixture.server.count(sessions);
    let mut blocker = fixture.server.connect();
    blocker.batch_execute("BEGIN; LOCK TABLE positions IN ACCESS EXCLUSIVE MODE").unwrap();
    let text = refusal(&mut reader, Duration::from_secs(SECONDS));
    assert!(text.contains("due to statement timeout (SQLSTATE 57014)"), "{text}");
    blocker.batch_execute("COMMIT").unwrap();
    assert!(reader.vessel(1).unwrap().is_some());
    assert_eq!(fixture.server.count(sessions), session);
}
