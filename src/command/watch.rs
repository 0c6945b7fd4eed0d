//! `aisd watch`: looks at the running daemon for as long as a deployment is watched, and says whether it may stay.
//!
//! It looks once a second, writes a row at each interval, and holds what it sees to the rules of `checklist`. What was broken once
//! stays broken in the verdict. It ends early, with the verdict so far, when it is interrupted.

mod row;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::checklist::OutputArgs;
use super::checklist::judge::{Judge, Terms};
use super::checklist::look::Seen;
use super::checklist::outcome::{Check, Mark};
use super::checklist::paint::Paint;
use super::checklist::report::Section;
use super::checklist::rules::Column;
use super::checklist::scrape::Scrape;
use super::daemon::{Daemon, DaemonArgs};
use super::duration::{duration, shown};
use super::write_out;
use crate::clock::Clock;
use crate::exit::{self, Failure};
use row::{Interval, Row};

/// The checklist has people look after these times too, where rows are further apart.
const FIRST_ROWS: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(900)];
/// How often an interrupt is looked for.
const NAP: Duration = Duration::from_millis(50);

/// How long, how often, and by which rules.
#[derive(Args, Debug)]
pub struct WatchArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Watch for this long
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
    long: Duration,
    /// Write a row this often; also after 5 and 15 minutes
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    every: Duration,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Changes of the rules.
#[derive(Args, Clone, Debug)]
pub struct RuleArgs {
    /// Look this often
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub look: Duration,
    /// Hold a rule to another bound, such as throughput-low=500; may be repeated
    #[arg(long = "limit", value_name = "RULE=NUMBER", value_parser = limit)]
    pub limits: Vec<(String, f64)>,
    /// Divide the times of all rules by this, to see them at work
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub hurry: u32,
}

/// A rule and its bound.
fn limit(text: &str) -> Result<(String, f64), String> {
    let (name, number) = text.split_once('=').ok_or("must be RULE=NUMBER")?;
    let rule = super::checklist::rule(name)?;
    let number: f64 = number.parse().map_err(|_| format!("{number} is no number"))?;
    if !number.is_finite() || number < 0.0 {
        return Err(format!("{number} is no bound"));
    }
    Ok((rule.name.to_owned(), number))
}

impl RuleArgs {
    /// On these terms a daemon is judged over this time: a patience longer than half of it would let everything pass.
    #[must_use]
    pub fn terms(&self, long: Duration, without: &'static [Column]) -> Terms {
        Terms { bounds: self.limits.clone(), hurry: self.hurry, patience_max: long / 2, without }
    }
}

/// Watches, and says what came of it.
///
/// # Errors
/// What is wrong with the configuration or the log, or that nothing can be written.
pub fn watch(args: &WatchArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    args.output.report.check()?;
    let mut watch = Watching::new(Daemon::of(&args.daemon)?, &args.rules.terms(args.long, &[]));
    let due = due(args.long, args.every);
    let (mut due, paint) = (due.iter().peekable(), Paint::of(args.output.color));
    let watched = watch.on(args.long, args.rules.look, &mut |watch, at| {
        if due.next_if(|due| **due <= at).is_none() {
            return Ok(());
        }
        let row = watch.row();
        let header = if watch.rows.is_empty() && !args.output.json {
            Row::header(paint)
        } else {
            String::new()
        };
        let text = if args.output.json {
            format!("{}\n", row.to_json())
        } else {
            row.text(&watch.judge, paint)
        };
        watch.rows.push(row.to_json());
        write_out(out, &(header + &text)).map(|_| ())
    })?;
    args.output.finish(&watch.section(watched, args.long), out)
}

/// When rows are due.
fn due(long: Duration, every: Duration) -> Vec<Duration> {
    let count = u32::try_from(long.as_nanos() / every.as_nanos().max(1)).unwrap_or(u32::MAX);
    let mut due: Vec<Duration> = (1..=count.min(100_000)).map(|n| every * n).collect();
    due.extend(FIRST_ROWS.into_iter().filter(|first| every > FIRST_ROWS[0] && *first < long));
    due.push(long);
    due.sort();
    due.dedup();
    due
}

/// A daemon while it is watched.
pub struct Watching {
    daemon: Daemon,
    judge: Judge,
    interval: Interval,
    /// Why the last look was not answered.
    trouble: Option<String>,
    rows: Vec<Value>,
}

impl Watching {
    /// On these terms.
    pub fn new(daemon: Daemon, terms: &Terms) -> Self {
        let (judge, interval) = (Judge::new(terms), Interval::default());
        Self { daemon, judge, interval, trouble: None, rows: Vec::new() }
    }

