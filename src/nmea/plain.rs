//! The short way for the line that nearly every line is: one whole sentence and nothing else.
//!
//! In:      a line
//! Out:     what the long way would find in it
//! Drops:   never; a line that is anything else goes the long way
//!
//! Field positions follow from the sentence's fixed form, the payload's end from the line's end. Payload characters are
//! summed and checked against the six-bit alphabet eight at a time, which also proves that no comma or star hides there.

use super::sentence::{PAYLOAD_CHARS_MAX, fold, hex, is_talker};

/// A line that is one whole sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Where the payload begins.
    pub payload_at: usize,
    /// How long it is.
    pub payload_len: usize,
    /// The MMSI in it.
    pub mmsi: u32,
    /// The radio channel; 0 when blank.
    pub channel: u8,
    /// Fill bits, 0-5.
    pub fill: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
}

const VDM: u64 = u64::from_le_bytes(*b"VDM,1,1,");
const VDO: u64 = u64::from_le_bytes(*b"VDO,1,1,");
/// Bytes behind the payload: comma, fill, star and two digits.
const END_BYTES: usize = 5;

/// Reads the line, if it is `!xxVDM,1,1,[digit],[channel],payload,fill*hh` with nothing wrong.
#[inline]
pub fn read(line: &[u8]) -> Option<Plain> {
    let head = line.first_chunk::<16>()?;
    let [.., comma, fill, star, high, low] = line else { return None };
    let form = word(head, 3)?;
    let talker = is_talker(head[1]) && is_talker(head[2]);
    if head[0] != b'!' || !talker || (form != VDM && form != VDO) || *comma != b',' || *star != b'*'
    {
        return None;
    }
    let (payload_at, channel) = payload_start(head)?;
    let payload = line.get(payload_at..line.len() - END_BYTES)?;
    let fill_bits = fill.wrapping_sub(b'0');
    // One character more only fits with its fill; the long way knows.
    if fill_bits > 5 || payload.len() >= PAYLOAD_CHARS_MAX {
        return None;
    }
    let first = word(payload, 0)?;
    let head_word = u64::from_le_bytes(*head.first_chunk()?);
    let head_rest = word(head, 8)? & ((1 << (8 * (payload_at - 8))) - 1);
    let sum = payload_sum(payload)? ^ head_word ^ head_rest;
    if fold(sum) ^ b'!' ^ b',' ^ fill != hex(*high, *low)? {
        return None;
    }
    Some(Plain {
        payload_at,
        payload_len: payload.len(),
        mmsi: mmsi(first),
        channel,
        fill: fill_bits,
        own_ship: form == VDO,
    })
}

/// The eight bytes from `at` on.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Where the payload begins, 12 to 15, and the channel before it.
#[inline(always)]
fn payload_start(head: &[u8; 16]) -> Option<(usize, u8)> {
    let after = match (head[11], head[12]) {
        (b',', _) => 12,
        (b'0'..=b'9', b',') => 13,
        _ => return None,
    };
    match (head[after], head[after + 1]) {
        (b',', _) => Some((after + 1, 0)),
        (channel, b',') if channel.is_ascii_alphanumeric() => Some((after + 2, channel)),
        _ => None,
    }
}

/// The payload's bytes combined by exclusive or into one word, if all are of the six-bit alphabet and there are at
/// least eight.
#[inline(always)]
fn payload_sum(payload: &[u8]) -> Option<u64> {
    let (words, rest) = payload.as_chunks::<8>();
    let (mut sum, mut alien) = (0, 0);
    for chunk in words {
        let chunk = u64::from_le_bytes(*chunk);
        sum ^= chunk;
        alien |= outside(chunk);
    }
    if !rest.is_empty() {
        // The last eight bytes, of which the first ones are summed already.
        let last = u64::from_le_bytes(*payload.last_chunk()?);
        sum ^= last >> (8 * (8 - rest.len()));
        alien |= outside(last);
    }
    (alien & (EACH * 0x80) == 0).then_some(sum)
}

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The high bit of at least one byte is set unless every byte is in `0`-`W` or `` ` ``-`w`. A sum of a byte below 0x80
/// and 0x80 - n has its high bit set when the byte is n or more; a byte of 0x80 or more is outside by itself.
#[inline(always)]
const fn outside(word: u64) -> u64 {
    let low = word & (EACH * 0x7F);
    let from_0 = low + EACH * (0x80 - 0x30);
    let from_x = low + EACH * (0x80 - 0x58);
    let from_backtick = low + EACH * (0x80 - 0x60);
    let from_small_x = low + EACH * (0x80 - 0x78);
    word | !from_0 | (from_x & !from_backtick) | from_small_x
}

/// The MMSI in the first eight characters of a payload, all of them of the six-bit alphabet.
#[inline(always)]
fn mmsi(first: u64) -> u32 {
    // From 0x60 on the alphabet has a gap of eight behind it.
    let above_gap = (first + EACH * 0x20) & (EACH * 0x80);
    let codes = (first - EACH * 0x30 - (above_gap >> 4)).swap_bytes();
    let pairs = codes & 0x003F_003F_003F_003F | (codes & 0x3F00_3F00_3F00_3F00) >> 2;
    let fours = pairs & 0x0000_0FFF_0000_0FFF | (pairs & 0x0FFF_0000_0FFF_0000) >> 4;
    let bits = fours & 0x00FF_FFFF | (fours >> 32) << 24;
    // 48 bits: eight of type and repeat indicator, thirty of MMSI, ten of what follows.
    let [b0, b1, b2, b3, ..] = (bits >> 10 & 0x3FFF_FFFF).to_le_bytes();
    u32::from_le_bytes([b0, b1, b2, b3])
}
