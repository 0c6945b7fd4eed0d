//! The results: as JSON for programs, as a table for people, as a page with plots for those who were not there.

pub mod checklist;
mod html;
pub mod outcome;
mod plot;
mod table;

use crate::account::Account;
use crate::arguments::Arguments;
use crate::arguments::rate::Rate;
use crate::commits::Latencies;
use crate::live::Shown;
use crate::metrics::Figures;
use crate::sampler::{self, Point};
use crate::search::{self, Trial};
use crate::send::Sent;
use crate::send::http::Answers;
use crate::settle::Settled;
use crate::target::Target;
use crate::verify::Verdict;
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Writes the files, and the table unless it is to be quiet.
///
/// # Errors
/// A text that names what could not be written.
pub fn tell(results: &Results) -> Result<(), String> {
    let Arguments { json, html, quiet, .. } = &results.arguments;
    let write = |file: &Path, text: String| {
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    if let Some(file) = json {
        write(file, format!("{:#}\n", results.json()))?;
    }
    if let Some(file) = html {
        write(file, html::page(results))?;
    }
    if !quiet {
        let written = io::stdout().lock().write_all(table::of(results).as_bytes());
        written.map_err(|error| format!("standard output: {error}"))?;
    }
    Ok(())
}

/// Everything that a run found out.
pub struct Results {
    /// What was asked.
    pub arguments: Arguments,
    /// Where it went.
    pub target: Target,
    /// Whether all of it was made before the clock started.
    pub made_ahead: bool,
    /// What was sent.
    pub sent: Sent,
    /// Everything as it was looked at from time to time.
    pub points: Vec<Point>,
    /// Processor seconds until all was stored, by name of the process.
    pub used_s: BTreeMap<&'static str, f64>,
    /// How far the store was seen to come, and when; absent when nobody could tell.
    pub settled: Option<Settled>,
    /// What the store holds; absent when it was not compared.
    pub verdict: Option<Verdict>,
    /// How long messages took, as seen from outside; absent when nobody watched.
    pub latencies: Option<Latencies>,
    /// What the daemon says of the run; absent when it was not asked or did not answer.
    pub figures: Option<Figures>,
    /// What the live picture showed; absent when it was not followed.
    pub live: Option<Shown>,
    /// Where messages of the run ended that are not stored, as the daemon says; told, and trusted for nothing.
    pub not_stored: Map<String, Value>,
    /// What became of the messages that must not be stored, and of those that are not.
    pub account: Account,
    /// The rates that were tried, when the highest one was looked for.
    pub trials: Vec<Trial>,
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// The machine and the time.
    pub environment: Value,
}

impl Results {
    /// The JSON object.
    pub fn json(&self) -> Value {
        let ledger = &self.sent.ledger;
        let verdict = |value: fn(&Verdict) -> u64| self.verdict.as_ref().map(value);
        let arguments = &self.arguments;
        let mut told = json!({
            "target": self.target.to_string(),
            "profile": arguments.profile.name(),
            "seed": arguments.seed,
            "vessels": arguments.vessels,
            "rate_asked": rate_asked(&arguments.rate),
            "duration_asked_s": arguments.duration().as_secs_f64(),
            "duration_s": self.sent.took.as_secs_f64(),
            "sent": ledger.sent,
            "repeats": ledger.repeats,
            "sentences": ledger.sentences,
            "bytes": ledger.bytes,
            "cut_off": ledger.cut_off.as_ref().map(|cut_off| cut_off.sent),
            "by_type": self.by_type(),
            "verified": self.verdict.is_some(),
            "stored": verdict(|verdict| verdict.stored),
            "duplicates": verdict(|verdict| verdict.duplicates),
            "lost": verdict(|verdict| verdict.lost),
            "unexpected": verdict(|verdict| verdict.unexpected),
            "wrong": verdict(|verdict| verdict.wrong),
            "matched_by_count": verdict(|verdict| verdict.by_count),
            "indistinct": verdict(|verdict| verdict.indistinct),
            "rows": verdict(|verdict| verdict.rows),
            "distinct_seqs": verdict(|verdict| verdict.rows - verdict.same_seq),
            "misdated": verdict(|verdict| verdict.misdated),
            "receivers": arguments.receivers,
            "dirt": arguments.dirt.to_string(),
            "refused": self.account.json(),
            "accounted": self.verdict.and_then(|it| self.account.accounted(it.lost)),
            "http": self.sent.answers.as_ref().map(answers),
            "not_stored": self.not_stored,
            "live": self.live.as_ref().map(live),
        });
        if let (Some(told), Value::Object(more)) = (told.as_object_mut(), self.measured()) {
            told.extend(more);
        }
        told
    }

    /// What was measured, and where.
    fn measured(&self) -> Value {
        let figures = self.figures.as_ref();
        json!({
            "rate_sent": self.rate_sent(),
            "rate_held": self.rate_held(),
            "settled": self.settled.map(|it| self.settled_json(it)),
            "loop": if self.is_open_loop() { "open" } else { "closed" },
            "latency_ms": figures.and_then(Figures::latency_ms).map(latency),
            "send_to_commit_ms": self.latencies.as_ref().map(|it| quantiles(&it.to_commit)),
            "send_to_receipt_ms": self.latencies.as_ref().map(|it| quantiles(&it.to_receipt)),
            "receipt_to_commit_ms": self.latencies.as_ref().map(|it| quantiles(&it.from_receipt)),
            "commit_seen_late_ms_max": self.latencies.as_ref().map(|it| it.late_ms_max),
            "followed_share": self.latencies.as_ref().map(|it| it.share),
            "send_late_ms": quantiles(&self.sent.late_us),
            "find_max": (!self.trials.is_empty()).then(|| search::json(&self.trials)),
            "checklist": checklist::json(&checklist::of(self)),
            "processor_s": self.used_s,
            "points": sampler::json(&self.points),
            "rss_max_bytes": figures.and_then(Figures::memory_max),
            "send_late_ms_max": self.sent.late_max.as_secs_f64() * 1000.0,
            "send_cpu_us_per_message": self.cpu_us(),
            "datagrams_refused": self.sent.refused,
            "failure": self.failure,
            "environment": self.environment,
        })
    }

    /// Whether the highest rate was looked for, and none held.
    pub fn is_without_rate(&self) -> bool {
        !self.trials.is_empty() && search::held(&self.trials).is_none()
    }

    /// Whether messages were sent when they were meant to be, whatever the target did.
    pub const fn is_open_loop(&self) -> bool {
        !matches!(self.arguments.rate, Rate::Max)
    }

    fn by_type(&self) -> Value {
        let counts = self.sent.ledger.by_type.iter().enumerate();
        let sent = counts.filter(|(_, count)| **count > 0);
        sent.map(|(msg_type, count)| (msg_type.to_string(), json!(count)))
            .collect::<Map<_, _>>()
            .into()
    }

    /// Messages a second, from the first to the last.
    pub fn rate_sent(&self) -> f64 {
        rate(self.sent.ledger.sent, self.sent.took)
    }

    /// Messages that are there, by the time until the last of them was; nothing of it is a promise if some were lost. When
    /// nothing was compared there is a rate only if all of them were seen stored. When the highest rate was looked for and
    /// none held, there is none either.
    pub fn rate_held(&self) -> Option<f64> {
        if self.is_without_rate() {
            return None;
        }
        let settled = self.settled.filter(|settled| settled.count > 0)?;
        let stored = match &self.verdict {
            Some(verdict) => verdict.stored,
            None if settled.complete => settled.count.min(self.sent.ledger.sent),
            None => return None,
        };
        Some(rate(stored, self.since_start(settled)))
    }

    /// From the first message sent until the store had come so far.
    pub fn since_start(&self, settled: Settled) -> Duration {
        settled.at.saturating_duration_since(self.sent.started)
    }

    fn settled_json(&self, settled: Settled) -> Value {
        let Settled { count, complete, .. } = settled;
        let after_s = self.since_start(settled).as_secs_f64();
        json!({ "seen_stored": count, "complete": complete, "after_s": after_s })
    }

    fn cpu_us(&self) -> Option<f64> {
        let messages = (self.sent.ledger.sent + self.sent.ledger.repeats).max(1);
        self.sent.busy.map(|busy| busy.as_secs_f64() * 1e6 / messages as f64)
    }
}

fn rate_asked(rate: &Rate) -> Value {
    if let Rate::Of(rate) = rate { json!(rate) } else { json!(rate.to_string()) }
}

fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-6)
}