    /// Looks as often as told for as long as told, and calls `then` after each look; how long it was in the end.
    ///
    /// # Errors
    /// What `then` says.
    pub fn on(
        &mut self,
        long: Duration,
        every: Duration,
        then: &mut dyn FnMut(&mut Self, Duration) -> Result<(), Failure>,
    ) -> Result<Duration, Failure> {
        let interrupted = interrupts()?;
        let (began, mut next) = (Instant::now(), Duration::ZERO);
        loop {
            let seen = look(&mut self.daemon);
            let at = began.elapsed();
            self.trouble = seen.as_ref().err().cloned();
            let seen = seen.ok();
            self.interval.look(seen.as_ref());
            self.judge.look(at, seen);
            then(self, at)?;
            if at >= long {
                return Ok(at);
            }
            next = (next + every).max(at).min(long);
            while began.elapsed() < next {
                if interrupted.load(Ordering::Relaxed) {
                    return Ok(began.elapsed());
                }
                std::thread::sleep(NAP.min(next.saturating_sub(began.elapsed())));
            }
        }
    }

    fn row(&mut self) -> Row {
        let row = Row::of(&self.judge, &self.interval);
        self.interval.begin(&self.judge);
        row
    }

    /// What the rules came to.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks: Vec<Check> = self.judge.findings().iter().map(Check::from).collect();
        let down = checks
            .iter_mut()
            .find(|check| check.mark > Mark::Note && check.name.starts_with("down"));
        if let (Some(check), Some(trouble)) = (down, &self.trouble) {
            check.says = format!("no answer: {trouble}");
        }
        checks
    }

    /// The version that answered last.
    pub fn version(&self) -> Option<String> {
        self.judge.history().last_seen().map(|seen| seen.version.clone())
    }

    fn section(&self, watched: Duration, long: Duration) -> Section {
        let mut checks = self.checks();
        if watched < long {
            let text = format!("interrupted after {} of {}", shown(watched), shown(long));
            checks.push(Check::new("time", Mark::Note, text));
        }
        if self.judge.history().last_seen().is_none() {
            let why = self.trouble.clone().unwrap_or_default();
            checks.push(Check::new(
                "answer",
                Mark::Rollback,
                format!("the daemon never answered: {why}"),
            ));
        }
        Section {
            command: "watch",
            at_us: Clock::System.now_us(),
            version: self.version(),
            verdict: Mark::of_all(&checks),
            checks,
            more: json!({
                "watched_seconds": watched.as_secs(),
                "columns": row::COLUMNS,
                "rows": self.rows,
            }),
        }
    }
}

/// Looks once.
///
/// # Errors
/// Why there is no answer, in words.
pub fn look(daemon: &mut Daemon) -> Result<Seen, String> {
    let answer = daemon.get("/metrics/prometheus")?;
    if answer.status != 200 {
        return Err(format!("{}: /metrics/prometheus answers {}", daemon.shown(), answer.status));
    }
    #[expect(clippy::cast_precision_loss, reason = "a time of day in seconds")]
    let now = Clock::System.now_us() as f64 / 1e6;
    Ok(Seen::read(&Scrape::read(&answer.body), now))
}

/// Set when somebody has had enough.
///
/// # Errors
/// When signals cannot be watched for.
pub fn interrupts() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))
            .map_err(|error| Failure::new(exit::SOFTWARE, format!("watch for signals: {error}")))?;
    }
    Ok(interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_due_at_each_interval_and_where_the_checklist_has_people_look() {
        let check = |long: u64, every: u64, expected: &[u64]| {
            let due = due(Duration::from_secs(long * 60), Duration::from_secs(every * 60));
            let minutes: Vec<u64> = due.iter().map(|due| due.as_secs() / 60).collect();
            assert_eq!(minutes, expected);
        };
        check(60, 10, &[5, 10, 15, 20, 30, 40, 50, 60]);
        check(10, 2, &[2, 4, 6, 8, 10]);
        check(7, 5, &[5, 7]);
        check(3, 10, &[3]);
    }

    #[test]
    fn a_limit_names_a_rule_and_a_bound() {
        assert_eq!(limit("throughput-low=500"), Ok(("throughput-low".to_owned(), 500.0)));
        assert!(limit("throughput-lo=500").unwrap_err().contains("did you mean throughput-low?"));
        for wrong in
            ["throughput-low", "throughput-low=x", "throughput-low=-1", "throughput-low=inf"]
        {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
