//! The results: as JSON for programs and as a table for people.

use crate::account::Account;
use crate::arguments::Arguments;
use crate::arguments::rate::Rate;
use crate::live::Shown;
use crate::metrics::Figures;
use crate::send::Sent;
use crate::send::http::Answers;
use crate::target::Target;
use crate::verify::Verdict;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// Everything that a run found out.
pub struct Results<'a> {
    /// What was asked.
    pub arguments: &'a Arguments,
    /// Where it went.
    pub target: &'a Target,
    /// What was sent.
    pub sent: &'a Sent,
    /// From the first message sent to the last of them committed; absent when nobody could tell.
    pub held: Option<Duration>,
    /// What the store holds; absent when it was not compared.
    pub verdict: Option<Verdict>,
    /// What the daemon says of the run; absent when it was not asked or did not answer.
    pub figures: Option<Figures>,
    /// What the live picture showed; absent when it was not followed.
    pub live: Option<Shown>,
    /// Where messages of the run ended that are not stored, as the daemon says; told, and trusted for nothing.
    pub not_stored: Map<String, Value>,
    /// What became of the messages that must not be stored, and of those that are not.
    pub account: Account,
    /// What went wrong, if anything.
    pub failure: Option<String>,
    /// The machine and the time.
    pub environment: Value,
}

