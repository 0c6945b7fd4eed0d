//! Redis away, stuck, full or emptied costs nothing but freshness.

use std::time::{Duration, Instant};

use aisd::stage::Turn;
use redis::{Commands, Connection, cmd};

use super::made::config;
use super::rig::{Rig, TIMEOUT_MS};
use crate::support::process::wait_until;
use crate::support::servers::Redis;

const FLEET: u32 = 1500;

/// A rig with a fleet that is shown.
fn shown(server: &Redis) -> Rig {
    let mut rig = Rig::new(config(server), 10_000);
    (0..FLEET).for_each(|mmsi| rig.moves(mmsi));
    rig.turn_until_all_is_shown(&mut server.connect());
    assert_eq!(rig.counts.live.failures.get(), 0);
    assert_eq!(rig.counts.live.written.get(), u64::from(FLEET));
    assert_eq!(rig.waiting(), 0);
    rig
}

#[test]
fn what_changed_while_redis_was_away_is_written_when_it_is_back() {
    let mut server = Redis::start();
    let mut rig = shown(&server);
    server.stop();
    (0..100).for_each(|mmsi| rig.moves(mmsi));
    rig.turn_until("attempts have failed", |rig| rig.counts.live.failures.get() >= 3);
    // What moves again meanwhile wins over what was marked again.
    (50..100).for_each(|mmsi| rig.moves(mmsi));
    assert!(rig.trouble().ends_with(": connection refused"), "{}", rig.trouble());
    assert!(rig.trouble().starts_with("connect to redis at 127.0.0.1:"), "{}", rig.trouble());
    assert!(rig.counts.neighbours.redis.trips.get() >= 1);
    assert_eq!(rig.waiting(), 100);
    assert!(rig.counts.live.failed_vessels.get() >= 200);
    // It comes back empty: those that did not move are there again, too.
    server.start_again();
    rig.turn_until_all_is_shown(&mut server.connect());
    assert_eq!(rig.trouble(), "");
    assert_eq!(rig.counts.live.evicted.get(), 0);
}

#[test]
fn a_frozen_redis_costs_its_deadline_and_no_late_answer_is_taken_for_another() {
    let server = Redis::start();
    let mut rig = shown(&server);
    server.freeze();
    (0..100).for_each(|mmsi| rig.moves(mmsi));
    let mut longest = Duration::ZERO;
    rig.turn_until("attempts have failed", |rig| rig.counts.live.failures.get() >= 3);
    for _ in 0..100 {
        let began = Instant::now();
        rig.turn();
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_millis(2 * TIMEOUT_MS + 1000), "{longest:?}");
    let trouble = rig.trouble();
    assert!(trouble.ends_with(&format!("no answer within {TIMEOUT_MS} ms")), "{trouble}");
    server.thaw();
    rig.turn_until_all_is_shown(&mut server.connect());
    let refused = rig.counts.live.refused.get();
    (0..FLEET).for_each(|mmsi| rig.moves(mmsi));
    rig.turn_until_all_is_shown(&mut server.connect());
    assert_eq!(rig.counts.live.refused.get(), refused);
}

/// A server that answers, but takes nothing.
fn refuses(
    server: &Redis,
    code: &str,
    begin: impl FnOnce(&mut Connection),
    end: impl FnOnce(&mut Connection),
) {
    let mut redis = server.connect();
    let mut rig = shown(server);
    begin(&mut redis);
    (0..100).for_each(|mmsi| rig.moves(mmsi));
    rig.turn_until("attempts have failed", |rig| rig.counts.live.failures.get() >= 3);
    let trouble = rig.trouble();
    assert!(trouble.contains(": ") && trouble.contains(code), "{trouble}");
    assert_eq!(rig.waiting(), 100, "{trouble}");
    end(&mut redis);
    rig.turn_until_all_is_shown(&mut redis);
    assert_eq!(rig.trouble(), "");
}

fn set(redis: &mut Connection, name: &str, value: &str) {
    let () = cmd("CONFIG").arg("SET").arg(name).arg(value).query(redis).unwrap();
}

#[test]
fn a_redis_out_of_memory_is_named_and_shown_to_again() {
    refuses(
        &Redis::with(&[("maxmemory-policy", "noeviction")]),
        "OOM command not allowed",
        |redis| set(redis, "maxmemory", "1mb"),
        |redis| set(redis, "maxmemory", "0"),
    );
}

