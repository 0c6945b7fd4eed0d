//! Looks at everything once in a while as long as a run goes on: the sender, the daemon's counters, processor and memory.
//!
//! In:  what the sender has sent; the daemon's metrics; `/proc`
//! Out: a point for each look; a line for people
//! Cost: a request to the daemon and a walk through `/proc`, some two milliseconds a second
//!
//! Processes are told apart by their names, the daemon by its number where that is known: another daemon on the same
//! machine is not counted then. Servers count when the run has to do with one of their kind. Memory of a Postgres server
//! is left out, since its processes share most of it.

use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::send::Watched;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked; seldom enough in long runs that there are no more than so many points.
const EVERY: Duration = Duration::from_secs(1);
const POINTS: u32 = 600;
/// How often a waiting sampler notices that the run is over.
const TICK: Duration = Duration::from_millis(20);
/// Ticks of the kernel's processor clock in a second: 100 wherever Linux runs on what we know.
const TICKS_PER_S: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;
/// Whose processor time is told.
const NAMES: [&str; 4] = ["aisd", "loadgen", "postgres", "redis-server"];

/// One look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Seconds since the start.
    pub at_s: f64,
    /// Distinct messages sent.
    pub sent: u64,
    /// Messages that the daemon stored since it started.
    pub stored: Option<u64>,
    /// Messages that it took and has not decided.
    pub in_flight: Option<u64>,
    /// Its 99th percentile of receive to commit over the last minute, in milliseconds.
    pub p99_ms: Option<f64>,
    /// By name of the process: cores in use since the look before, and bytes of memory.
    pub processes: BTreeMap<&'static str, (f64, u64)>,
}

/// Whom to look at.
pub struct Sampler<'a> {
    /// The sender.
    pub watched: &'a Watched,
    /// The daemon.
    pub metrics: Option<&'a Metrics>,
    /// Its process.
    pub pid: Option<u32>,
    /// Whether servers of Postgres and of Redis have to do with the run.
    pub servers: [bool; 2],
    /// Where the line is shown.
    pub progress: &'a Progress,
}

impl Sampler<'_> {
    /// Looks until the sender is done, which is to take so long.
    pub fn run(&self, planned: Duration) -> Vec<Point> {
        let began = Instant::now();
        let every = EVERY.max(planned / POINTS);
        let mut busy = self.busy();
        let (mut points, mut last) = (Vec::<Point>::new(), began);
        loop {
            let is_over = self.rest(last + every);
            let now = Instant::now();
            let mut point = self.look(now - began);
            let later = self.busy();
            for (name, (seconds, bytes)) in &later {
                let before = busy.get(name).map_or(0.0, |it| it.0);
                let cores = (seconds - before).max(0.0) / (now - last).as_secs_f64().max(1e-3);
                point.processes.insert(name, (cores, *bytes));
            }
            (busy, last) = (later, now);
            self.tell(&point, points.last());
            points.push(point);
            if is_over {
                return points;
            }
        }
    }

    fn busy(&self) -> BTreeMap<&'static str, (f64, u64)> {
        busy(self.pid, self.servers)
    }

    /// Waits; whether the sender is done.
    fn rest(&self, until: Instant) -> bool {
        while Instant::now() < until {
            if self.watched.done.load(Ordering::Acquire) {
                return true;
            }
            self.progress.at(self.watched.sent.load(Ordering::Relaxed));
            thread::sleep(TICK);
        }
        false
    }

    fn look(&self, since: Duration) -> Point {
        let figures = self.metrics.and_then(|metrics| metrics.read().ok());
        let figures = figures.as_ref();
        Point {
            at_s: since.as_secs_f64(),
            sent: self.watched.sent.load(Ordering::Relaxed),
            stored: figures.and_then(crate::metrics::Figures::stored),
            in_flight: figures.and_then(crate::metrics::Figures::in_flight),
            p99_ms: figures.and_then(crate::metrics::Figures::p99_of_minute_ms),
            processes: BTreeMap::new(),
        }
    }

    fn tell(&self, point: &Point, before: Option<&Point>) {
        let (then, sent) = before.map_or((0.0, 0), |it| (it.at_s, it.sent));
        let rate = (point.sent - sent) as f64 / (point.at_s - then).max(1e-3);
        let mut line = format!("{rate:.0}/s");
        if let Some(in_flight) = point.in_flight {
            line += &format!("  in flight {in_flight}");
        }
        if let Some(ms) = point.p99_ms {
            line += &format!("  p99 {ms:.1} ms");
        }
        for (name, (cores, bytes)) in &point.processes {
            line += &format!("  {name} {cores:.2}");
            if *name == NAMES[0] {
                line += &format!(" {} MB", bytes / 1_000_000);
            }
        }
        self.progress.tell(line);
    }
}