fn latency(window: &Value) -> Value {
    let names = ["p50", "p99", "p999", "max"];
    let value = |name: &str| (name.to_owned(), window.get(name).cloned().unwrap_or_default());
    names.iter().map(|name| value(name)).collect::<Map<_, _>>().into()
}

/// Quantiles that are told, by their names.
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999), ("max", 1.0)];

/// Milliseconds at a quantile of microseconds; `None` when there are none.
fn ms_at(histogram: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64 / 1000.0)
}

fn quantiles(histogram: &Histogram<u64>) -> Value {
    let told = QUANTILES.map(|(name, at)| (name.to_owned(), json!(ms_at(histogram, at))));
    told.into_iter().collect::<Map<_, _>>().into()
}

fn answers(answers: &Answers) -> Value {
    let [ok, partly, busy, other] = answers.by_sort;
    json!({
        "acknowledged": answers.acknowledged,
        "refused": answers.refused,
        "answers": { "2xx": ok, "207": partly, "503": busy, "other": other },
        "broken": answers.broken,
        "answer_ms": quantiles(&answers.answer_us),
    })
}

fn live(shown: &Shown) -> Value {
    let picture = &shown.picture;
    json!({
        "send_to_publish_ms": quantiles(&shown.latency_us),
        "publications": shown.publications,
        "vessels": shown.vessels,
        "matched": shown.matched,
        "unmatched": shown.unmatched,
        "without_place": shown.without_place,
        "again": shown.again,
        "went_back": shown.went_back,
        "unordered": shown.unordered,
        "unreadable": shown.unreadable,
        "disconnects": shown.disconnects,
        "picture": {
            "expected": picture.expected,
            "right": picture.right,
            "elsewhere": picture.elsewhere,
            "absent": picture.absent,
            "unsure": picture.unsure,
            "failure": picture.failure,
        },
    })
}

#[cfg(test)]
mod tests;
