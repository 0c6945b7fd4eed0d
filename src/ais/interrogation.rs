//! Type 15: interrogation, which asks one or two stations for up to three messages (ITU-R M.1371-5, table 61).

use super::Header;
use super::bits::Frame;
use super::json::Object;
use crate::reject::Reject;

/// One station, one message.
const BITS_MIN: usize = 88;
/// One station, two messages.
const SECOND_MESSAGE_BITS: usize = 108;
/// Two stations.
const SECOND_STATION_BITS: usize = 158;

/// An interrogation; what is not asked is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrogation {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// MMSI of the first station.
    pub first: u32,
    /// Up to two message types the first station is asked for, each with the slot offset of the answer.
    pub first_asked: [(u8, u16); 2],
    /// MMSI of the second station.
    pub second: u32,
    /// The message type the second station is asked for, with the slot offset of the answer.
    pub second_asked: (u8, u16),
}

impl Interrogation {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        let mut message = Self {
            header,
            first: frame.u32::<40, 30>(),
            first_asked: [(frame.u8::<70, 6>(), frame.u16::<76, 12>()), (0, 0)],
            second: 0,
            second_asked: (0, 0),
        };
        if frame.len() >= SECOND_MESSAGE_BITS {
            message.first_asked[1] = (frame.u8::<90, 6>(), frame.u16::<96, 12>());
        }
        if frame.len() >= SECOND_STATION_BITS {
            message.second = frame.u32::<110, 30>();
            message.second_asked = (frame.u8::<140, 6>(), frame.u16::<146, 12>());
        }
        Ok(message)
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        let [asked, also_asked] = self.first_asked;
        object.int("mmsi1", self.first);
        object.int("type1_1", asked.0);
        object.int("offset1_1", asked.1);
        object.int("type1_2", also_asked.0);
        object.int("offset1_2", also_asked.1);
        object.int("mmsi2", self.second);
        object.int("type2_1", self.second_asked.0);
        object.int("offset2_1", self.second_asked.1);
    }
}
