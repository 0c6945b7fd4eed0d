//! The deployment checklist, as far as a run can tell: what it asks, what was found, how that is to be judged.

use super::Results;
use super::table::{grouped, per_second};
use crate::metrics::Figures;
use serde_json::{Value, json};

/// Messages for each ship, from which on a cache of vessels is judged.
const WARM: u64 = 20;

/// How a line of the checklist is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// As it would be nice to have.
    Nice,
    /// As it should be.
    Met,
    /// Not.
    Missed,
    /// Nobody looked, or the run was not made for it.
    Unknown,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is asked.
    pub asked: &'static str,
    /// What was found.
    pub found: String,
    /// How that is to be judged.
    pub judged: Judged,
}

/// All lines.
pub fn of(results: &Results) -> Vec<Line> {
    let figures = results.figures.as_ref();
    let sent = results.sent.ledger.expected();
    let lost = results.verdict.map(|verdict| verdict.lost as f64 / sent.max(1) as f64);
    let wrong = results.verdict.map(|verdict| {
        let wrong = verdict.wrong + verdict.by_count + verdict.unexpected;
        let bad = verdict.lost + wrong + verdict.duplicates;
        bad as f64 / sent.max(1) as f64
    });
    let percent = |share: f64| format!("{:.4} %", share * 100.0);
    let latency = figures.and_then(Figures::latency_ms);
    let p99 = latency.and_then(|told| told.get("p99")?.as_f64());
    let memory = figures.and_then(Figures::memory_max).map(|bytes| bytes as f64 / 1e6);
    let letters = figures.and_then(Figures::dead_letters).map(|rows| rows as f64);
    // The first report of each ship must miss: of a short run that would be told.
    let is_warm = results.sent.ledger.sent >= WARM * u64::from(results.arguments.vessels);
    let hits = figures.and_then(Figures::cache_hit_rate).filter(|_| is_warm);
    vec![
        throughput(results),
        below("p99 receive to commit < 50 ms (30)", p99, 50.0, 30.0, |ms| format!("{ms:.2} ms")),
        below("error rate < 1 %", wrong, 0.01, 1e-9, percent),
        below("data loss 0 %", lost, 1e-12, 1e-12, percent),
        below("dead letters < 10 (0)", letters, 10.0, 0.5, |rows| format!("{rows:.0}")),
        breakers(figures),
        below("memory < 1 GB", memory, 1000.0, 512.0, |mb| format!("{mb:.0} MB at most")),
        cache(hits, figures.is_some() && !is_warm),
    ]
}

fn cache(hits: Option<f64>, is_cold: bool) -> Line {
    let line = below("cache hit rate > 90 %", hits.map(|it| 1.0 - it), 0.1, 0.1, |misses| {
        format!("{:.2} %", (1.0 - misses) * 100.0)
    });
    if is_cold {
        return Line { found: format!("wants {WARM} messages a ship"), ..line };
    }
    line
}

fn below(
    asked: &'static str,
    found: Option<f64>,
    met: f64,
    nice: f64,
    text: impl Fn(f64) -> String,
) -> Line {
    let judged = match found {
        None => Judged::Unknown,
        Some(found) if found < nice => Judged::Nice,
        Some(found) if found < met => Judged::Met,
        Some(_) => Judged::Missed,
    };
    Line { asked, found: found.map_or("-".into(), text), judged }
}

/// A rate that was not asked for was not tried.
fn throughput(results: &Results) -> Line {
    let asked = "5 000 to 10 000 msg/s (8 000)";
    let Some(held) = results.rate_held() else {
        return Line { asked, found: "-".into(), judged: Judged::Unknown };
    };
    let judged = match held {
        8000.0.. => Judged::Nice,
        4950.0.. => Judged::Met,
        _ if results.rate_sent() >= 4950.0 => Judged::Missed,
        _ => Judged::Unknown,
    };
    Line { asked, found: format!("{} held", per_second(held)), judged }
}

fn breakers(figures: Option<&Figures>) -> Line {
    let asked = "circuit breakers closed";
    let breakers = figures.map(Figures::breakers).unwrap_or_default();
    if breakers.is_empty() {
        return Line { asked, found: "-".into(), judged: Judged::Unknown };
    }
    let open: Vec<String> = breakers
        .iter()
        .filter(|(_, state)| !state.eq_ignore_ascii_case("closed"))
        .map(|(name, state)| format!("{name} is {state}"))
        .collect();
    let count = grouped(breakers.len() as u64);
    if open.is_empty() {
        return Line { asked, found: format!("{count} closed"), judged: Judged::Nice };
    }
    Line { asked, found: open.join(", "), judged: Judged::Missed }
}

/// Lines as JSON.
pub fn json(lines: &[Line]) -> Value {
    let line = |it: &Line| {
        let judged = match it.judged {
            Judged::Nice => "nice",
            Judged::Met => "met",
            Judged::Missed => "missed",
            Judged::Unknown => "unknown",
        };
        json!({ "asked": it.asked, "found": it.found, "judged": judged })
    };
    lines.iter().map(line).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_judged() {
        let check = |found, expected| {
            let line = below("x", found, 50.0, 30.0, |ms| format!("{ms}"));
            assert_eq!(line.judged, expected, "{found:?}");
        };
        check(None, Judged::Unknown);
        check(Some(29.9), Judged::Nice);
        check(Some(30.0), Judged::Met);
        check(Some(50.0), Judged::Missed);
    }

    #[test]
    fn an_open_breaker_is_named() {
        let figures = |state: &str| {
            Figures::read(&format!(r#"{{"neighbours":{{"redis":{{"breaker":"{state}","configured":true}},"postgres":{{"breaker":"open","configured":false}}}}}}"#)).unwrap()
        };
        let found = |state| breakers(Some(&figures(state)));
        assert_eq!(found("closed").judged, Judged::Nice);
        assert_eq!(
            (found("open").judged, found("open").found),
            (Judged::Missed, "redis is open".into())
        );
        assert_eq!(breakers(None).judged, Judged::Unknown);
    }
}
