//! Day partitions of Postgres: there before they are needed, made for late days, dropped when they expire, and nobody is held up.

mod fixture;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aisd::stage::{Stage, Turn};

use self::fixture::{DAY_US, Fixture, LONG, ask, rows, settle};
use crate::support::lateness::lateness;
use crate::support::process::wait_until;
use crate::support::servers::Stop;

#[test]
fn days_are_there_before_their_rows_and_more_at_midnight() {
    let fixture = Fixture::new();
    let (mut stage, days) = fixture.stage(|config| config.days_ahead = 3);
    let today = fixture.today();
    settle(&mut stage);
    assert_eq!((fixture.partitions(), fixture.store().partitions.get()), (5, 5));
    assert!((today - 1..=today + 3).all(|day| days.has(day)));
    assert!(!days.has(today - 2) && !days.has(today + 4) && !days.is_known(today + 4));
    for day in -1..=3 {
        fixture.insert(day);
    }
    assert_eq!(fixture.in_default(), 0);
    let indexed = "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass('positions_' || to_char(now(), 'YYYYMMDD'))
                   AND indisvalid";
    assert_eq!(fixture.server.count(indexed), 2);
    assert!(matches!(stage.turn().unwrap(), Turn::Idle));
    fixture.clock.set_us(fixture.clock.now_us() + DAY_US);
    settle(&mut stage);
    assert!(days.has(today + 4) && fixture.partitions() == 6);
    assert_eq!(
        (fixture.store().partitions_late.get(), fixture.store().partition_failures.get()),
        (0, 0)
    );
    fixture.stopping.store(true, Ordering::Release);
    assert!(matches!(stage.turn().unwrap(), Turn::Finished));
}

#[test]
fn a_late_day_is_made_when_a_writer_asks_up_to_a_bound() {
    let fixture = Fixture::new();
    let (mut stage, days) = fixture.stage(|config| config.days_late_max = 2);
    let today = fixture.today();
    // Nothing of it needs to be there yet.
    ask(&mut stage, &days, &[today, today - 10]);
    assert!(days.has(today) && days.has(today - 10));
    ask(&mut stage, &days, &[today - 11, today - 12]);
    assert!(days.is_known(today - 11) && days.is_known(today - 12));
    assert_eq!(fixture.store().partitions_late.get(), 2);
    assert_eq!(fixture.store().partitions_missing.get(), 1);
    for day in [0, -10, -11, -12] {
        fixture.insert(day);
    }
    // One row of each table.
    assert_eq!(fixture.in_default(), 2);
    assert_eq!(fixture.store().partition_failures.get(), 0);
}

#[test]
fn a_day_that_the_default_partition_has_rows_of_stays_there() {
    let fixture = Fixture::new();
    fixture.insert(-10);
    fixture.insert(2);
    let (mut stage, days) = fixture.stage(|_| {});
    settle(&mut stage);
    let today = fixture.today();
    ask(&mut stage, &days, &[today - 10]);
    assert!(days.is_known(today - 10) && !days.has(today - 10));
    assert!(days.is_known(today + 2) && !days.has(today + 2) && days.has(today + 3));
    assert_eq!((fixture.in_default(), fixture.store().partitions_missing.get()), (4, 2));
    assert_eq!(fixture.store().partition_failures.get(), 0);
}

#[test]
fn what_has_expired_is_dropped_and_nothing_else() {
    let fixture = Fixture::new();
    let today = fixture.today();
    let (mut first, days) = fixture.stage(|_| {});
    ask(&mut first, &days, &[today - 31, today - 30, today - 40]);
    fixture.as_owner(
        "CREATE TABLE positions_old PARTITION OF positions FOR VALUES FROM ('2001-01-01Z') TO ('2001-02-01Z')",
    );
    for day in [-40, -31, -30, -35, -29] {
        fixture.insert(day);
    }
    assert_eq!(fixture.in_default(), 4);
    // A clock that is ahead by years drops nothing that the server's would not.
    let (mut stage, days) = fixture.stage(|config| config.retention_days = 30);
    fixture.clock.set_us(fixture.clock.now_us() + 4000 * DAY_US);
    let before = fixture.partitions();
    settle(&mut stage);
    assert_eq!(fixture.store().partitions_dropped.get(), 4);
    assert_eq!(days.expires_before(), Some(today - 30));
    // Two days were dropped, of both tables, and six were made for where the clock stands.
    assert_eq!(fixture.partitions(), before - 2 + 5);
    fixture.clock.set_us(fixture.clock.now_us() - 4000 * DAY_US);
    settle(&mut stage);
    assert_eq!(days.expires_before(), Some(today - 30));
    assert!(days.has(today - 30) && !days.has(today - 31) && !days.has(today - 40));
    assert_eq!(
        fixture.server.count("SELECT count(*) FROM pg_class WHERE relname = 'positions_old'"),
        1
    );
    let left = "SELECT count(*) FROM positions WHERE ts < now() - interval '31 days'";
    assert_eq!((fixture.server.count(left), fixture.in_default()), (0, 2));
    assert_eq!(fixture.store().partition_failures.get(), 0);
}

