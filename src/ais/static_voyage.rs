//! Type 5: static and voyage related data of a class A ship (ITU-R M.1371-5, table 52).

use super::bits::Frame;
use super::json::{Object, write_padded};
use super::{Header, absent, names};
use crate::reject::Reject;
use crate::report::{StaticData, Text};

/// Units in the field cut the message short: 420 and 422 bits instead of 424.
const BITS_MIN: usize = 420;

const CALLSIGN_AT: usize = 70;
const NAME_AT: usize = 112;
const DESTINATION_AT: usize = 302;

/// Static and voyage related data, in the numbers of the standard; texts are decoded when asked for.
#[derive(Clone, Copy, Debug)]
pub struct StaticVoyage<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Which edition of the standard the unit follows, 0-3.
    pub ais_version: u8,
    /// IMO number; 0 is not available.
    pub imo: u32,
    /// Type of ship and cargo.
    pub ship_type: u8,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [u16; 4],
    /// Type of position-fixing device.
    pub epfd: u8,
    /// Estimated time of arrival in UTC: month (0 not available), day (0), hour (24), minute (60).
    pub eta: [u8; 4],
    /// Draught in 0.1 m; 0 is not available.
    pub draught: u8,
    /// Data terminal *not* ready.
    pub dte: bool,
    /// Spare bit.
    pub spare: bool,
    frame: Frame<'s>,
}

impl<'s> StaticVoyage<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            ais_version: frame.u8::<38, 2>(),
            imo: frame.u32::<40, 30>(),
            ship_type: frame.u8::<232, 8>(),
            dimensions: [
                frame.u16::<240, 9>(),
                frame.u16::<249, 9>(),
                frame.u16::<258, 6>(),
                frame.u16::<264, 6>(),
            ],
            epfd: frame.u8::<270, 4>(),
            eta: [
                frame.u8::<274, 4>(),
                frame.u8::<278, 5>(),
                frame.u8::<283, 5>(),
                frame.u8::<288, 6>(),
            ],
            draught: frame.u8::<294, 8>(),
            dte: frame.flag::<422>(),
            spare: frame.flag::<423>(),
            frame: *frame,
        })
    }

    /// Call sign.
    #[must_use]
    pub fn callsign(&self) -> Option<Text<7>> {
        self.frame.text(CALLSIGN_AT)
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> Option<Text<20>> {
        self.frame.text(NAME_AT)
    }

    /// Destination.
    #[must_use]
    pub fn destination(&self) -> Option<Text<20>> {
        self.frame.text(DESTINATION_AT)
    }

    /// The static data with what is not available left out.
    #[must_use]
    pub fn static_data(&self) -> StaticData {
        let [month, day, hour, minute] = self.eta;
        StaticData {
            msg_type: self.header.msg_type,
            imo: (self.imo != 0).then_some(self.imo),
            callsign: self.callsign(),
            name: self.name(),
            ship_type: absent::zero(self.ship_type),
            dimensions: absent::dimensions(self.dimensions),
            draught: absent::zero(self.draught),
            destination: self.destination(),
            eta: [
                (1..=12).contains(&month).then_some(month),
                (1..=31).contains(&day).then_some(day),
                (hour < 24).then_some(hour),
                (minute < 60).then_some(minute),
            ],
            epfd: absent::zero(self.epfd),
            ..StaticData::default()
        }
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        let bits = self.frame.bits();
        object.int("imo", self.imo);
        object.int("ais_version", self.ais_version);
        object.six_bit("callsign", &bits, CALLSIGN_AT, 7);
        object.six_bit("shipname", &bits, NAME_AT, 20);
        object.int("shiptype", self.ship_type);
        object.plain("shiptype_text", names::ship_type(self.ship_type));
        names::write_dimensions(object, self.dimensions);
        object.int("epfd", self.epfd);
        object.plain("epfd_text", names::epfd(self.epfd));
        let [month, day, hour, minute] = self.eta;
        let out = object.name("eta");
        for (mark, value) in [(b'"', month), (b'-', day), (b'T', hour), (b':', minute)] {
            out.push(mark);
            write_padded(out, u16::from(value), 2);
        }
        out.extend_from_slice(b"Z\"");
        object.either(in_units, "draught", self.draught, 10, 1);
        object.six_bit("destination", &bits, DESTINATION_AT, 20);
        object.int("dte", self.dte);
    }
}
