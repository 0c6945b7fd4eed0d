//! Numbered places for incomplete messages, which know who came first.
//!
//! Places are used again, and so is what is in them, so a steady stream of messages allocates nothing. Open places form
//! a chain from the oldest to the newest, in the order in which they were opened.

const NONE: u32 = u32::MAX;

struct Slot<T> {
    value: T,
    older: u32,
    newer: u32,
}

/// At most `max` open places.
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    max: u32,
}

impl<T: Default> Slots<T> {
    /// No places yet; at most this many.
    pub fn new(max: usize) -> Self {
        let max = u32::try_from(max.max(1)).unwrap_or(NONE - 1).min(NONE - 1);
        Self { slots: Vec::new(), free: Vec::new(), oldest: NONE, newest: NONE, max }
    }

    /// Whether one must be closed before another can be opened.
    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.max as usize
    }

    /// Opens a place as the newest and returns its number; what was left in it is for the caller to overwrite.
    pub fn open(&mut self) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { value: T::default(), older: NONE, newer: NONE });
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        });
        let newest = std::mem::replace(&mut self.newest, slot);
        self.slots[slot as usize].older = newest;
        self.slots[slot as usize].newer = NONE;
        match self.slots.get_mut(newest as usize) {
            Some(last) => last.newer = slot,
            None => self.oldest = slot,
        }
        slot
    }

    /// Closes an open place.
    pub fn close(&mut self, slot: u32) {
        let Slot { older, newer, .. } = self.slots[slot as usize];
        match self.slots.get_mut(older as usize) {
            Some(neighbour) => neighbour.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(neighbour) => neighbour.older = older,
            None => self.newest = older,
        }
        self.free.push(slot);
    }

    /// The place that has been open for longest.
    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// What is in a place.
    pub fn get(&self, slot: u32) -> &T {
        &self.slots[slot as usize].value
    }

    /// What is in a place, to be changed.
    pub fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize].value
    }

    /// Open places.
    pub fn open_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_one_opened_first_of_those_still_open() {
        let mut slots: Slots<u8> = Slots::new(3);
        let (a, b, c) = (slots.open(), slots.open(), slots.open());
        assert!(slots.is_full());
        slots.close(b);
        assert_eq!(slots.oldest(), Some(a));
        slots.close(a);
        assert_eq!(slots.oldest(), Some(c));
        let d = slots.open();
        slots.close(c);
        assert_eq!(slots.oldest(), Some(d));
        slots.close(d);
        assert_eq!(slots.oldest(), None);
        assert_eq!(slots.open_count(), 0);
    }
}
