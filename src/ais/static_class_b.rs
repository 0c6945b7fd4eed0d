//! Type 24: static data of a class B ship, in two parts (ITU-R M.1371-5, tables 73 to 75).

use super::bits::Frame;
use super::json::Object;
use super::{Header, absent, names};
use crate::reject::Reject;
use crate::report::{StaticData, Text};

/// Up to the name of part A; the spare bits are sent by some units and not by others.
const PART_A_BITS_MIN: usize = 160;
/// Up to the dimensions of part B; position-fixing device and spare bits may be missing.
const PART_B_BITS_MIN: usize = 162;

const NAME_AT: usize = 40;
const VENDOR_AT: usize = 48;
const CALLSIGN_AT: usize = 90;

/// Part A: the name.
#[derive(Clone, Copy, Debug)]
pub struct StaticClassBPartA<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    frame: Frame<'s>,
}

impl<'s> StaticClassBPartA<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(PART_A_BITS_MIN)?;
        Ok(Self { header, frame: *frame })
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> Option<Text<20>> {
        self.frame.text(NAME_AT)
    }

    /// The static data with what is not available left out.
    #[must_use]
    pub fn static_data(&self) -> StaticData {
        StaticData { msg_type: self.header.msg_type, name: self.name(), ..StaticData::default() }
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        object.six_bit("shipname", &self.frame.bits(), NAME_AT, 20);
    }
}

/// Part B: the rest.
#[derive(Clone, Copy, Debug)]
pub struct StaticClassBPartB<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Type of ship and cargo.
    pub ship_type: u8,
    /// Unit model code of the vendor.
    pub model: u8,
    /// Serial number of the unit.
    pub serial: u32,
    /// Metres to bow, stern, port and starboard, or whose auxiliary craft it is.
    pub hull: Hull,
    /// Type of position-fixing device; spare bits before the fifth edition.
    pub epfd: u8,
    /// Spare bits.
    pub spare: u8,
    frame: Frame<'s>,
}

/// The thirty bits that mean two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hull {
    /// Metres to bow, stern, port and starboard.
    Dimensions([u16; 4]),
    /// The MMSI of the mother ship of an auxiliary craft (an MMSI 98xxxxxxx).
    AuxiliaryOf(u32),
}

impl<'s> StaticClassBPartB<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(PART_B_BITS_MIN)?;
        let hull = if header.mmsi / 10_000_000 == 98 {
            Hull::AuxiliaryOf(frame.u32::<132, 30>())
        } else {
            Hull::Dimensions([
                frame.u16::<132, 9>(),
                frame.u16::<141, 9>(),
                frame.u16::<150, 6>(),
                frame.u16::<156, 6>(),
            ])
        };
        Ok(Self {
            header,
            ship_type: frame.u8::<40, 8>(),
            model: frame.u8::<66, 4>(),
            serial: frame.u32::<70, 20>(),
            hull,
            epfd: frame.u8::<162, 4>(),
            spare: frame.u8::<166, 2>(),
            frame: *frame,
        })
    }

    /// Three characters that tell the vendor.
    #[must_use]
    pub fn vendor(&self) -> Option<Text<3>> {
        self.frame.text(VENDOR_AT)
    }

    /// Call sign.
    #[must_use]
    pub fn callsign(&self) -> Option<Text<7>> {
        self.frame.text(CALLSIGN_AT)
    }

    /// The static data with what is not available left out.
    #[must_use]
    pub fn static_data(&self) -> StaticData {
        let (dimensions, mothership) = match self.hull {
            Hull::Dimensions(metres) => (absent::dimensions(metres), None),
            Hull::AuxiliaryOf(mmsi) => (None, (mmsi != 0).then_some(mmsi)),
        };
        StaticData {
            msg_type: self.header.msg_type,
            callsign: self.callsign(),
            ship_type: absent::zero(self.ship_type),
            dimensions,
            epfd: absent::zero(self.epfd),
            vendor: self.vendor(),
            mothership,
            ..StaticData::default()
        }
    }

    /// As gpsd does, the vendor is written with all the seven characters it had before the fourth edition, so it
    /// overlaps model and serial number.
    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        let bits = self.frame.bits();
        object.int("shiptype", self.ship_type);
        object.plain("shiptype_text", names::ship_type(self.ship_type));
        object.six_bit("vendorid", &bits, VENDOR_AT, 7);
        object.int("model", self.model);
        object.int("serial", self.serial);
        object.six_bit("callsign", &bits, CALLSIGN_AT, 7);
        match self.hull {
            Hull::Dimensions(metres) => names::write_dimensions(object, metres),
            Hull::AuxiliaryOf(mmsi) => object.int("mothership_mmsi", mmsi),
        }
    }
}