#[test]
fn who_holds_the_default_partition_is_not_waited_for_and_others_go_on() {
    let fixture = Fixture::new();
    let today = fixture.today();
    let mut holder = fixture.server.connect();
    holder.batch_execute(&format!("BEGIN; {}", rows(-90))).unwrap();
    let (mut stage, days) = fixture.stage(|_| {});
    let began = Instant::now();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| days.ask_for(&[today], LONG));
        while !writer.is_finished() {
            // Rows of other days pass meanwhile.
            stage.turn().unwrap();
            fixture.insert(-80);
        }
    });
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    assert!(fixture.store().partition_failures.get() > 0 && !days.has(today));
    holder.batch_execute("COMMIT").unwrap();
    wait_until("partitions after the lock is gone", || {
        settle(&mut stage);
        days.has(today) && fixture.partitions() == 5
    });
}

#[test]
fn a_server_that_is_away_holds_nobody_up_and_is_looked_after_when_it_is_back() {
    let mut fixture = Fixture::new();
    let (mut stage, days) = fixture.stage(|_| {});
    fixture.server.stop(Stop::Fast);
    let today = fixture.today();
    stage.turn().unwrap();
    assert!(fixture.store().partition_failures.get() == 1 && !days.is_known(today));
    // It is tried once more for who asks, and then not for a while.
    ask(&mut stage, &days, &[today]);
    assert!(fixture.store().partition_failures.get() == 2 && !days.is_known(today));
    let ((), late) = lateness(Duration::ZERO, |_| days.ask_for(&[today], LONG));
    assert!(late < Duration::from_secs(1), "{late:?} late");
    fixture.server.start_again();
    wait_until("partitions after the return", || {
        settle(&mut stage);
        days.has(today) && fixture.partitions() == 5
    });
    // Frozen, a turn ends as well.
    fixture.server.freeze();
    let failures = fixture.store().partition_failures.get();
    let call = Duration::from_secs(5);
    let ((), late) = lateness(call, |_| ask(&mut stage, &days, &[today - 9]));
    assert!(late < Duration::from_secs(1), "{late:?} late");
    assert_eq!(fixture.store().partition_failures.get(), failures + 1);
    fixture.server.thaw();
}

/// A daemon that starts before its database: the first rows come right after the tables.
#[test]
fn the_first_rows_of_a_new_database_that_came_late_have_their_day() {
    let mut fixture = Fixture::without_tables();
    fixture.server.stop(Stop::Fast);
    let (mut stage, days) = fixture.stage(|_| {});
    let today = fixture.today();
    // It is tried in vain, and will not be again for a while.
    while fixture.store().partition_failures.get() < 4 {
        stage.turn().unwrap();
    }
    fixture.server.start_again();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            fixture.migrate();
            days.ask_for(&[today], LONG);
        });
        while !writer.is_finished() {
            stage.turn().unwrap();
        }
    });
    fixture.insert(0);
    assert!(days.has(today) && fixture.in_default() == 0);
    assert_eq!(fixture.store().partition_failures.get(), 4);
}

#[test]
fn a_database_without_tables_is_waited_for() {
    let fixture = Fixture::without_tables();
    let (mut stage, days) = fixture.stage(|_| {});
    settle(&mut stage);
    assert!(matches!(stage.turn().unwrap(), Turn::Idle));
    fixture.migrate();
    ask(&mut stage, &days, &[fixture.today()]);
    assert!(days.has(fixture.today()));
    assert_eq!(fixture.store().partition_failures.get(), 0);
}

#[test]
fn who_may_only_write_has_one_partition_for_all_days() {
    let fixture = Fixture::new();
    fixture.server.execute(
        "CREATE ROLE writer LOGIN PASSWORD 'w'; GRANT SELECT, INSERT ON positions TO writer",
    );
    let (mut stage, days) = fixture.stage_as(&fixture.server.url_as("writer", "w"), |_| {});
    let today = fixture.today();
    ask(&mut stage, &days, &[today]);
    assert!(!days.has(today) && fixture.store().partition_failures.get() == 1);
    // Each day is tried for once, then not so soon for another, and nobody waits meanwhile.
    ask(&mut stage, &days, &[today - 1]);
    days.ask_for(&[today, today - 1, today - 2], LONG);
    assert_eq!(fixture.store().partition_failures.get(), 2);
    fixture.insert(0);
    assert_eq!(fixture.in_default(), 2);
}

