//! The table: a line for each thing that a person wants to know, and the checklist.

use super::checklist::{self, Judged};
use super::{QUANTILES, Results, ms_at};
use crate::live::Shown;
use crate::metrics::Figures;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The whole table.
pub fn of(results: &Results) -> String {
    let mut table = Table::default();
    sent(results, &mut table);
    stored(results, &mut table);
    latencies(results, &mut table);
    rest(results, &mut table);
    table.checklist(results);
    table.0
}

fn sent(results: &Results, table: &mut Table) {
    let ledger = &results.sent.ledger;
    let asked = &results.arguments.rate;
    let asked = if asked.peak().is_some() { format!("{asked}/s") } else { asked.to_string() };
    table.row("target", &format!("{} at {asked}", results.target));
    table.row("sent", &grouped(ledger.sent));
    if let Some(cut_off) = &ledger.cut_off {
        let count = grouped(cut_off.sent);
        table.row("cut off", &format!("{count}, of which nobody knows how many went out"));
    }
    if ledger.repeats > 0 {
        table.row("repeats", &grouped(ledger.repeats));
    }
    let megabytes = ledger.bytes as f64 / 1e6;
    table.row("sentences", &format!("{}, {megabytes:.1} MB", grouped(ledger.sentences)));
    table.row("rate sent", &per_second(results.rate_sent()));
}

fn stored(results: &Results, table: &mut Table) {
    if let Some(verdict) = &results.verdict {
        table.row("stored", &grouped(verdict.stored));
        table.row("duplicates", &grouped(verdict.duplicates));
        table.row("lost", &grouped(verdict.lost));
        table.row("unexpected", &grouped(verdict.unexpected));
        table.row("wrong", &grouped(verdict.wrong));
        if verdict.by_count > 0 {
            let count = grouped(verdict.by_count);
            table.row("by count", &format!("{count}, matched by their ship and type alone"));
        }
        for reason in &results.account.reasons {
            let counted = reason.counted.map_or("?".into(), grouped);
            let told = format!("{counted} of {} {}", grouped(reason.sent), reason.name);
            table.row("refused", &told);
        }
        if let Some(accounted) = results.account.accounted(verdict.lost).filter(|it| *it > 0) {
            table.row("accounted", &format!("{} of the lost", grouped(accounted)));
        }
        let counts = results.not_stored.iter().filter(|(_, count)| **count != json!(0));
        let counts: Vec<String> = counts.map(|(name, count)| format!("{count} {name}")).collect();
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
    if let Some(answers) = &results.sent.answers {
        let [acknowledged, refused] = [answers.acknowledged, answers.refused].map(grouped);
        let busy = grouped(answers.by_sort[2]);
        let told = format!("{acknowledged} acknowledged, {refused} refused, {busy} times busy");
        table.row("answers", &told);
    }
    if let Some(settled) = results.settled.filter(|settled| !settled.complete) {
        let [seen, expected] = [settled.count, results.sent.ledger.expected()].map(grouped);
        table.row("seen stored", &format!("{seen} of {expected}, by the counter that was watched"));
    }
    if let Some(rate) = results.rate_held() {
        table.row("rate held", &per_second(rate));
    }
}

fn latencies(results: &Results, table: &mut Table) {
    if let Some(found) = &results.latencies {
        table.quantiles("committed", &found.to_commit);
        if !results.is_open_loop() {
            table.row(
                "",
                "(a closed loop: counted from when a message was sent, not from when it was due)",
            );
        }
    }
    if let Some(latency) = results.figures.as_ref().and_then(Figures::latency_ms) {
        let ms = |name: &str| {
            latency.get(name).and_then(Value::as_f64).map_or("-".into(), |ms| format!("{ms:.2}"))
        };
        let [p50, p99, p999, max] = ["p50", "p99", "p999", "max"].map(ms);
        table.row("latency", &format!("p50 {p50}  p99 {p99}  p99.9 {p999}  max {max} ms"));
    }
}

fn rest(results: &Results, table: &mut Table) {
    if let Some(shown) = &results.live {
        table.live(shown);
    }
    if let Some(bytes) = results.figures.as_ref().and_then(Figures::memory_max) {
        table.row("memory", &format!("{:.1} MB at most", bytes as f64 / 1e6));
    }
    let late = results.sent.late_max.as_secs_f64() * 1000.0;
    table.row("sent late", &format!("{late:.2} ms at most"));
    if let Some(failure) = &results.failure {
        table.row("failure", failure);
    }
}

/// Two columns.
#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, value: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "{name:<12}{value}");
    }

    fn quantiles(&mut self, name: &str, histogram: &Histogram<u64>) {
        let ms = |at| ms_at(histogram, at).map_or("-".into(), |ms| format!("{ms:.2}"));
        let [p50, p95, p99, p999, _, max] = QUANTILES.map(|(_, at)| ms(at));
        let count = grouped(histogram.len());
        self.row(
            name,
            &format!(
                "{count} reports, p50 {p50}  p95 {p95}  p99 {p99}  p99.9 {p999}  max {max} ms"
            ),
        );
    }

    /// What the checklist asks.
    fn checklist(&mut self, results: &Results) {
        let lines = checklist::of(results);
        if lines.iter().all(|line| line.judged == Judged::Unknown) {
            return;
        }
        let _ = writeln!(self.0, "\nchecklist     {:<35}{:<24}", "asked", "found");
        for line in &lines {
            let judged = match line.judged {
                Judged::Nice => "well met",
                Judged::Met => "met",
                Judged::Missed => "MISSED",
                Judged::Unknown => "not measured",
            };
            let _ = writeln!(self.0, "{judged:<14}{:<35}{:<24}", line.asked, line.found);
        }
    }

    fn live(&mut self, shown: &Shown) {
        self.quantiles("published", &shown.latency_us);
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

/// With a unit.
pub fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(crate::stream::whole(rate.round())))
}

/// With a blank between thousands.
pub fn grouped(number: u64) -> String {
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
