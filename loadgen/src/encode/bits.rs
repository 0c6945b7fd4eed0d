//! A payload being made: fields go in as bits, six-bit armour comes out.

/// Room for five slots (1 064 bits).
const CHARACTERS_MAX: usize = 180;

/// The bits of one message. What would not fit is left out; no message made here comes near the bound.
pub struct Bits {
    characters: [u8; CHARACTERS_MAX],
    length: usize,
    held: u64,
    held_bits: u32,
}

impl Bits {
    /// No bits.
    pub const fn new() -> Self {
        Self { characters: [0; CHARACTERS_MAX], length: 0, held: 0, held_bits: 0 }
    }

    /// Adds the low `width` bits of a number, at most 58 at once.
    pub fn put(&mut self, value: u64, width: u32) {
        debug_assert!(width <= 58, "at most 58 bits at once");
        self.held = (self.held << width) | (value & ((1 << width) - 1));
        self.held_bits += width;
        while self.held_bits >= 6 {
            self.held_bits -= 6;
            self.character((self.held >> self.held_bits).to_le_bytes()[0] & 63);
        }
    }

    /// Adds a signed number in two's complement.
    pub fn put_signed(&mut self, value: i32, width: u32) {
        self.put(i64::from(value).cast_unsigned(), width);
    }

    /// Adds six-bit text of `characters` characters, filled up with `@`.
    pub fn put_text(&mut self, text: &[u8], characters: usize) {
        for at in 0..characters {
            let byte = text.get(at).copied().unwrap_or(b'@');
            self.put(u64::from(byte & 63), 6);
        }
    }

    /// Adds whole bytes.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.put(u64::from(*byte), 8);
        }
    }

    /// The armoured payload and its fill bits; the next message begins empty.
    pub fn finish(&mut self) -> (&[u8], u8) {
        let fill = (6 - self.held_bits) % 6;
        if fill > 0 {
            self.put(0, fill);
        }
        let payload = &mut self.characters[..self.length];
        for character in payload.iter_mut() {
            *character += if *character < 40 { 48 } else { 56 };
        }
        self.length = 0;
        self.held = 0;
        (payload, fill.to_le_bytes()[0])
    }

    fn character(&mut self, six: u8) {
        if let Some(place) = self.characters.get_mut(self.length) {
            *place = six;
            self.length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_64_values_have_their_character() {
        let mut bits = Bits::new();
        (0..64).for_each(|value| bits.put(value, 6));
        let (payload, fill) = bits.finish();
        let alphabet = b"0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVW`abcdefghijklmnopqrstuvw";
        assert_eq!((payload, fill), (&alphabet[..], 0));
    }

    #[test]
    fn fill_is_what_is_missing_to_a_character() {
        let check = |width, expected| {
            let mut bits = Bits::new();
            bits.put(0, width);
            assert_eq!(bits.finish().1, expected, "{width} bits");
        };
        check(6, 0);
        check(8, 4);
        check(10, 2);
        check(11, 1);
    }

    #[test]
    fn the_next_message_begins_empty() {
        let mut bits = Bits::new();
        bits.put(63, 8);
        bits.finish();
        bits.put(1, 6);
        assert_eq!(bits.finish(), (&b"1"[..], 0));
    }
}
