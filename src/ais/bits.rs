//! Reading fields out of a message's bits.
//!
//! Bits are numbered from 0, most significant first, as in the tables of ITU-R M.1371-5. A field that begins or ends
//! behind the last bit reads as if zeros followed: whether a message is long enough is decided before.

use crate::reject::Reject;
use crate::report::Text;

/// Bytes that must follow the last one of a message in its buffer, so that a field is one wide read.
pub const PADDING: usize = 8;
/// Most bits of a message: five slots.
pub const BITS_MAX: usize = 1064;
/// Bytes of a buffer that holds any message, padding included.
pub const BUFFER_BYTES: usize = BITS_MAX.div_ceil(8) + 11 + PADDING;

/// A buffer that holds any message, its padding included.
pub type Buffer = [u8; BUFFER_BYTES];

/// The six-bit alphabet of AIS text as ASCII.
const ALPHABET: &[u8; 64] = b"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?";

/// A message's bits.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl<'a> Bits<'a> {
    /// The first `len` bits of `bytes`; what lies behind them in the buffer must be zeros.
    #[must_use]
    pub const fn new(bytes: &'a [u8], len: usize) -> Self {
        Self { bytes, len }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that hold them, padding included.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// An unsigned field of 1 to 57 bits.
    #[must_use]
    #[inline]
    pub fn unsigned(&self, start: usize, width: usize) -> u64 {
        let at = start / 8;
        let word =
            if let Some(chunk) = self.bytes.get(at..at + 8).and_then(<[u8]>::first_chunk::<8>) {
                u64::from_be_bytes(*chunk)
            } else {
                let mut last = [0; 8];
                let rest = self.bytes.get(at..).unwrap_or_default();
                last[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(last)
            };
        (word << (start % 8)) >> (64 - width)
    }

    /// A two's complement field of 1 to 57 bits.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "the sign is what is asked for")]
    pub fn signed(&self, start: usize, width: usize) -> i64 {
        let unused = 64 - width;
        ((self.unsigned(start, width) << unused) as i64) >> unused
    }

    /// A flag.
    #[must_use]
    #[inline]
    pub fn flag(&self, at: usize) -> bool {
        self.unsigned(at, 1) == 1
    }

    /// Six-bit text of at most `chars` characters into `out`: it ends at the first `@` or at the last whole character,
    /// and trailing blanks are cut. Returns how many characters there are.
    pub fn text(&self, start: usize, chars: usize, out: &mut [u8]) -> usize {
        let whole = self.len.saturating_sub(start) / 6;
        let wanted = chars.min(whole).min(out.len());
        let mut kept = 0;
        // Eight characters are one wide read.
        'reading: for (n, eight) in out[..wanted].chunks_mut(8).enumerate() {
            let word = self.unsigned(start + n * 48, 48);
            for (at, char) in eight.iter_mut().enumerate() {
                let code = (word >> (42 - at * 6)).to_le_bytes()[0] & 63;
                if code == 0 {
                    break 'reading;
                }
                *char = ALPHABET[usize::from(code)];
                kept += 1;
            }
        }
        while kept > 0 && out[kept - 1] == b' ' {
            kept -= 1;
        }
        kept
    }

    /// The `count` bits from `start` on as hexadecimal digits, whole bytes: when `count` is no multiple of 8 the last
    /// byte ends with the bits that follow, or zeros behind the end of the message.
    pub fn write_hex(&self, start: usize, count: usize, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for at in (start..start + count).step_by(8) {
            let byte = usize::from(self.unsigned(at, 8).to_le_bytes()[0]);
            out.extend_from_slice(&[HEX[byte >> 4], HEX[byte & 15]]);
        }
    }
}

/// A message's bits in a buffer of known size: fields at fixed places are read without any check, and those behind the
/// last bit read as zeros.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    buffer: &'a Buffer,
    len: usize,
}

impl<'a> Frame<'a> {
    /// The first `len` bits of `buffer`; what lies behind them must be zeros.
    #[must_use]
    pub const fn new(buffer: &'a Buffer, len: usize) -> Self {
        Self { buffer, len }
    }

