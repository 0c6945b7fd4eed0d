//! Each call to the disk fails once, in each way that calls fail, until a run has no call left to fail: over real files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Rig, config, rig, try_read_all, try_rig};
use crate::clock::{self, SECOND_US};
use crate::config::JournalConfig;
use crate::disk::testing::InPlace;
use crate::disk::testing::faulty::{Faulty, Way};
use crate::journal::committed;
use crate::stage::Stage;

const ROUNDS: usize = 6;
const RECORDS: usize = 30;

/// Small, so that segments are begun and cut all the time.
fn small() -> JournalConfig {
    JournalConfig { segment_bytes: 4096, ..config() }
}

/// What a run with a fault in it left.
#[derive(Default)]
struct Lived {
    /// The numbers that were told to the shards.
    published: BTreeSet<u64>,
    /// What the store had.
    committed: u64,
    /// Whether the run came to its end.
    ended: bool,
}

/// Turns until nothing is left to do, the clock going on; false when the process would have stopped.
fn settle(rig: &mut Rig, now: &mut Instant, lived: &mut Lived) -> bool {
    for _ in 0..8 {
        *now += Duration::from_millis(200);
        clock::testing::stop_at(*now);
        if rig.append.turn().is_err() || rig.sync.turn().is_err() {
            return false;
        }
        let Ok(seqs) = try_read_all(rig.tail.as_mut().unwrap()) else { return false };
        lived.published.extend(seqs);
    }
    true
}

/// A start and a few rounds of traffic, with segments begun, cut, read back and deleted.
fn live(root: &std::path::Path) -> Lived {
    let mut lived = Lived::default();
    let mut now = Instant::now();
    let Ok(mut rig) = try_rig(root, small(), 1) else { return lived };
    for round in 0..ROUNDS {
        rig.clock.set_us(rig.clock.now_us() + 60 * SECOND_US);
        rig.offer(RECORDS);
        rig.offer(RECORDS);
        if !settle(&mut rig, &mut now, &mut lived) {
            return lived;
        }
        if round == ROUNDS / 2 {
            lived.committed = rig.shared.next_seq() - 1;
            (0..64).for_each(|partition| rig.shared.set_committed(partition, lived.committed));
            let _ = committed::save(root, &rig.shared.all_committed());
        }
    }
    lived.ended = true;
    let (synced, next) = (rig.shared.synced_seq(), rig.shared.next_seq());
    lived.published.extend(synced..next);
    lived
}

/// One run with this fault, and one without after it; the call that failed, if one did.
fn check(way: Way, at: u64) -> Option<(&'static str, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Faulty::new(way, at));
    let lived = {
        let _in_place = InPlace::of(Arc::clone(&disk) as _);
        live(dir.path())
    };
    let context = format!("{way:?} at call {at}, {:?}", disk.fired());
    if lived.ended && way != Way::Crash {
        assert_eq!(lived.published.len(), ROUNDS * RECORDS * 2, "{context}: all of it is taken");
    }
    let mut after = rig(dir.path(), small(), 64);
    assert!(
        lived.published.last().is_none_or(|last| *last < after.shared.next_seq()),
        "{context}: no number is used twice"
    );
    let mut seqs = after.read_all();
    // What was written again after a failure stands there twice, and whoever reads skips what it has seen.
    let mut seen = 0;
    seqs.retain(|seq| {
        let is_new = seen < *seq;
        seen = seen.max(*seq);
        is_new
    });
    let found: BTreeSet<u64> = seqs.iter().copied().collect();
    let must = lived.published.range(lived.committed..);
    let lost: Vec<_> = must.filter(|seq| !found.contains(seq)).collect();
    assert!(lost.is_empty(), "{context}: lost {lost:?}");
    assert_eq!(after.counts.journal.corrupt_records.get(), 0, "{context}");
    let deleted = u64::from(seqs.first() > lived.published.first());
    disk.fired().map(|call| (call, deleted))
}

#[test]
fn whichever_call_to_the_disk_fails_nothing_accepted_is_lost_and_the_next_start_works() {
    let ways = [
        Way::Error(Errno::EIO),
        Way::Error(Errno::ENOSPC),
        Way::Short,
        Way::Interrupted,
        Way::ShortThen(Errno::ENOSPC),
        Way::Crash,
    ];
    let mut fired: BTreeMap<&str, u64> = BTreeMap::new();
    let mut deleted_in = 0;
    for way in ways {
        for at in 1.. {
            let Some((call, deleted)) = check(way, at) else { break };
            *fired.entry(call).or_default() += 1;
            deleted_in += deleted;
        }
    }
    eprintln!("calls that failed: {fired:?}; segments were deleted in {deleted_in} runs");
    for call in ["open", "write", "read", "sync", "cut", "preallocate", "rename", "list", "lock"] {
        assert!(fired.get(call).is_some_and(|count| *count >= 2), "{call}: {fired:?}");
    }
    for call in ["remove", "length", "make a directory", "sync a directory"] {
        assert!(fired.get(call).is_some_and(|count| *count >= 2), "{call}: {fired:?}");
    }
    assert!(deleted_in > 0, "segments are deleted");
}
