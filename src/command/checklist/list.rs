//! Every line of the deployment checklist that a running daemon can be held to, with its bound.
//!
//! A rule with a severity is the alert of the same name in `config/prometheus/aisd.yml`: `crashing` is `AisdCrashing`, with the same
//! bound, window and patience; `the_rules_of_watch_are_the_alerts_of_prometheus` compares the two.

use std::time::Duration;

use super::look::History;
use super::measure::{
    breakers, damage, errors, hits, journal_failures, kernel_drops, letters, log_errors, lost,
    memory, p99, silent, starts, stored, unready, unstored,
};
use super::rules::Bound::{AtLeast, AtMost};
use super::rules::{Bound, Column as C, Grade, Rule, Unit as U};

const fn rule(
    name: &'static str,
    says: &'static str,
    (grade, severity): (Grade, Option<&'static str>),
    (column, unit): (C, U),
    measure: fn(&History, Duration) -> Option<f64>,
    (bound, window, patience): (Bound, Duration, Duration),
) -> Rule {
    Rule { name, says, grade, severity, column, unit, measure, window, bound, patience }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

const NOW: Duration = Duration::ZERO;
const FIVE: Duration = minutes(5);
const ROLLBACK: (Grade, Option<&str>) = (Grade::Rollback, Some("rollback"));
const CONSIDER: (Grade, Option<&str>) = (Grade::Consider, Some("consider"));
const CRITICAL: (Grade, Option<&str>) = (Grade::Consider, Some("critical"));
const MUST: (Grade, Option<&str>) = (Grade::Consider, None);
const SHOULD: (Grade, Option<&str>) = (Grade::Should, None);
const WARNING: (Grade, Option<&str>) = (Grade::Should, Some("warning"));
const NICE: (Grade, Option<&str>) = (Grade::Nice, None);

/// Every rule, the gravest first.
pub const RULES: &[Rule] = &[
    rule(
        "crashing",
        "starts within an hour",
        ROLLBACK,
        (C::State, U::Count),
        starts,
        (AtMost(1.0), minutes(60), NOW),
    ),
    rule(
        "down",
        "without an answer",
        (Grade::Rollback, Some("critical")),
        (C::State, U::Count),
        silent,
        (AtMost(0.0), NOW, minutes(1)),
    ),
    rule(
        "errors-high",
        "refused or lost",
        ROLLBACK,
        (C::Errors, U::Share),
        errors,
        (AtMost(0.1), FIVE, minutes(2)),
    ),
    rule(
        "data-loss",
        "messages lost",
        ROLLBACK,
        (C::Lost, U::Count),
        lost,
        (AtMost(0.0), minutes(10), NOW),
    ),
    rule(
        "breaker-open",
        "breakers open for longer than allowed",
        ROLLBACK,
        (C::Breakers, U::Count),
        breakers,
        (AtMost(0.0), NOW, FIVE),
    ),
    rule(
        "memory-leak",
        "memory",
        ROLLBACK,
        (C::Memory, U::Bytes),
        memory,
        (AtMost(2e9), NOW, minutes(1)),
    ),
    rule(
        "corruption",
        "damage, and sums that do not come out",
        ROLLBACK,
        (C::Other, U::Count),
        damage,
        (AtMost(0.0), NOW, NOW),
    ),
    rule(
        "restarted",
        "starts while it was watched (uptime 100 %)",
        MUST,
        (C::State, U::Count),
        starts,
        (AtMost(0.0), minutes(60), NOW),
    ),
    rule(
        "breaker-opened",
        "breakers open (they stay closed)",
        MUST,
        (C::Breakers, U::Count),
        breakers,
        (AtMost(0.0), NOW, NOW),
    ),
    rule(
        "log-errors",
        "errors in the log",
        (Grade::Consider, Some("warning")),
        (C::Other, U::Count),
        log_errors,
        (AtMost(0.0), minutes(10), NOW),
    ),
    rule(
        "errors-unusual",
        "refused or lost",
        CONSIDER,
        (C::Errors, U::Share),
        errors,
        (AtMost(0.01), FIVE, FIVE),
    ),
    rule(
        "throughput-low",
        "messages stored a second",
        CONSIDER,
        (C::Stored, U::Rate),
        stored,
        (AtLeast(2000.0), FIVE, FIVE),
    ),
    rule(
        "latency-high",
        "p99 from receipt to commit",
        CONSIDER,
        (C::Latency, U::Ms),
        p99,
        (AtMost(200.0), NOW, minutes(1)),
    ),
    rule(
        "dead-letters-many",
        "rows in the dead letters",
        CONSIDER,
        (C::Letters, U::Count),
        letters,
        (AtMost(100.0), NOW, NOW),
    ),
    rule(
        "not-ready",
        "takes no messages",
        CRITICAL,
        (C::State, U::Count),
        unready,
        (AtMost(0.0), NOW, minutes(1)),
    ),
    rule(
        "oldest-unstored",
        "wait of the oldest message",
        CRITICAL,
        (C::Other, U::Seconds),
        unstored,
        (AtMost(60.0), NOW, minutes(2)),
    ),
    rule(
        "journal-failing",
        "failures of the journal's disk",
        CRITICAL,
        (C::Other, U::Count),
        journal_failures,
        (AtMost(0.0), FIVE, NOW),
    ),
    rule(
        "throughput",
        "messages stored a second",
        SHOULD,
        (C::Stored, U::Rate),
        stored,
        (AtLeast(5000.0), FIVE, FIVE),
    ),
    rule(
        "latency-raised",
        "p99 from receipt to commit",
        WARNING,
        (C::Latency, U::Ms),
        p99,
        (AtMost(50.0), NOW, FIVE),
    ),
    rule(
        "dead-letters",
        "rows in the dead letters",
        WARNING,
        (C::Letters, U::Count),
        letters,
        (AtMost(10.0), NOW, NOW),
    ),
    rule(
        "memory-raised",
        "memory",
        WARNING,
        (C::Memory, U::Bytes),
        memory,
        (AtMost(1e9), NOW, FIVE),
    ),
    rule(
        "kernel-drops",
        "datagrams dropped by the kernel",
        WARNING,
        (C::Other, U::Count),
        kernel_drops,
        (AtMost(0.0), minutes(10), NOW),
    ),
    rule(
        "throughput-best",
        "messages stored a second",
        NICE,
        (C::Stored, U::Rate),
        stored,
        (AtLeast(8000.0), FIVE, FIVE),
    ),
    rule(
        "latency-best",
        "p99 from receipt to commit",
        NICE,
        (C::Latency, U::Ms),
        p99,
        (AtMost(30.0), NOW, NOW),
    ),
    rule(
        "dead-letters-none",
        "rows in the dead letters",
        NICE,
        (C::Letters, U::Count),
        letters,
        (AtMost(0.0), NOW, NOW),
    ),
    rule(
        "cache-misses",
        "vessels found in the cache",
        (Grade::Nice, Some("warning")),
        (C::Cache, U::Share),
        hits,
        (AtLeast(0.9), minutes(30), minutes(30)),
    ),
];
