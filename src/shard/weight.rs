//! How far a source is believed, in hundredths: small enough to be kept beside each thing that it said.

use crate::observe::source_counts::DEMOTED_PERCENT;

/// A weight from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u8);

impl Weight {
    /// That of a source that is not believed for a while.
    pub const DEMOTED: Self = Self(DEMOTED_PERCENT);

    /// The nearest hundredth.
    #[must_use]
    pub fn new(weight: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let hundredths = (weight.clamp(0.0, 1.0) * 100.0).round() as u8;
        Self(hundredths)
    }

    /// It in hundredths.
    #[must_use]
    pub fn percent(self) -> i64 {
        self.0.into()
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(70)
    }
}
