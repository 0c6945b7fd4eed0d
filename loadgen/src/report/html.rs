//! The report as one page that needs nothing else: what was measured and how, the checklist, plots, the machine.

mod words;

use super::checklist::{self, Judged};
use super::plot::{Plot, Series};
use super::{QUANTILES, Results, ms_at, table};
use crate::metrics::Figures;
use hdrhistogram::Histogram;
use serde_json::Value;
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");
/// Where the curve of percentiles is marked: the share, and how it is written.
const SHARES: [(f64, &str); 6] =
    [(0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99")];

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out += "<meta name=\"viewport\" content=\"width=device-width\"><title>aisd under load</title>";
    let _ = write!(out, "<style>{STYLE}</style></head><body><main>");
    words::head(results, &mut out);
    words::how(results, &mut out);
    asked(results, &mut out);
    latencies(results, &mut out);
    over_time(results, &mut out);
    trials(results, &mut out);
    numbers(results, &mut out);
    out += "</main></body></html>\n";
    out
}

fn asked(results: &Results, out: &mut String) {
    *out += "<h2>The checklist</h2><table><tr><th>asked (in brackets: nice to have)</th><th>found</th><th></th></tr>";
    for line in checklist::of(results) {
        let (class, judged) = match line.judged {
            Judged::Nice => ("good", "well met"),
            Judged::Met => ("good", "met"),
            Judged::Missed => ("bad", "missed"),
            Judged::Unknown => ("none", "not measured"),
        };
        let (asked, found) = (escaped(line.asked), escaped(&line.found));
        let _ = write!(
            out,
            "<tr><td>{asked}</td><td>{found}</td><td class=\"{class}\">{judged}</td></tr>"
        );
    }
    *out += "</table>";
}

fn figure(title: &str, note: &str, plot: &Plot, out: &mut String) {
    let _ = write!(
        out,
        "<figure><figcaption><b>{title}</b> {note}</figcaption>{}</figure>",
        plot.svg()
    );
}

fn latencies(results: &Results, out: &mut String) {
    *out += "<h2>Latency</h2>";
    let found = results.latencies.as_ref();
    let all = [
        (words::to_commit(results), found.map(|it| &it.to_commit)),
        ("receive to commit", found.map(|it| &it.from_receipt)),
        ("send to publish", results.live.as_ref().map(|it| &it.latency_us)),
        ("request to answer", results.sent.answers.as_ref().map(|it| &it.answer_us)),
    ];
    let measured = all.into_iter().filter_map(|(name, it)| Some((name, it?)));
    let measured: Vec<_> = measured.filter(|(_, it)| !it.is_empty()).collect();
    quantiles(results, &measured, out);
    let series = measured.iter().map(|(name, it)| curve(name, it)).collect();
    let marks = SHARES.map(|(share, text)| (nines(share), text.to_owned())).to_vec();
    let plot = Plot {
        x_label: "per cent of the messages that took no longer",
        y_label: "ms",
        is_log: true,
        marks,
        series,
    };
    let note = "How long the slowest took: read upwards from a percentage.";
    figure("Percentiles.", note, &plot, out);
    let Some(found) = found else { return };
    let over = |name: &str, quantile: f64| {
        let points = found.over_time.iter().enumerate();
        let at_s = |number: usize| (number as f64 + 0.5) * found.point_s;
        let point =
            |(number, it): (usize, &Histogram<u64>)| Some((at_s(number), ms_at(it, quantile)?));
        Series::new(name, points.filter_map(point))
    };
    let series = vec![over("median", 0.5), over("p99", 0.99), over("slowest", 1.0)];
    let plot = Plot {
        x_label: "seconds since the start",
        y_label: "ms",
        is_log: true,
        marks: Vec::new(),
        series,
    };
    let note =
        format!("From {}, by when the messages were meant to be sent.", words::to_commit(results));
    figure("Latency over time.", &note, &plot, out);
}

/// The same numbers for those who want them as numbers, and the daemon's word beside them.
fn quantiles(results: &Results, measured: &[(&str, &Histogram<u64>)], out: &mut String) {
    let told = results.figures.as_ref().and_then(Figures::latency_ms);
    if measured.is_empty() && told.is_none() {
        return;
    }
    let names = ["p50", "p95", "p99", "p99.9", "p99.99", "slowest"];
    let head: String = names.iter().map(|name| format!("<th>{name}</th>")).collect();
    let _ = write!(out, "<table><tr><th>milliseconds</th>{head}</tr>");
    let mut row = |name: &str, ms: [Option<f64>; 6]| {
        let ms = ms.map(|ms| ms.map_or("-".into(), |ms| format!("{ms:.2}")));
        let cells: String = ms.iter().map(|ms| format!("<td>{ms}</td>")).collect();
        let _ = write!(out, "<tr><td>{name}</td>{cells}</tr>");
    };
    for (name, histogram) in measured {
        row(name, QUANTILES.map(|(_, at)| ms_at(histogram, at)));
    }
    if let Some(told) = told {
        let value = |(name, _): (&str, f64)| told.get(name).and_then(Value::as_f64);
        row("receive to commit, as the daemon says", QUANTILES.map(value));
    }
    *out += "</table>";
}

/// Percentiles over how many nines they have.
fn curve(name: &str, histogram: &Histogram<u64>) -> Series {
    let last = nines(1.0 - 1.0 / histogram.len().max(2) as f64).min(5.0);
    let points = (0..=200).map(|step| {
        let x = last * f64::from(step) / 200.0;
        let share = 1.0 - 10.0_f64.powf(-x);
        (x, histogram.value_at_quantile(share) as f64 / 1000.0)
    });
    Series::new(name, points)
}

fn nines(share: f64) -> f64 {
    -(1.0 - share).log10()
}

fn over_time(results: &Results, out: &mut String) {
    // Nothing was sent before the start.
    let start = std::iter::once(crate::sampler::Point::default());
    let points: Vec<_> = start.chain(results.points.iter().cloned()).collect();
    *out += "<h2>Over time</h2>";
    let per_second = |count: fn(&crate::sampler::Point) -> Option<u64>| {
        let rate = move |pair: &[crate::sampler::Point]| {
            let (from, to) = (count(&pair[0])?, count(&pair[1])?);
            let time = (pair[1].at_s - pair[0].at_s).max(1e-3);
            Some((pair[1].at_s, to.saturating_sub(from) as f64 / time))
        };
        points.windows(2).filter_map(rate).collect::<Vec<_>>()
    };
    let x_label = "seconds since the start";
    let plot =
        |y_label, series| Plot { x_label, y_label, is_log: false, marks: Vec::new(), series };
    let sent = Series::new("sent", per_second(|it| Some(it.sent)));
    let stored = Series::new("stored", per_second(|it| it.stored));
    figure(
        "Rate.",
        "Stored is the daemon's count.",
        &plot("messages a second", vec![sent, stored]),
        out,
    );
    let waiting = points.iter().filter_map(|it| Some((it.at_s, it.in_flight? as f64)));
    let waiting = Series::new("taken and not yet decided", waiting);
    figure(
        "Backlog.",
        "By the daemon's count; one that grows does not hold.",
        &plot("messages", vec![waiting]),
        out,
    );
    let of_each = |value: fn((f64, u64)) -> f64| {
        let mut names: Vec<&str> =
            points.iter().flat_map(|it| it.processes.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        let line = |name: &str| {
            let at = |it: &crate::sampler::Point| Some((it.at_s, value(*it.processes.get(name)?)));
            Series::new(name, points.iter().filter_map(at))
        };
        names.into_iter().map(line).filter(|it| it.points.iter().any(|it| it.1 > 0.0)).collect()
    };
    figure("Processor.", "Cores in use by each program.", &plot("cores", of_each(|it| it.0)), out);
    let memory = of_each(|it| it.1 as f64 / 1e6);
    figure("Memory.", "Resident; that of Postgres is left out.", &plot("MB", memory), out);
}

fn trials(results: &Results, out: &mut String) {
    if results.trials.is_empty() {
        return;
    }
    *out += "<h2>The highest rate</h2><p>A rate holds when everything is stored within a second of the last message, the sender was never \
        a second late, and nothing is lost. The plots above are of the highest rate that held.</p>\
        <table><tr><th>messages a second</th><th></th></tr>";
    for trial in &results.trials {
        let (class, text) = match &trial.why {
            None => ("good", "holds".to_owned()),
            Some(why) => ("bad", escaped(why)),
        };
        let rate = table::per_second(trial.rate);
        let _ = write!(out, "<tr><td>{rate}</td><td class=\"{class}\">{text}</td></tr>");
    }
    *out += "</table>";
}

fn numbers(results: &Results, out: &mut String) {
    *out += "<h2>The machine</h2><table>";
    for (name, value) in results.environment.as_object().into_iter().flatten() {
        let (name, value) = match (name.as_str(), value.as_f64()) {
            ("memory_bytes", Some(bytes)) => ("memory", format!("{:.1} GB", bytes / 1e9)),
            (name, _) => (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
        let _ = write!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(&value));
    }
    let table = escaped(&table::of(results));
    let mut told = results.json();
    if let Some(points) = told.get_mut("points") {
        points.take();
    }
    let json = escaped(&format!("{told:#}"));
    let _ = write!(
        out,
        "</table><h2>All numbers</h2><pre>{table}</pre><details><summary>as JSON</summary><pre>{json}</pre></details>"
    );
}

/// Text that a browser shows as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nines_are_counted() {
        let near =
            |share, expected: f64| assert!((nines(share) - expected).abs() < 1e-9, "{share}");
        near(0.0, 0.0);
        near(0.9, 1.0);
        near(0.999, 3.0);
    }

    #[test]
    fn what_is_told_is_no_markup() {
        assert_eq!(escaped("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn a_curve_ends_where_its_messages_do() {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000, 3).unwrap();
        (1..=1000).for_each(|us| histogram.record(us * 100).unwrap());
        let curve = curve("x", &histogram);
        let last = curve.points.last().unwrap();
        assert!((last.0 - 3.0).abs() < 1e-9 && (last.1 - 99.9).abs() < 0.2, "{last:?}");
    }
}
