//! What a daemon says of itself at one moment, and how that went on: counters as they grew, over starts.

use std::collections::VecDeque;
use std::time::Duration;

use super::scrape::{Scrape, Series};

/// The longest stretch that a rule looks back.
const KEPT: Duration = Duration::from_secs(3600);
/// Looks at most, whatever their pace.
const LOOKS_MAX: usize = 100_000;
/// What a process lost and complained of before the first look counts if it is younger than this: a deployment is watched from its start.
const YOUNG_SECONDS: f64 = 600.0;

/// What only grows while a process lives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Messages received.
    pub received: f64,
    /// Messages stored.
    pub stored: f64,
    /// What was refused, lost or given up, but what somebody cleared away.
    pub errors: f64,
    /// What was lost, but what somebody cleared away.
    pub lost: f64,
    /// Vessels found in the cache.
    pub hits: f64,
    /// Vessels not found there.
    pub misses: f64,
    /// Writes and syncs of the journal that failed.
    pub journal_failures: f64,
    /// Datagrams that the kernel dropped.
    pub kernel_drops: f64,
    /// Errors in the log.
    pub log_errors: f64,
}

/// What one answer says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Whether messages are taken.
    pub ready: bool,
    /// When the process started, seconds since 1970.
    pub started: f64,
    /// How long it had run.
    pub uptime_seconds: f64,
    /// Its version.
    pub version: String,
    /// What it counts.
    pub counted: Counted,
    /// Median from receipt to commit over a minute.
    pub p50_ms: f64,
    /// The 99th percentile of the same.
    pub p99_ms: f64,
    /// Rows in the dead letters.
    pub letters: f64,
    /// Breakers of stores and of Redis that are not closed.
    pub breakers_open: Vec<String>,
    /// Memory in use.
    pub memory_bytes: f64,
    /// Damage in the data directory, and sums that do not come out.
    pub damage: f64,
    /// How long the oldest message has waited for its commit.
    pub unstored_seconds: f64,
    /// Bytes of the journal, and its bound.
    pub journal_bytes: (f64, f64),
}

impl Seen {
    /// Out of an exposition that was read at this time, seconds since 1970.
    #[must_use]
    pub fn read(scrape: &Scrape, now: f64) -> Self {
        let kept = |series: &&Series| series.label("reason") != "dlq_cleared";
        let lost = scrape.each("ais_messages_dropped_total").filter(kept).map(Series::value).sum();
        let refused = scrape.sum("ais_messages_rejected_total");
        let breakers = scrape.each("circuit_breaker_state").filter(|it| it.value() > 0.0);
        let is_store = |name: &&str| ["postgres", "sqlite", "redis"].contains(name);
        let stores = breakers.map(|it| it.label("name")).filter(is_store);
        let started = scrape.sum("process_start_time_seconds");
        let build = scrape.each("ais_build_info").next();
        let log_errors =
            scrape.each("ais_log_lines_total").filter(|it| it.label("level") == "error");
        Self {
            ready: scrape.sum("ais_ready") > 0.0,
            started,
            uptime_seconds: (now - started).max(0.0),
            version: build.map_or("", |series| series.label("version")).to_owned(),
            counted: Counted {
                received: scrape.sum("ais_messages_received_total"),
                stored: scrape.sum("ais_messages_processed_total"),
                errors: refused + lost + scrape.sum("ais_messages_failed_db_total"),
                lost,
                hits: scrape.sum("ais_cache_hits_total"),
                misses: scrape.sum("ais_cache_misses_total"),
                journal_failures: scrape.sum("ais_journal_failures_total"),
                kernel_drops: scrape.sum("ais_feed_kernel_drops_total"),
                log_errors: log_errors.map(Series::value).sum(),
            },
            p50_ms: scrape.sum("ais_latency_p50_ms"),
            p99_ms: scrape.sum("ais_latency_p99_ms"),
            letters: scrape.sum("ais_dlq_size"),
            breakers_open: stores.map(str::to_owned).collect(),
            memory_bytes: scrape.sum("process_resident_memory_bytes"),
            damage: ["ais_journal_corrupt_records_total", "ais_journal_quarantined_files_total"]
                .into_iter()
                .chain(["ais_dlq_quarantined_total", "ais_accounting_imbalance"])
                .map(|name| scrape.sum(name))
                .sum(),
            unstored_seconds: scrape.sum("ais_oldest_unstored_seconds"),
            journal_bytes: (scrape.sum("ais_journal_bytes"), scrape.sum("ais_journal_limit_bytes")),
        }
    }
}

/// One look.
#[derive(Clone, Debug)]
pub struct Look {
    /// When, since the watch began.
    pub at: Duration,
    /// What was answered, if anything.
    pub seen: Option<Seen>,
    /// Counted since the watch began, over all processes.
    pub total: Counted,
    /// Starts since the watch began.
    pub starts: f64,
}

/// The looks of the last hour.
#[derive(Debug, Default)]
pub struct History {
    looks: VecDeque<Look>,
    /// The last answer, however long ago.
    last: Option<Seen>,
    total: Counted,
    starts: f64,
}

