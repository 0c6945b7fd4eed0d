//! Are the goals met?

use crate::report::{Report, row};
use crate::{engine, latency, store};

pub fn tell(
    report: &mut Report,
    store: Option<&store::Found>,
    engine: Option<&engine::Found>,
    latency: Option<&latency::Found>,
) {
    report.heading("Goals");
    report.text("As they were set for two cores that generator, engine and servers share, on a quiet machine.");
    let mut rows = vec![row(["goal", "found", ""])];
    let mut goal = |asked: &str, found: f64, text: String, is_met: bool| {
        if !found.is_nan() {
            rows.push(row([asked, &text, if is_met { "met" } else { "**missed**" }]));
        }
    };
    if let Some(found) = store {
        of_store(&mut goal, found);
    }
    if let Some(engine::Found { track, append }) = engine {
        for (name, runs, least) in [("track", track, 120e3), ("append", append, 600e3)] {
            let asked = format!("embedded store over TCP, `{name}`: {:.0} k msg/s", least / 1e3);
            let found = runs.median();
            goal(&asked, found, format!("{:.0} k msg/s", found / 1e3), found >= least);
        }
    }
    if let Some(found) = latency {
        let ms = |found: f64| format!("{found:.2} ms");
        let [at_10k, at_100k, linger] = [&found.at_10k, &found.at_100k, &found.linger];
        let mut below = |asked: &str, found: f64, most: f64, text: String| {
            goal(asked, found, text, found <= most)
        };
        below("10 000 msg/s: p99 3 ms", at_10k.p99.median(), 3.0, ms(at_10k.p99.median()));
        below("10 000 msg/s: p99.9 8 ms", at_10k.p999.median(), 8.0, ms(at_10k.p999.median()));
        below("100 000 msg/s: p99 20 ms", at_100k.p99.median(), 20.0, ms(at_100k.p99.median()));
        let lost = at_100k.lost.median() + at_10k.lost.median();
        below("nothing lost at either", lost, 0.0, format!("{lost:.0}"));
        if let Some(saturated) = &found.saturated {
            let p99 = saturated.p99.median();
            below("10 000 msg/s, cores busy, with the opt-in: p99 10 ms", p99, 10.0, ms(p99));
        }
        let cores = |of: &latency::Of| of.cores[0].median() + of.cores[1].median();
        let text = |of: &latency::Of| {
            format!("{:.2} of a core at p99 {:.2} ms", cores(of), of.p99.median())
        };
        below("10 000 msg/s: engine and Postgres 0.6 of a core", cores(at_10k), 0.6, text(at_10k));
        below("with a linger: 0.4 of a core", cores(linger), 0.4, text(linger));
        let memory = at_10k.memory_mb.median();
        below("memory 128 MB", memory, 128.0, format!("{memory:.0} MB"));
        let misses = 1.0 - at_10k.hits.median();
        below("cache hit rate 95 %", misses, 0.05, format!("{:.2} %", (1.0 - misses) * 100.0));
        let outage = found.outage[0] + found.outage[1];
        below(
            "5 s without Postgres: nothing lost, nothing twice",
            outage,
            0.0,
            format!("{outage:.0}"),
        );
    }
    report.table(&rows);
}

fn of_store(goal: &mut impl FnMut(&str, f64, String, bool), found: &store::Found) {
    let indexes = [("track", &found.track, 250e3), ("append", &found.append, 600e3)];
    for (name, runs, least) in indexes {
        let ours = runs.daemon.median();
        let asked = format!("durable in Postgres, `{name}`: {:.0} k msg/s", least / 1e3);
        goal(&asked, ours, format!("{:.0} k msg/s", ours / 1e3), ours >= least);
        let without = ", its merges into `vessels` left out";
        for (but, bare) in [("", &runs.same), (without, &runs.copied)] {
            let asked = format!(
                "of a bare client that stores the same rows over as many connections{but}: 0.9"
            );
            let ratio = runs.daemon.per(bare).median();
            goal(&asked, ratio, format!("{ratio:.2}"), ratio >= 0.9);
        }
    }
}
