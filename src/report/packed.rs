//! A report as bytes: what a record carries whose sender told fields, not a six-bit payload.
//!
//! ```text
//! 0 form u8 │ 1 parts u8 │ 2 mmsi u32 │ position: lon i32 │ lat i32 │ sog u16 │ cog u16 │ … │ static data: …
//! ```
//!
//! Little endian. What is absent has the value that the standard spells it with, or one that no field can have. The bytes up to the
//! course say whether two reports of one time are the same ([`key`]).

use super::{Place, Position, StaticData, Text};

/// The first byte; another form of these bytes would have another one.
const FORM: u8 = 1;
const POSITION: u8 = 1;
const STATIC: u8 = 2;
const ACCURATE: u8 = 4;
const RAIM: u8 = 8;
/// Where the MMSI begins, and where the course ends.
const KEY_AT: usize = 2;
const KEY_END: usize = 18;
const NO_DEGREES: i32 = i32::MIN;
const NO_WORD: u16 = u16::MAX;
const NO_BYTE: u8 = u8::MAX;

/// What a sender told of a vessel: a position, static data, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whom it is about.
    pub mmsi: u32,
    /// Where it is. Its message type is 0 when the sender did not tell it.
    pub position: Option<Position>,
    /// What it says of itself, likewise.
    pub data: Option<StaticData>,
}

/// The bytes that are the same in two reports of one time that say the same of a vessel's movement: MMSI, place, speed and course.
/// Where there is no position, all of them.
#[must_use]
pub fn key(packed: &[u8]) -> &[u8] {
    let moves = packed.get(1).is_some_and(|parts| parts & POSITION != 0);
    packed.get(KEY_AT..KEY_END).filter(|_| moves).unwrap_or(packed)
}

/// Whom packed bytes are about.
#[must_use]
pub fn mmsi(packed: &[u8]) -> Option<u32> {
    packed.get(KEY_AT..)?.first_chunk().map(|raw| u32::from_le_bytes(*raw))
}

impl Told {
    /// Adds its bytes.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let flag = |flag, set: bool| if set { flag } else { 0 };
        let position = self.position.as_ref();
        out.push(FORM);
        out.push(
            flag(POSITION, position.is_some())
                | flag(STATIC, self.data.is_some())
                | flag(ACCURATE, position.is_some_and(|it| it.accurate))
                | flag(RAIM, position.is_some_and(|it| it.raim)),
        );
        out.extend_from_slice(&self.mmsi.to_le_bytes());
        if let Some(position) = position {
            pack_position(position, out);
        }
        if let Some(data) = &self.data {
            pack_static(data, out);
        }
    }

    /// Reads what [`Told::pack`] wrote; nothing when it is something else.
    #[must_use]
    pub fn unpack(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        let [FORM, parts] = take(&mut rest)? else { return None };
        let mmsi = u32::from_le_bytes(take(&mut rest)?);
        let position = if parts & POSITION == 0 {
            None
        } else {
            let known = unpack_position(&mut rest)?;
            Some(Position { accurate: parts & ACCURATE != 0, raim: parts & RAIM != 0, ..known })
        };
        let data = if parts & STATIC == 0 { None } else { Some(unpack_static(&mut rest)?) };
        rest.is_empty().then_some(Self { mmsi, position, data })
    }
}

fn pack_position(position: &Position, out: &mut Vec<u8>) {
    let word = |value: Option<u16>| value.unwrap_or(NO_WORD).to_le_bytes();
    let place = position.place.map_or([NO_DEGREES; 2], |place| [place.lon, place.lat]);
    out.extend(place.iter().flat_map(|degrees| degrees.to_le_bytes()));
    out.extend_from_slice(&word(position.sog));
    out.extend_from_slice(&word(position.cog));
    out.push(position.msg_type);
    out.extend_from_slice(&word(position.heading));
    out.extend_from_slice(&word(position.altitude));
    out.push(position.rot.unwrap_or(i8::MIN).cast_unsigned());
    out.push(position.nav_status.unwrap_or(NO_BYTE));
    out.push(position.utc_second.unwrap_or(NO_BYTE));
}

fn unpack_position(rest: &mut &[u8]) -> Option<Position> {
    let lon = i32::from_le_bytes(take(rest)?);
    let lat = i32::from_le_bytes(take(rest)?);
    let place = if lon == NO_DEGREES { None } else { Some(Place::new(lon, lat)?) };
    let (sog, cog) = (word(rest)?, word(rest)?);
    let [msg_type] = take(rest)?;
    let (heading, altitude) = (word(rest)?, word(rest)?);
    let [rot, nav_status, utc_second] = take(rest)?;
    Some(Position {
        msg_type,
        place,
        sog,
        cog,
        heading,
        rot: Some(rot.cast_signed()).filter(|rot| *rot != i8::MIN),
        nav_status: byte(nav_status, NO_BYTE),
        altitude,
        utc_second: byte(utc_second, NO_BYTE),
        accurate: false,
        raim: false,
    })
}

fn pack_static(data: &StaticData, out: &mut Vec<u8>) {
    out.push(data.msg_type);
    out.extend_from_slice(&data.imo.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&data.mothership.unwrap_or(u32::MAX).to_le_bytes());
    let metres = data.dimensions.unwrap_or_default();
    out.extend(metres.iter().flat_map(|metres| metres.to_le_bytes()));
    out.extend([data.ship_type, data.draught, data.epfd].map(|value| value.unwrap_or(0)));
    out.extend(data.eta.map(|part| part.unwrap_or(NO_BYTE)));
    pack_text(data.callsign.as_ref(), out);
    pack_text(data.name.as_ref(), out);
    pack_text(data.destination.as_ref(), out);
    pack_text(data.vendor.as_ref(), out);
}