impl History {
    /// Adds a look.
    pub fn add(&mut self, at: Duration, seen: Option<Seen>) {
        if let Some(seen) = &seen {
            let again = self.last.as_ref().is_some_and(|last| is_another(last, seen));
            let before = match &self.last {
                Some(last) if !again => last.counted,
                Some(_) => Counted::default(),
                None if seen.uptime_seconds < YOUNG_SECONDS => {
                    Counted { lost: 0.0, log_errors: 0.0, ..seen.counted }
                }
                None => seen.counted,
            };
            self.starts += if again { 1.0 } else { 0.0 };
            self.total = grown(self.total, before, seen.counted);
            self.last = Some(seen.clone());
        }
        let (total, starts) = (self.total, self.starts);
        self.looks.push_back(Look { at, seen, total, starts });
        let too_old = |look: &Look| at.saturating_sub(look.at) > KEPT;
        while self.looks.front().is_some_and(too_old) || self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
    }

    /// The newest look.
    #[must_use]
    pub fn newest(&self) -> Option<&Look> {
        self.looks.back()
    }

    /// The last answer, however long ago it was.
    #[must_use]
    pub const fn last_seen(&self) -> Option<&Seen> {
        self.last.as_ref()
    }

    /// The oldest look of the last so long, and the newest, with the seconds between them; none while they are one.
    #[must_use]
    pub fn over(&self, window: Duration) -> Option<(&Look, &Look, f64)> {
        let newest = self.looks.back()?;
        let from = newest.at.saturating_sub(window);
        let oldest = self.looks.iter().find(|look| look.at >= from)?;
        let seconds = (newest.at - oldest.at).as_secs_f64();
        (seconds > 0.0).then_some((oldest, newest, seconds))
    }
}

/// A process that started at another second is another one.
fn is_another(last: &Seen, seen: &Seen) -> bool {
    (seen.started - last.started).abs() > 0.001
}

fn grown(total: Counted, before: Counted, now: Counted) -> Counted {
    let more = |total: f64, before: f64, now: f64| total + (now - before).max(0.0);
    Counted {
        received: more(total.received, before.received, now.received),
        stored: more(total.stored, before.stored, now.stored),
        errors: more(total.errors, before.errors, now.errors),
        lost: more(total.lost, before.lost, now.lost),
        hits: more(total.hits, before.hits, now.hits),
        misses: more(total.misses, before.misses, now.misses),
        journal_failures: more(
            total.journal_failures,
            before.journal_failures,
            now.journal_failures,
        ),
        kernel_drops: more(total.kernel_drops, before.kernel_drops, now.kernel_drops),
        log_errors: more(total.log_errors, before.log_errors, now.log_errors),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(started: f64, uptime_seconds: f64, stored: f64, lost: f64) -> Seen {
        let counted = Counted { stored, lost, ..Counted::default() };
        Seen { started, uptime_seconds, counted, ..Seen::default() }
    }

    #[test]
    fn counters_go_on_over_a_start_and_a_silence() {
        let mut history = History::default();
        let at = Duration::from_secs;
        history.add(at(0), Some(seen(1000.0, 5000.0, 700.0, 9.0)));
        assert!(history.over(at(300)).is_none(), "one look has no rate");
        history.add(at(10), Some(seen(1000.0, 5010.0, 800.0, 9.0)));
        history.add(at(20), None);
        history.add(at(30), Some(seen(6020.0, 1.0, 50.0, 0.0)));
        let (oldest, newest, seconds) = history.over(at(300)).unwrap();
        assert_eq!((oldest.total.stored, newest.total.stored, seconds), (0.0, 150.0, 30.0));
        assert_eq!((newest.total.lost, newest.starts), (0.0, 1.0));
        let (oldest, ..) = history.over(at(15)).unwrap();
        assert_eq!(oldest.at, at(20));
    }

    #[test]
    fn what_a_young_process_has_lost_counts() {
        let mut history = History::default();
        let mut young = seen(1000.0, 12.0, 700.0, 3.0);
        young.counted.log_errors = 2.0;
        history.add(Duration::ZERO, Some(young));
        let total = history.newest().unwrap().total;
        assert_eq!((total.stored, total.lost, total.log_errors), (0.0, 3.0, 2.0));
    }

    #[test]
    fn an_exposition_is_understood() {
        let text = "ais_ready 1\nprocess_start_time_seconds 100\nais_build_info{version=\"0.1.0\"} 1\n\
                    ais_messages_received_total{feed=\"udp\"} 90\nais_messages_received_total{feed=\"tcp\"} 10\n\
                    ais_messages_rejected_total{feed=\"udp\",reason=\"type\"} 4\n\
                    ais_messages_dropped_total{feed=\"udp\",reason=\"journal_full\"} 2\n\
                    ais_messages_dropped_total{feed=\"udp\",reason=\"dlq_cleared\"} 50\n\
                    ais_messages_failed_db_total 1\ncircuit_breaker_state{name=\"postgres\"} 2\n\
                    circuit_breaker_state{name=\"feed:a\"} 2\ncircuit_breaker_state{name=\"output:x\"} 2\ncircuit_breaker_state{name=\"redis\"} 0\n\
                    ais_dlq_quarantined_total 1\nais_accounting_imbalance 2\n\
                    ais_log_lines_total{level=\"error\"} 3\nais_log_lines_total{level=\"warn\"} 9\n";
        let seen = Seen::read(&Scrape::read(text), 160.0);
        assert!(seen.ready);
        assert_eq!((seen.uptime_seconds, seen.version.as_str()), (60.0, "0.1.0"));
        let counted = seen.counted;
        assert_eq!((counted.received, counted.errors, counted.lost), (100.0, 7.0, 2.0));
        assert_eq!(counted.log_errors, 3.0);
        assert_eq!((seen.breakers_open, seen.damage), (vec!["postgres".to_owned()], 3.0));
    }
}
