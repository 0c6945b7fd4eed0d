//! Who may write the picture, and to whom it is shown.

use aisd::config::{RedisConfig, Secret};
use redis::{Client, Commands};

use super::made::{NOW_US, config, hash, moved, position, write, writer};
use crate::support::servers::{Identity, Redis, authority, other_authority};

/// All that the writer needs for keys that begin with `test:`. Where the server has JSON, `+json.set +json.get` as well.
const RULES: &str = "resetkeys ~test:* resetchannels &test:positions -@all +ping +eval +evalsha \
    +hset +hmget +expire +geoadd +zadd +zrem +zrangebyscore +publish +time +command|info +cluster|slots";

#[test]
fn the_writer_does_with_the_few_rights_that_it_is_given() {
    let server = Redis::with_rules("secret", RULES);
    let mut redis = server.connect();
    let mut writer =
        writer(RedisConfig { prefix: "test:".to_owned(), ttl_seconds: 60, ..config(&server) });
    assert!(writer.is_whole().unwrap());
    let changes = [moved(1, 0, 1, position(0, 0)), moved(2, 0, 2, position(0, 53_000_000))];
    assert_eq!(writer.write(&changes, NOW_US).unwrap().written, 2);
    assert_eq!(writer.write(&changes, NOW_US).unwrap().written, 2);
    assert!(!writer.trim(NOW_US).unwrap());
    assert_eq!(redis.zcard::<_, u32>("test:vessels:active").unwrap(), 2);
    assert!(!writer.trim(NOW_US + 100_000_000).unwrap());
    assert_eq!(redis.zcard::<_, u32>("test:vessels:active").unwrap(), 0);
    let () = redis.set("test:vessel:3", "something else").unwrap();
    assert_eq!(write(&mut writer, moved(3, 0, 3, position(0, 0))).written, 1);

    let mut daemon = Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut refused = |arguments: &[&str]| {
        let answer = redis::cmd(arguments[0]).arg(&arguments[1..]).exec(&mut daemon);
        assert_eq!(answer.unwrap_err().code(), Some("NOPERM"), "{arguments:?}");
    };
    refused(&["FLUSHALL"]);
    refused(&["KEYS", "*"]);
    refused(&["HSET", "other:key", "a", "b"]);
    refused(&["PUBLISH", "test:others", "a"]);
    let elsewhere = redis::cmd("EVAL").arg("return redis.call('SET', 'test:a', 'b')").arg(0).take();
    let answer = elsewhere.exec(&mut daemon).unwrap_err().to_string();
    assert!(answer.contains("can't run this command"), "{answer}");
    assert_eq!(hash(&mut redis, "test:vessel:3")["seq"], "3");
}

#[test]
fn who_may_not_write_is_told_so() {
    let server = Redis::with_rules("secret", &RULES.replace("+hset ", ""));
    let mut writer = writer(RedisConfig { prefix: "test:".to_owned(), ..config(&server) });
    let trouble = writer.write(&[moved(1, 0, 1, position(0, 0))], NOW_US).unwrap_err();
    assert!(trouble.text.contains("user executing the script can't run"), "{}", trouble.text);
    assert!(!trouble.is_lost && !trouble.text.contains("secret"), "{}", trouble.text);
}

#[test]
fn a_wrong_password_is_named_and_never_shown() {
    let server = Redis::with_password("secret");
    write(&mut writer(config(&server)), moved(1, 0, 1, position(0, 0)));
    let url = Secret::new(format!("redis://:mistaken@127.0.0.1:{}", server.port()));
    let wrong = RedisConfig { url, ..config(&server) };
    let trouble = writer(wrong).write(&[], NOW_US).unwrap_err().text;
    assert!(trouble.ends_with(": the user or password of redis.url is refused"), "{trouble}");
    let none = Secret::new(format!("redis://127.0.0.1:{}", server.port()));
    let none = RedisConfig { url: none, ..config(&server) };
    let trouble = writer(none).write(&[], NOW_US).unwrap_err().text;
    assert!(trouble.contains("NOAUTH Authentication required"), "{trouble}");
}

#[test]
fn over_tls_a_server_must_prove_its_name() {
    let write_to = |server: &Redis, authority: Option<std::path::PathBuf>| {
        let parameter = authority.map(|file| format!("?sslrootcert={}", file.display()));
        let url = format!("{}{}", server.url(), parameter.unwrap_or_default());
        let config = RedisConfig { url: Secret::new(url), ..config(server) };
        let written = writer(config).write(&[moved(1, 0, 1, position(0, 0))], NOW_US);
        written.map_err(|trouble| trouble.text)
    };
    let server = Redis::with_tls(Identity::Own);
    assert!(server.url().starts_with("rediss://"));
    assert_eq!(write_to(&server, Some(authority())).unwrap().written, 1);
    for authority in [Some(other_authority()), None] {
        let refusal = write_to(&server, authority).unwrap_err();
        assert!(refusal.contains("UnknownIssuer"), "{refusal}");
    }
    let elsewhere = Redis::with_tls(Identity::Elsewhere);
    let refusal = write_to(&elsewhere, Some(authority())).unwrap_err();
    assert!(refusal.contains("not valid for name"), "{refusal}");
    let plain = Secret::new(server.url().replace("rediss:", "redis:"));
    let plain = RedisConfig { url: plain, ..config(&server) };
    assert!(writer(plain).write(&[], NOW_US).is_err());
}
