//! Types 16 and 23: a base station assigns how one or two stations, or a group of them, report (ITU-R M.1371-5, tables
//! 62 and 72).

use super::bits::Frame;
use super::json::Object;
use super::{Area, Header, names};
use crate::reject::Reject;

/// Up to the increment of the first station.
const ONE_STATION_BITS: usize = 92;
/// Up to the increment of the second one.
const TWO_STATIONS_BITS: usize = 144;
/// Up to the quiet time.
const GROUP_BITS_MIN: usize = 154;

/// Type 16: assignment of one or two stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// MMSI, offset and increment of each station; an MMSI of 0 is none.
    pub stations: [(u32, u16, u16); 2],
}

impl Assignment {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(ONE_STATION_BITS)?;
        let first = (frame.u32::<40, 30>(), frame.u16::<70, 12>(), frame.u16::<82, 10>());
        let second = if frame.len() < TWO_STATIONS_BITS {
            (0, 0, 0)
        } else {
            (frame.u32::<92, 30>(), frame.u16::<122, 12>(), frame.u16::<134, 10>())
        };
        Ok(Self { header, stations: [first, second] })
    }

    pub(super) fn write_json(&self, object: &mut Object<'_>) {
        let [first, second] = self.stations;
        object.int("mmsi1", first.0);
        object.int("offset1", first.1);
        object.int("increment1", first.2);
        object.int("mmsi2", second.0);
        object.int("offset2", second.1);
        object.int("increment2", second.2);
    }
}

/// Type 23: assignment of a group of stations in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAssignment {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Where.
    pub area: Area,
    /// Which type of station, 0-15.
    pub station_type: u8,
    /// Which type of ship and cargo; 0 is all.
    pub ship_type: u8,
    /// Transmit and receive mode, 0-3.
    pub txrx: u8,
    /// Reporting interval, 0-15 as in table 77 of the standard.
    pub interval: u8,
    /// Quiet time in minutes; 0 is none.
    pub quiet: u8,
}

impl GroupAssignment {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(GROUP_BITS_MIN)?;
        Ok(Self {
            header,
            area: Area {
                ne_lon: frame.i32::<40, 18>(),
                ne_lat: frame.i32::<58, 17>(),
                sw_lon: frame.i32::<75, 18>(),
                sw_lat: frame.i32::<93, 17>(),
            },
            station_type: frame.u8::<110, 4>(),
            ship_type: frame.u8::<114, 8>(),
            txrx: frame.u8::<144, 2>(),
            interval: frame.u8::<146, 4>(),
            quiet: frame.u8::<150, 4>(),
        })
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        self.area.write_json(in_units, object);
        object.int("stationtype", self.station_type);
        object.plain("stationtype_text", names::station_type(self.station_type));
        object.int("shiptype", self.ship_type);
        object.plain("shiptype_text", names::ship_type(self.ship_type));
        object.int("interval", self.interval);
        object.int("quiet", self.quiet);
    }
}
