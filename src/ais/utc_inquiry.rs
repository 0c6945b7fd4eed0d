//! Type 10: inquiry for UTC and date (ITU-R M.1371-5, table 57).

use super::Header;
use super::bits::Frame;
use super::json::Object;
use crate::reject::Reject;

/// Up to the MMSI that is asked; the spare bits may be missing.
const BITS_MIN: usize = 70;

/// An inquiry for UTC and date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcInquiry {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// MMSI of the station that is asked.
    pub destination: u32,
}

impl UtcInquiry {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self { header, destination: frame.u32::<40, 30>() })
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        object.int("dest_mmsi", self.destination);
    }
}
