//! One row of the table: what a daemon did since the row before.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::command::checklist::judge::Judge;
use crate::command::checklist::look::{Counted, Seen};
use crate::command::checklist::outcome::Mark;
use crate::command::checklist::paint::{Paint, Side, cell};
use crate::command::checklist::rules::Column;
use crate::command::duration::{shown, text_time};

/// The members of a row in JSON, in the order of the deployment log.
pub const COLUMNS: &[&str] = &[
    "time",
    "after_seconds",
    "state",
    "received_per_second",
    "stored_per_second",
    "p50_ms",
    "p99_ms",
    "errors_percent",
    "lost",
    "dead_letters",
    "breakers_open",
    "memory_mb",
    "cache_hits_percent",
    "starts",
    "verdict",
];

/// The columns of the table: title, width and side, and which rules colour it.
const TABLE: &[(&str, (usize, Side), Option<Column>)] = &[
    ("time", (8, Side::Left), None),
    ("after", (8, Side::Right), None),
    ("state", (9, Side::Left), Some(Column::State)),
    ("in/s", (7, Side::Right), None),
    ("stored/s", (8, Side::Right), Some(Column::Stored)),
    ("p50 ms", (7, Side::Right), None),
    ("p99 ms", (7, Side::Right), Some(Column::Latency)),
    ("errors", (8, Side::Right), Some(Column::Errors)),
    ("lost", (6, Side::Right), Some(Column::Lost)),
    ("letters", (7, Side::Right), Some(Column::Letters)),
    ("breakers", (8, Side::Left), Some(Column::Breakers)),
    ("memory", (7, Side::Right), Some(Column::Memory)),
    ("cache", (8, Side::Right), Some(Column::Cache)),
];

/// What is gathered between two rows.
#[derive(Debug, Default)]
pub struct Interval {
    began: Duration,
    total: Counted,
    p99_ms_max: f64,
    silent: u32,
}

impl Interval {
    /// Takes one look into account.
    pub fn look(&mut self, seen: Option<&Seen>) {
        match seen {
            Some(seen) => self.p99_ms_max = self.p99_ms_max.max(seen.p99_ms),
            None => self.silent += 1,
        }
    }

    /// Begins the next one.
    pub fn begin(&mut self, judge: &Judge) {
        let Some(newest) = judge.newest() else { return };
        *self = Self { began: newest.at, total: newest.total, ..Self::default() };
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    at_us: i64,
    after: Duration,
    state: &'static str,
    received: f64,
    stored: f64,
    p50_ms: f64,
    p99_ms: f64,
    errors: Option<f64>,
    lost: f64,
    seen: Option<Seen>,
    hits: Option<f64>,
    starts: f64,
    verdict: Mark,
}

impl Row {
    /// What was done since the row before.
    pub fn of(judge: &Judge, interval: &Interval) -> Self {
        let newest = judge.newest();
        let total = newest.map_or_else(Counted::default, |look| look.total);
        let after = newest.map_or(Duration::ZERO, |look| look.at);
        let seconds = after.saturating_sub(interval.began).as_secs_f64().max(1e-3);
        let before = interval.total;
        let share = |part: f64, of: f64| (of > 0.0).then(|| part / of);
        let found = total.hits - before.hits;
        let seen = newest.and_then(|look| look.seen.clone());
        let state = match &seen {
            None => "away",
            Some(_) if interval.silent > 0 => "was away",
            Some(seen) if seen.ready => "ready",
            Some(_) => "not ready",
        };
        Self {
            at_us: Clock::System.now_us(),
            after,
            state,
            received: (total.received - before.received) / seconds,
            stored: (total.stored - before.stored) / seconds,
            p50_ms: seen.as_ref().map_or(0.0, |seen| seen.p50_ms),
            p99_ms: interval.p99_ms_max,
            errors: share(total.errors - before.errors, total.received - before.received),
            lost: total.lost,
            hits: share(found, found + total.misses - before.misses),
            starts: newest.map_or(0.0, |look| look.starts),
            seen,
            verdict: judge.verdict().map_or(Mark::Pass, Mark::from),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let percent = |share: Option<f64>| share.map(|share| round(share * 100.0));
        let seen = self.seen.as_ref();
        json!({
            "time": text_time(self.at_us),
            "after_seconds": self.after.as_secs(),
            "state": self.state,
            "received_per_second": self.received.round(),
            "stored_per_second": self.stored.round(),
            "p50_ms": round(self.p50_ms),
            "p99_ms": round(self.p99_ms),
            "errors_percent": percent(self.errors),
            "lost": self.lost,
            "dead_letters": seen.map(|seen| seen.letters),
            "breakers_open": seen.map(|seen| seen.breakers_open.clone()),
            "memory_mb": seen.map(|seen| (seen.memory_bytes / 1e6).round()),
            "cache_hits_percent": percent(self.hits),
            "starts": self.starts,
            "verdict": self.verdict.label(),
        })
    }

    /// The titles.
    pub fn header(paint: Paint) -> String {
        let titles = TABLE.iter().map(|(title, (width, side), _)| cell(title, *width, *side));
        let line: Vec<String> = titles.collect();
        format!("{}\n", paint.strong(&format!("{}  so far", line.join(" "))))
    }

    /// The row, its cells in the colours of the rules that they break.
    pub fn text(&self, judge: &Judge, paint: Paint) -> String {
        let cells = TABLE.iter().zip(self.cells()).map(|((_, (width, side), column), text)| {
            let wrong = column.and_then(|column| judge.wrong_now(column)).map(Mark::from);
            paint.by(wrong, &cell(&text, *width, *side))
        });
        let line: Vec<String> = cells.collect();
        let verdict = paint.by(Some(self.verdict), self.verdict.label());
        format!("{}  {verdict}\n", line.join(" "))
    }

    fn cells(&self) -> [String; 13] {
        let none = || "-".to_owned();
        let percent =
            |share: Option<f64>| share.map_or_else(none, |share| format!("{:.2} %", share * 100.0));
        let seen = |what: &dyn Fn(&Seen) -> String| self.seen.as_ref().map_or_else(none, what);
        let time = text_time(self.at_us);
        let time = time.split_once('T').map_or("", |(_, time)| time).trim_end_matches('Z');
        [
            time.to_owned(),
            shown(self.after),
            self.state.to_owned(),
            format!("{:.0}", self.received),
            format!("{:.0}", self.stored),
            format!("{:.1}", self.p50_ms),
            format!("{:.1}", self.p99_ms),
            percent(self.errors),
            format!("{:.0}", self.lost),
            seen(&|seen| format!("{:.0}", seen.letters)),
            seen(&|seen| match seen.breakers_open.as_slice() {
                [] => "closed".to_owned(),
                open => open.join(","),
            }),
            seen(&|seen| format!("{:.0} MB", seen.memory_bytes / 1e6)),
            percent(self.hits),
        ]
    }
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
