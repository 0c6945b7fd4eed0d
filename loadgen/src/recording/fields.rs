//! A payload as the standard reads it, as far as positions need it. ITU-R M.1371-5, tables 45, 55, 67, 68 and 77.

use crate::digest::{self, Fix, absent};

/// The UTC second of a report that has none.
pub const NO_SECOND: u8 = 60;

/// A whole message.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    /// Equal for messages that say the same.
    pub key: u64,
    /// The position that it is, if it is one.
    pub fix: Option<Fix>,
    /// Whether anybody must take it: it is as long as its type, and from a number that a ship can have.
    pub sure: bool,
}

/// Six bits a character.
struct Bits(Vec<u8>);

impl Bits {
    fn uint(&self, at: usize, width: usize) -> u32 {
        (at..at + width).fold(0, |value, at| {
            let six = self.0.get(at / 6).copied().unwrap_or(0);
            value << 1 | u32::from(six >> (5 - at % 6) & 1)
        })
    }

    fn int(&self, at: usize, width: usize) -> i32 {
        let shift = 32 - width;
        (self.uint(at, width) << shift).cast_signed() >> shift
    }
}

impl Payload {
    /// From armoured characters; `None` when one of them is no armour.
    pub fn of(characters: &[u8], fill: u8) -> Option<Self> {
        let six = |byte: &u8| match byte {
            48..=87 => Some(byte - 48),
            96..=119 => Some(byte - 56),
            _ => None,
        };
        let bits = Bits(characters.iter().map(six).collect::<Option<_>>()?);
        let length = (characters.len() * 6).saturating_sub(fill.into());
        let msg_type = bits.uint(0, 6).to_le_bytes()[0];
        let mmsi = bits.uint(8, 30);
        let least = match msg_type {
            1..=3 | 9 | 18 => 168,
            19 => 312,
            27 => 96,
            _ => usize::MAX,
        };
        let long =
            if msg_type == 27 { bits_far(&bits, mmsi) } else { bits_near(&bits, msg_type, mmsi) };
        let is_position = least < usize::MAX && length >= least;
        let sure = (1_000_000..1_000_000_000).contains(&mmsi) && length < least.saturating_add(8);
        let key = digest::of(&[digest::of_bytes(characters), fill.into()]);
        Some(Self { key, fix: is_position.then(|| known(long)), sure })
    }
}

/// What is out of range is as good as absent.
fn known(fix: Fix) -> Fix {
    Fix {
        lon: if fix.lon.abs() > 180 * 600_000 { absent::LON } else { fix.lon },
        lat: if fix.lat.abs() > 90 * 600_000 { absent::LAT } else { fix.lat },
        cog: fix.cog.min(absent::COG),
        heading: if fix.heading >= 360 { absent::HEADING } else { fix.heading },
        ..fix
    }
}

/// Types 1, 2, 3, 9, 18 and 19.
fn bits_near(bits: &Bits, msg_type: u8, mmsi: u32) -> Fix {
    let class_a = msg_type <= 3;
    let small = |at, width| u16::try_from(bits.uint(at, width)).unwrap_or(u16::MAX);
    // Speed, accuracy, longitude, latitude, course, heading: in this order everywhere, four bits later in class A.
    let at = if class_a || msg_type == 9 { 50 } else { 46 };
    let sog = small(at, 10);
    // A search aircraft tells whole knots.
    let sog = if msg_type == 9 && sog != absent::SOG { sog.saturating_mul(10) } else { sog };
    let heading = if msg_type == 9 { absent::HEADING } else { small(at + 78, 9) };
    let rot = i16::try_from(bits.int(42, 8)).unwrap_or(absent::ROT);
    let (rot, nav_status) = match class_a {
        true => (rot, bits.uint(38, 4).to_le_bytes()[0]),
        false => (absent::ROT, absent::NAV_STATUS),
    };
    let (lon, lat, cog) = (bits.int(at + 11, 28), bits.int(at + 39, 27), small(at + 66, 12));
    // Behind the heading, which a search aircraft does not tell.
    let second = small(if msg_type == 9 { at + 78 } else { at + 87 }, 6).to_le_bytes()[0];
    Fix { mmsi, msg_type, lon, lat, sog, cog, heading, rot, nav_status, second }
}

/// Type 27: tenths of minutes, whole knots, whole degrees.
fn bits_far(bits: &Bits, mmsi: u32) -> Fix {
    let scaled = |value: u32, none: u32, absent: u16| match value {
        value if value == none => absent,
        value => u16::try_from(value * 10).unwrap_or(absent),
    };
    Fix {
        mmsi,
        msg_type: 27,
        lon: bits.int(44, 18) * 1000,
        lat: bits.int(62, 17) * 1000,
        sog: scaled(bits.uint(79, 6), 63, absent::SOG),
        cog: scaled(bits.uint(85, 9), 511, absent::COG),
        heading: absent::HEADING,
        rot: absent::ROT,
        nav_status: bits.uint(40, 4).to_le_bytes()[0],
        second: NO_SECOND,
    }
}