#[test]
fn a_redis_that_became_a_replica_is_named_and_shown_to_again() {
    let replicate = |redis: &mut Connection, host: &str, port: &str| {
        let () = cmd("REPLICAOF").arg(host).arg(port).query(redis).unwrap();
    };
    refuses(
        &Redis::start(),
        "READONLY",
        |redis| replicate(redis, "127.0.0.1", "1"),
        |redis| replicate(redis, "no", "one"),
    );
}

#[test]
fn a_redis_that_wants_replicas_is_named_and_shown_to_again() {
    refuses(
        &Redis::start(),
        "NOREPLICAS",
        |redis| set(redis, "min-replicas-to-write", "1"),
        |redis| set(redis, "min-replicas-to-write", "0"),
    );
}

#[test]
fn a_redis_that_cannot_save_is_named_and_shown_to_again() {
    let server = Redis::with(&[("dbfilename", "taken")]);
    let taken = server.folder().join("taken");
    let save = |redis: &mut Connection, expected: &str| {
        let _: redis::Value = cmd("BGSAVE").query(redis).unwrap();
        wait_until("the save has ended", || {
            let info: String = cmd("INFO").arg("persistence").query(redis).unwrap();
            info.contains("rdb_bgsave_in_progress:0")
                && info.contains(&format!("rdb_last_bgsave_status:{expected}"))
        });
    };
    refuses(
        &server,
        "MISCONF",
        |redis| {
            std::fs::create_dir(&taken).unwrap();
            set(redis, "save", "3600 1");
            save(redis, "err");
        },
        |redis| {
            std::fs::remove_dir(&taken).unwrap();
            save(redis, "ok");
        },
    );
}

#[test]
fn a_flushed_redis_is_filled_again_also_when_nothing_moves() {
    let server = Redis::start();
    let mut redis = server.connect();
    let mut rig = shown(&server);
    let () = cmd("FLUSHALL").query(&mut redis).unwrap();
    assert!(!rig.is_shown("vessel:", &mut redis));
    rig.turn_until_all_is_shown(&mut redis);
    let places: u32 = redis.zcard("vessels:geo").unwrap();
    assert_eq!((places, rig.counts.live.failures.get()), (FLEET, 0));
}

#[test]
fn vessels_put_out_of_the_table_before_they_were_shown_are_counted() {
    let server = Redis::start();
    let mut rig = Rig::new(config(&server), 100);
    server.freeze();
    (0..1000).for_each(|mmsi| rig.moves(mmsi));
    rig.turn_until("an attempt has failed", |rig| rig.counts.live.failures.get() >= 1);
    assert!(rig.waiting() <= 100);
    (1000..2000).for_each(|mmsi| rig.moves(mmsi));
    server.thaw();
    rig.turn_until_all_is_shown(&mut server.connect());
    let live = &rig.counts.live;
    assert!(live.evicted.get() >= 1900, "{} evicted", live.evicted.get());
    rig.turn_until("the gauge follows", |rig| rig.counts.live.waiting.get() == 0);
}

#[test]
fn at_the_end_what_is_left_is_written_once() {
    let server = Redis::start();
    let mut rig = shown(&server);
    (0..FLEET).for_each(|mmsi| rig.moves(mmsi));
    rig.stop();
    let mut turns = 0;
    while rig.turn() != Turn::Finished {
        turns += 1;
        assert!(turns < 100);
    }
    assert!(turns >= 2 && rig.is_shown("vessel:", &mut server.connect()));
}

#[test]
fn a_frozen_redis_holds_the_end_up_for_a_moment_only() {
    let server = Redis::start();
    let mut rig = shown(&server);
    (0..FLEET).for_each(|mmsi| rig.moves(mmsi));
    server.freeze();
    rig.stop();
    let began = Instant::now();
    while rig.turn() != Turn::Finished {}
    let took = began.elapsed();
    assert!(took < Duration::from_millis(2 * TIMEOUT_MS + 1000), "{took:?}");
    assert_eq!(rig.counts.live.failures.get(), 1);
    assert_eq!(rig.waiting(), FLEET as usize);
}

#[test]
fn one_turn_writes_a_bounded_number_of_vessels() {
    let server = Redis::start();
    let mut rig = Rig::new(config(&server), 10_000);
    (0..2500).for_each(|mmsi| rig.moves(mmsi));
    let mut moved = Vec::new();
    rig.turn_until("all is written", |rig| rig.counts.live.flushes.get() > 0);
    rig.turn_until("nothing is left", |rig| rig.waiting() == 0);
    (0..2500).for_each(|mmsi| rig.moves(mmsi));
    while moved.iter().sum::<u32>() < 2500 {
        if let Turn::Moved(vessels) = rig.turn() {
            moved.push(vessels);
        }
    }
    assert_eq!(moved, [100; 25]);
}
