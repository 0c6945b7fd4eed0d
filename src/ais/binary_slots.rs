//! Types 25 and 26: short binary messages of one slot, and of several slots with a radio status (ITU-R M.1371-5, tables
//! 76 to 79).

use super::Header;
use super::bits::{Bits, Frame};
use super::json::Object;
use crate::reject::Reject;

/// Up to the two flags.
const BITS_MIN: usize = 40;
/// The radio status at the end of a type 26.
const RADIO_BITS: usize = 20;

/// A type 25 or 26.
#[derive(Clone, Copy, Debug)]
pub struct SlotBinary<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// MMSI of the station it is for; absent when it is for all.
    pub destination: Option<u32>,
    /// Application identifier (DAC and FI in one); absent when the data are unstructured.
    pub application: Option<u16>,
    /// Communication state with its selector, 20 bits (type 26).
    pub radio: Option<u32>,
    data_at: u8,
    data_bits: u16,
    frame: Frame<'s>,
}

impl<'s> SlotBinary<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        let (addressed, structured) = (frame.flag::<38>(), frame.flag::<39>());
        let tail = if header.msg_type == 26 { RADIO_BITS } else { 0 };
        let application_at = if addressed { 70 } else { 40 };
        let data_at: u8 = application_at + if structured { 16 } else { 0 };
        let before = usize::from(data_at);
        frame.at_least(BITS_MIN.max(before) + tail)?;
        let data_bits = frame.len() - before - tail;
        let bits = frame.bits();
        let radio = (tail > 0).then(|| low_u32(bits.unsigned(before + data_bits, RADIO_BITS)));
        let application = low_u32(bits.unsigned(usize::from(application_at), 16)).to_le_bytes();
        Ok(Self {
            header,
            destination: addressed.then(|| frame.u32::<40, 30>()),
            application: structured.then(|| u16::from_le_bytes([application[0], application[1]])),
            radio,
            data_at,
            data_bits: u16::try_from(data_bits).map_err(|_| Reject::TooLong)?,
            frame: *frame,
        })
    }

    /// All the message's bits, the first of its data, and how many data bits there are.
    #[must_use]
    pub fn data(&self) -> (Bits<'s>, usize, usize) {
        (self.frame.bits(), usize::from(self.data_at), usize::from(self.data_bits))
    }

    /// As gpsd does, the radio status of a type 26 is written as 0, and the last byte of its data is filled up with
    /// what follows them; [`SlotBinary::radio`] is the real one.
    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        object.bool("addressed", self.destination.is_some());
        object.bool("structured", self.application.is_some());
        object.int("dest_mmsi", self.destination.unwrap_or(0));
        object.int("app_id", self.application.unwrap_or(0));
        let (bits, at, count) = self.data();
        object.data("data", &bits, at, count);
        if self.header.msg_type == 26 {
            object.int("radio", 0);
        }
    }
}

fn low_u32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
