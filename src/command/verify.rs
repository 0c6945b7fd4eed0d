//! `aisd verify`: whether a daemon that was just deployed is up, whole, and free of errors for two minutes.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::checklist::OutputArgs;
use super::checklist::outcome::{Check, Mark};
use super::checklist::report::Section;
use super::checklist::rules::Column;
use super::checklist::scrape::Scrape;
use super::daemon::{Daemon, DaemonArgs};
use super::duration::{duration, shown};
use super::watch::{RuleArgs, Watching};
use crate::clock::Clock;
use crate::exit::Failure;

/// How often it is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// What the checklist asks for with `curl`.
const PAGES: &[&str] =
    &["/", "/livez", "/metrics", "/metrics/prometheus", "/metrics/prometheus/summary"];
/// The metrics that it wants to see.
const METRICS: &[&str] = &[
    "ais_messages_processed_total",
    "ais_latency_p99_ms",
    "ais_dlq_size",
    "circuit_breaker_state",
];

/// How long it may take, and is looked at.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// It must be ready within this time
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    within: Duration,
    /// It must show no errors for this long
    #[arg(long = "for", value_name = "TIME", default_value = "2m", value_parser = duration)]
    long: Duration,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Looks, and says what it found.
///
/// # Errors
/// What is wrong with the configuration or the log, or that nothing can be written.
pub fn verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    args.output.report.check()?;
    let mut daemon = Daemon::of(&args.daemon)?;
    let mut checks = vec![healthy(&mut daemon, args.within)];
    let mut version = None;
    if checks[0].mark == Mark::Pass {
        checks.extend(PAGES.iter().map(|path| page(&mut daemon, path)));
        checks.extend(checklist_metrics(&mut daemon));
        checks.extend(parts(&mut daemon));
        // How much comes is for `watch` to judge: a deployment begins with nothing.
        let terms = args.rules.terms(args.long, &[Column::Stored, Column::Cache]);
        let mut watching = Watching::new(daemon, &terms);
        watching.on(args.long, args.rules.look, &mut |_, _| Ok(()))?;
        version = watching.version();
        checks.push(same_version(version.as_deref()));
        checks.extend(watching.checks());
    }
    let section = Section {
        command: "verify",
        at_us: Clock::System.now_us(),
        version,
        verdict: Mark::of_all(&checks),
        checks,
        more: json!({ "watched_seconds": args.long.as_secs() }),
    };
    args.output.finish(&section, out)
}

fn healthy(daemon: &mut Daemon, within: Duration) -> Check {
    let began = Instant::now();
    loop {
        let says = match daemon.get("/readyz") {
            Ok(answer) if answer.status == 200 => {
                let text = format!("{} is ready after {}", daemon.shown(), shown(began.elapsed()));
                return Check::new("health", Mark::Pass, text);
            }
            Ok(answer) => format!("{} answers {}", answer.status, answer.body.trim()),
            Err(why) => why,
        };
        if began.elapsed() >= within {
            let text = format!("not ready within {}: {says}; its log says why", shown(within));
            return Check::new("health", Mark::Rollback, text);
        }
        std::thread::sleep(ASK_EVERY);
    }
}

fn page(daemon: &mut Daemon, path: &str) -> Check {
    let name = format!("GET {path}");
    match daemon.get(path) {
        Ok(answer) if answer.status == 200 && !answer.body.is_empty() => {
            Check::new(name, Mark::Pass, format!("200, {} bytes", answer.body.len()))
        }
        Ok(answer) => Check::new(name, Mark::Rollback, format!("answers {}", answer.status)),
        Err(why) => Check::new(name, Mark::Rollback, why),
    }
}

fn checklist_metrics(daemon: &mut Daemon) -> Vec<Check> {
    let answer = daemon.get("/metrics/prometheus").map(|answer| Scrape::read(&answer.body));
    let scrape = answer.unwrap_or_default();
    let check = |name: &&str| {
        let (mark, says) = if scrape.has(name) {
            let series = scrape.each(name).count();
            (Mark::Pass, format!("there, {series} series"))
        } else {
            (Mark::Rollback, "not there".to_owned())
        };
        Check::new(*name, mark, says)
    };
    METRICS.iter().map(check).collect()
}

/// What `/readyz?verbose` tells of the journal, the store, neighbours and feeds.
fn parts(daemon: &mut Daemon) -> Vec<Check> {
    let answer = match daemon.get("/readyz?verbose") {
        Ok(answer) => answer,
        Err(why) => return vec![Check::new("GET /readyz?verbose", Mark::Rollback, why)],
    };
    let lines = answer.body.lines().filter_map(|line| {
        let (mark, text) = match (line.strip_prefix("[+]"), line.strip_prefix("[-]")) {
            (Some(text), _) => (Mark::Pass, text),
            (None, Some(text)) => (Mark::Consider, text),
            (None, None) => return None,
        };
        let words = if text.starts_with("neighbour ") || text.starts_with("feed ") { 2 } else { 1 };
        let end = text.match_indices(' ').nth(words - 1).map_or(text.len(), |(at, _)| at);
        let (name, says) = text.split_at(end);
        Some(Check::new(name.trim_end_matches(':'), mark, says.trim_start()))
    });
    lines.collect()
}

/// The daemon that runs should be the one that was deployed.
fn same_version(found: Option<&str>) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    match found {
        Some(found) if found == own => Check::new("version", Mark::Pass, found),
        Some(found) => {
            let text = format!("{found} runs, this program is {own}: was it restarted?");
            Check::new("version", Mark::Consider, text)
        }
        None => Check::new("version", Mark::Consider, "not told"),
    }
}
