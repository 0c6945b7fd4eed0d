//! Payload to report: the message types of ITU-R M.1371-5.
//!
//! In:      a six-bit payload and its fill bits
//! Out:     one decoded message, every field an exact integer; or the reason why it is none
//! Drops:   what has the wrong letters, cannot have been on the air, or is too short for its type
//!
//! One file for each message type or pair of types with one layout: a struct in the numbers of the standard, `decode`,
//! and `write_json` with gpsd's names. Texts and binary data stay bits in the [`Scratch`] until they are asked for.
//!
//! How long a message must be: as far as its last field that means something. Spare bits and radio status at the end
//! may be missing, and what follows (a 204-bit type 1) is receiver junk and ignored.

pub mod absent;
pub mod acknowledge;
pub mod aid_to_navigation;
pub mod application;
pub mod area;
pub mod armor;
pub mod assignment;
pub mod base_station;
pub mod binary;
pub mod binary_slots;
pub mod bits;
pub mod channel_management;
pub mod data_link;
pub mod dgnss;
pub mod interrogation;
pub mod json;
pub mod long_range;
pub mod names;
pub mod position_class_a;
pub mod position_class_b;
pub mod radio_status;
pub mod safety;
pub mod scaled;
pub mod search_and_rescue;
pub mod static_class_b;
pub mod static_voyage;
pub mod unassigned;
pub mod utc_inquiry;

pub use acknowledge::Acknowledge;
pub use aid_to_navigation::AidToNavigation;
pub use area::Area;
pub use armor::{Scratch, mmsi_in};
pub use assignment::{Assignment, GroupAssignment};
pub use base_station::BaseStation;
pub use binary::{AddressedBinary, BroadcastBinary};
pub use binary_slots::SlotBinary;
pub use channel_management::ChannelManagement;
pub use data_link::DataLink;
pub use dgnss::Dgnss;
pub use interrogation::Interrogation;
pub use long_range::LongRange;
pub use position_class_a::PositionClassA;
pub use position_class_b::{ExtendedClassB, StandardClassB};
pub use radio_status::RadioStatus;
pub use safety::{SafetyAddressed, SafetyBroadcast};
pub use search_and_rescue::SearchAndRescue;
pub use static_class_b::{StaticClassBPartA, StaticClassBPartB};
pub use static_voyage::StaticVoyage;
pub use unassigned::Unassigned;
pub use utc_inquiry::UtcInquiry;

use crate::reject::Reject;
use crate::report::{Place, Position, StaticData};
use bits::Frame;
use json::Object;

/// Type, repeat indicator and MMSI.
const HEADER_BITS: usize = 38;
/// MMSIs have nine digits.
const MMSI_MAX: u32 = 999_999_999;

/// What every message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message type, 1-28.
    pub msg_type: u8,
    /// How often it was repeated, 0-3.
    pub repeat: u8,
    /// Who sent it, 0-999 999 999. 0 is kept: it is a unit nobody configured, and a real transmission.
    pub mmsi: u32,
}