#[test]
fn several_daemons_make_the_same_days_once() {
    let fixture = Fixture::new();
    let today = fixture.today();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let (mut stage, days) = fixture.stage(|_| {});
                settle(&mut stage);
                ask(&mut stage, &days, &[today - 20, today - 21, today - 22]);
                assert!([-22, -21, -20, -1, 0, 3].iter().all(|day| days.has(today + day)));
            });
        }
    });
    assert_eq!((fixture.partitions(), fixture.store().partition_failures.get()), (8, 0));
}

/// Writers ask, then write; days appear under them all the while.
#[test]
fn no_write_fails_while_days_are_made() {
    const DAYS: i32 = 40;
    let fixture = Fixture::new();
    let (mut stage, days) = fixture.stage(|_| {});
    std::thread::scope(|scope| {
        let today = fixture.today();
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let (days, server) = (Arc::clone(&days), &fixture.server);
                scope.spawn(move || {
                    let mut client = server.connect();
                    for late in 0..DAYS {
                        let late = -5 - (late + n * 7) % DAYS;
                        days.ask_for(&[today, today + late], Duration::from_secs(1));
                        client.batch_execute(&rows(0)).unwrap();
                        client.batch_execute(&rows(late)).unwrap();
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            stage.turn().unwrap();
        }
    });
    let shared = fixture.store().partitions_missing.get();
    let late = fixture.store().partitions_late.get().cast_signed();
    assert_eq!((late + shared, fixture.store().partition_failures.get()), (i64::from(DAYS), 0));
    assert!(late > i64::from(DAYS) / 2, "only {late} days were made");
    // Two writers, two tables.
    assert_eq!(fixture.in_default(), 4 * shared.unsigned_abs());
    assert_eq!(fixture.server.count("SELECT count(*) FROM positions"), 4 * 40);
}

#[test]
fn a_large_default_partition_is_not_looked_through_while_writers_wait() {
    let fixture = Fixture::new();
    let today = fixture.today();
    fixture.server.execute(
        "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, msg_type, instance, source, flags)
         SELECT n, now() - interval '900 days', now(), 1, 1, 1, 1, 1, 1, 0 FROM generate_series(1, 800000) n",
    );
    let (mut stage, days) = fixture.stage(|config| config.days_ahead = 4);
    settle(&mut stage);
    // Reports may be dated a day ahead: until then a row may come at any time.
    for day in -1..=1 {
        assert!(days.is_known(today + day) && !days.has(today + day), "{day}");
    }
    assert!((2..=4).all(|day| days.has(today + day)));
    assert_eq!(fixture.store().partition_failures.get(), 0);
    let constraints =
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'positions_default'::regclass";
    assert_eq!(fixture.server.count(constraints), 0);
    fixture.insert(0);
    fixture.insert(3);
}

#[test]
fn a_day_is_vacuumed_when_it_is_over() {
    let fixture = Fixture::new();
    let (mut stage, _) = fixture.stage(|_| {});
    settle(&mut stage);
    let put_off = |day: i32| {
        fixture.server.count(&format!(
            "SELECT count(*) FROM pg_class WHERE reloptions @> ARRAY['autovacuum_vacuum_insert_threshold=-1'] \
             AND relname IN (to_char(now() + {day} * interval '1 day', '\"positions_\"YYYYMMDD'), \
                             to_char(now() + {day} * interval '1 day', '\"messages_\"YYYYMMDD'))"
        ))
    };
    assert_eq!((put_off(0), put_off(1)), (2, 2));
    fixture.clock.set_us(fixture.clock.now_us() + DAY_US);
    settle(&mut stage);
    assert_eq!((put_off(-1), put_off(0), put_off(1)), (0, 0, 2));
}

#[test]
fn the_index_of_time_knows_the_newest_rows() {
    let fixture = Fixture::new();
    let (mut stage, _) = fixture.stage(|_| {});
    settle(&mut stage);
    for day in 0..2 {
        fixture.server.execute(&format!(
            "INSERT INTO positions (seq, ts, received_at, mmsi, msg_type, instance, source, flags)
             SELECT n, now() + {day} * interval '1 day', now(), 1, 1, 1, 1, 0 FROM generate_series(1, 100000) n",
        ));
    }
    let (mut another, _) = fixture.stage(|_| {});
    settle(&mut another);
    let unknown = |day: i32| {
        fixture.server.count(&format!(
            "SELECT brin_summarize_new_values(to_char(now() + {day} * interval '1 day', '\"positions_\"YYYYMMDD\"_ts_idx\"')
               ::regclass)::int8",
        ))
    };
    // Only today's and yesterday's are looked after.
    assert_eq!(unknown(0), 0);
    assert!(unknown(1) > 0);
}
