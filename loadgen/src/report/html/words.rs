//! What the page says in words: how it ended, what was done, and how it was measured; nothing that does not follow from the run.

use super::super::checklist::{self, Judged};
use super::super::{Results, ms_at, outcome, table};
use super::escaped;
use crate::arguments::Arguments;
use crate::arguments::rate::Rate;
use crate::verify::Verdict;
use serde_json::Value;
use std::fmt::Write as _;

/// The beginning of the page: how it ended.
pub fn head(results: &Results, out: &mut String) {
    let ended = outcome::of(results);
    let class = match (ended.is_bad(), &results.verdict) {
        (true, _) => "bad",
        (false, Some(_)) => "good",
        (false, None) => "none",
    };
    let date = results.environment.get("date").and_then(Value::as_str).unwrap_or_default();
    let _ = write!(
        out,
        "<h1>aisd under load</h1><p class=\"{class} verdict\">{}</p>{}{}<p>{} UTC. {}</p>",
        escaped(&ended.told()),
        counted(results),
        asked_in_short(results),
        date.trim_end_matches('Z').replace('T', " "),
        story(results)
    );
}

/// What became of the messages, in a line.
fn counted(results: &Results) -> String {
    let Some(Verdict { stored, lost, duplicates, wrong, by_count, .. }) = results.verdict else {
        return String::new();
    };
    let sent = results.sent.ledger.sent;
    let [sent, stored, lost, twice, wrong, unread] =
        [sent, stored, lost, duplicates, wrong, by_count].map(table::grouped);
    let unread = match by_count {
        0 => String::new(),
        _ => format!(", {unread} whose rows say too little to be compared"),
    };
    format!(
        "<p>{sent} messages sent, {stored} stored, {lost} lost, {twice} stored twice, {wrong} with a wrong value{unread}.</p>"
    )
}

/// Whether the checklist is met, in a line.
fn asked_in_short(results: &Results) -> String {
    let lines = checklist::of(results);
    let count = |wanted: Judged| lines.iter().filter(|line| line.judged == wanted).count();
    let (met, missed) = (count(Judged::Nice) + count(Judged::Met), count(Judged::Missed));
    let open = match count(Judged::Unknown) {
        0 => String::new(),
        open => format!("; {open} could not be judged by this run"),
    };
    match (met, missed) {
        (0, 0) => String::new(),
        (_, 0) => format!(
            "<p>The deployment checklist is met in all {met} lines that were measured{open}.</p>"
        ),
        _ => format!(
            "<p class=\"bad\">The deployment checklist is missed in {missed} lines and met in {met}{open}.</p>"
        ),
    }
}

/// What was done, in words.
fn story(results: &Results) -> String {
    let ledger = &results.sent.ledger;
    let arguments = &results.arguments;
    let who = match &arguments.file {
        Some(file) => format!("The lines of the file {}", escaped(&file.display().to_string())),
        None => format!(
            "A simulated fleet of {} ships (profile {}, seed {})",
            table::grouped(arguments.vessels.into()),
            arguments.profile.name(),
            arguments.seed
        ),
    };
    let asked = match arguments.rate {
        Rate::Of(rate) => table::per_second(rate),
        ref other => other.to_string(),
    };
    let mut text = format!(
        "{who} sent {} messages to {} in {:.1} s: {}, asked for was {asked}.",
        table::grouped(ledger.sent),
        escaped(&results.target.to_string()),
        results.sent.took.as_secs_f64(),
        table::per_second(results.rate_sent()),
    );
    if results.target.is_json() {
        let Arguments { batch, connections, .. } = arguments;
        let _ = write!(
            text,
            " Positions went as JSON, in arrays of {batch}, over {connections} connection{}.",
            if *connections == 1 { "" } else { "s" }
        );
    }
    if ledger.repeats > 0 {
        let copies = table::grouped(ledger.repeats);
        let _ =
            write!(text, " {} receivers wrote down {copies} further copies.", arguments.receivers);
    }
    if ledger.refused() > 0 {
        let refused = table::grouped(ledger.refused());
        let _ = write!(text, " {refused} of them were spoilt on purpose and must be refused.");
    }
    text
}