/// A decoded message.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each variant is the type that carries its doc")]
pub enum Message<'s> {
    PositionClassA(PositionClassA),
    BaseStation(BaseStation),
    StaticVoyage(StaticVoyage<'s>),
    AddressedBinary(AddressedBinary<'s>),
    Acknowledge(Acknowledge),
    BroadcastBinary(BroadcastBinary<'s>),
    SearchAndRescue(SearchAndRescue),
    UtcInquiry(UtcInquiry),
    SafetyAddressed(SafetyAddressed<'s>),
    SafetyBroadcast(SafetyBroadcast<'s>),
    Interrogation(Interrogation),
    Assignment(Assignment),
    Dgnss(Dgnss<'s>),
    StandardClassB(StandardClassB),
    ExtendedClassB(ExtendedClassB<'s>),
    DataLink(DataLink),
    AidToNavigation(AidToNavigation<'s>),
    ChannelManagement(ChannelManagement),
    GroupAssignment(GroupAssignment),
    StaticClassBPartA(StaticClassBPartA<'s>),
    StaticClassBPartB(StaticClassBPartB<'s>),
    SlotBinary(SlotBinary<'s>),
    LongRange(LongRange),
    Unassigned(Unassigned<'s>),
}

/// What is written beside the message itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonMeta<'a> {
    /// Where it came from, if that is to be told.
    pub device: Option<&'a str>,
}

/// Decodes a payload: takes its armour off into `scratch`, then reads the fields of its type.
///
/// # Errors
/// With the reason why it is no message. A type 24 whose part does not exist counts as a type that does not exist.
#[inline]
pub fn decode<'s>(
    payload: &[u8],
    fill: u8,
    scratch: &'s mut Scratch,
) -> Result<Message<'s>, Reject> {
    let frame = scratch.unarmor(payload, fill)?;
    if frame.len() < HEADER_BITS {
        return Err(Reject::TooShort);
    }
    let header = Header {
        msg_type: frame.u8::<0, 6>(),
        repeat: frame.u8::<6, 2>(),
        mmsi: frame.u32::<8, 30>(),
    };
    if header.msg_type == 0 || header.msg_type > 28 {
        return Err(Reject::Type);
    }
    if header.mmsi > MMSI_MAX {
        return Err(Reject::Mmsi);
    }
    decode_type(&frame, header)
}

#[inline]
fn decode_type<'s>(frame: &Frame<'s>, header: Header) -> Result<Message<'s>, Reject> {
    Ok(match header.msg_type {
        1..=3 => Message::PositionClassA(PositionClassA::decode(frame, header)?),
        4 | 11 => Message::BaseStation(BaseStation::decode(frame, header)?),
        5 => Message::StaticVoyage(StaticVoyage::decode(frame, header)?),
        6 => Message::AddressedBinary(AddressedBinary::decode(frame, header)?),
        7 | 13 => Message::Acknowledge(Acknowledge::decode(frame, header)?),
        8 => Message::BroadcastBinary(BroadcastBinary::decode(frame, header)?),
        9 => Message::SearchAndRescue(SearchAndRescue::decode(frame, header)?),
        10 => Message::UtcInquiry(UtcInquiry::decode(frame, header)?),
        12 => Message::SafetyAddressed(SafetyAddressed::decode(frame, header)?),
        14 => Message::SafetyBroadcast(SafetyBroadcast::decode(frame, header)?),
        15 => Message::Interrogation(Interrogation::decode(frame, header)?),
        16 => Message::Assignment(Assignment::decode(frame, header)?),
        17 => Message::Dgnss(Dgnss::decode(frame, header)?),
        18 => Message::StandardClassB(StandardClassB::decode(frame, header)?),
        19 => Message::ExtendedClassB(ExtendedClassB::decode(frame, header)?),
        20 => Message::DataLink(DataLink::decode(frame, header)?),
        21 => Message::AidToNavigation(AidToNavigation::decode(frame, header)?),
        22 => Message::ChannelManagement(ChannelManagement::decode(frame, header)?),
        23 => Message::GroupAssignment(GroupAssignment::decode(frame, header)?),
        24 => decode_static_class_b(frame, header)?,
        25 | 26 => Message::SlotBinary(SlotBinary::decode(frame, header)?),
        27 => Message::LongRange(LongRange::decode(frame, header)?),
        28 => Message::Unassigned(Unassigned::decode(frame, header)),
        _ => return Err(Reject::Type),
    })
}

fn decode_static_class_b<'s>(frame: &Frame<'s>, header: Header) -> Result<Message<'s>, Reject> {
    frame.at_least(40)?;
    match frame.u8::<38, 2>() {
        0 => Ok(Message::StaticClassBPartA(StaticClassBPartA::decode(frame, header)?)),
        1 => Ok(Message::StaticClassBPartB(StaticClassBPartB::decode(frame, header)?)),
        _ => Err(Reject::Type),
    }
}

impl Message<'_> {
    /// What every message begins with.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> Header {
        match self {
            Self::PositionClassA(message) => message.header,
            Self::BaseStation(message) => message.header,
            Self::StaticVoyage(message) => message.header,
            Self::AddressedBinary(message) => message.header,
            Self::Acknowledge(message) => message.header,
            Self::BroadcastBinary(message) => message.header,
            Self::SearchAndRescue(message) => message.header,
            Self::UtcInquiry(message) => message.header,
            Self::SafetyAddressed(message) => message.header,
            Self::SafetyBroadcast(message) => message.header,
            Self::Interrogation(message) => message.header,
            Self::Assignment(message) => message.header,
            Self::Dgnss(message) => message.header,
            Self::StandardClassB(message) => message.position.header,
            Self::ExtendedClassB(message) => message.position.header,
            Self::DataLink(message) => message.header,
            Self::AidToNavigation(message) => message.header,
            Self::ChannelManagement(message) => message.header,
            Self::GroupAssignment(message) => message.header,
            Self::StaticClassBPartA(message) => message.header,
            Self::StaticClassBPartB(message) => message.header,
            Self::SlotBinary(message) => message.header,
            Self::LongRange(message) => message.header,
            Self::Unassigned(message) => message.header,
        }
    }

    /// Message type, 1-28.
    #[must_use]
    pub const fn msg_type(&self) -> u8 {
        self.header().msg_type
    }

    /// Who sent it.
    #[must_use]
    pub const fn mmsi(&self) -> u32 {
        self.header().mmsi
    }

    /// How often it was repeated, 0-3.
    #[must_use]
    pub const fn repeat(&self) -> u8 {
        self.header().repeat
    }

    /// The position report that it is: types 1, 2, 3, 9, 18, 19 and 27.
    #[must_use]
    #[inline]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::PositionClassA(message) => Some(message.position()),
            Self::StandardClassB(message) => Some(message.position()),
            Self::ExtendedClassB(message) => Some(message.position()),
            Self::SearchAndRescue(message) => Some(message.position()),
            Self::LongRange(message) => Some(message.position()),
            _ => None,
        }
    }

    /// The place that it tells: those of [`Message::position`], and types 4, 11, 17 and 21.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::BaseStation(message) => message.place(),
            Self::Dgnss(message) => message.place(),
            Self::AidToNavigation(message) => message.place(),
            _ => self.position()?.place,
        }
    }

    /// The UTC second at which its position was fixed: types 1, 2, 3, 9, 18, 19 and 21. The clock of a base station
    /// is data: [`BaseStation::unix_seconds`].
    #[must_use]
    pub fn utc_second(&self) -> Option<u8> {
        match self {
            Self::AidToNavigation(message) => absent::second(message.second),
            _ => self.position()?.utc_second,
        }
    }

    /// What a vessel says of itself: types 5, 19 and 24.
    #[must_use]
    pub fn static_data(&self) -> Option<StaticData> {
        match self {
            Self::StaticVoyage(message) => Some(message.static_data()),
            Self::ExtendedClassB(message) => Some(message.static_data()),
            Self::StaticClassBPartA(message) => Some(message.static_data()),
            Self::StaticClassBPartB(message) => Some(message.static_data()),
            _ => None,
        }
    }

    /// How its sender holds its slots: types 1, 2, 3, 4, 9, 11, 18 and 26.
    #[must_use]
    pub fn radio_status(&self) -> Option<RadioStatus> {
        match self {
            Self::PositionClassA(message) if message.header.msg_type == 3 => {
                Some(RadioStatus::itdma(message.radio))
            }
            Self::PositionClassA(message) => Some(RadioStatus::sotdma(message.radio)),
            Self::BaseStation(message) => Some(RadioStatus::sotdma(message.radio)),
            Self::SearchAndRescue(message) => Some(RadioStatus::selected(message.radio)),
            Self::StandardClassB(message) => Some(RadioStatus::selected(message.radio)),
            Self::SlotBinary(message) => message.radio.map(RadioStatus::selected),
            _ => None,
        }
    }

    /// Writes it as one JSON object with gpsd's names, without a line end: in units when `scaled`, else in the numbers
    /// of the standard.
    pub fn write_json(&self, scaled: bool, meta: &JsonMeta<'_>, out: &mut Vec<u8>) {
        let header = self.header();
        let mut object = Object::open(out);
        object.plain("class", "AIS");
        if let Some(device) = meta.device {
            object.text("device", device.as_bytes());
        }
        object.int("type", header.msg_type);
        object.int("repeat", header.repeat);
        object.int("mmsi", header.mmsi);
        object.bool("scaled", scaled);
        self.write_fields(scaled, &mut object);
        object.close();
    }

    fn write_fields(&self, scaled: bool, object: &mut Object<'_>) {
        match self {
            Self::PositionClassA(message) => message.write_json(scaled, object),
            Self::BaseStation(message) => message.write_json(scaled, object),
            Self::StaticVoyage(message) => message.write_json(scaled, object),
            Self::AddressedBinary(message) => message.write_json(scaled, object),
            Self::Acknowledge(message) => message.write_json(object),
            Self::BroadcastBinary(message) => message.write_json(scaled, object),
            Self::SearchAndRescue(message) => message.write_json(scaled, object),
            Self::UtcInquiry(message) => message.write_json(object),
            Self::SafetyAddressed(message) => message.write_json(object),
            Self::SafetyBroadcast(message) => message.write_json(object),
            Self::Interrogation(message) => message.write_json(object),
            Self::Assignment(message) => message.write_json(object),
            Self::Dgnss(message) => message.write_json(scaled, object),
            Self::StandardClassB(message) => message.write_json(scaled, object),
            Self::ExtendedClassB(message) => message.write_json(scaled, object),
            Self::DataLink(message) => message.write_json(object),
            Self::AidToNavigation(message) => message.write_json(scaled, object),
            Self::ChannelManagement(message) => message.write_json(scaled, object),
            Self::GroupAssignment(message) => message.write_json(scaled, object),
            Self::StaticClassBPartA(message) => message.write_json(object),
            Self::StaticClassBPartB(message) => message.write_json(object),
            Self::SlotBinary(message) => message.write_json(object),
            Self::LongRange(message) => message.write_json(scaled, object),
            Self::Unassigned(message) => message.write_json(object),
        }
    }
}
