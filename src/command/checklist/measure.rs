//! The numbers that rules are about, out of what was seen. None is told while it cannot be.

use std::time::Duration;

use super::look::{History, Look, Seen};

/// Of the newest look, if it was answered.
fn now(history: &History) -> Option<&Seen> {
    history.newest()?.seen.as_ref()
}

/// Starts within the window.
pub fn starts(history: &History, window: Duration) -> Option<f64> {
    grown(history, window, |look| look.starts)
}

/// 1 when the newest look was not answered.
pub fn silent(history: &History, _: Duration) -> Option<f64> {
    history.newest().map(|look| f64::from(u8::from(look.seen.is_none())))
}

/// The share of what came that was refused, lost or given up.
pub fn errors(history: &History, window: Duration) -> Option<f64> {
    let received = grown(history, window, |look| look.total.received)?;
    let errors = grown(history, window, |look| look.total.errors)?;
    (received > 0.0).then(|| errors / received)
}

/// Messages lost, those of a young process before the first look too.
pub fn lost(history: &History, window: Duration) -> Option<f64> {
    since_the_start(history, window, |look| look.total.lost)
}

/// Errors in the log, those of a young process before the first look too.
pub fn log_errors(history: &History, window: Duration) -> Option<f64> {
    since_the_start(history, window, |look| look.total.log_errors)
}

/// Breakers of stores and of Redis that are not closed.
pub fn breakers(history: &History, _: Duration) -> Option<f64> {
    let open = now(history)?.breakers_open.len();
    u32::try_from(open).ok().map(f64::from)
}

/// Memory in use.
pub fn memory(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| seen.memory_bytes)
}

/// Damage in the data directory, and sums that do not come out.
pub fn damage(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| seen.damage)
}

/// Messages stored a second; not told while nobody answers, which other rules tell.
pub fn stored(history: &History, window: Duration) -> Option<f64> {
    let (oldest, newest, seconds) = history.over(window)?;
    now(history).map(|_| (newest.total.stored - oldest.total.stored) / seconds)
}

/// 99th percentile from receipt to commit, in milliseconds.
pub fn p99(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| seen.p99_ms)
}

/// Rows in the dead letters.
pub fn letters(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| seen.letters)
}

/// 1 when no messages are taken; not told while nobody answers.
pub fn unready(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| f64::from(u8::from(!seen.ready)))
}

/// Seconds that the oldest message has waited.
pub fn unstored(history: &History, _: Duration) -> Option<f64> {
    now(history).map(|seen| seen.unstored_seconds)
}

/// Failures of the journal's disk within the window.
pub fn journal_failures(history: &History, window: Duration) -> Option<f64> {
    grown(history, window, |look| look.total.journal_failures)
}

/// Datagrams that the kernel dropped within the window.
pub fn kernel_drops(history: &History, window: Duration) -> Option<f64> {
    grown(history, window, |look| look.total.kernel_drops)
}

/// The share of vessels that are found in the cache.
pub fn hits(history: &History, window: Duration) -> Option<f64> {
    let hits = grown(history, window, |look| look.total.hits)?;
    let misses = grown(history, window, |look| look.total.misses)?;
    (hits + misses > 0.0).then(|| hits / (hits + misses))
}

/// What was counted within the window, and before the first look while that lies in it.
fn since_the_start(history: &History, window: Duration, what: fn(&Look) -> f64) -> Option<f64> {
    let newest = history.newest()?;
    if newest.at <= window { Some(what(newest)) } else { grown(history, window, what) }
}

fn grown(history: &History, window: Duration, what: fn(&Look) -> f64) -> Option<f64> {
    history.over(window).map(|(oldest, newest, _)| what(newest) - what(oldest))
}