impl Results<'_> {
    /// The JSON object.
    pub fn json(&self) -> Value {
        let ledger = &self.sent.ledger;
        let verdict = |value: fn(&Verdict) -> u64| self.verdict.as_ref().map(value);
        let figures = self.figures.as_ref();
        let arguments = self.arguments;
        json!({
            "target": self.target.to_string(),
            "profile": arguments.profile.name(),
            "seed": arguments.seed,
            "vessels": arguments.vessels,
            "rate_asked": rate_asked(&arguments.rate),
            "duration_asked_s": arguments.duration.as_secs_f64(),
            "duration_s": self.sent.took.as_secs_f64(),
            "sent": ledger.sent,
            "repeats": ledger.repeats,
            "sentences": ledger.sentences,
            "bytes": ledger.bytes,
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
            "rate_sent": self.rate_sent(),
            "rate_held": self.rate_held(),
            "latency_ms": figures.and_then(Figures::latency_ms).map(latency),
            "rss_max_bytes": figures.and_then(Figures::memory_max),
            "send_late_ms_max": self.sent.late_max.as_secs_f64() * 1000.0,
            "send_cpu_us_per_message": self.cpu_us(),
            "datagrams_refused": self.sent.refused,
            "failure": self.failure,
            "environment": self.environment,
        })
    }

    /// The table.
    pub fn table(&self) -> String {
        let ledger = &self.sent.ledger;
        let mut table = Table::default();
        let asked = &self.arguments.rate;
        let asked = if asked.peak().is_some() { format!("{asked}/s") } else { asked.to_string() };
        table.row("target", &format!("{} at {asked}", self.target));
        table.row("sent", &grouped(ledger.sent));
        if ledger.repeats > 0 {
            table.row("repeats", &grouped(ledger.repeats));
        }
        let megabytes = ledger.bytes as f64 / 1e6;
        table.row("sentences", &format!("{}, {megabytes:.1} MB", grouped(ledger.sentences)));
        table.row("rate sent", &per_second(self.rate_sent()));
        if let Some(verdict) = &self.verdict {
            table.row("stored", &grouped(verdict.stored));
            table.row("duplicates", &grouped(verdict.duplicates));
            table.row("lost", &grouped(verdict.lost));
            table.row("unexpected", &grouped(verdict.unexpected));
            table.row("wrong", &grouped(verdict.wrong));
            for reason in &self.account.reasons {
                let counted = reason.counted.map_or("?".into(), grouped);
                let told = format!("{counted} of {} {}", grouped(reason.sent), reason.name);
                table.row("refused", &told);
            }
            if let Some(accounted) = self.account.accounted(verdict.lost).filter(|it| *it > 0) {
                table.row("accounted", &format!("{} of the lost", grouped(accounted)));
            }
            let counts = self.not_stored.iter().filter(|(_, count)| **count != json!(0));
            let counts: Vec<String> =
                counts.map(|(name, count)| format!("{count} {name}")).collect();
            if verdict.lost > 0 && !counts.is_empty() {
                table.row("daemon says", &counts.join(", "));
            }
            if verdict.same_seq > 0 {
                table.row("same number", &format!("{} rows", grouped(verdict.same_seq)));
            }
            if verdict.misdated > 0 {
                table.row("misdated", &grouped(verdict.misdated));
            }
        }
        if let Some(answers) = &self.sent.answers {
            let [acknowledged, refused] = [answers.acknowledged, answers.refused].map(grouped);
            let busy = grouped(answers.by_sort[2]);
            let told = format!("{acknowledged} acknowledged, {refused} refused, {busy} times busy");
            table.row("answers", &told);
        }
        if let Some(rate) = self.rate_held() {
            table.row("rate held", &per_second(rate));
        }
        if let Some(latency) = self.figures.as_ref().and_then(Figures::latency_ms) {
            let ms = |name: &str| {
                latency
                    .get(name)
                    .and_then(Value::as_f64)
                    .map_or("-".into(), |ms| format!("{ms:.2}"))
            };
            let [p50, p99, p999, max] = ["p50", "p99", "p999", "max"].map(ms);
            table.row("latency", &format!("p50 {p50}  p99 {p99}  p99.9 {p999}  max {max} ms"));
        }
        if let Some(shown) = &self.live {
            table.live(shown);
        }
        if let Some(bytes) = self.figures.as_ref().and_then(Figures::memory_max) {
            table.row("memory", &format!("{:.1} MB at most", bytes as f64 / 1e6));
        }
        let late = self.sent.late_max.as_secs_f64() * 1000.0;
        table.row("sent late", &format!("{late:.2} ms at most"));
        if let Some(failure) = &self.failure {
            table.row("failure", failure);
        }
        table.0
    }

    fn by_type(&self) -> Value {
        let counts = self.sent.ledger.by_type.iter().enumerate();
        let sent = counts.filter(|(_, count)| **count > 0);
        sent.map(|(msg_type, count)| (msg_type.to_string(), json!(count)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn rate_sent(&self) -> f64 {
        rate(self.sent.ledger.sent, self.sent.took)
    }

    /// Messages that are there, by the time until the last of them was; nothing of it is a promise if some were lost.
    fn rate_held(&self) -> Option<f64> {
        let held = self.held?;
        let stored = self.verdict.map_or(self.sent.ledger.sent, |verdict| verdict.stored);
        Some(rate(stored, held))
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

/// Quantiles of send-to-publish, by their names.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];

fn answers(answers: &Answers) -> Value {
    let [ok, partly, busy, other] = answers.by_sort;
    let ms = |at| answers.answer_us.value_at_quantile(at) as f64 / 1000.0;
    let quantiles = QUANTILES.map(|(name, at)| (name.to_owned(), json!(ms(at))));
    json!({
        "acknowledged": answers.acknowledged,
        "refused": answers.refused,
        "answers": { "2xx": ok, "207": partly, "503": busy, "other": other },
        "broken": answers.broken,
        "answer_ms": quantiles.into_iter().collect::<Map<_, _>>(),
    })
}

fn live(shown: &Shown) -> Value {
    let quantiles = QUANTILES.map(|(name, at)| (name.to_owned(), json!(shown.latency_ms(at))));
    let picture = &shown.picture;
    json!({
        "send_to_publish_ms": quantiles.into_iter().collect::<Map<_, _>>(),
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

/// Two columns.
#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "{name:<12}{value}");
    }

    fn live(&mut self, shown: &Shown) {
        let ms = |at| shown.latency_ms(at).map_or("-".into(), |ms| format!("{ms:.2}"));
        let [p50, p95, p99, p999, max] = QUANTILES.map(|(_, at)| ms(at));
        let latency = format!("p50 {p50}  p95 {p95}  p99 {p99}  p99.9 {p999}  max {max} ms");
        self.row("published", &format!("{} reports, {latency}", grouped(shown.matched)));
        let picture = &shown.picture;
        let [right, expected] = [picture.right, picture.expected].map(grouped);
        self.row("picture", &format!("{right} of {expected} ships are where they must be"));
        for (name, count) in [
            ("absent", picture.absent),
            ("elsewhere", picture.elsewhere),
            ("unsure", picture.unsure),
            ("went back", shown.went_back),
            ("unordered", shown.unordered),
            ("unreadable", shown.unreadable),
            ("unmatched", shown.unmatched),
            ("disconnects", shown.disconnects),
        ] {
            if count > 0 {
                self.row(name, &grouped(count));
            }
        }
        if let Some(failure) = &picture.failure {
            self.row("picture", failure);
        }
    }
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(crate::stream::whole(rate.round())))
}

/// With a blank between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1 000");
        check(12_345_678, "12 345 678");
    }
}