fn unpack_static(rest: &mut &[u8]) -> Option<StaticData> {
    let [msg_type] = take(rest)?;
    let imo = u32::from_le_bytes(take(rest)?);
    let mothership = u32::from_le_bytes(take(rest)?);
    let mut metres = [0; 4];
    for side in &mut metres {
        *side = u16::from_le_bytes(take(rest)?);
    }
    let [ship_type, draught, epfd] = take(rest)?;
    let eta: [u8; 4] = take(rest)?;
    Some(StaticData {
        msg_type,
        imo: (imo != 0).then_some(imo),
        callsign: unpack_text(rest)?,
        name: unpack_text(rest)?,
        ship_type: byte(ship_type, 0),
        dimensions: (metres != [0; 4]).then_some(metres),
        draught: byte(draught, 0),
        destination: unpack_text(rest)?,
        eta: eta.map(|part| byte(part, NO_BYTE)),
        epfd: byte(epfd, 0),
        vendor: unpack_text(rest)?,
        mothership: (mothership != u32::MAX).then_some(mothership),
    })
}

fn pack_text<const N: usize>(text: Option<&Text<N>>, out: &mut Vec<u8>) {
    let bytes = text.map_or(&[][..], |text| text.as_str().as_bytes());
    out.push(u8::try_from(bytes.len()).unwrap_or(0));
    out.extend_from_slice(bytes);
}

/// A text that may be absent; nothing when the bytes end before it.
#[expect(clippy::option_option, reason = "absent, or not there to be read")]
fn unpack_text<const N: usize>(rest: &mut &[u8]) -> Option<Option<Text<N>>> {
    let [length] = take(rest)?;
    let (text, behind) = rest.split_at_checked(usize::from(length))?;
    *rest = behind;
    if !text.iter().all(|letter| (b' '..=b'~').contains(letter)) {
        return None;
    }
    Some(Text::new(text))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

/// A word that may be absent; nothing when the bytes end before it.
#[expect(clippy::option_option, reason = "absent, or not there to be read")]
fn word(rest: &mut &[u8]) -> Option<Option<u16>> {
    let value = u16::from_le_bytes(take(rest)?);
    Some((value != NO_WORD).then_some(value))
}

fn byte(value: u8, absent: u8) -> Option<u8> {
    (value != absent).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION_ALONE: Position = Position {
        msg_type: 0,
        place: None,
        sog: None,
        cog: None,
        heading: None,
        rot: None,
        nav_status: None,
        altitude: None,
        utc_second: None,
        accurate: false,
        raim: false,
    };

    fn full() -> Told {
        let place = Place::new(-108_000_000, 54_000_000);
        let position = Position {
            msg_type: 18,
            place,
            sog: Some(1022),
            cog: Some(3599),
            heading: Some(0),
            rot: Some(-127),
            nav_status: Some(14),
            altitude: Some(4094),
            utc_second: Some(59),
            accurate: true,
            raim: true,
        };
        let data = StaticData {
            msg_type: 5,
            imo: Some(9_074_729),
            callsign: Text::new(b"PD1234"),
            name: Text::new(b"EVER GIVEN"),
            ship_type: Some(70),
            dimensions: Some([100, 20, 0, 511]),
            draught: Some(255),
            destination: Text::new(b"NL RTM"),
            eta: [Some(12), None, Some(0), Some(59)],
            epfd: Some(1),
            vendor: Text::new(b"SRT"),
            mothership: Some(0),
        };
        Told { mmsi: 244_660_000, position: Some(position), data: Some(data) }
    }

    fn packed(told: &Told) -> Vec<u8> {
        let mut out = Vec::new();
        told.pack(&mut out);
        out
    }

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_shorter_or_longer_is() {
        let empty = Told { position: Some(POSITION_ALONE), data: None, ..full() };
        let said = Told { position: None, data: Some(StaticData::default()), ..full() };
        for told in [full(), empty, said, Told { data: None, ..full() }] {
            let bytes = packed(&told);
            assert_eq!(mmsi(&bytes), Some(told.mmsi));
            assert_eq!(Told::unpack(&bytes), Some(told));
            for length in 0..bytes.len() {
                assert_eq!(Told::unpack(&bytes[..length]), None, "{length}");
            }
            assert_eq!(Told::unpack(&[&bytes[..], b"x"].concat()), None);
        }
        assert_eq!(Told::unpack(b"17P@<J?P00blFWmjG@5a5?v62<10"), None);
    }

    #[test]
    fn two_reports_of_the_same_movement_have_one_key() {
        let moves = |change: fn(&mut Position)| {
            let mut told = full();
            told.position.iter_mut().for_each(change);
            key(&packed(&told)).to_vec()
        };
        let one = moves(|_| {});
        assert_eq!(one, moves(|it| it.heading = None));
        assert_eq!(one, key(&packed(&Told { data: None, ..full() })));
        for other in [
            moves(|it| it.sog = None),
            moves(|it| it.cog = Some(1)),
            moves(|it| it.place = None),
            key(&packed(&Told { mmsi: 1, ..full() })).to_vec(),
        ] {
            assert_ne!(one, other);
        }
        let said = packed(&Told { position: None, ..full() });
        assert_eq!(key(&said), said);
    }
}
