//! The application data inside types 6 (addressed) and 8 (broadcast): what a dangerous cargo declaration, a weather
//! report or a lock's answer says.
//!
//! In:      the bits of the whole message, its designated area code (DAC) and function identifier (FI)
//! Out:     the fields that follow `"fid"` in gpsd's JSON, by gpsd's names, scaled to units or as the numbers sent
//! Drops:   nothing; what is unknown, or has not the length its definition demands, is left to the caller as raw bits
//!
//! Each message is a table of `fields` that can be held beside its definition: IMO SN/Circ.236 (DAC 1, until 2012),
//! IMO SN.1/Circ.289 (DAC 1), the Rhine commission's tracking and tracing standard for inland navigation (DAC 200),
//! and the lights authorities of Britain and Ireland (DAC 235 and 250). "Not available" is written as the number that
//! says so, as gpsd does. gpsd leaves area notices (FI 22, 23), weather from ships (21), extended ship data (24) and
//! environmental reports (26) raw, and so does this.
//!
//! Where gpsd contradicts the definition and its output cannot be meant (a field read from the header, a date with its
//! parts exchanged), the definition is followed; each such place says so.

mod aid_to_navigation;
mod dangerous_cargo;
mod fairway;
mod fields;
mod inland_ship;
mod inland_waterway;
mod meteorology;
mod port_call;
mod route;
mod ship;
mod target;
mod text_description;
mod tidal_window;
mod traffic_signal;

#[cfg(test)]
mod tests;

use super::bits::Bits;
use super::json::Object;
use fields::Message;

/// Writes the application fields of a type 6 message into `object`.
///
/// `bits` is the whole message: its application data begins at bit 88. `scaled` writes degrees, knots and the like
/// where the raw integers stand otherwise. False, and nothing written, when there is no such message or it has not
/// the length its definition demands.
#[must_use]
pub fn write_addressed(
    dac: u16,
    fi: u8,
    bits: Bits<'_>,
    scaled: bool,
    object: &mut Object<'_>,
) -> bool {
    addressed(dac, fi).is_some_and(|message| message.write(bits, scaled, object))
}

/// Writes the application fields of a type 8 message into `object`, as [`write_addressed`] does; the application data
/// of the message in `bits` begins at bit 56.
#[must_use]
pub fn write_broadcast(
    dac: u16,
    fi: u8,
    bits: Bits<'_>,
    scaled: bool,
    object: &mut Object<'_>,
) -> bool {
    broadcast(dac, fi).is_some_and(|message| message.write(bits, scaled, object))
}

/// The messages to one station.
const fn addressed(dac: u16, fi: u8) -> Option<&'static Message> {
    Some(match (dac, fi) {
        (1, 12) => &dangerous_cargo::INDICATION_236,
        (1, 14) => &tidal_window::WINDOW_236,
        (1, 15) => &ship::AIR_DRAUGHT_ADDRESSED,
        (1, 16) => &ship::PERSONS_ADDRESSED,
        (1, 18) => &port_call::CLEARANCE_TIME,
        (1, 20) => &port_call::BERTHING_DATA,
        (1, 25) => &dangerous_cargo::INDICATION_289,
        (1, 28) => &route::ADDRESSED,
        (1, 30) => &text_description::ADDRESSED,
        (1, 32) => &tidal_window::WINDOW_289,
        (200, 21) => &inland_waterway::ARRIVAL_ESTIMATED,
        (200, 22) => &inland_waterway::ARRIVAL_RECOMMENDED,
        (200, 55) => &inland_ship::PERSONS,
        (235 | 250, 10) => &aid_to_navigation::MONITORING,
        _ => return None,
    })
}

/// The messages to all.
const fn broadcast(dac: u16, fi: u8) -> Option<&'static Message> {
    Some(match (dac, fi) {
        (1, 11) => &meteorology::WEATHER_236,
        (1, 13) => &fairway::CLOSED,
        (1, 15) => &ship::AIR_DRAUGHT_BROADCAST,
        (1, 16) => &ship::PERSONS_BROADCAST,
        (1, 17) => &target::TARGETS,
        (1, 19) => &traffic_signal::MARINE,
        (1, 27) => &route::BROADCAST,
        (1, 29) => &text_description::BROADCAST,
        (1, 31) => &meteorology::WEATHER_289,
        (200, 10) => &inland_ship::STATIC_AND_VOYAGE,
        (200, 23) => &inland_waterway::WEATHER_WARNING,
        (200, 24) => &inland_waterway::WATER_LEVELS,
        (200, 40) => &traffic_signal::INLAND,
        _ => return None,
    })
}
