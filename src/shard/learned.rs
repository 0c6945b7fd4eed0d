//! What one report teaches about its vessel.

use super::standing::Standing;
use super::vessel::{Fix, Vessel};
use super::weight::Weight;
use crate::report::{Position, StaticData};
use crate::rows::Origin;

/// A report dated this much later than its receipt teaches nothing, and is flagged.
pub const AHEAD_US: i64 = 60 * crate::clock::SECOND_US;

/// What there is to learn of a vessel, and how far that is believed.
pub struct Learned<'a> {
    /// Where it came from.
    pub origin: &'a Origin,
    /// What is remarkable about its position.
    pub flags: u16,
    /// What that means for where the vessel is.
    pub standing: Standing,
    /// How far its source is believed.
    pub weight: Weight,
}

impl Learned<'_> {
    /// What the vessel's entry learns; whether it changed and had not changed before. A report dated ahead never becomes what is
    /// known of it.
    pub fn by(
        &self,
        vessel: &mut Vessel,
        position: Option<&Position>,
        data: Option<&StaticData>,
        window_us: i64,
    ) -> bool {
        let had_changed = vessel.changed.any();
        vessel.heard(self.origin.received_us);
        if self.origin.time_us - self.origin.received_us > AHEAD_US {
            return false;
        }
        let (flags, weight) = (self.flags, self.weight);
        let origin = self.origin.live();
        if let Some(position) = position {
            let fix = Fix { origin, position: *position, flags, weight };
            vessel.moved(fix, self.standing, window_us);
        }
        if let Some(data) = data {
            vessel.said(origin.time_us, data, weight);
        }
        !had_changed && vessel.changed.any()
    }
}
