//! One sentence: its checksum and its seven fields.
//!
//! In:      the bytes between `!` and `*`
//! Out:     a [`Sentence`]
//! Drops:   nothing; what is wrong comes back as a [`Reject`]
//!
//! The format is that of IEC 61162-1 (NMEA 0183): `!AIVDM,total,number,sequence,channel,payload,fill*hh`.

use crate::ais::bits::BITS_MAX;
use crate::reject::Reject;

/// Bytes of the address: two for the talker, three for what it says.
pub const ADDRESS_BYTES: usize = 5;
/// Characters of a payload that hold type and MMSI.
pub const PAYLOAD_CHARS_MIN: usize = 7;
/// Characters of the longest payload, fill included.
pub const PAYLOAD_CHARS_MAX: usize = BITS_MAX.div_ceil(6);
/// Most parts of a message.
pub const PARTS_MAX: u8 = 9;

/// The fields of a VDM or VDO sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// Parts of the message, 1-9.
    pub total: u8,
    /// The number of this part, 1 to `total`.
    pub number: u8,
    /// What parts of one message have in common; blank is a value of its own.
    pub sequence: Option<u16>,
    /// The radio channel, at most four characters; 0 when blank.
    pub channel: u32,
    /// The six-bit payload as sent; may be empty in a part.
    pub payload: &'a [u8],
    /// Fill bits, 0-5.
    pub fill: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
}

impl Sentence<'_> {
    /// The channel when it is one character, else 0.
    #[must_use]
    pub fn channel_char(&self) -> u8 {
        u8::try_from(self.channel).unwrap_or(0)
    }
}

/// Whether an AIS sentence's address begins here, after its `!` or `$`; the talker may be anything.
#[must_use]
pub fn is_address(bytes: &[u8]) -> bool {
    matches!(bytes, [first, second, b'V', b'D', b'M' | b'O', ..]
        if is_talker(*first) && is_talker(*second))
}

/// Whether a byte may stand in a talker: anything visible that is not reserved.
#[must_use]
#[inline]
pub const fn is_talker(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b'*' | b'!' | b'$' | b'\\')
}

/// All bytes combined by exclusive or.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u8 {
    let (words, rest) = bytes.as_chunks::<8>();
    let word = words.iter().fold(0, |sum, word| sum ^ u64::from_ne_bytes(*word));
    rest.iter().fold(fold(word), |sum, byte| sum ^ byte)
}

/// The eight bytes of a word combined by exclusive or.
#[must_use]
pub const fn fold(word: u64) -> u8 {
    let word = word ^ (word >> 32);
    let word = word ^ (word >> 16);
    (word ^ (word >> 8)).to_le_bytes()[0]
}

/// The value of two hexadecimal digits, of either case.
#[must_use]
#[inline]
pub fn hex(high: u8, low: u8) -> Option<u8> {
    const VALUES: [u8; 256] = {
        let mut values = [0xFF; 256];
        let mut n = 0;
        while n < 16 {
            values[b"0123456789ABCDEF"[n] as usize] = n.to_le_bytes()[0];
            values[b"0123456789abcdef"[n] as usize] = n.to_le_bytes()[0];
            n += 1;
        }
        values
    };
    let (high, low) = (VALUES[usize::from(high)], VALUES[usize::from(low)]);
    if high | low > 0x0F { None } else { Some(high << 4 | low) }
}

/// Reads the fields of a sentence, from its address to its fill bits, and returns what follows them: nothing when the
/// sentence is right, for more than seven fields would not be one; without a checksum, maybe a suffix.
///
/// # Errors
/// Why it is none.
pub fn read(body: &[u8]) -> Result<(Sentence<'_>, &[u8]), Reject> {
    let mut fields = body.splitn(8, |&byte| byte == b',');
    let mut field = || fields.next().ok_or(Reject::Malformed);
    let own_ship = field()?.get(4) == Some(&b'O');
    let (total, number) = (count(field()?), count(field()?));
    let (sequence, channel) = (field()?, field()?);
    let (payload, fill) = (field()?, field()?);
    let rest = fields.next().unwrap_or_default();
    if body.get(ADDRESS_BYTES) != Some(&b',') {
        return Err(Reject::Malformed);
    }
    let (total, number) = (total?, number?);
    let (sequence, channel) = (read_sequence(sequence)?, read_channel(channel)?);
    if !(1..=PARTS_MAX).contains(&total) || !(1..=total).contains(&number) {
        return Err(Reject::Fragment);
    }
    let fill = match fill.trim_ascii() {
        [digit @ b'0'..=b'5'] => digit - b'0',
        _ => return Err(Reject::FillBits),
    };
    Ok((Sentence { total, number, sequence, channel, payload, fill, own_ship }, rest))
}

/// A count of parts; anything over one digit is out of range.
fn count(field: &[u8]) -> Result<u8, Reject> {
    match field {
        [digit @ b'0'..=b'9'] => Ok(digit - b'0'),
        [_, ..] if field.iter().all(u8::is_ascii_digit) => Ok(u8::MAX),
        _ => Err(Reject::Malformed),
    }
}

fn read_sequence(field: &[u8]) -> Result<Option<u16>, Reject> {
    if field.len() > 4 || !field.iter().all(u8::is_ascii_digit) {
        return Err(Reject::Malformed);
    }
    let value = field.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    Ok((!field.is_empty()).then_some(value))
}

fn read_channel(field: &[u8]) -> Result<u32, Reject> {
    if field.len() > 4 || !field.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Reject::Malformed);
    }
    Ok(field.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}

/// Judges a whole payload and reads the MMSI in it.
///
/// # Errors
/// When it is too short to hold one, longer than five slots, or its first characters are no six-bit armour.
pub fn mmsi(payload: &[u8], fill: u8) -> Result<u32, Reject> {
    let Some(first) = payload.first_chunk::<PAYLOAD_CHARS_MIN>() else {
        return Err(Reject::TooShort);
    };
    if payload.len() * 6 - usize::from(fill) > BITS_MAX {
        return Err(Reject::TooLong);
    }
    let mut bits = 0_u64;
    for &char in first {
        bits = bits << 6 | u64::from(sixbit(char).ok_or(Reject::Armor)?);
    }
    // 42 bits: six of type, two of repeat indicator, thirty of MMSI, four of what follows.
    let mmsi = bits >> 4 & 0x3FFF_FFFF;
    u32::try_from(mmsi).map_err(|_| Reject::Armor)
}

/// The six bits that a payload character stands for.
fn sixbit(char: u8) -> Option<u8> {
    match char {
        b'0'..=b'W' => Some(char - b'0'),
        b'`'..=b'w' => Some(char - b'0' - 8),
        _ => None,
    }
}
