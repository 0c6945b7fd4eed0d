//! What Redis must grant: that one may come in, and each command that the picture is written with.
//!
//! The commands are sent so that they change nothing: to members that are not there, and with `XX`, which adds none.

use std::time::Duration;

use redis::{Cmd, Value, cmd};

use super::super::checklist::outcome::{Check, Mark};
use crate::config::RedisConfig;
use crate::live::address::Address;
use crate::live::fields::Kept;
use crate::live::keys::Keys;
use crate::live::link::Link;

/// A ship that is none.
const NOBODY: u32 = 0;

/// Looks at the server, or at the masters of a cluster.
pub fn look(config: &RedisConfig) -> Vec<Check> {
    const NAME: &str = "redis";
    let failed = |text: String| vec![Check::new(NAME, Mark::Rollback, text)];
    let address = match Address::read(&config.url) {
        Ok(address) => address,
        Err(text) => return failed(text),
    };
    let shown = address.shown();
    let timeout = Duration::from_millis(config.timeout_ms);
    let opened = Link::open(&address, config.format, timeout).and_then(|mut link| {
        let pong: String = link.ask_anyone(&cmd("PING"))?;
        Ok((link, pong))
    });
    let mut link = match opened {
        Ok((link, _)) => link,
        Err(trouble) => return failed(trouble.while_doing(&format!("connect to {shown}")).text),
    };
    let what = if link.is_cluster() { "a cluster" } else { "a server" };
    let text = format!("{shown} answers PING: {what}, vessels are kept as {}", link.kept.label());
    let keys = Keys::new(config, link.kept, link.is_cluster());
    vec![Check::new(NAME, Mark::Pass, text), rights(&mut link, &keys)]
}

fn rights(link: &mut Link, keys: &Keys) -> Check {
    const NAME: &str = "rights in redis";
    let refused: Vec<String> = commands(keys, link.kept)
        .into_iter()
        .filter_map(|(name, command)| {
            let asked: Result<Vec<Value>, _> = link.ask(vec![command]);
            match asked {
                // A script that nobody knows was looked for.
                Err(trouble) if trouble.is_no_script => None,
                Err(trouble) => Some(format!("{name}: {}", trouble.text)),
                Ok(answers) if answers.contains(&Value::Nil) => {
                    Some(format!("{name}: the user may not"))
                }
                Ok(_) => None,
            }
        })
        .collect();
    if refused.is_empty() {
        return Check::new(NAME, Mark::Pass, "to write the picture");
    }
    let text = format!("{}; config/redis/aisd.acl has what is needed", refused.join("; "));
    Check::new(NAME, Mark::Rollback, text)
}

/// What the picture is written with, changing nothing.
fn commands(keys: &Keys, kept: Kept) -> Vec<(&'static str, Cmd)> {
    let vessel = keys.vessel(NOBODY);
    let hash = "0".repeat(40);
    let script = "redis.call('HMGET', KEYS[1], 'time') return 1";
    // Before Redis 7 nobody can be asked, and every user may publish everywhere.
    let may = "return not redis.acl_check_cmd or redis.acl_check_cmd(unpack(ARGV))";
    let ask = |command: &[&str]| cmd("EVAL").arg(may).arg(1).arg(&vessel).arg(command).take();
    let written = match kept {
        Kept::Hash => vec![("HSET", ask(&["HSET", &vessel, "time", ""]))],
        Kept::Json => vec![
            ("JSON.GET", ask(&["JSON.GET", &vessel, "."])),
            ("JSON.SET", ask(&["JSON.SET", &vessel, ".", "{}"])),
        ],
    };
    let geo = cmd("GEOADD").arg(&keys.geo).arg("XX").arg(0).arg(0).arg(NOBODY).take();
    let active = cmd("ZADD").arg(&keys.active).arg("XX").arg(0).arg(NOBODY).take();
    let mut commands = vec![
        ("EVAL", cmd("EVAL").arg(script).arg(1).arg(&vessel).take()),
        ("EVALSHA", cmd("EVALSHA").arg(hash).arg(1).arg(&vessel).take()),
        ("EXPIRE", cmd("EXPIRE").arg(&vessel).arg(1).take()),
        ("GEOADD", geo),
        ("ZADD", active),
        ("ZREM", cmd("ZREM").arg(&keys.geo).arg(NOBODY).take()),
        ("ZRANGEBYSCORE", cmd("ZRANGEBYSCORE").arg(&keys.active).arg(1).arg(0).take()),
        ("PUBLISH", ask(&["PUBLISH", &keys.channel, ""])),
        ("TIME", cmd("EVAL").arg("return redis.call('TIME')[1]").arg(1).arg(&vessel).take()),
    ];
    commands.extend(written);
    commands
}