/// Processor seconds of a run: a look before it, and another one when all is stored. What is read afterwards, to compare it, is not
/// the run's.
pub struct Used {
    pid: Option<u32>,
    servers: [bool; 2],
    before: BTreeMap<&'static str, (f64, u64)>,
}

impl Used {
    /// From now on; by this process of the daemon, if it is known, and by servers that have to do with the run.
    pub fn begin(pid: Option<u32>, servers: [bool; 2]) -> Self {
        Self { pid, servers, before: busy(pid, servers) }
    }

    /// By name of the process, so far.
    pub fn seconds(&self) -> BTreeMap<&'static str, f64> {
        let before = |name| self.before.get(name).map_or(0.0, |it| it.0);
        let now = busy(self.pid, self.servers).into_iter();
        now.map(|(name, (seconds, _))| (name, (seconds - before(name)).max(0.0))).collect()
    }
}

/// Points as JSON.
pub fn json(points: &[Point]) -> Value {
    let point = |it: &Point| {
        let process = |(name, (cores, bytes)): (&&str, &(f64, u64))| {
            ((*name).to_owned(), json!({ "cores": rounded(*cores), "rss_bytes": bytes }))
        };
        let processes: serde_json::Map<_, _> = it.processes.iter().map(process).collect();
        json!({
            "at_s": rounded(it.at_s),
            "sent": it.sent,
            "stored": it.stored,
            "in_flight": it.in_flight,
            "p99_ms": it.p99_ms,
            "processes": processes,
        })
    };
    points.iter().map(point).collect::<Vec<_>>().into()
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// By name: seconds of processor time so far, and bytes of memory; those left out that have nothing to do with the run.
fn busy(pid: Option<u32>, [postgres, redis]: [bool; 2]) -> BTreeMap<&'static str, (f64, u64)> {
    let mut found = BTreeMap::new();
    let Ok(folder) = fs::read_dir("/proc") else { return found };
    let own = std::process::id();
    for entry in folder.flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{number}/stat")) else { continue };
        let Some((name, seconds, bytes)) = parse(&stat) else { continue };
        let is_other = match name {
            "aisd" => pid.is_some_and(|pid| pid != number),
            "loadgen" => number != own,
            "postgres" => !postgres,
            "redis-server" => !redis,
            _ => false,
        };
        if !is_other {
            let sum = found.entry(name).or_insert((0.0, 0));
            sum.0 += seconds;
            sum.1 += if name == "postgres" { 0 } else { bytes };
        }
    }
    found
}

/// Name, seconds of processor time and bytes of memory of a process that is looked at.
fn parse(stat: &str) -> Option<(&'static str, f64, u64)> {
    let (before, behind) = stat.split_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let name = NAMES.into_iter().find(|known| *known == name)?;
    let fields: Vec<&str> = behind.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Fields 14 to 17 and 24 of the whole line: what children used that have ended is their parent's, so nothing is lost with
    // a connection's process.
    let ticks = (11..15).map(number).sum::<Option<u64>>()?;
    Some((name, ticks as f64 / TICKS_PER_S, number(21)? * PAGE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let line = "7 (aisd) S 1 7 7 0 -1 4194560 2 0 0 0 150 50 0 0 20 0 9 0 5 900 25 18446744073709551615 1";
        assert_eq!(parse(line), Some(("aisd", 2.0, 25 * PAGE_BYTES)));
        assert_eq!(
            parse(&line.replace("150 50 0 0", "150 50 7 3")),
            Some(("aisd", 2.1, 25 * PAGE_BYTES))
        );
        assert_eq!(parse(&line.replace("aisd", "bash")), None);
        assert_eq!(parse("7 (aisd) S 1"), None);
    }

    #[test]
    fn a_run_is_looked_at_until_it_is_over() {
        let (watched, progress) = (Watched::default(), Progress::new(true));
        let progress = &progress;
        let (metrics, pid, servers) = (None, None, [false; 2]);
        let sampler = Sampler { watched: &watched, metrics, pid, servers, progress };
        watched.sent.store(7, Ordering::Relaxed);
        let points = thread::scope(|scope| {
            let sampled = scope.spawn(|| sampler.run(Duration::from_secs(1)));
            thread::sleep(Duration::from_millis(50));
            watched.done.store(true, Ordering::Release);
            sampled.join().unwrap()
        });
        assert_eq!((points.len(), points[0].sent, points[0].stored), (1, 7, None));
        assert!(points[0].at_s < 1.0);
        assert_eq!(json(&points)[0]["sent"], 7);
    }
}
