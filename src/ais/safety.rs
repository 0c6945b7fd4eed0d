//! Types 12 and 14: safety related text, addressed and broadcast (ITU-R M.1371-5, tables 58 and 60).

use super::Header;
use super::bits::Frame;
use super::json::Object;
use crate::reject::Reject;

/// Where the text of a type 12 begins.
const ADDRESSED_TEXT_AT: usize = 72;
/// Where the text of a type 14 begins.
const BROADCAST_TEXT_AT: usize = 40;
/// More characters than any message holds: the text ends with the message.
const CHARS_MAX: usize = 177;

/// Type 12: a safety related text to one station.
#[derive(Clone, Copy, Debug)]
pub struct SafetyAddressed<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Sequence number, 0-3.
    pub sequence: u8,
    /// MMSI of the station it is for.
    pub destination: u32,
    /// Sent again.
    pub retransmit: bool,
    /// Spare bit.
    pub spare: bool,
    frame: Frame<'s>,
}

impl<'s> SafetyAddressed<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(ADDRESSED_TEXT_AT)?;
        Ok(Self {
            header,
            sequence: frame.u8::<38, 2>(),
            destination: frame.u32::<40, 30>(),
            retransmit: frame.flag::<70>(),
            spare: frame.flag::<71>(),
            frame: *frame,
        })
    }

    /// The text into `out`; returns how many characters there are.
    pub fn text(&self, out: &mut [u8]) -> usize {
        self.frame.bits().text(ADDRESSED_TEXT_AT, CHARS_MAX, out)
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        object.int("seqno", self.sequence);
        object.int("dest_mmsi", self.destination);
        object.bool("retransmit", self.retransmit);
        object.six_bit("text", &self.frame.bits(), ADDRESSED_TEXT_AT, CHARS_MAX);
    }
}

/// Type 14: a safety related text to all.
#[derive(Clone, Copy, Debug)]
pub struct SafetyBroadcast<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Spare bits.
    pub spare: u8,
    frame: Frame<'s>,
}

impl<'s> SafetyBroadcast<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BROADCAST_TEXT_AT)?;
        Ok(Self { header, spare: frame.u8::<38, 2>(), frame: *frame })
    }

    /// The text into `out`; returns how many characters there are.
    pub fn text(&self, out: &mut [u8]) -> usize {
        self.frame.bits().text(BROADCAST_TEXT_AT, CHARS_MAX, out)
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        object.six_bit("text", &self.frame.bits(), BROADCAST_TEXT_AT, CHARS_MAX);
    }
}
