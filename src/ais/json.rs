//! Writes one flat JSON object straight into a buffer: no tree, no allocation.

use super::bits::{BITS_MAX, Bits};

/// More characters than any message holds.
const SIX_BIT_CHARS_MAX: usize = BITS_MAX / 6;

/// An object being written. Names are ours and need no escaping; text from the air is escaped.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Closes it.
    pub fn close(self) {
        self.out.push(b'}');
    }

    /// Writes a name; what follows must be one value, written to the returned buffer.
    #[inline]
    pub fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, name: &str, value: impl Into<i64>) {
        let out = self.name(name);
        out.extend_from_slice(itoa::Buffer::new().format(value.into()).as_bytes());
    }

    /// An integer, or when `scaled` the number that it stands for: divided by `divisor`, with `decimals` digits.
    #[inline(always)]
    pub fn either(
        &mut self,
        scaled: bool,
        name: &str,
        value: impl Into<i64>,
        divisor: i64,
        decimals: u32,
    ) {
        if scaled {
            self.fixed(name, value.into(), divisor, decimals);
        } else {
            self.int(name, value);
        }
    }

    /// Text of our own that needs no escaping.
    #[inline]
    pub fn plain(&mut self, name: &str, value: &str) {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    }

    /// Six-bit text of at most `chars` characters from `start` on.
    pub fn six_bit(&mut self, name: &str, bits: &Bits<'_>, start: usize, chars: usize) {
        let mut ascii = [0; SIX_BIT_CHARS_MAX];
        let kept = bits.text(start, chars, &mut ascii);
        self.text(name, &ascii[..kept]);
    }

    /// Binary data as its length in bits, a colon and hexadecimal digits.
    pub fn data(&mut self, name: &str, bits: &Bits<'_>, start: usize, count: usize) {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
        out.push(b':');
        bits.write_hex(start, count, out);
        out.push(b'"');
    }

    /// A truth value.
    #[inline]
    pub fn bool(&mut self, name: &str, value: bool) {
        self.name(name).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// `value` divided by `divisor`, with exactly `decimals` digits behind the point, rounded half away from zero.
    #[inline(always)]
    pub fn fixed(&mut self, name: &str, value: i64, divisor: i64, decimals: u32) {
        write_fixed(self.name(name), value, divisor, decimals);
    }

    /// Text: quotes, backslashes and control characters are escaped.
    pub fn text(&mut self, name: &str, value: &[u8]) {
        write_text(self.name(name), value);
    }
}

/// Writes a quoted, escaped string. The bytes are taken as ASCII; others become `?`.
pub fn write_text(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    let plain = |byte: &u8| (0x20..=0x7e).contains(byte) && !matches!(byte, b'"' | b'\\');
    if value.iter().all(plain) {
        out.extend_from_slice(value);
        out.push(b'"');
        return;
    }
    for &byte in value {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x20..=0x7e => out.push(byte),
            0..=0x1f => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
            _ => out.push(b'?'),
        }
    }
    out.push(b'"');
}

/// Writes an integer with leading zeros up to `width` digits.
pub fn write_padded(out: &mut Vec<u8>, value: u16, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value).as_bytes();
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits.len())));
    out.extend_from_slice(digits);
}

/// Writes `value / divisor` with exactly `decimals` digits behind the point, rounded half away from zero.
///
/// Inlined so that a divisor known beforehand becomes a multiplication.
#[inline(always)]
pub fn write_fixed(out: &mut Vec<u8>, value: i64, divisor: i64, decimals: u32) {
    let (magnitude, divisor) = (value.unsigned_abs(), divisor.unsigned_abs());
    let shifted = (magnitude * 10_u64.pow(decimals) * 2 + divisor) / (divisor * 2);
    write_decimal(out, value < 0 && shifted > 0, shifted, decimals as usize);
}

/// Writes an integer with a point before its last `decimals` digits.
fn write_decimal(out: &mut Vec<u8>, negative: bool, shifted: u64, decimals: usize) {
    if negative {
        out.push(b'-');
    }
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(shifted).as_bytes();
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if decimals > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', decimals - fraction.len()));
        out.extend_from_slice(fraction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_numbers_keep_their_decimals() {
        let check = |value, divisor, decimals, expected: &str| {
            let mut out = Vec::new();
            write_fixed(&mut out, value, divisor, decimals);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(0, 600_000, 6, "0.000000");
        check(-74_103_830, 600_000, 6, "-123.506383");
        check(5, 10, 1, "0.5");
        check(-5, 10, 0, "-1");
        check(-1, 600_000, 4, "0.0000");
        check(123, 1, 2, "123.00");
        check(5, 100, 2, "0.05");
        check(1_234_567, 1, 0, "1234567");
    }

    #[test]
    fn text_from_the_air_cannot_break_out() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.int("a", 1);
        object.text("b", b"x\"\\\x01\xff");
        object.close();
        assert_eq!(out, br#"{"a":1,"b":"x\"\\\u0001?"}"#);
    }
}
