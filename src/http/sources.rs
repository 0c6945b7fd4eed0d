//! Feeds as sources: what each brought, how good that was, and how far it is believed.

use serde_json::{Map, Value, json};

use super::Face;
use super::reply::Reply;
use super::vessels::time;
use crate::observe::accounting::Sums;
use crate::observe::counts::FeedCounts;
use crate::observe::source_counts::score;
use crate::reject::{Filtered, Reject};
use crate::rows::flags;

/// `GET /api/sources`: all feeds that this data directory knows, in the order of their numbers.
pub fn list(face: &Face) -> Reply {
    let now_us = face.sources.clock.now_us();
    let feeds = face.sources.counts.feeds.iter();
    let sources: Vec<Value> = feeds.map(|feed| describe(feed, now_us)).collect();
    Reply::json(200, &json!({ "sources": sources }))
}

fn describe(feed: &FeedCounts, now_us: i64) -> Value {
    let (source, sums) = (&feed.source, Sums::read(feed));
    let last_us = feed.last_message_us.get();
    let until = |until_us: i64| if now_us < until_us { time(until_us) } else { Value::Null };
    let flagged = flags::JUDGED.iter().enumerate();
    json!({
        "name": feed.name,
        // A feed of an earlier run has none.
        "kind": if feed.kind.is_empty() { Value::Null } else { json!(feed.kind) },
        "received": sums.received,
        "recovered": sums.recovered,
        "first_heard": source.first.get(),
        "repeats": sums.repeats,
        "own_repeats": source.own_repeats.get(),
        "stored": sums.stored,
        "rejected": happened(Reject::ALL.iter().map(|reason| reason.label()).zip(sums.rejected)),
        "filtered": happened(Filtered::ALL.iter().map(|reason| reason.label()).zip(sums.filtered)),
        "flagged": happened(flagged.map(|(at, (_, name))| (*name, source.flagged.of(at).get()))),
        "delay_seconds": source.delay_seconds(),
        "last_seen": if last_us == 0 { Value::Null } else { time(last_us) },
        "weight": source.weight(now_us),
        "score": score(feed, &sums, now_us),
        "demoted": source.is_demoted(now_us),
        "demoted_until": until(source.demoted_until_us.get()),
        "stuck": source.is_stuck(now_us),
    })
}

/// What happened at all, with how often.
fn happened<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Value {
    let some = counts.filter(|(_, count)| *count > 0);
    Value::Object(some.map(|(name, count)| (name.to_owned(), json!(count))).collect::<Map<_, _>>())
}
