//! The whole way behind the feeds, from the journal to the store and the picture, in histories that a seed determines: no threads,
//! no waiting, and a clock, a disk, a store and a live sink that fail as the seed says.
//!
//! `AISD_SEED=N cargo test --lib no_history -- --nocapture` runs that one history and tells every step of it; `AISD_SOAK=1` runs twenty times as many.

mod database;
mod disk;
mod found;
mod history;
mod ledger;
mod life;
mod picture;
mod random;
mod tally;
mod time;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::observe::latency::Latency;
use database::Flaw;
use disk::Lie;
use history::{Broke, run};
use tally::Tally;

const HISTORIES: u64 = 10_000;
/// A flaw is to be found within so many histories.
const TO_FIND: u64 = 1000;
/// Of the histories that are wrong, so many are told.
const TOLD_MAX: usize = 100;

fn latency() -> Arc<Mutex<Latency>> {
    Arc::new(Mutex::new(Latency::default()))
}

/// Histories of a thread until there are no more; what happened in them, and in which of them something is wrong.
fn some(next: &AtomicU64, end: u64) -> (Tally, BTreeMap<u64, String>) {
    let (mut tally, mut wrong, latency) = (Tally::default(), BTreeMap::new(), latency());
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return (tally, wrong);
        }
        match run(seed, Broke::default(), &latency, false) {
            Ok(happened) => tally.add(&happened),
            Err(what) => drop(wrong.insert(seed, what)),
        }
    }
}

#[test]
fn no_history_loses_or_doubles_a_message() {
    if let Some(seed) = std::env::var("AISD_SEED").ok().and_then(|seed| seed.parse().ok()) {
        eprintln!("{:?}", run(seed, Broke::default(), &latency(), true).unwrap());
        return;
    }
    let soak = std::env::var("AISD_SOAK").is_ok();
    let (next, end) = (AtomicU64::new(0), if soak { HISTORIES * 20 } else { HISTORIES });
    let began = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (tally, wrong) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| some(&next, end))).collect();
        let (mut all, mut wrong) = (Tally::default(), BTreeMap::new());
        for thread in threads {
            let (tally, more) = thread.join().unwrap();
            all.add(&tally);
            wrong.extend(more);
        }
        (all, wrong)
    });
    eprintln!("{end} histories in {:.1} s: {tally:?}", began.elapsed().as_secs_f64());
    for (seed, what) in wrong.iter().take(TOLD_MAX) {
        eprintln!("history {seed}: {what}");
    }
    let again = "AISD_SEED=N cargo test --lib no_history -- --nocapture tells history N";
    assert!(wrong.is_empty(), "{} of {end} histories are wrong; {again}", wrong.len());
    for (fault, times) in tally.faults() {
        assert!(times >= 20, "{fault} fired {times} times");
    }
    assert!(tally.acknowledged > end * 20, "{} messages were acknowledged", tally.acknowledged);
}

/// What the checker says of a world that is broken like this, of the first history that it finds fault with and that is well in one
/// that is not.
fn found(broke: Broke) -> String {
    let latency = latency();
    let found = (0..TO_FIND).find_map(|seed| {
        let wrong = run(seed, broke, &latency, false).err()?;
        run(seed, Broke::default(), &latency, false).ok().map(|_| wrong)
    });
    found.unwrap_or_else(|| panic!("{broke:?} was not noticed in {TO_FIND} histories"))
}

#[test]
fn a_sync_that_is_reported_before_it_happened_is_found() {
    let wrong = found(Broke { lie: Some(Lie::Sync), ..Broke::default() });
    assert!(wrong.contains("lost") || wrong.contains("after"), "{wrong}");
}

#[test]
fn a_generation_that_is_used_again_is_found() {
    let wrong = found(Broke { lie: Some(Lie::Generation), ..Broke::default() });
    assert!(wrong.contains("number"), "{wrong}");
}

#[test]
fn offsets_that_are_committed_apart_from_their_rows_are_found() {
    let wrong = found(Broke { flaw: Some(Flaw::OffsetsApart), ..Broke::default() });
    assert!(wrong.contains("times"), "{wrong}");
}

#[test]
fn a_fence_that_is_not_checked_is_found() {
    let wrong = found(Broke { flaw: Some(Flaw::NoFence), ..Broke::default() });
    assert!(wrong.contains("times") || wrong.contains("went back"), "{wrong}");
}

#[test]
fn a_picture_that_is_not_guarded_is_found() {
    let wrong = found(Broke { picture: true, ..Broke::default() });
    assert!(wrong.contains("picture"), "{wrong}");
}