/// How the time to the commit is called.
pub const fn to_commit(results: &Results) -> &'static str {
    if results.is_open_loop() { "intended send to commit" } else { "send to commit (closed loop)" }
}

/// How it was measured.
pub fn how(results: &Results, out: &mut String) {
    *out += "<h2>How it was measured</h2><p>";
    *out += paced(results);
    *out += made(results);
    *out += compared(results);
    *out += "</p><ul>";
    if let Some(found) = &results.latencies {
        let _ = write!(
            out,
            "<li><b>{}</b>: until a second connection to the store sees the row committed. It looks about every \
             millisecond, so a commit may be seen late, never early; the longest time between two looks was {:.1} ms. \
             {:.0} % of the ships were followed.</li><li><b>kernel receive to commit</b>: the same, from the time \
             that the kernel stamped on the message.</li>",
            to_commit(results),
            found.late_ms_max,
            found.share * 100.0
        );
    }
    if results.live.is_some() {
        *out += "<li><b>send to publish</b>: until a subscriber has the ship's new position from Redis.</li>";
    }
    if results.sent.answers.is_some() {
        *out += "<li><b>request to answer</b>: from posting a batch for the first time until the target says that it has it for \
            good. When it was busy or the connection broke, the rest and all further posts of the batch are part of it.</li>";
    }
    if results.is_open_loop() {
        let late = ms_at(&results.sent.late_us, 0.99).unwrap_or(0.0);
        let _ = write!(
            out,
            "<li>The generator itself sent 99 % of the time within {late:.2} ms of the schedule, and was {:.2} ms late at worst: \
             that is part of the latencies.</li>",
            results.sent.late_max.as_secs_f64() * 1000.0
        );
    }
    *out += "</ul>";
}

/// What a latency counts from.
const fn paced(results: &Results) -> &'static str {
    match results.arguments.rate {
        Rate::Max => {
            "Each message is sent as soon as the target takes it (a closed loop), so the rate is the target's own. A latency counts \
             from the moment at which the message <em>was</em> sent: what could not be sent yet, because the target was slow, has \
             not waited. How long messages take at a given rate is not to be read from it. "
        }
        Rate::Recorded => {
            "Lines are sent when they were heard, at the asked speed: by a schedule that was fixed beforehand (an open loop). One that \
             has to wait because the target is slow has waited, and its latency counts from the moment at which it was \
             <em>meant</em> to be sent. "
        }
        _ => {
            "Messages are sent by a schedule that was fixed beforehand (an open loop): one that has to wait because the target is slow \
             has waited, and its latency counts from the moment at which it was <em>meant</em> to be sent. "
        }
    }
}

/// When the bytes were made.
const fn made(results: &Results) -> &'static str {
    if results.made_ahead {
        "The bytes were made before the clock started. "
    } else {
        "The first of the bytes, up to 512 MiB, were made before the clock started, the rest meanwhile, by a thread beside the \
         sender on the same machine. "
    }
}

/// What was compared with what.
const fn compared(results: &Results) -> &'static str {
    match (&results.verdict, &results.arguments.file) {
        (None, _) => {
            "The store was not read afterwards: what is said of it is the daemon's own word."
        }
        (Some(_), Some(_)) => {
            "Nothing here is the daemon's word, unless it is said so: the generator keeps a ledger of the positions in the lines that it \
             sent, and afterwards reads the store and looks for them, row by row. What else the lines say is not looked for."
        }
        (Some(_), None) => {
            "Nothing here is the daemon's word, unless it is said so: the generator keeps a ledger of everything that it sent, with the \
             row that must come of it, and afterwards reads the store and compares both, row by row. What ships say of \
             themselves is merged into one row a ship: how many reports it is made of is the daemon's count, what they said is \
             compared."
        }
    }
}
