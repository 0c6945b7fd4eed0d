//! Types 7 and 13: acknowledgements of binary and safety related messages (ITU-R M.1371-5, table 54).

use super::Header;
use super::bits::Frame;
use super::json::Object;
use crate::reject::Reject;

/// Up to the first MMSI; its sequence number may be cut off.
const BITS_MIN: usize = 70;

/// What is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Up to four stations and the sequence number, 0-3, of what each sent; an MMSI of 0 is none.
    pub stations: [(u32, u8); 4],
}

impl Acknowledge {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        let mut stations = [
            (frame.u32::<40, 30>(), frame.u8::<70, 2>()),
            (frame.u32::<72, 30>(), frame.u8::<102, 2>()),
            (frame.u32::<104, 30>(), frame.u8::<134, 2>()),
            (frame.u32::<136, 30>(), frame.u8::<166, 2>()),
        ];
        // Like gpsd, take a station whose first bits are there: the rest reads as zeros.
        for (station, start) in stations.iter_mut().zip([40, 72, 104, 136]) {
            if frame.len() <= start {
                *station = (0, 0);
            }
        }
        Ok(Self { header, stations })
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        let names = ["mmsi1", "mmsi2", "mmsi3", "mmsi4"];
        for (name, (mmsi, _)) in names.iter().zip(self.stations) {
            object.int(name, mmsi);
        }
    }
}
