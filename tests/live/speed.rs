//! How many vessels a second are written, and what one costs here and in Redis. To be run by hand, on a quiet machine:
//! `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test --test main live::speed -- --ignored --nocapture`

use std::time::Instant;

use aisd::config::RedisConfig;
use aisd::picture::Change;
use nix::time::{ClockId, clock_gettime};
use redis::{Connection, ConnectionLike, cmd};

use super::made::{NOW_US, config, moved, position, writer};
use crate::support::servers::{Redis, RedisCluster};

const FLEET: u32 = 20_000;
const ROUNDS: u32 = 10;

/// Processor time of a server, in seconds.
fn spent(redis: &mut Connection) -> f64 {
    let info: String = cmd("INFO").arg("cpu").query(redis as &mut dyn ConnectionLike).unwrap();
    let values = info.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        matches!(name, "used_cpu_sys" | "used_cpu_user").then(|| value.parse::<f64>().unwrap())
    });
    values.sum()
}

/// Processor time of this thread, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a few seconds")]
fn spent_here() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}

fn fleet(round: u32) -> Vec<Change> {
    let lon = round.cast_signed();
    let at = |mmsi: u32| position(lon + mmsi.cast_signed() * 1000, mmsi.cast_signed());
    (0..FLEET).map(|mmsi| moved(200_000_000 + mmsi, i64::from(round), 1, at(mmsi))).collect()
}

fn measure(what: &str, config: RedisConfig, servers: &mut [Connection]) {
    let mut writer = writer(config);
    writer.connect().unwrap();
    let mut measured = Vec::new();
    for round in 0..ROUNDS {
        let fleet = fleet(round);
        let of_servers = |servers: &mut [Connection]| servers.iter_mut().map(spent).sum::<f64>();
        let (began, here, there) = (Instant::now(), spent_here(), of_servers(servers));
        for part in fleet.chunks(1000) {
            let written = writer.write(part, NOW_US).unwrap().written;
            assert_eq!(written, 1000);
        }
        let took = began.elapsed().as_secs_f64();
        let each_us = |seconds: f64| seconds * 1e6 / f64::from(FLEET);
        let (here, there) = (spent_here() - here, of_servers(servers) - there);
        measured.push((f64::from(FLEET) / took, each_us(here), each_us(there)));
    }
    measured.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (rate, here, there) = measured[measured.len() / 2];
    eprintln!("{what}: {rate:.0} vessels/s; a vessel costs {here:.1} us here, {there:.1} us there");
}

#[test]
#[ignore = "measures; nothing can fail"]
fn vessels_a_second() {
    let server = Redis::start();
    measure("one server, many vessels a call", config(&server), &mut [server.connect()]);
    let cluster = RedisCluster::start();
    let url = aisd::config::Secret::new(cluster.url());
    let mut masters = [0, 1, 2].map(|third| cluster.node(cluster.master(third)).connect());
    let config = RedisConfig { url, ..RedisConfig::default() };
    measure("a cluster, a call for each vessel", config, &mut masters);
}
