//! What a shard knows of each vessel: its last position and what it says of itself, for the latest so many vessels.
//!
//! The lock is there only so that others may look; the shard takes it once a turn.
//!
//! When somebody shows the vessels elsewhere, the table also keeps a list of those that changed, each at most once: a vessel
//! that changes a hundred times before it is shown is shown once, as it is then. So the list needs no bound of its own.

mod table;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::table::Table;
use super::vessel::Vessel;
use crate::picture::What;

/// Vessels by MMSI, the least recently heard of going first.
pub struct Vessels {
    table: Table,
    max: usize,
    changed: Option<Changed>,
    /// Look-ups that found their vessel.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Vessels put out at the bound.
    pub evictions: u64,
}

impl Vessels {
    /// Remembers at most `max` vessels, at least one.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let (table, max) = (Table::default(), max.max(1));
        Self { table, max, changed: None, hits: 0, misses: 0, evictions: 0 }
    }

    /// Also lists those that change, for [`Vessels::take_changed`].
    #[must_use]
    pub fn watched(self) -> Self {
        Self { changed: Some(Changed::default()), ..self }
    }

    /// The vessel, made when it is not there; it is now the most recent.
    pub fn heard(&mut self, mmsi: u32) -> &mut Vessel {
        if let Some(slot) = self.table.find(mmsi) {
            self.hits += 1;
            self.table.renew(slot);
            return self.table.at_mut(slot);
        }
        self.misses += 1;
        if self.table.len() < self.max {
            return self.table.add(mmsi);
        }
        let (vessel, evicted) = self.table.replace_oldest(mmsi);
        self.evictions += 1;
        if let Some(changed) = &mut self.changed
            && evicted.changed.any()
        {
            changed.waiting -= 1;
            changed.evicted += 1;
        }
        vessel
    }

    /// Has the vessel brought near, if it is there.
    pub fn fetch(&self, mmsi: u32) {
        if let Some(vessel) = self.table.get(mmsi) {
            vessel.fetch();
        }
    }

    /// The vessel, if it is there.
    pub fn known(&mut self, mmsi: u32) -> Option<&mut Vessel> {
        self.table.get_mut(mmsi)
    }

    /// Lists a vessel that changed and had not changed before.
    pub fn note_changed(&mut self, mmsi: u32) {
        let Some(changed) = &mut self.changed else { return };
        changed.waiting += 1;
        changed.list.push_back(mmsi);
        // Evicted vessels stay in the list until their turn comes; while nobody takes any, they must not add up.
        if changed.list.len() > 2 * self.max {
            let still = self.table.iter().filter(|(_, vessel)| vessel.changed.any());
            changed.list = still.map(|(mmsi, _)| mmsi).collect();
        }
    }

    /// Takes the changed vessel that has waited longest; it counts as shown.
    pub fn take_changed(&mut self) -> Option<(u32, &Vessel, What)> {
        let changed = self.changed.as_mut()?;
        while let Some(mmsi) = changed.list.pop_front() {
            let what = self.table.get_mut(mmsi).map(|it| std::mem::take(&mut it.changed));
            if let Some(what) = what.filter(|what| what.any()) {
                changed.waiting -= 1;
                return self.table.get(mmsi).map(|vessel| (mmsi, vessel, what));
            }
        }
        None
    }

    /// Marks a vessel as changed; one that is no longer known counts as evicted.
    pub fn mark_changed(&mut self, mmsi: u32, what: What) {
        let Some(changed) = &mut self.changed else { return };
        let Some(vessel) = self.table.get_mut(mmsi) else {
            changed.evicted += 1;
            return;
        };
        let before = vessel.changed;
        vessel.changed = before.or(what);
        if !before.any() && what.any() {
            self.note_changed(mmsi);
        }
    }

    /// Marks all vessels of which there is something to show, the most recent first.
    pub fn mark_all_changed(&mut self) {
        let Some(changed) = &mut self.changed else { return };
        changed.list.clear();
        self.table.each_mut(|mmsi, vessel| {
            let what = What { position: vessel.fix.is_some(), statics: vessel.data_time_us != 0 };
            vessel.changed = what;
            if what.any() {
                changed.list.push_back(mmsi);
            }
        });
        changed.waiting = changed.list.len();
    }

    /// How many changed vessels wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.changed.as_ref().map_or(0, |changed| changed.waiting)
    }

    /// Changed vessels that were put out before they were taken, since the last call.
    pub fn take_evicted_changed(&mut self) -> u64 {
        self.changed.as_mut().map_or(0, |changed| std::mem::take(&mut changed.evicted))
    }

    /// The vessel, for looking only.
    #[must_use]
    pub fn get(&self, mmsi: u32) -> Option<&Vessel> {
        self.table.get(mmsi)
    }

    /// All vessels, the most recent first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Vessel)> {
        self.table.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Vessels that changed and were not taken yet.
#[derive(Default)]
struct Changed {
    /// In the order in which they changed. Some may have been put out, or be there twice after that.
    list: VecDeque<u32>,
    /// How many of the table are marked.
    waiting: usize,
    evicted: u64,
}

impl Clone for Vessels {
    /// The same knowledge; the copy lists no changes, so nothing is shown twice, and has counted nothing.
    fn clone(&self) -> Self {
        let (table, max) = (self.table.clone(), self.max);
        Self { table, max, changed: None, hits: 0, misses: 0, evictions: 0 }
    }
}