    /// How many bits there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same bits, for fields whose places are computed.
    #[must_use]
    pub const fn bits(&self) -> Bits<'a> {
        Bits { bytes: self.buffer, len: self.len }
    }

    /// An unsigned field of at most 57 bits.
    #[must_use]
    #[inline]
    pub fn u64<const START: usize, const WIDTH: usize>(&self) -> u64 {
        const { assert!(WIDTH >= 1 && WIDTH <= 57 && START / 8 + 8 <= BUFFER_BYTES) };
        let chunk = self.buffer.get(START / 8..START / 8 + 8).and_then(<[u8]>::first_chunk::<8>);
        let word = chunk.map_or(0, |chunk| u64::from_be_bytes(*chunk));
        (word << (START % 8)) >> (64 - WIDTH)
    }

    /// An unsigned field of at most 8 bits.
    #[must_use]
    #[inline]
    pub fn u8<const START: usize, const WIDTH: usize>(&self) -> u8 {
        const { assert!(WIDTH <= 8) };
        self.u64::<START, WIDTH>().to_le_bytes()[0]
    }

    /// An unsigned field of at most 16 bits.
    #[must_use]
    #[inline]
    pub fn u16<const START: usize, const WIDTH: usize>(&self) -> u16 {
        const { assert!(WIDTH <= 16) };
        let [low, high, ..] = self.u64::<START, WIDTH>().to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    /// An unsigned field of at most 32 bits.
    #[must_use]
    #[inline]
    pub fn u32<const START: usize, const WIDTH: usize>(&self) -> u32 {
        const { assert!(WIDTH <= 32) };
        let [a, b, c, d, ..] = self.u64::<START, WIDTH>().to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// A two's complement field of at most 32 bits.
    #[must_use]
    #[inline]
    pub fn i32<const START: usize, const WIDTH: usize>(&self) -> i32 {
        let unused = 32 - WIDTH;
        (self.u32::<START, WIDTH>() << unused).cast_signed() >> unused
    }

    /// A flag.
    #[must_use]
    #[inline]
    pub fn flag<const AT: usize>(&self) -> bool {
        self.u64::<AT, 1>() == 1
    }

    /// Six-bit text, trimmed; absent when nothing is left.
    #[must_use]
    pub fn text<const CHARS: usize>(&self, start: usize) -> Option<Text<CHARS>> {
        let mut ascii = [0; CHARS];
        let kept = self.bits().text(start, CHARS, &mut ascii);
        Text::new(&ascii[..kept])
    }

    /// [`Reject::Length`] unless there are this many bits.
    ///
    /// # Errors
    /// When there are fewer.
    #[inline]
    pub const fn at_least(&self, bits: usize) -> Result<(), Reject> {
        if self.len < bits { Err(Reject::Length) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} bits", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_at_any_bit_and_width() {
        let bytes = [0b1010_0101, 0b1111_0000, 0b0000_1111, 0, 0, 0, 0, 0, 0, 0, 0];
        let bits = Bits::new(&bytes, 24);
        assert_eq!(bits.unsigned(0, 4), 0b1010);
        assert_eq!(bits.unsigned(3, 7), 0b001_0111);
        assert_eq!(bits.unsigned(20, 4), 0b1111);
        assert_eq!(bits.signed(0, 4), -6);
        assert_eq!(bits.signed(4, 4), 5);
        assert_eq!(bits.unsigned(22, 8), 0b1100_0000);
        assert_eq!(bits.unsigned(500, 8), 0);
    }

    #[test]
    fn text_ends_at_the_first_at_sign_and_loses_trailing_blanks() {
        // "A_ '" then "@" then "B": codes 1, 31, 32, 39, 0, 2.
        let codes = [1_u64, 31, 32, 39, 0, 2];
        let word = codes.iter().fold(0_u64, |word, code| word << 6 | code) << 28;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&word.to_be_bytes());
        let mut out = [0; 6];
        let len = Bits::new(&bytes, 36).text(0, 6, &mut out);
        assert_eq!(&out[..len], b"A_ '");
        let len = Bits::new(&bytes, 18).text(0, 6, &mut out);
        assert_eq!(&out[..len], b"A_");
    }
}
