//! Type 28: on the air, but with no layout in ITU-R M.1371-5; kept as bits.

use super::Header;
use super::bits::{Bits, Frame};
use super::json::Object;

/// Where the MMSI ends.
const DATA_AT: usize = 38;

/// A message of a type without a known layout.
#[derive(Clone, Copy, Debug)]
pub struct Unassigned<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    frame: Frame<'s>,
}

impl<'s> Unassigned<'s> {
    pub(super) const fn decode(frame: &Frame<'s>, header: Header) -> Self {
        Self { header, frame: *frame }
    }

    /// All the message's bits; what is not known begins at 38.
    #[must_use]
    pub const fn bits(&self) -> Bits<'s> {
        self.frame.bits()
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        let bits = self.bits();
        object.data("data", &bits, DATA_AT, bits.len() - DATA_AT);
    }
}
