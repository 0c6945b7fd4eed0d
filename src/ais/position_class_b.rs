//! Types 18 and 19: standard and extended position report of a class B ship (ITU-R M.1371-5, tables 66 and 67).

use super::bits::Frame;
use super::json::Object;
use super::{Header, absent, names};
use crate::reject::Reject;
use crate::report::{Place, Position, StaticData};

/// Up to the RAIM flag of type 18; the radio status may be cut short.
const STANDARD_BITS_MIN: usize = 148;
/// Up to the assigned flag of type 19; the spare bits may be missing.
const EXTENDED_BITS_MIN: usize = 308;

/// What both reports begin with, in the numbers of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionClassB {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Reserved bits after the MMSI, 8 bits.
    pub reserved: u8,
    /// Speed over ground in 0.1 knot; 1 023 is not available.
    pub speed: u16,
    /// Better than 10 m.
    pub accurate: bool,
    /// Longitude in 1/10 000 minute, east positive; 108 600 000 is not available.
    pub lon: i32,
    /// Latitude in 1/10 000 minute, north positive; 54 600 000 is not available.
    pub lat: i32,
    /// Course over ground in 0.1 degree; 3 600 is not available.
    pub course: u16,
    /// True heading in degrees; 511 is not available.
    pub heading: u16,
    /// UTC second; 60 is not available.
    pub second: u8,
}

impl PositionClassB {
    #[inline]
    fn decode(frame: &Frame<'_>, header: Header) -> Self {
        Self {
            header,
            reserved: frame.u8::<38, 8>(),
            speed: frame.u16::<46, 10>(),
            accurate: frame.flag::<56>(),
            lon: frame.i32::<57, 28>(),
            lat: frame.i32::<85, 27>(),
            course: frame.u16::<112, 12>(),
            heading: frame.u16::<124, 9>(),
            second: frame.u8::<133, 6>(),
        }
    }

    #[inline]
    fn position(&self, raim: bool) -> Position {
        Position {
            msg_type: self.header.msg_type,
            place: Place::new(self.lon, self.lat),
            sog: absent::speed(self.speed),
            cog: absent::course(self.course),
            heading: absent::heading(self.heading),
            rot: None,
            nav_status: None,
            altitude: None,
            utc_second: absent::second(self.second),
            accurate: self.accurate,
            raim,
        }
    }

    fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("reserved", self.reserved);
        object.either(in_units, "speed", self.speed, 10, 1);
        object.bool("accuracy", self.accurate);
        object.either(in_units, "lon", self.lon, 600_000, 7);
        object.either(in_units, "lat", self.lat, 600_000, 7);
        object.either(in_units, "course", self.course, 10, 1);
        object.int("heading", self.heading);
        object.int("second", self.second);
    }
}

/// Type 18: standard position report of a class B ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardClassB {
    /// What both reports begin with.
    pub position: PositionClassB,
    /// Reserved for the region, 2 bits.
    pub regional: u8,
    /// Carrier-sense unit (CS); else SOTDMA.
    pub carrier_sense: bool,
    /// Has a display for types 12 and 14.
    pub display: bool,
    /// Has a DSC receiver.
    pub dsc: bool,
    /// Can use the whole marine band.
    pub band: bool,
    /// Obeys channel management by type 22.
    pub msg22: bool,
    /// In assigned mode.
    pub assigned: bool,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Communication state with its selector, 20 bits.
    pub radio: u32,
}

impl StandardClassB {
    #[inline]
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(STANDARD_BITS_MIN)?;
        Ok(Self {
            position: PositionClassB::decode(frame, header),
            regional: frame.u8::<139, 2>(),
            carrier_sense: frame.flag::<141>(),
            display: frame.flag::<142>(),
            dsc: frame.flag::<143>(),
            band: frame.flag::<144>(),
            msg22: frame.flag::<145>(),
            assigned: frame.flag::<146>(),
            raim: frame.flag::<147>(),
            radio: frame.u32::<148, 20>(),
        })
    }

    /// The position with what is not available left out.
    #[must_use]
    #[inline]
    pub fn position(&self) -> Position {
        self.position.position(self.raim)
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        self.position.write_json(in_units, object);
        object.int("regional", self.regional);
        object.bool("cs", self.carrier_sense);
        object.bool("display", self.display);
        object.bool("dsc", self.dsc);
        object.bool("band", self.band);
        object.bool("msg22", self.msg22);
        object.bool("raim", self.raim);
        object.int("radio", self.radio);
    }
}

/// Type 19: extended position report of a class B ship.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedClassB<'s> {
    /// What both reports begin with.
    pub position: PositionClassB,
    /// Reserved for the region, 4 bits.
    pub regional: u8,
    /// Type of ship and cargo.
    pub ship_type: u8,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [u16; 4],
    /// Type of position-fixing device.
    pub epfd: u8,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// Data terminal *not* ready.
    pub dte: bool,
    /// In assigned mode.
    pub assigned: bool,
    /// Spare bits.
    pub spare: u8,
    frame: Frame<'s>,
}

impl<'s> ExtendedClassB<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(EXTENDED_BITS_MIN)?;
        Ok(Self {
            position: PositionClassB::decode(frame, header),
            regional: frame.u8::<139, 4>(),
            ship_type: frame.u8::<263, 8>(),
            dimensions: [
                frame.u16::<271, 9>(),
                frame.u16::<280, 9>(),
                frame.u16::<289, 6>(),
                frame.u16::<295, 6>(),
            ],
            epfd: frame.u8::<301, 4>(),
            raim: frame.flag::<305>(),
            dte: frame.flag::<306>(),
            assigned: frame.flag::<307>(),
            spare: frame.u8::<308, 4>(),
            frame: *frame,
        })
    }

    /// The position with what is not available left out.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position.position(self.raim)
    }

    /// The static data with what is not available left out.
    #[must_use]
    pub fn static_data(&self) -> StaticData {
        StaticData {
            msg_type: self.position.header.msg_type,
            name: self.frame.text(143),
            ship_type: absent::zero(self.ship_type),
            dimensions: absent::dimensions(self.dimensions),
            epfd: absent::zero(self.epfd),
            ..StaticData::default()
        }
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        self.position.write_json(in_units, object);
        object.int("regional", self.regional);
        object.six_bit("shipname", &self.frame.bits(), 143, 20);
        object.int("shiptype", self.ship_type);
        object.plain("shiptype_text", names::ship_type(self.ship_type));
        names::write_dimensions(object, self.dimensions);
        object.int("epfd", self.epfd);
        object.plain("epfd_text", names::epfd(self.epfd));
        object.bool("raim", self.raim);
        object.int("dte", self.dte);
        object.bool("assigned", self.assigned);
    }
}
