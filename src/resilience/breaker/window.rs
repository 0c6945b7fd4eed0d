//! How many attempts of the time just past failed.
//!
//! Time is cut into slots, so the window's size does not depend on how many attempts there are. What falls out of it falls out a
//! slot at a time: it looks back over the whole time that was configured, less a tenth of it at most.

use std::time::{Duration, Instant};

/// Slots that a window is cut into.
pub(super) const SLOTS: usize = 10;

/// What happened in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) attempts: u32,
    pub(super) failures: u32,
}

const NOTHING: Slot = Slot { attempts: 0, failures: 0 };

/// The attempts of the time just past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The newest first.
    pub(super) slots: [Slot; SLOTS],
    /// When the newest begins; none before the first attempt.
    pub(super) newest: Option<Instant>,
}

impl Window {
    /// One without attempts.
    pub(super) const fn new() -> Self {
        Self { slots: [NOTHING; SLOTS], newest: None }
    }

    /// Takes note of an attempt.
    pub(super) fn add(&mut self, failed: bool, now: Instant, length: Duration) {
        self.advance(now, length);
        let [slot, ..] = &mut self.slots;
        slot.attempts = slot.attempts.saturating_add(1);
        slot.failures = slot.failures.saturating_add(u32::from(failed));
    }

    /// Attempts in the window, and how many of them failed.
    pub(super) fn sums(&self) -> (u64, u64) {
        let sum = |of: fn(&Slot) -> u32| self.slots.iter().map(|slot| u64::from(of(slot))).sum();
        (sum(|slot| slot.attempts), sum(|slot| slot.failures))
    }

    /// Begins the slot that this moment is in.
    fn advance(&mut self, now: Instant, length: Duration) {
        let width = (length / 10).max(Duration::from_millis(1));
        let newest = *self.newest.get_or_insert(now);
        let passed = now.saturating_duration_since(newest).as_millis() / width.as_millis().max(1);
        let steps = usize::try_from(passed).unwrap_or(SLOTS).min(SLOTS);
        self.slots.rotate_right(steps);
        if let Some(gone) = self.slots.get_mut(..steps) {
            gone.fill(NOTHING);
        }
        self.newest = match u32::try_from(passed) {
            Ok(passed) if steps < SLOTS => Some(newest + width * passed),
            _ => Some(now),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten_slot_by_slot() {
        let (mut window, start) = (Window::new(), Instant::now());
        let length = Duration::from_secs(10);
        let mut add = |ms, failed| {
            window.add(failed, start + Duration::from_millis(ms), length);
            window.sums()
        };
        assert_eq!(add(0, true), (1, 1));
        assert_eq!(add(900, false), (2, 1));
        assert_eq!(add(9_900, false), (3, 1));
        // The slot of the first two is gone.
        assert_eq!(add(10_000, false), (2, 0));
        assert_eq!(add(19_899, true), (2, 1));
        assert_eq!(add(1_000_000, true), (1, 1));
        // A clock that went back counts for the newest slot.
        assert_eq!(add(5, true), (2, 2));
    }
}
