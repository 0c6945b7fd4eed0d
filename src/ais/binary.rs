//! Types 6 and 8: binary messages whose data belong to an application, addressed and broadcast (ITU-R M.1371-5, tables
//! 53 and 55).

use super::Header;
use super::application;
use super::bits::{Bits, Frame};
use super::json::Object;
use crate::reject::Reject;

/// Up to the application identifier.
const ADDRESSED_BITS_MIN: usize = 88;
/// Up to the application identifier.
const BROADCAST_BITS_MIN: usize = 56;

/// Type 6: a binary message to one station.
#[derive(Clone, Copy, Debug)]
pub struct AddressedBinary<'s> {
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
    /// Designated area code.
    pub dac: u16,
    /// Function identifier.
    pub fi: u8,
    frame: Frame<'s>,
}

impl<'s> AddressedBinary<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(ADDRESSED_BITS_MIN)?;
        Ok(Self {
            header,
            sequence: frame.u8::<38, 2>(),
            destination: frame.u32::<40, 30>(),
            retransmit: frame.flag::<70>(),
            spare: frame.flag::<71>(),
            dac: frame.u16::<72, 10>(),
            fi: frame.u8::<82, 6>(),
            frame: *frame,
        })
    }

    /// All the message's bits; the application's begin at 88.
    #[must_use]
    pub const fn bits(&self) -> Bits<'s> {
        self.frame.bits()
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("seqno", self.sequence);
        object.int("dest_mmsi", self.destination);
        object.bool("retransmit", self.retransmit);
        object.int("dac", self.dac);
        object.int("fid", self.fi);
        let bits = self.bits();
        if !application::write_addressed(self.dac, self.fi, bits, in_units, object) {
            object.data("data", &bits, ADDRESSED_BITS_MIN, bits.len() - ADDRESSED_BITS_MIN);
        }
    }
}

/// Type 8: a binary message to all.
#[derive(Clone, Copy, Debug)]
pub struct BroadcastBinary<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Spare bits.
    pub spare: u8,
    /// Designated area code.
    pub dac: u16,
    /// Function identifier.
    pub fi: u8,
    frame: Frame<'s>,
}

impl<'s> BroadcastBinary<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BROADCAST_BITS_MIN)?;
        Ok(Self {
            header,
            spare: frame.u8::<38, 2>(),
            dac: frame.u16::<40, 10>(),
            fi: frame.u8::<50, 6>(),
            frame: *frame,
        })
    }

    /// All the message's bits; the application's begin at 56.
    #[must_use]
    pub const fn bits(&self) -> Bits<'s> {
        self.frame.bits()
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("dac", self.dac);
        object.int("fid", self.fi);
        let bits = self.bits();
        if !application::write_broadcast(self.dac, self.fi, bits, in_units, object) {
            object.data("data", &bits, BROADCAST_BITS_MIN, bits.len() - BROADCAST_BITS_MIN);
        }
    }
}
