//! All shards' vessels, for those who ask.
//!
//! Each shard's lock is taken for one vessel, or for one walk over its table; a walk over 100 000 vessels holds a shard up for
//! some milliseconds, once.

use std::sync::Arc;

use parking_lot::Mutex;

use super::vessels::{Vessel, Vessels};
use crate::partition;
use crate::picture::{Area, Fleet, LastPosition, VesselView};

/// The vessels of all shards, in the order of the shards.
pub struct ShardedFleet {
    shards: Vec<Arc<Mutex<Vessels>>>,
}

impl ShardedFleet {
    /// Looks into these.
    #[must_use]
    pub const fn new(shards: Vec<Arc<Mutex<Vessels>>>) -> Self {
        Self { shards }
    }
}

impl Fleet for ShardedFleet {
    fn vessel(&self, mmsi: u32) -> Option<VesselView> {
        let shard = partition::owner(partition::of(mmsi), self.shards.len());
        let vessels = self.shards.get(shard)?.lock();
        vessels.get(mmsi).map(|vessel| view(mmsi, vessel))
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
    let last = vessel.fix.map(|fix| LastPosition {
        position: fix.position,
        seq: fix.origin.seq,
        time_us: fix.origin.time_us,
        received_us: fix.origin.received_us,
        flags: fix.flags,
        feed: fix.origin.feed,
    });
    VesselView {
        mmsi,
        last,
        statics: vessel.data,
        first_seen_us: vessel.first_heard_us,
        last_seen_us: vessel.heard_us,
    }
}
