//! What is shown of a daemon: two looks at its metrics as lines of text.

mod lists;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::checklist::outcome::Mark;
use crate::command::checklist::paint::printable;
use crate::command::duration::shown;

/// A line, and what it should look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// Whether something is wrong with what it is about.
    pub mark: Option<Mark>,
    /// Over a list of others.
    pub is_title: bool,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), mark: None, is_title: false }
    }

    fn title(text: impl Into<String>) -> Self {
        Self { is_title: true, ..Self::plain(text) }
    }

    /// One that tells of trouble.
    pub fn wrong(text: impl Into<String>) -> Self {
        Self::marked(text, Some(Mark::Rollback))
    }

    fn marked(text: impl Into<String>, mark: Option<Mark>) -> Self {
        let text: String = text.into();
        Self { mark, ..Self::plain(printable(&text)) }
    }
}

/// Two looks, one after the other.
pub struct Frame<'a> {
    address: &'a str,
    before: &'a Value,
    now: &'a Value,
    /// Between them; none for the first, and after a start.
    seconds: Option<f64>,
}

impl<'a> Frame<'a> {
    /// The newest look, and the one before it, if there was one of the same process.
    pub fn new(
        address: &'a str,
        before: Option<&'a (Instant, Value)>,
        now: &'a (Instant, Value),
    ) -> Self {
        let of_same = before.filter(|before| {
            number(&before.1, "/uptime_seconds") <= number(&now.1, "/uptime_seconds")
        });
        let seconds = of_same.map(|before| (now.0 - before.0).as_secs_f64());
        let before = of_same.map_or(&Value::Null, |before| &before.1);
        Self { address, before, now: &now.1, seconds: seconds.filter(|seconds| *seconds > 0.0) }
    }

