//! Vessels by MMSI, in the order in which they were heard, where a vessel can be found without a look at any.
//!
//! In a list of nodes with their keys in them a node has to be read to see whose it is, and one that moves to the front writes to its
//! neighbours: each is a wait for memory. Here index and order are some 40 bytes a vessel, which stay near, apart
//! from what is known of it.

use hashbrown::HashMap;

use crate::shard::vessel::Vessel;

/// Vessels, none of which leaves but for another.
#[derive(Clone, Default)]
pub struct Table {
    index: HashMap<u32, u32>,
    slots: Vec<Slot>,
    newest: u32,
}

/// A place in the ring of the order: after the oldest comes the newest again.
#[derive(Clone)]
struct Slot {
    vessel: Box<Vessel>,
    mmsi: u32,
    newer: u32,
    older: u32,
}

impl Table {
    /// Where the vessel is, if it is there.
    pub fn find(&self, mmsi: u32) -> Option<u32> {
        self.index.get(&mmsi).copied()
    }

    /// What is known of the vessel at this slot.
    pub fn at(&self, slot: u32) -> &Vessel {
        &self.slots[slot as usize].vessel
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, slot: u32) -> &mut Vessel {
        &mut self.slots[slot as usize].vessel
    }

    /// The vessel, if it is there.
    pub fn get(&self, mmsi: u32) -> Option<&Vessel> {
        self.find(mmsi).map(|slot| self.at(slot))
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, mmsi: u32) -> Option<&mut Vessel> {
        self.find(mmsi).map(|slot| self.at_mut(slot))
    }

    /// Makes the vessel at this slot the newest.
    pub fn renew(&mut self, slot: u32) {
        if slot == self.newest {
            return;
        }
        if slot != self.oldest() {
            let Slot { newer, older, .. } = self.slots[slot as usize];
            self.link(newer, older);
            self.link_newest(slot);
        }
        // The oldest stands where the newest belongs: the ring only begins there.
        self.newest = slot;
    }

    /// Adds a vessel of which nothing is known, as the newest.
    pub fn add(&mut self, mmsi: u32) -> &mut Vessel {
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot { vessel: Box::default(), mmsi, newer: slot, older: slot });
        self.link_newest(slot);
        self.newest = slot;
        self.index.insert(mmsi, slot);
        self.at_mut(slot)
    }

    /// Puts a vessel of which nothing is known, as the newest, in the place of the oldest, of which there must be one, and tells what
    /// was known of that.
    pub fn replace_oldest(&mut self, mmsi: u32) -> (&mut Vessel, Vessel) {
        let slot = self.oldest();
        let Slot { mmsi: its, vessel, .. } = &mut self.slots[slot as usize];
        self.index.remove(its);
        self.index.insert(mmsi, slot);
        (*its, self.newest) = (mmsi, slot);
        let known = std::mem::take(&mut **vessel);
        (vessel, known)
    }

    /// All vessels, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Vessel)> {
        let mut next = self.newest;
        (0..self.len()).map(move |_| {
            let slot = &self.slots[next as usize];
            next = slot.older;
            (slot.mmsi, &*slot.vessel)
        })
    }

    /// Does this to each vessel, the newest first.
    pub fn each_mut(&mut self, mut what: impl FnMut(u32, &mut Vessel)) {
        let mut next = self.newest;
        for _ in 0..self.len() {
            let slot = &mut self.slots[next as usize];
            next = slot.older;
            what(slot.mmsi, &mut slot.vessel);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Where there is one.
    fn oldest(&self) -> u32 {
        self.slots[self.newest as usize].newer
    }

    /// Puts a slot between the oldest and the newest.
    fn link_newest(&mut self, slot: u32) {
        self.link(self.oldest(), slot);
        self.link(slot, self.newest);
    }

    fn link(&mut self, newer: u32, older: u32) {
        self.slots[newer as usize].older = older;
        self.slots[older as usize].newer = newer;
    }
}
