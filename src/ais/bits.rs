//! Reading fields out of a message's bits.
//!
//! Bits are numbered from 0, most significant first, as in the tables of ITU-R M.1371-5. A field that begins or ends
//! behind the last bit reads as if zeros followed: whether a message is long enough is decided before.

/// Bytes that must follow the last one of a message in its buffer, so that a field is one wide read.
pub const PADDING: usize = 8;
/// Most bits of a message: five slots.
pub const BITS_MAX: usize = 1064;
/// Bytes of a buffer that holds any message, padding included.
pub const BUFFER_BYTES: usize = BITS_MAX.div_ceil(8) + 11 + PADDING;

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
        let mut kept = 0;
        for n in 0..chars.min(whole).min(out.len()) {
            let code = self.unsigned(start + n * 6, 6).to_le_bytes()[0];
            if code == 0 {
                break;
            }
            out[n] = ALPHABET[usize::from(code)];
            kept = n + 1;
        }
        while kept > 0 && out[kept - 1] == b' ' {
            kept -= 1;
        }
        kept
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