    /// All of it.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = self.summary();
        lines.push(self.journal());
        lines.push(self.store());
        lines.extend(self.feeds());
        lines.extend(self.shards());
        lines.extend(self.neighbours());
        lines.extend(self.threads());
        lines
    }

    fn of(&self, pointer: &str) -> f64 {
        number(self.now, pointer)
    }

    /// How fast a counter goes, a second.
    fn rate(&self, pointer: &str) -> Option<f64> {
        Some((number(self.now, pointer) - number(self.before, pointer)).max(0.0) / self.seconds?)
    }

    /// The same, over all members of an object.
    fn rate_of_all(&self, pointer: &str) -> Option<f64> {
        let sum = |value: &Value| {
            let members = value.pointer(pointer).and_then(Value::as_object);
            members.into_iter().flatten().filter_map(|(_, it)| it.as_f64()).sum::<f64>()
        };
        Some((sum(self.now) - sum(self.before)).max(0.0) / self.seconds?)
    }

    fn names(&self, pointer: &str) -> Vec<String> {
        let members = self.now.pointer(pointer).and_then(Value::as_object);
        members.map(|members| members.keys().cloned().collect()).unwrap_or_default()
    }

    fn text(&self, pointer: &str) -> &str {
        self.now.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn summary(&self) -> Vec<Line> {
        let up = Duration::from_secs_f64(self.of("/uptime_seconds").max(0.0).floor());
        let state = self.text("/state");
        let head = format!(
            "aisd {} at {}: {state}, up {}",
            self.text("/version"),
            self.address,
            shown(up)
        );
        let feeds = self.names("/feeds");
        let each = |name: &str| -> Option<f64> {
            feeds.iter().map(|feed| self.rate(&format!("/feeds/{feed}/{name}"))).sum()
        };
        let reasons = |name: &str| -> Option<f64> {
            feeds.iter().map(|feed| self.rate_of_all(&format!("/feeds/{feed}/{name}"))).sum()
        };
        let dropped = reasons("dropped");
        let imbalance = self.of("/accounting/imbalance");
        let flow = format!(
            "in {}  stored {}  repeats {}  refused {}  lost {}  on their way {:.0}",
            per_second(each("received")),
            per_second(each("stored")),
            per_second(each("repeats")),
            per_second(reasons("rejected")),
            per_second(dropped),
            self.of("/accounting/in_flight"),
        );
        let is_wrong = dropped.is_some_and(|rate| rate > 0.0) || imbalance > 0.0;
        let ms = |name: &str| self.of(&format!("/latency_ms/minute/{name}"));
        let late = match ms("p99") {
            p99 if p99 > 200.0 => Some(Mark::Consider),
            p99 if p99 > 50.0 => Some(Mark::Note),
            _ => None,
        };
        let latency = format!(
            "receipt to commit, of a minute: p50 {:.1}  p95 {:.1}  p99 {:.1}  p99.9 {:.1}  most {:.1} ms",
            ms("p50"),
            ms("p95"),
            ms("p99"),
            ms("p999"),
            ms("max"),
        );
        let process = format!(
            "memory {} (most {})  processor {} of a core",
            bytes(self.of("/memory/rss_bytes")),
            bytes(self.of("/memory/rss_peak_bytes")),
            self.rate("/cpu_seconds").map_or_else(|| "-".to_owned(), |cores| format!("{cores:.2}")),
        );
        vec![
            Line::marked(head, (state != "ready").then_some(Mark::Consider)),
            Line::marked(flow, is_wrong.then_some(Mark::Rollback)),
            Line::marked(latency, late),
            Line::plain(process),
        ]
    }

    fn journal(&self) -> Line {
        let (held, most) = (self.of("/journal/bytes"), self.of("/journal/bytes_max"));
        let share = if most > 0.0 { held / most } else { 0.0 };
        let unsynced = (self.of("/journal/next_seq") - self.of("/journal/synced_seq")).max(0.0);
        let text = format!(
            "journal {} of {} ({:.0} %) in {:.0} segments, in {}, {} syncs{}, {unsynced:.0} not synced, disk {} free",
            bytes(held),
            bytes(most),
            share * 100.0,
            self.of("/journal/segments"),
            self.rate("/journal/appended_bytes")
                .map_or_else(|| "-".to_owned(), |rate| bytes(rate) + "/s"),
            per_second(self.rate("/journal/syncs")),
            self.each_ms("/journal/sync_us", "/journal/syncs"),
            bytes(self.of("/journal/disk_free_bytes")),
        );
        Line::marked(text, (share > 0.8).then_some(Mark::Consider))
    }

    fn store(&self) -> Line {
        let up = self.now.pointer("/store/up").and_then(Value::as_bool).unwrap_or(false);
        let (waits, letters) =
            (self.of("/store/oldest_unstored_seconds"), self.of("/dead_letters/rows"));
        let text = format!(
            "store {} {}, {} commits{}, the oldest message waits for {waits:.1} s, {letters:.0} dead letters",
            self.text("/store/name"),
            if up { "answers" } else { "is away" },
            per_second(self.rate("/store/commits")),
            self.each_ms("/store/commit_us", "/store/commits"),
        );
        let mark = match (up, waits > 60.0 || letters > 100.0) {
            (false, _) => Some(Mark::Rollback),
            (true, true) => Some(Mark::Consider),
            (true, false) => None,
        };
        Line::marked(text, mark)
    }

    /// How long one of them took.
    fn each_ms(&self, time_us: &str, count: &str) -> String {
        match (self.rate(time_us), self.rate(count)) {
            (Some(us), Some(count)) if count > 0.0 => format!(" of {:.2} ms", us / count / 1000.0),
            _ => String::new(),
        }
    }
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

fn per_second(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-/s".to_owned(), |rate| format!("{rate:.0}/s"))
}

fn bytes(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1e10 => format!("{:.0} GB", bytes / 1e9),
        bytes if bytes >= 1e7 => format!("{:.0} MB", bytes / 1e6),
        bytes if bytes >= 1e4 => format!("{:.0} kB", bytes / 1e3),
        bytes => format!("{bytes:.0} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn look(uptime: f64, received: u64, dropped: u64) -> Value {
        json!({
            "version": "0.1.0", "uptime_seconds": uptime, "state": "ready", "cpu_seconds": uptime / 4.0,
            "feeds": { "udp": { "received": received, "stored": received, "rejected": { "type": received / 10 }, "dropped": { "journal_full": dropped } } },
            "shards": [{ "records": received, "cache_hits": received, "cache_misses": 0, "vessels": 7 }],
            "store": { "name": "postgres", "up": false },
            "neighbours": {
                "postgres": { "configured": true, "breaker": "open", "trips": 1, "failures": 5, "trouble": "gone\u{1b}[2J" },
                "redis": { "configured": false, "breaker": "closed" },
            },
            "threads": [{ "name": "journal", "turns_busy": received, "cpu_seconds": uptime / 10.0 }],
        })
    }

    fn lines(before: Option<Value>, now: Value) -> Vec<Line> {
        let began = Instant::now();
        let before = before.map(|before| (began, before));
        Frame::new("host:1", before.as_ref(), &(began + Duration::from_secs(2), now)).lines()
    }

    fn line<'a>(lines: &'a [Line], begins: &str) -> &'a Line {
        let found = lines.iter().find(|line| line.text.starts_with(begins));
        found.unwrap_or_else(|| panic!("no {begins} in {lines:?}"))
    }

    #[test]
    fn what_changed_is_shown_as_rates() {
        let lines = lines(Some(look(10.0, 1000, 0)), look(12.0, 3000, 0));
        assert_eq!(lines[0].text, "aisd 0.1.0 at host:1: ready, up 12s");
        assert!(
            line(&lines, "in ")
                .text
                .starts_with("in 1000/s  stored 1000/s  repeats 0/s  refused 100/s")
        );
        assert!(line(&lines, "memory").text.ends_with("processor 0.25 of a core"));
        assert!(line(&lines, "udp").text.contains(" 1000 "));
        assert!(line(&lines, "0 ").text.contains("100.0 %"));
        assert!(line(&lines, "journal   ").text.contains("10.0 %"));
    }

    #[test]
    fn the_first_look_and_a_start_have_no_rates() {
        for before in [None, Some(look(500.0, 1_000_000, 0))] {
            let lines = lines(before, look(12.0, 3000, 0));
            assert!(line(&lines, "in ").text.starts_with("in -/s  stored -/s"), "{lines:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_marked_and_steers_no_terminal() {
        let lines = lines(Some(look(10.0, 1000, 0)), look(12.0, 1000, 3));
        assert_eq!(line(&lines, "in ").mark, Some(Mark::Rollback));
        assert_eq!(line(&lines, "store postgres is away").mark, Some(Mark::Rollback));
        let postgres = line(&lines, "postgres");
        assert_eq!(postgres.mark, Some(Mark::Rollback));
        assert!(postgres.text.ends_with("gone\\u{1b}[2J"));
        assert!(!lines.iter().any(|line| line.text.starts_with("redis")));
    }
}
