//! What can break in a minute of the hour, and how it is known that it did.

use std::time::{Duration, SystemTime};

use super::{Gap, Run};
use crate::faults::shim::Number;
use crate::support::http::metrics;
use crate::support::process::wait_until;
use crate::support::proxy::{Fault, Way};
use crate::support::servers::{Postgres, Redis, Stop};

/// How long a packet is held up by a slow network.
const LATENCY: Duration = Duration::from_millis(200);
/// What goes through before a connection is reset.
const RESET_AFTER_BYTES: u64 = 300_000;
/// Syncs that fail, one after the other.
const SYNCS: i64 = 3;
/// How old the newest report in Redis may be for the picture to be fresh.
const FRESH_MS: i64 = 2_000;
const SHIPS: u64 = 5_000;
const END_SESSIONS: &str =
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'aisd'";

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    PostgresFrozen,
    PostgresKilled,
    PostgresRestarted,
    SessionsEnded,
    PostgresReadOnly,
    NetworkSlow,
    NetworkResets,
    RedisStopped,
    RedisFrozen,
    RedisFlushed,
    DiskFull,
    SyncsFail,
    DaemonKilled,
    DaemonRestarted,
}

/// All of them.
pub const KINDS: [Kind; 14] = [
    Kind::PostgresFrozen,
    Kind::PostgresKilled,
    Kind::PostgresRestarted,
    Kind::SessionsEnded,
    Kind::PostgresReadOnly,
    Kind::NetworkSlow,
    Kind::NetworkResets,
    Kind::RedisStopped,
    Kind::RedisFrozen,
    Kind::RedisFlushed,
    Kind::DiskFull,
    Kind::SyncsFail,
    Kind::DaemonKilled,
    Kind::DaemonRestarted,
];

impl Kind {
    pub const fn ends_the_daemon(self) -> bool {
        matches!(self, Self::DaemonKilled | Self::DaemonRestarted)
    }

    /// Breaks it, waits, mends it; what shows that it was broken.
    pub fn strike(self, run: &mut Run) -> String {
        match self {
            Self::PostgresFrozen => store_fails(run, Postgres::freeze_it, Postgres::thaw_it),
            Self::PostgresKilled => {
                store_fails(run, Postgres::kill_postmaster, Postgres::start_again)
            }
            Self::PostgresRestarted => {
                store_fails(run, |server| server.stop(Stop::Fast), Postgres::start_again)
            }
            Self::SessionsEnded => {
                let ended = run.server.count(END_SESSIONS);
                assert!(ended > 0, "nobody was connected");
                format!("{ended} sessions")
            }
            Self::PostgresReadOnly => {
                let set = |value| move |server: &mut Postgres| server.set(READ_ONLY, value);
                store_fails(run, set("on"), set("off"))
            }
            Self::NetworkSlow => network(run, Fault::Latency(LATENCY)),
            Self::NetworkResets => {
                network(run, Fault::ResetAfter(Way::ToServer, RESET_AFTER_BYTES))
            }
            Self::RedisStopped => picture_fails(run, Redis::stop, Redis::start_again),
            Self::RedisFrozen => picture_fails(run, |it| it.freeze(), |it| it.thaw()),
            Self::RedisFlushed => flush(run),
            Self::DiskFull => disk_full(run),
            Self::SyncsFail => syncs_fail(run),
            Self::DaemonKilled => restart(run, |daemon| {
                daemon.kill();
            }),
            Self::DaemonRestarted => restart(run, |daemon| {
                assert_eq!(daemon.stop(), Some(0));
            }),
        }
    }
}

const READ_ONLY: &str = "default_transaction_read_only";

impl Postgres {
    fn freeze_it(&mut self) {
        self.freeze();
    }

    fn thaw_it(&mut self) {
        self.thaw();
    }
}

fn number(run: &Run, pointer: &str) -> u64 {
    metrics(run.daemon().http()).number(pointer)
}

/// Keeps it so for its time, and until a count of failures has grown; by how much.
fn lasts_until_noticed(run: &mut Run, pointer: &str, before: u64) -> u64 {
    let end = std::time::Instant::now() + run.measure.lasts;
    run.watch_until(end);
    wait_until("the fault is noticed", || number(run, pointer) > before);
    number(run, pointer) - before
}

