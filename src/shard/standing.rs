//! Where a vessel is when its reports contradict each other.
//!
//! A report from where the vessel cannot have come to is flagged, stored and counted; but one that nobody confirms shows nothing of
//! the vessel: a turned bit, a wrong MMSI, a place that a service made up. So it is kept *elsewhere*, beside the place that
//! is believed, until one of three things is seen:
//!
//! - more reports agree with it than ever confirmed the place that was believed, and none has come from there meanwhile: the
//!   vessel is there, and the first place was the wrong one;
//! - reports agree with it while others go on to come from here: two vessels share an MMSI, or one source gives it to a wrong ship.
//!   Then the picture stays where it is, rather than going to and fro, unless the others are believed more;
//! - nothing comes from here any more: it is there.
//!
//! Where nothing came from elsewhere for as long, there is no elsewhere any more.
//!
//! The counts end at [`CERTAIN`], so that whatever was believed for long can still be corrected.

use super::plausibility::Plausibility;
use super::vessel::{Fix, Vessel};
use super::weight::Weight;
use crate::report::{Place, Position};

/// Reports after which a place is as sure as it gets.
const CERTAIN: u8 = 20;

/// What a report means for where its vessel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can be there.
    Here,
    /// It cannot have come there, and nobody else says so.
    Stray,
    /// It cannot have come there, but another report says so too, while it is also seen here.
    Rival,
    /// It cannot have come there, yet that is where it is.
    Moved {
        /// Whether that is where it was seen elsewhere before.
        was_seen: bool,
    },
    /// Of a time that says nothing about now, and it cannot have been there.
    Past,
}

impl Standing {
    /// Whether the move is impossible.
    #[must_use]
    pub const fn is_jump(self) -> bool {
        !matches!(self, Self::Here)
    }
}

/// Where a vessel also is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The newest report from there.
    pub fix: Fix,
    /// Reports that agree on it.
    pub count: u8,
    /// Reports that came from here since it began.
    pub meanwhile: u8,
    /// The best source that says so.
    pub weight: Weight,
}

impl Elsewhere {
    /// Begins with one report.
    #[must_use]
    pub const fn new(fix: Fix) -> Self {
        Self { fix, count: 1, meanwhile: 0, weight: fix.weight }
    }

    /// Whether it is more than one stray report.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.count > 1
    }

    /// One more report from there.
    pub fn agree(&mut self, fix: Fix) {
        self.count = more(self.count);
        self.weight = self.weight.max(fix.weight);
        if fix.rank() >= self.fix.rank() {
            self.fix = fix;
        }
    }
}

/// One more, as far as that counts.
#[must_use]
pub const fn more(count: u8) -> u8 {
    if count < CERTAIN { count + 1 } else { CERTAIN }
}

/// Judges where vessels are.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// What is impossible.
    pub plausibility: Plausibility,
    /// For how long a vessel is believed to be where it was, microseconds.
    pub window_us: i64,
}

impl Sight {
    /// What a report of this moment and weight means for where the vessel is.
    #[must_use]
    pub fn judge(&self, vessel: &Vessel, position: &Position, rank: (i64, Weight)) -> Standing {
        let (time_us, weight) = rank;
        let (Some(here), Some(last)) = (position.place, vessel.last_place) else {
            return Standing::Here;
        };
        if !self.is_jump(position, here, last, time_us) {
            return Standing::Here;
        }
        if last.1 - time_us > self.window_us {
            return Standing::Past;
        }
        let is_newest = !vessel.is_late(time_us);
        let agreeing = self.agreeing(vessel, position, (here, time_us));
        if is_newest && time_us - last.1 > self.window_us {
            return Standing::Moved { was_seen: agreeing.is_some() };
        }
        let Some(elsewhere) = agreeing else { return Standing::Stray };
        let is_silent = elsewhere.meanwhile == 0 && elsewhere.count >= vessel.count;
        if is_newest && (is_silent || weight.max(elsewhere.weight) > vessel.weight) {
            Standing::Moved { was_seen: true }
        } else {
            Standing::Rival
        }
    }

    /// Where it is seen elsewhere, if this report agrees with that.
    #[must_use]
    pub fn agreeing<'a>(
        &self,
        vessel: &'a Vessel,
        position: &Position,
        (here, time_us): (Place, i64),
    ) -> Option<&'a Elsewhere> {
        let elsewhere = vessel.elsewhere.as_deref()?;
        let then_us = elsewhere.fix.origin.time_us;
        let there = elsewhere.fix.position.place?;
        let is_near_in_time = time_us.abs_diff(then_us) <= self.window_us.unsigned_abs();
        let agrees = is_near_in_time && !self.is_jump(position, here, (there, then_us), time_us);
        agrees.then_some(elsewhere)
    }

    fn is_jump(
        &self,
        position: &Position,
        here: Place,
        (there, then_us): (Place, i64),
        time_us: i64,
    ) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "hours in microseconds are exact in an f64")]
        let seconds = (time_us - then_us) as f64 / 1e6;
        self.plausibility.is_jump(position, here, (there, seconds))
    }
}
