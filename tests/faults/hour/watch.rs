//! What is seen of the daemon from second to second: its sums, its memory, its dead letters, and how long messages take.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::support::http::metrics;
use crate::support::postgres_daemon::{came_and_left, text, waiting};
use crate::support::process::{Daemon, wait_until};
use crate::support::sums::check_sums;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const LATENCY: &str = "ais_ingest_latency_seconds_bucket{stage=\"total\",le=\"";
/// Which minute of a process its memory is compared with: it has seen a whole dedup window and some faults by then.
const SETTLED_MINUTE: u64 = 10;

/// Messages stored within a time, by that time in microseconds; all of them at `u64::MAX`.
type Buckets = BTreeMap<u64, u64>;

/// What was stored outside of fault windows.
#[derive(Clone, Default)]
pub struct Quiet {
    pub seconds: f64,
    within: Buckets,
}

impl Quiet {
    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        for (bound, count) in &other.within {
            *self.within.entry(*bound).or_default() += count;
        }
    }

    fn all(&self) -> u64 {
        self.within.get(&u64::MAX).copied().unwrap_or(0)
    }

    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    fn share(&self, count: u64) -> f64 {
        if self.all() == 0 { 0.0 } else { count as f64 / self.all() as f64 }
    }

    pub fn share_within_50_ms(&self) -> f64 {
        self.share(self.within.get(&50_000).copied().unwrap_or(0))
    }

    /// The least bound of a bucket that this share is within, in milliseconds.
    fn bound_ms(&self, share: f64) -> u64 {
        let bound = self.within.iter().find(|(_, count)| self.share(**count) >= share);
        bound.map_or(0, |(bound, _)| bound / 1000)
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:.0} s, {} stored, p99 <= {} ms, p99.9 <= {} ms, {:.3} % within 50 ms",
            self.seconds,
            self.all(),
            self.bound_ms(0.99),
            self.bound_ms(0.999),
            self.share_within_50_ms() * 100.0
        )
    }
}

/// How memory went in the life of a process.
pub struct Growth {
    pub minutes: f64,
    from_kb: u64,
    to_kb: u64,
}

impl Growth {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    pub fn share(&self) -> f64 {
        self.to_kb as f64 / self.from_kb as f64 - 1.0
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "the last process lived {:.1} minutes, {} kB resident in its minute {} or its first, {} kB in its last ({:+.1} %)",
            self.minutes,
            self.from_kb,
            SETTLED_MINUTE,
            self.to_kb,
            self.share() * 100.0
        )
    }
}

/// All that was seen.
#[derive(Default)]
pub struct Watch {
    /// Since when it is quiet, and what was stored until then.
    quiet: Option<(Instant, Buckets)>,
    all: Quiet,
    /// When this process was first looked at, and since then its memory.
    since: Option<Instant>,
    resident: Vec<(u64, u64)>,
    /// Datagrams that were dropped and counted: of processes that are gone, and of this one.
    dropped: (u64, u64),
    /// Dead letters at most.
    pub letters: u64,
}

impl Watch {
    /// One look: the sum comes out, and what there is is noted.
    pub fn look(&mut self, daemon: &Daemon) {
        let seen = metrics(daemon.http());
        check_sums(&seen);
        let since = *self.since.get_or_insert_with(Instant::now);
        self.resident.push((since.elapsed().as_secs(), daemon.status("VmRSS")));
        self.dropped.1 = seen.reasons("udp", "dropped") + seen.feed("udp", "kernel_drops");
        let dead = &["rows", "given_up", "dropped"];
        let letters = dead.map(|name| seen.number(&format!("/dead_letters/{name}")));
        self.letters = self.letters.max(letters.iter().sum());
    }

    /// Looks each second.
    pub fn until(&mut self, daemon: &Daemon, end: Instant) {
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.look(daemon);
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    /// Waits until no more than this waits to be stored.
    pub fn until_level(&mut self, daemon: &Daemon, level: u64) {
        wait_until("the end of the backlog", || {
            let seen = metrics(daemon.http());
            let (came, left) = came_and_left(&seen);
            waiting(&seen).is_some_and(|waiting| waiting <= level) && came - left <= level
        });
        self.look(daemon);
    }

    /// A fault window is over.
    pub fn open(&mut self, daemon: &Daemon) {
        self.quiet = Some((Instant::now(), stored(daemon)));
    }

    /// A fault window begins; what was stored since the last was over.
    pub fn close(&mut self, daemon: &Daemon) -> Quiet {
        let Some((since, before)) = self.quiet.take() else { return Quiet::default() };
        let mut within = stored(daemon);
        for (bound, count) in &mut within {
            *count -= before.get(bound).copied().unwrap_or(0);
        }
        let quiet = Quiet { seconds: since.elapsed().as_secs_f64(), within };
        self.all.add(&quiet);
        quiet
    }

    /// The daemon is about to end.
    pub fn end_of_a_life(&mut self) {
        (self.since, self.dropped) = (None, (self.dropped.0 + self.dropped.1, 0));
        self.resident.clear();
    }

    pub fn all(&self) -> Quiet {
        self.all.clone()
    }

    pub const fn dropped(&self) -> u64 {
        self.dropped.0 + self.dropped.1
    }

    /// The median of the settled minute of this process, and of its last.
    pub fn growth(&self) -> Growth {
        let last = self.resident.last().map_or(0, |(second, _)| *second);
        let is_old = last >= (SETTLED_MINUTE + 1) * 60;
        let first = if is_old { SETTLED_MINUTE * 60 } else { 0 };
        let median = |from: u64, to: u64| {
            let inside = self.resident.iter().filter(|(second, _)| (from..=to).contains(second));
            let mut sizes: Vec<u64> = inside.map(|(_, kb)| *kb).collect();
            sizes.sort_unstable();
            sizes.get(sizes.len() / 2).copied().unwrap_or(1)
        };
        Growth {
            minutes: Duration::from_secs(last).as_secs_f64() / 60.0,
            from_kb: median(first, first + 60),
            to_kb: median(last.saturating_sub(60), last),
        }
    }
}

/// What the daemon says of how long messages took since its start.
fn stored(daemon: &Daemon) -> Buckets {
    let text = text(daemon, "/metrics/prometheus");
    let lines = text.lines().filter_map(|line| line.strip_prefix(LATENCY)?.split_once("\"} "));
    let buckets = lines.map(|(bound, count)| {
        let bound_us = match bound.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() => {
                Duration::from_secs_f64(seconds).as_micros().try_into().unwrap()
            }
            _ => u64::MAX,
        };
        (bound_us, count.parse().unwrap())
    });
    let buckets: Buckets = buckets.collect();
    assert!(buckets.contains_key(&50_000) && buckets.contains_key(&u64::MAX), "{text}");
    buckets
}
