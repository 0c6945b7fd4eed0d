//! What the ledger keeps of a message: 64 bits that say how its row must look.
//!
//! The same function is fed with what was sent and with what the store holds, so a row with one wrong field matches
//! nothing. At a hundred million messages the chance that any two distinct ones share a digest is 1 in 3 700.

use crate::random::mixed;

/// Values that mean "not available" on the air; a row must have NULL there.
pub mod absent {
    /// Longitude, 181 degrees.
    pub const LON: i32 = 181 * 600_000;
    /// Latitude, 91 degrees.
    pub const LAT: i32 = 91 * 600_000;
    /// Speed over ground.
    pub const SOG: u16 = 1023;
    /// Course over ground.
    pub const COG: u16 = 3600;
    /// True heading.
    pub const HEADING: u16 = 511;
    /// Rate of turn.
    pub const ROT: i16 = -128;
    /// Navigational status.
    pub const NAV_STATUS: u8 = 15;
}

/// A position report in the numbers of the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Who.
    pub mmsi: u32,
    /// The message type.
    pub msg_type: u8,
    /// East, in 1/10 000 minute.
    pub lon: i32,
    /// North, in 1/10 000 minute.
    pub lat: i32,
    /// Speed over ground in 0.1 knot.
    pub sog: u16,
    /// Course over ground in 0.1 degree.
    pub cog: u16,
    /// True heading in degrees.
    pub heading: u16,
    /// Rate of turn as sent.
    pub rot: i16,
    /// Navigational status.
    pub nav_status: u8,
    /// UTC second of the fix; not part of its own digest, but of [`When`] it happened.
    pub second: u8,
}

impl Fix {
    /// The digest of the row that it must become.
    pub fn digest(&self) -> u64 {
        let place = pair(self.lon.cast_unsigned(), self.lat.cast_unsigned());
        let motion = u64::from(self.sog)
            | u64::from(self.cog) << 16
            | u64::from(self.heading) << 32
            | u64::from(self.rot.cast_unsigned()) << 48;
        let who = u64::from(self.mmsi)
            | u64::from(self.msg_type) << 32
            | u64::from(self.nav_status) << 40;
        of(&[who, place, motion])
    }
}

/// When a message happened, as far as its row must say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time, in microseconds since 1970: the sender told it.
    Told(i64),
    /// At this second of a minute: the report tells it, and the minute is the one nearest to its receipt.
    Second(u8),
    /// When it was received.
    Received,
}

impl When {
    const fn word(self) -> u64 {
        match self {
            Self::Told(us) => us.cast_unsigned(),
            Self::Second(second) => 1 << 62 | second as u64,
            Self::Received => 1 << 63,
        }
    }
}

/// Whether reports of this type tell the UTC second of what they say.
pub const fn tells_second(msg_type: u8) -> bool {
    matches!(msg_type, 1..=3 | 9 | 18 | 19 | 21)
}

/// The digest of a row that says what another digest stands for, and is dated so.
pub fn dated(digest: u64, when: When) -> u64 {
    of(&[digest, when.word()])
}

/// The digest of some numbers, in order.
pub fn of(words: &[u64]) -> u64 {
    words.iter().fold(0x6169_7364, |state, word| mixed(state.rotate_left(23) ^ word))
}

/// The digest of bytes; their length counts too.
pub fn of_bytes(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(mixed(bytes.len() as u64), |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed(state.rotate_left(23) ^ u64::from_le_bytes(word))
    })
}

/// Two numbers as one word.
pub const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// Type 4: who, the time it tells in seconds since 1970, and where.
pub fn base_station(mmsi: u32, told_s: i64, lon: i32, lat: i32) -> u64 {
    of(&[pair(mmsi, 4), told_s.cast_unsigned(), pair(lon.cast_unsigned(), lat.cast_unsigned())])
}

/// Types 6 and 8: who, to whom, and the application's data.
pub fn binary(mmsi: u32, msg_type: u8, to: u32, application: u32, data: &[u8]) -> u64 {
    of(&[pair(mmsi, u32::from(msg_type)), pair(to, application), of_bytes(data)])
}

/// Type 20: who, and its first reservation.
pub fn link_management(mmsi: u32, offset: u32, number: u32, timeout: u32, increment: u32) -> u64 {
    of(&[pair(mmsi, 20), pair(offset, number), pair(timeout, increment)])
}

/// Type 17: who, where in tenths of a degree, since rows say no more, and the corrections.
pub fn corrections(mmsi: u32, [lon, lat]: [i32; 2], data: &[u8]) -> u64 {
    of(&[pair(mmsi, 17), pair(lon.cast_unsigned(), lat.cast_unsigned()), of_bytes(data)])
}

/// Tenths of a degree from tenths of a minute, half of one away from zero.
pub const fn tenths_of_degree(tenths_of_minute: i32) -> i32 {
    (tenths_of_minute + 30 * tenths_of_minute.signum()) / 60
}

/// What an aid to navigation says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aid<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it marks.
    pub aid_type: u32,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [u32; 4],
}

/// Type 21: who, where, the second of the minute, and what it is.
pub fn aid_to_navigation(mmsi: u32, [lon, lat]: [i32; 2], second: u32, aid: Aid<'_>) -> u64 {
    let [bow, stern, port, starboard] = aid.dimensions;
    let place = pair(lon.cast_unsigned(), lat.cast_unsigned());
    let what = [pair(second, aid.aid_type), pair(bow, stern), pair(port, starboard)];
    of(&[pair(mmsi, 21), place, what[0], what[1], what[2], of_bytes(aid.name.as_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_fix_but_the_second_changes_its_digest() {
        let fix = Fix {
            mmsi: 1,
            msg_type: 1,
            lon: 1,
            lat: 1,
            sog: 1,
            cog: 1,
            heading: 1,
            rot: 1,
            nav_status: 1,
            second: 1,
        };
        let others = [
            Fix { mmsi: 2, ..fix },
            Fix { msg_type: 3, ..fix },
            Fix { lon: -1, ..fix },
            Fix { lat: -1, ..fix },
            Fix { sog: 2, ..fix },
            Fix { cog: 2, ..fix },
            Fix { heading: 2, ..fix },
            Fix { rot: -1, ..fix },
            Fix { nav_status: 0, ..fix },
        ];
        assert!(others.iter().all(|other| other.digest() != fix.digest()));
        assert_eq!(Fix { second: 2, ..fix }.digest(), fix.digest());
    }

    #[test]
    fn every_date_makes_another_digest() {
        let whens =
            [When::Received, When::Second(0), When::Second(1), When::Told(0), When::Told(1)];
        let digests: std::collections::HashSet<u64> =
            whens.iter().map(|when| dated(7, *when)).collect();
        assert_eq!(digests.len(), whens.len());
        assert_ne!(dated(7, When::Received), dated(8, When::Received));
    }

    #[test]
    fn tenths_of_a_degree_are_the_nearest() {
        let check =
            |minutes, expected| assert_eq!(tenths_of_degree(minutes), expected, "{minutes}");
        for (minutes, expected) in [(0, 0), (29, 0), (30, 1), (60, 1), (89, 1), (90, 2)] {
            check(minutes, expected);
            check(-minutes, -expected);
        }
    }

    #[test]
    fn bytes_of_another_length_are_other_bytes() {
        assert_ne!(of_bytes(&[0; 8]), of_bytes(&[0; 9]));
        assert_ne!(of_bytes(b""), of_bytes(&[0]));
    }
}
