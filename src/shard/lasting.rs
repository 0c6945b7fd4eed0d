//! What of a vessel's movement goes on to hold when its newest report does not tell it: of each value the newest that was told.
//!
//! Reports differ in what they carry: the long-range ones know no heading, and many services tell no status. So that the picture does
//! not lose with each of them what another told a moment before, each value stays for a while. Whatever order reports come in, the
//! same values are left: each belongs to a moment, and only the newest counts; of the same moment the one of the source that is
//! believed more.
//!
//! Only what the newest report does not tell is kept here, so there is nothing to do for one that tells everything.

use super::vessel::Fix;
use super::weight::Weight;
use crate::report::Position;

/// The newest of each value that the newest report does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    sog: Kept<u16>,
    cog: Kept<u16>,
    heading: Kept<u16>,
    nav_status: Kept<u8>,
}

/// One value, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept<T> {
    value: Option<T>,
    weight: Weight,
    time_us: i64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { value: None, weight: Weight::default(), time_us: i64::MIN }
    }
}

impl<T: Copy> Kept<T> {
    /// Takes a value over unless a newer one is known; whether it did.
    fn take(&mut self, value: Option<T>, (time_us, weight): (i64, Weight)) -> bool {
        let is_newer = value.is_some() && (time_us, weight) >= (self.time_us, self.weight);
        if is_newer {
            *self = Self { value, weight, time_us };
        }
        is_newer
    }

    fn forget_before(&mut self, time_us: i64) {
        if self.time_us < time_us {
            *self = Self::default();
        }
    }
}

/// Whether a position tells everything that would else last.
const fn tells_all(position: &Position) -> bool {
    position.sog.is_some()
        && position.cog.is_some()
        && position.heading.is_some()
        && position.nav_status.is_some()
}

impl Lasting {
    /// Takes over what a report told that is not the newest any more, or never was; whether anything of it is shown now.
    pub fn take(&mut self, older: &Fix, newest: &Fix, window_us: i64) -> bool {
        if tells_all(&newest.position) {
            return false;
        }
        let begin_us = newest.origin.time_us - window_us;
        let (told, lacks) = (&older.position, &newest.position);
        let rank = older.rank();
        let is_too_old = older.origin.time_us < begin_us;
        let taken = !is_too_old
            && (lacks.sog.is_none() && self.sog.take(told.sog, rank))
                | (lacks.cog.is_none() && self.cog.take(told.cog, rank))
                | (lacks.heading.is_none() && self.heading.take(told.heading, rank))
                | (lacks.nav_status.is_none() && self.nav_status.take(told.nav_status, rank));
        self.sog.forget_before(begin_us);
        self.cog.forget_before(begin_us);
        self.heading.forget_before(begin_us);
        self.nav_status.forget_before(begin_us);
        taken
    }

    /// The position with what it does not tell itself.
    #[must_use]
    pub fn fill(&self, position: Position) -> Position {
        Position {
            sog: position.sog.or(self.sog.value),
            cog: position.cog.or(self.cog.value),
            heading: position.heading.or(self.heading.value),
            nav_status: position.nav_status.or(self.nav_status.value),
            ..position
        }
    }
}
