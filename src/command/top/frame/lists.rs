//! The lists under a frame's head: feeds, shards, neighbours and threads.

use std::time::Duration;

use serde_json::Value;

use super::{Frame, Line};
use crate::clock::{Clock, SECOND_US};
use crate::command::checklist::outcome::Mark;
use crate::command::duration::shown;

impl Frame<'_> {
    pub(super) fn feeds(&self) -> Vec<Line> {
        let title = format!(
            "{:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}{:>10}",
            "feed", "in/s", "stored/s", "repeats/s", "refused/s", "lost", "open", "silent"
        );
        let feed = |name: &String| {
            let at = |what: &str| format!("/feeds/{name}/{what}");
            let dropped = self.now.pointer(&at("dropped")).and_then(Value::as_object);
            let lost: f64 = dropped.into_iter().flatten().filter_map(|(_, it)| it.as_f64()).sum();
            let text = format!(
                "{name:<20}{:>10}{:>10}{:>10}{:>10}{lost:>10.0}{:>8.0}{:>10}",
                cell(self.rate(&at("received"))),
                cell(self.rate(&at("stored"))),
                cell(self.rate(&at("repeats"))),
                cell(self.rate_of_all(&at("rejected"))),
                self.of(&at("connections")),
                silent(self.of(&at("last_message_us"))),
            );
            Line::marked(text, (lost > 0.0).then_some(Mark::Consider))
        };
        let feeds = self.names("/feeds");
        std::iter::once(Line::title(title)).chain(feeds.iter().map(feed)).collect()
    }

    pub(super) fn shards(&self) -> Vec<Line> {
        let title = format!(
            "{:<20}{:>10}{:>12}{:>10}{:>10}{:>12}",
            "shard", "in/s", "read back/s", "vessels", "found", "remembered"
        );
        let count = self.now.pointer("/shards").and_then(Value::as_array).map_or(0, Vec::len);
        let shard = |n: usize| {
            let at = |what: &str| format!("/shards/{n}/{what}");
            let (hits, misses) = (self.rate(&at("cache_hits")), self.rate(&at("cache_misses")));
            let found = match (hits, misses) {
                (Some(hits), Some(misses)) if hits + misses > 0.0 => {
                    format!("{:.1} %", hits / (hits + misses) * 100.0)
                }
                _ => "-".to_owned(),
            };
            Line::plain(format!(
                "{n:<20}{:>10}{:>12}{:>10.0}{found:>10}{:>12.0}",
                cell(self.rate(&at("records"))),
                cell(self.rate(&at("read_back"))),
                self.of(&at("vessels")),
                self.of(&at("dedup_keys")),
            ))
        };
        std::iter::once(Line::title(title)).chain((0..count).map(shard)).collect()
    }

    pub(super) fn neighbours(&self) -> Vec<Line> {
        let names = self.names("/neighbours");
        let configured = names.iter().filter(|name| {
            self.now["neighbours"][name.as_str()]["configured"].as_bool().unwrap_or(false)
        });
        let line = |name: &String| {
            let it = &self.now["neighbours"][name.as_str()];
            let breaker = it["breaker"].as_str().unwrap_or_default();
            let trouble = it["trouble"].as_str().unwrap_or_default();
            let count = |what: &str| it[what].as_u64().unwrap_or(0);
            let text = format!(
                "{name:<20}{breaker:>10}{:>10}{:>10}  {trouble}",
                count("trips"),
                count("failures")
            );
            let mark = match (breaker, trouble) {
                ("closed", "") => None,
                ("closed", _) => Some(Mark::Note),
                _ => Some(Mark::Rollback),
            };
            Line::marked(text, mark)
        };
        let title =
            format!("{:<20}{:>10}{:>10}{:>10}", "neighbour", "breaker", "trips", "failures");
        std::iter::once(Line::title(title)).chain(configured.map(line)).collect()
    }

    pub(super) fn threads(&self) -> Vec<Line> {
        let title =
            format!("{:<20}{:>10}{:>10}{:>10}", "thread", "processor", "turns/s", "stalled/s");
        let count = self.now.pointer("/threads").and_then(Value::as_array).map_or(0, Vec::len);
        let thread = |n: usize| {
            let at = |what: &str| format!("/threads/{n}/{what}");
            let share = self.rate(&at("cpu_seconds"));
            let share = share.map_or_else(|| "-".to_owned(), |it| format!("{:.1} %", it * 100.0));
            Line::plain(format!(
                "{:<20}{share:>10}{:>10}{:>10}",
                self.text(&at("name")),
                cell(self.rate(&at("turns_busy"))),
                cell(self.rate(&at("turns_stalled"))),
            ))
        };
        std::iter::once(Line::title(title)).chain((0..count).map(thread)).collect()
    }
}

fn cell(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"))
}

/// How long ago that was.
fn silent(last_us: f64) -> String {
    if last_us <= 0.0 {
        return "for ever".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "a time of day in seconds")]
    let (now, second) = (Clock::System.now_us() as f64, SECOND_US as f64);
    shown(Duration::from_secs_f64(((now - last_us) / second).max(0.0).floor()))
}