fn store_fails(
    run: &mut Run,
    begin: impl Fn(&mut Postgres),
    end: impl Fn(&mut Postgres),
) -> String {
    let before = number(run, "/store/failures");
    begin(&mut run.server);
    let failures = lasts_until_noticed(run, "/store/failures", before);
    end(&mut run.server);
    format!("{failures} commits or connects failed")
}

fn network(run: &mut Run, fault: Fault) -> String {
    let before = run.proxy.fired();
    run.proxy.set(fault);
    let end = std::time::Instant::now() + run.measure.lasts;
    run.watch_until(end);
    run.proxy.set(Fault::None);
    let fired = run.proxy.fired() - before;
    assert!(fired > 0, "{fault:?} did nothing");
    format!("{fired} times")
}

fn picture_fails(run: &mut Run, begin: impl Fn(&mut Redis), end: impl Fn(&mut Redis)) -> String {
    let before = number(run, "/live/failures");
    begin(&mut run.redis);
    let failures = lasts_until_noticed(run, "/live/failures", before);
    end(&mut run.redis);
    format!("{failures} calls failed")
}

fn flush(run: &Run) -> String {
    let mut redis = run.redis.connect();
    let ask = |name: &str, redis: &mut redis::Connection| -> u64 {
        redis::cmd(name).query(redis).unwrap()
    };
    let before = ask("DBSIZE", &mut redis);
    assert!(before >= SHIPS, "{before} keys");
    let _: String = redis::cmd("FLUSHALL").query(&mut redis).unwrap();
    format!("{before} keys gone")
}

fn disk_full(run: &mut Run) -> String {
    let before = run.shim.get(Number::RefusedWrites);
    run.shim.set(Number::NoRoom, 1);
    let end = std::time::Instant::now() + run.measure.lasts;
    run.watch_until(end);
    run.shim.set(Number::NoRoom, 0);
    let refused = run.shim.get(Number::RefusedWrites) - before;
    assert!(refused > 0, "nothing was written");
    format!("{refused} writes refused")
}

fn syncs_fail(run: &Run) -> String {
    let before = run.shim.get(Number::FailedSyncs);
    run.shim.set(Number::FailingSyncs, SYNCS);
    wait_until("failed syncs", || run.shim.get(Number::FailedSyncs) - before == SYNCS);
    format!("{SYNCS} syncs")
}

/// Ends the daemon and starts it again. What was on its way in a socket then is lost, and no more.
fn restart(run: &mut Run, end: impl Fn(crate::support::process::Daemon)) -> String {
    let slack = run.measure.rate;
    let (tcp, udp) = run.traffic.sent_each();
    let (watch, daemon) = run.watch();
    watch.look(daemon);
    run.watch.end_of_a_life();
    end(run.daemon.take().expect("it runs"));
    let daemon = run.shim.start(&run.home);
    run.traffic.aim(&daemon);
    let recovered: u64 = {
        let seen = metrics(daemon.http());
        seen.feeds().iter().map(|feed| seen.feed(feed, "recovered")).sum()
    };
    run.daemon = Some(daemon);
    // A sender may have read the old address just before.
    std::thread::sleep(Duration::from_millis(100));
    let (tcp_then, udp_then) = run.traffic.sent_each();
    run.gaps.push(Gap {
        tcp: tcp.saturating_sub(slack)..tcp_then,
        udp: udp.saturating_sub(slack)..udp_then,
    });
    format!("{recovered} recovered so far")
}

/// Waits until every ship is in Redis, and the newest is from now.
pub fn wait_for_a_fresh_picture(redis: &Redis) {
    let mut redis = redis.connect();
    wait_until("a fresh picture of all ships", || {
        let ships: u64 = redis::cmd("ZCARD").arg("vessels:active").query(&mut redis).unwrap();
        let newest: Vec<(String, f64)> = redis::cmd("ZREVRANGE")
            .arg(&["vessels:active", "0", "0", "WITHSCORES"])
            .query(&mut redis)
            .unwrap();
        let now_ms: i64 = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis().try_into().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact")]
        let is_fresh = newest.first().is_some_and(|(_, ms)| *ms > (now_ms - FRESH_MS) as f64);
        ships == SHIPS && is_fresh
    });
}
