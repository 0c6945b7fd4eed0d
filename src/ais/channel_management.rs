//! Type 22: channel management, for an area or for two stations (ITU-R M.1371-5, table 71).

use super::bits::Frame;
use super::json::Object;
use super::{Area, Header};
use crate::reject::Reject;

/// Up to the transitional zone.
const BITS_MIN: usize = 145;

/// A channel management message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelManagement {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Number of channel A.
    pub channel_a: u16,
    /// Number of channel B.
    pub channel_b: u16,
    /// Transmit and receive mode, 0-15.
    pub txrx: u8,
    /// Low power.
    pub low_power: bool,
    /// For whom.
    pub target: Target,
    /// Channel A has a bandwidth of 12.5 kHz.
    pub narrow_a: bool,
    /// Channel B has a bandwidth of 12.5 kHz.
    pub narrow_b: bool,
    /// Size of the transitional zone in nautical miles, less one.
    pub zone_size: u8,
}

/// Whom a channel management message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All stations in an area.
    Area(Area),
    /// Two stations, by MMSI.
    Stations(u32, u32),
}

impl ChannelManagement {
    pub(super) fn decode(frame: &Frame<'_>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        let target = if frame.flag::<139>() {
            Target::Stations(frame.u32::<69, 30>(), frame.u32::<104, 30>())
        } else {
            Target::Area(Area {
                ne_lon: frame.i32::<69, 18>(),
                ne_lat: frame.i32::<87, 17>(),
                sw_lon: frame.i32::<104, 18>(),
                sw_lat: frame.i32::<122, 17>(),
            })
        };
        Ok(Self {
            header,
            channel_a: frame.u16::<40, 12>(),
            channel_b: frame.u16::<52, 12>(),
            txrx: frame.u8::<64, 4>(),
            low_power: frame.flag::<68>(),
            target,
            narrow_a: frame.flag::<140>(),
            narrow_b: frame.flag::<141>(),
            zone_size: frame.u8::<142, 3>(),
        })
    }

    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("channel_a", self.channel_a);
        object.int("channel_b", self.channel_b);
        object.int("txrx", self.txrx);
        object.bool("power", self.low_power);
        match self.target {
            Target::Area(area) => area.write_json(in_units, object),
            Target::Stations(first, second) => {
                object.int("dest1", first);
                object.int("dest2", second);
            }
        }
        object.bool("addressed", matches!(self.target, Target::Stations(..)));
        object.bool("band_a", self.narrow_a);
        object.bool("band_b", self.narrow_b);
        object.int("zonesize", self.zone_size);
    }
}
