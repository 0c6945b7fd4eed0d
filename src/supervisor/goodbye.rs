//! The last lines of the log: what became of everything that came, and what to do about what was refused.

use std::path::Path;

use super::build::Engine;
use crate::observe::accounting::Sums;
use crate::reject::Reject;

/// Says what became of the messages of each feed that had any.
pub fn say(engine: &Engine, data_dir: &Path) {
    let mut undecided = 0;
    for feed in &engine.counts.feeds {
        let sums = Sums::read(feed);
        if sums.came() == 0 {
            continue;
        }
        undecided += sums.in_flight();
        tracing::info!(
            feed = feed.name,
            received = sums.received,
            recovered = sums.recovered,
            stored = sums.stored,
            repeats = sums.repeats,
            rejected = sums.rejected.iter().sum::<u64>(),
            dropped = sums.dropped.iter().sum::<u64>(),
            undelivered = sums.undelivered,
            "in all"
        );
        for (reason, messages) in Reject::ALL.iter().zip(sums.rejected) {
            if messages > 0 {
                let (reason, hint) = (reason.label(), hint(*reason));
                tracing::info!(feed = feed.name, reason, messages, "refused{hint}");
            }
        }
    }
    if undecided > 0 {
        tracing::warn!(
            messages = undecided,
            "the deadline cut the drain short; the journal in {} keeps the rest for the next start",
            data_dir.display()
        );
    }
    tracing::info!("stopped");
}

/// What somebody can do about it, where there is something.
const fn hint(reason: Reject) -> &'static str {
    match reason {
        Reject::TimeMissing => {
            ": the recording carries no times; --start tells that of its first line"
        }
        Reject::TimePast => ": too old for a live feed; recordings go through aisd replay",
        Reject::ChecksumMissing => ": nmea.require_checksum = false takes them",
        _ => "",
    }
}
