//! Takes the six-bit armour off a payload: eight characters at a time, all checked at once, no branch per character.
//!
//! In:      the payload of a sentence, or of several joined, and its fill bits
//! Out:     the message's bits in a buffer, zeros behind them
//! Drops:   what has a character outside the alphabet, too many bits, or fill bits that cannot be
//!
//! A character stands for six bits: `0` to `W` (48-87) for 0 to 39, `` ` `` to `w` (96-119) for 40 to 63 (IEC 61162-1,
//! table of the encapsulation sentence).

use super::bits::{BITS_MAX, BUFFER_BYTES, Buffer, Frame};
use crate::reject::Reject;

/// Most characters of a payload: 1 064 bits and up to five fill bits.
const CHARS_MAX: usize = BITS_MAX.div_ceil(6);
/// Characters of a message of 168 bits.
const SLOT_CHARS: usize = 28;
/// Every byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The top bit of every byte.
const TOP: u64 = 0x80 * EACH;
/// Eight characters that stand for zeros.
const ZEROS: u64 = 0x30 * EACH;

/// The buffer that a message is decoded in; one for each thread that decodes, used again and again.
pub struct Scratch {
    buffer: Buffer,
    /// Bytes from here on are zeros.
    clean_from: usize,
}

impl Scratch {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; BUFFER_BYTES], clean_from: 0 }
    }

    /// Takes the armour off.
    ///
    /// # Errors
    /// With the reason why the payload cannot be a message's.
    #[inline]
    pub fn unarmor(&mut self, payload: &[u8], fill: u8) -> Result<Frame<'_>, Reject> {
        let fill = usize::from(fill);
        if fill > 5 || (fill > 0 && payload.is_empty()) {
            return Err(Reject::FillBits);
        }
        if payload.len() > CHARS_MAX || payload.len() * 6 - fill > BITS_MAX {
            return Err(Reject::TooLong);
        }
        let bits = payload.len() * 6 - fill;
        // Most messages are one slot of 28 characters: with the number known, all is one straight run.
        let wrong = match <&[u8; SLOT_CHARS]>::try_from(payload) {
            Ok(slot) => self.fill_in(slot),
            Err(_) => self.fill_in(payload),
        };
        if wrong != 0 {
            return Err(Reject::Armor);
        }
        if fill > 0 {
            self.clear_last(payload.len() * 6, fill);
        }
        Ok(Frame::new(&self.buffer, bits))
    }

    /// Writes the bits and clears what an earlier message left behind them; returns a word that is not 0 when a
    /// character is wrong.
    #[inline(always)]
    fn fill_in(&mut self, payload: &[u8]) -> u64 {
        let mut wrong = 0;
        let mut at = 0;
        let (eights, rest) = payload.as_chunks::<8>();
        for eight in eights {
            let (packed, bad) = pack(u64::from_be_bytes(*eight));
            wrong |= bad;
            self.put(at, packed);
            at += 6;
        }
        if !rest.is_empty() {
            let (packed, bad) = pack(last_word(payload, rest.len()));
            wrong |= bad;
            self.put(at, packed);
            at += 6;
        }
        // A word was written two bytes further than its bits go, all zeros.
        if let Some(left_behind) = self.buffer.get_mut(at..self.clean_from) {
            left_behind.fill(0);
        }
        self.clean_from = at;
        wrong
    }

    #[inline]
    fn put(&mut self, at: usize, packed: u64) {
        if let Some(place) = self.buffer.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) {
            *place = (packed << 16).to_be_bytes();
        }
    }

    /// Clears the last `fill` of the first `bits` bits.
    fn clear_last(&mut self, bits: usize, fill: usize) {
        for bit in bits - fill..bits {
            self.buffer[bit / 8] &= !(0x80 >> (bit % 8));
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Whom a payload is about if it begins like one; the rest of it is not looked at.
#[must_use]
#[inline]
pub fn mmsi_in(payload: &[u8]) -> Option<u32> {
    let (bits, wrong) = pack(u64::from_be_bytes(*payload.first_chunk()?));
    // Of 48 bits eight are type and repeat indicator, thirty the MMSI, ten what follows.
    u32::try_from(bits >> 10 & 0x3FFF_FFFF).ok().filter(|_| wrong == 0)
}

/// The last `count` characters (1 to 7) of a payload, followed by characters that stand for zeros.
#[inline]
fn last_word(payload: &[u8], count: usize) -> u64 {
    let word = if let Some(eight) = payload.last_chunk::<8>() {
        u64::from_be_bytes(*eight)
    } else {
        payload.iter().fold(0, |word, &char| word << 8 | u64::from(char))
    };
    word << (8 * (8 - count)) | ZEROS >> (8 * count)
}

/// Eight characters, the first in the top byte, to 48 bits; and a word that is not 0 when one of them is wrong.
#[inline]
const fn pack(chars: u64) -> (u64, u64) {
    // With the top bits away, a byte plus 128 - n has its top bit set when it was n or more, and never carries.
    let low = chars & !TOP;
    let from_48 = low + 0x50 * EACH;
    let from_88 = low + 0x28 * EACH;
    let from_96 = low + 0x20 * EACH;
    let from_120 = low + 0x08 * EACH;
    let wrong = (chars | !from_48 | (from_88 & !from_96) | from_120) & TOP;
    let values = low.wrapping_sub(ZEROS).wrapping_sub((from_96 & TOP) >> 4);
    let by_12 = (values >> 2) & 0x0FC0_0FC0_0FC0_0FC0 | values & 0x003F_003F_003F_003F;
    let by_24 = (by_12 >> 4) & 0x00FF_F000_00FF_F000 | by_12 & 0x0000_0FFF_0000_0FFF;
    let by_48 = (by_24 >> 8) & 0x0000_FFFF_FF00_0000 | by_24 & 0x0000_0000_00FF_FFFF;
    (by_48, wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation)]
    use proptest::prelude::*;

    use super::*;

    /// One character at a time, as the table in the standard is read.
    fn plainly(payload: &[u8], fill: u8) -> Option<Vec<bool>> {
        let mut bits = Vec::new();
        for &char in payload {
            let value = match char {
                48..=87 => char - 48,
                96..=119 => char - 56,
                _ => return None,
            };
            bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
        }
        bits.truncate(bits.len() - usize::from(fill));
        Some(bits)
    }

    fn check(payload: &[u8], fill: u8, expected: Result<usize, Reject>) {
        let got = Scratch::new().unarmor(payload, fill).map(|frame| frame.len());
        assert_eq!(got, expected, "{:?} fill {fill}", String::from_utf8_lossy(payload));
    }

    #[test]
    fn whom_a_payload_is_about_stands_in_its_first_eight_characters() {
        assert_eq!(mmsi_in(b"13HOI:0P0000VOHLCnHQKwvL05Ip"), Some(227_006_760));
        assert_eq!(mmsi_in(b"13HOI:0P"), Some(227_006_760));
        assert_eq!(mmsi_in(b"13HOI:0"), None);
        assert_eq!(mmsi_in(b"13HOI,0P"), None);
        assert_eq!(mmsi_in(b"wwwwwwww"), Some((1 << 30) - 1));
    }

    #[test]
    fn what_cannot_have_been_on_the_air_is_refused() {
        check(b"13HOI:0P0000VOHLCnHQKwvL05Ip", 0, Ok(168));
        check(b"13HOI:0P0000VOHLCnHQKwvL05Ip", 6, Err(Reject::FillBits));
        check(b"", 0, Ok(0));
        check(b"", 1, Err(Reject::FillBits));
        check(&[b'w'; 177], 0, Ok(1062));
        check(&[b'w'; 178], 4, Ok(1064));
        check(&[b'w'; 178], 3, Err(Reject::TooLong));
        check(&[b'w'; 1000], 0, Err(Reject::TooLong));
        for wrong in [b'/', b'X', b'_', b'x', b' ', 0, 0x80, 0xB0, 0xFF] {
            for length in 1..30 {
                for at in 0..length {
                    let mut payload = vec![b'0'; length];
                    payload[at] = wrong;
                    check(&payload, 0, Err(Reject::Armor));
                }
            }
        }
    }

    #[test]
    fn nothing_of_an_earlier_message_is_left_behind_a_shorter_one() {
        let mut scratch = Scratch::new();
        assert!(scratch.unarmor(&[b'w'; 170], 0).is_ok());
        let Ok(frame) = scratch.unarmor(b"0000000w", 3) else { panic!("refused") };
        assert_eq!(frame.bits().unsigned(42, 48), 0b111 << 45);
        assert!(frame.bits().bytes()[6..].iter().all(|&byte| byte == 0));
    }

    proptest! {
        #[test]
        fn eight_at_once_is_the_same_as_one_at_a_time(
            payload in prop::collection::vec(prop_oneof![
                20 => 48..=87_u8, 20 => 96..=119_u8, 1 => any::<u8>()
            ], 1..170),
            fill in 0..6_u8,
        ) {
            let mut scratch = Scratch::new();
            let got = scratch.unarmor(&payload, fill);
            match plainly(&payload, fill) {
                None => prop_assert_eq!(got.err(), Some(Reject::Armor)),
                Some(bits) => {
                    let frame = got.map_err(|reason| TestCaseError::fail(reason.label()))?;
                    prop_assert_eq!(frame.len(), bits.len());
                    for (at, &bit) in bits.iter().enumerate() {
                        prop_assert_eq!(frame.bits().flag(at), bit, "bit {}", at);
                    }
                    prop_assert_eq!(frame.bits().unsigned(bits.len(), 57), 0);
                }
            }
        }
    }
}
