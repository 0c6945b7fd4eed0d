//! All shards' vessels, for those who ask.
//!
//! Each shard's lock is taken for one vessel, or for one walk over its table; a walk over 100 000 vessels holds a shard up for
//! some milliseconds, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::vessel::{Fix, Vessel};
use super::vessels::Vessels;
use crate::partition;
use crate::picture::{Area, Change, Changes, Fleet, LastPosition, VesselView, What};

/// The vessels of all shards, in the order of the shards.
pub struct ShardedFleet {
    shards: Vec<Arc<Mutex<Vessels>>>,
    /// The shard whose changes are taken first, so that none waits for the others for ever.
    first: AtomicUsize,
}

impl ShardedFleet {
    /// Looks into these.
    #[must_use]
    pub const fn new(shards: Vec<Arc<Mutex<Vessels>>>) -> Self {
        Self { shards, first: AtomicUsize::new(0) }
    }
}

impl Changes for ShardedFleet {
    fn take(&self, max: usize, into: &mut Vec<Change>) {
        let first = self.first.fetch_add(1, Ordering::Relaxed) % self.shards.len().max(1);
        let (end, begin) = self.shards.split_at(first);
        for shard in begin.iter().chain(end) {
            let mut vessels = shard.lock();
            while into.len() < max
                && let Some((mmsi, vessel, what)) = vessels.take_changed()
            {
                into.push(Change { view: view(mmsi, vessel), what });
            }
        }
    }

    fn mark(&self, vessels: &[(u32, What)]) {
        for (index, shard) in self.shards.iter().enumerate() {
            let mut shard = shard.lock();
            for (mmsi, what) in vessels {
                if partition::owner(partition::of(*mmsi), self.shards.len()) == index {
                    shard.mark_changed(*mmsi, *what);
                }
            }
        }
    }

    fn mark_all(&self) {
        for shard in &self.shards {
            shard.lock().mark_all_changed();
        }
    }

    fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().waiting()).sum()
    }

    fn take_evicted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().take_evicted_changed()).sum()
    }
}

impl Fleet for ShardedFleet {
    fn vessel(&self, mmsi: u32) -> Option<VesselView> {
        let shard = partition::owner(partition::of(mmsi), self.shards.len());
        let vessels = self.shards.get(shard)?.lock();
        // One that nobody wants to see has an entry where positions are thinned out.
        let known = vessels.get(mmsi).filter(|vessel| vessel.heard_us != 0);
        known.map(|vessel| view(mmsi, vessel))
    }

    fn within(&self, area: &Area, limit: usize) -> Vec<VesselView> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let vessels = shard.lock();
            let inside = vessels.iter().filter(|(_, vessel)| {
                let place = vessel.fix.and_then(|fix| fix.position.place);
                place.is_some_and(|place| area.contains(place))
            });
            let left = limit - found.len();
            found.extend(inside.take(left).map(|(mmsi, vessel)| view(mmsi, vessel)));
            if found.len() == limit {
                break;
            }
        }
        found
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

fn view(mmsi: u32, vessel: &Vessel) -> VesselView {
    let confirmed = vessel.elsewhere.as_deref().filter(|it| it.is_confirmed());
    VesselView {
        mmsi,
        last: vessel.shown().as_ref().map(position_of),
        elsewhere: confirmed.map(|elsewhere| position_of(&elsewhere.fix)),
        statics: vessel.data,
        said: vessel.said,
        first_seen_us: vessel.first_heard_us,
        last_seen_us: vessel.heard_us,
    }
}

const fn position_of(fix: &Fix) -> LastPosition {
    LastPosition {
        position: fix.position,
        seq: fix.origin.seq,
        time_us: fix.origin.time_us,
        received_us: fix.origin.received_us,
        flags: fix.flags,
        feed: fix.origin.feed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{StaticData, Text};
    use crate::shard::weight::Weight;

    fn fleet(shards: usize) -> ShardedFleet {
        let vessels = || Arc::new(Mutex::new(Vessels::new(1000).watched()));
        ShardedFleet::new((0..shards).map(|_| vessels()).collect())
    }

    fn named(fleet: &ShardedFleet, mmsi: u32) {
        let shard = partition::owner(partition::of(mmsi), fleet.shards.len());
        let mut vessels = fleet.shards[shard].lock();
        let data = StaticData { name: Text::new(b"NAME"), ..StaticData::default() };
        vessels.heard(mmsi).said(1, &data, Weight::default());
        vessels.note_changed(mmsi);
    }

    #[test]
    fn what_is_taken_of_all_shards_is_what_changed() {
        let fleet = fleet(3);
        (1..=30).for_each(|mmsi| named(&fleet, mmsi));
        assert_eq!(fleet.waiting(), 30);
        let mut taken = Vec::new();
        fleet.take(7, &mut taken);
        assert_eq!((taken.len(), fleet.waiting()), (7, 23));
        let back: Vec<(u32, What)> = taken.iter().map(|it| (it.view.mmsi, it.what)).collect();
        fleet.mark(&back);
        assert_eq!(fleet.waiting(), 30);
        taken.clear();
        fleet.take(100, &mut taken);
        let mut all: Vec<u32> = taken.iter().map(|it| it.view.mmsi).collect();
        all.sort_unstable();
        assert_eq!(all, (1..=30).collect::<Vec<_>>());
        assert!(taken.iter().all(|it| it.what == What::STATICS
            && it.view.said.of(crate::picture::StaticField::Name) == 1));
        fleet.mark_all();
        assert_eq!((fleet.waiting(), fleet.take_evicted()), (30, 0));
    }

    #[test]
    fn no_shard_waits_for_the_others_for_ever() {
        let fleet = fleet(3);
        (1..=30).for_each(|mmsi| named(&fleet, mmsi));
        let mut shards: Vec<usize> = (0..3)
            .map(|_| {
                let mut taken = Vec::new();
                fleet.take(1, &mut taken);
                partition::owner(partition::of(taken[0].view.mmsi), 3)
            })
            .collect();
        shards.sort_unstable();
        assert_eq!(shards, [0, 1, 2]);
    }
}
