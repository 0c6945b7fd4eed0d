//! The picture in a Redis Cluster of three masters and three replicas.

use aisd::config::{RedisConfig, Secret};
use redis::Commands;
use redis::cluster::{ClusterClient, ClusterConnection};
use serde_json::Value;

use super::made::{NOW_US, moved, position, write, writer};
use super::rig::Rig;
use crate::support::servers::RedisCluster;

const FLEET: u32 = 1200;

fn config(url: &str) -> RedisConfig {
    RedisConfig { url: Secret::new(url), prefix: "test:".to_owned(), ..RedisConfig::default() }
}

fn observer(cluster: &RedisCluster) -> ClusterConnection {
    ClusterClient::new(cluster.url().split(',')).unwrap().get_connection().unwrap()
}

#[test]
fn a_killed_master_and_an_emptied_one_are_survived() {
    let mut cluster = RedisCluster::start();
    let mut rig = Rig::new(config(&cluster.url()), 10_000);
    (0..FLEET).for_each(|mmsi| rig.moves(mmsi));
    let mut redis = observer(&cluster);
    rig.turn_until("all is shown", |rig| rig.is_shown("test:vessel:", &mut redis));
    assert_eq!((rig.counts.live.failures.get(), rig.counts.live.refused.get()), (0, 0));

    for third in 0..3 {
        let before = rig.counts.live.failures.get();
        let killed = cluster.kill_master(third);
        (0..100).for_each(|mmsi| rig.moves(mmsi));
        rig.turn_until("an attempt has failed", |rig| rig.counts.live.failures.get() > before);
        cluster.wait_ok();
        rig.moves(0);
        let mut redis = observer(&cluster);
        rig.turn_until("all is shown", |rig| rig.is_shown("test:vessel:", &mut redis));
        for key in ["test:vessels:geo", "test:vessels:active"] {
            assert_eq!(redis.zcard::<_, u32>(key).unwrap(), FLEET, "{key} after {third}");
        }
        cluster.start_again(killed);
        cluster.wait_ok();
    }

    let failures = rig.counts.live.failures.get();
    for third in 0..3 {
        let mut master = cluster.node(cluster.master(third)).connect();
        let () = redis::cmd("FLUSHALL").query(&mut master).unwrap();
        let mut redis = observer(&cluster);
        assert!(!rig.is_shown("test:vessel:", &mut redis));
        rig.turn_until("all is shown", |rig| rig.is_shown("test:vessel:", &mut redis));
    }
    assert_eq!(rig.counts.live.failures.get(), failures);
}

#[test]
fn one_node_leads_to_all_of_them_and_the_guard_and_the_news_are_the_same() {
    let cluster = RedisCluster::start();
    let mut listener = cluster.node(5).connect();
    let mut subscription = listener.as_pubsub();
    subscription.subscribe("test:positions").unwrap();
    let mut redis = observer(&cluster);
    let mut writer = writer(config(&cluster.node(0).url()));
    let fleet = |after_s, lat| -> Vec<_> {
        (0..50).map(|mmsi| moved(mmsi, after_s, 1, position(0, lat))).collect()
    };
    assert_eq!(writer.write(&fleet(0, 0), NOW_US).unwrap().written, 50);
    assert_eq!(writer.write(&fleet(-1, 600), NOW_US).unwrap().refused, 50);
    assert_eq!(writer.write(&fleet(0, 0), NOW_US).unwrap().written, 50);
    write(&mut writer, moved(7, 1, 2, position(0, 53_000_000)));
    let mut next = || -> Value {
        serde_json::from_slice(subscription.get_message().unwrap().get_payload_bytes()).unwrap()
    };
    assert_eq!(next().as_array().unwrap().len(), 50);
    assert_eq!(next()[0]["mmsi"], 7);
    let times: Vec<String> =
        (0..50).map(|mmsi| redis.hget(format!("test:vessel:{mmsi}"), "time").unwrap()).collect();
    assert_eq!(times.iter().filter(|time| *time == "2026-11-24T12:00:00.000000Z").count(), 49);
    assert_eq!(redis.zcard::<_, u32>("test:vessels:geo").unwrap(), 49);
    assert_eq!(redis.zcard::<_, u32>("test:vessels:active").unwrap(), 50);
    assert!(!writer.trim(NOW_US + 1800 * 1_000_000 + 1000).unwrap());
    assert_eq!(redis.zcard::<_, u32>("test:vessels:geo").unwrap(), 0);
    let left: Vec<String> = redis.zrange("test:vessels:active", 0, -1).unwrap();
    assert_eq!(left, ["7"]);
}
