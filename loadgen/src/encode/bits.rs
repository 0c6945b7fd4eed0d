//! A payload being made: fields go in as bits, six-bit armour comes out.
//!
//! Bits gather in words of ten characters, and become characters all at once: one by one that was a third of the time of a message.

/// Room for five slots (1 064 bits).
const CHARACTERS_MAX: usize = 180;
/// Bits of a word.
const WORD_BITS: u32 = 60;
/// Characters of a word.
const OF_WORD: usize = 10;
const WORDS_MAX: usize = CHARACTERS_MAX / OF_WORD;

/// The bits of one message. What would not fit is left out; no message made here comes near the bound.
pub struct Bits {
    words: [u64; WORDS_MAX],
    length: usize,
    /// The word that is not full yet, and how many bits it has.
    held: u64,
    held_bits: u32,
    characters: [u8; CHARACTERS_MAX],
}

impl Bits {
    /// No bits.
    pub const fn new() -> Self {
        let (words, characters) = ([0; WORDS_MAX], [0; CHARACTERS_MAX]);
        Self { words, length: 0, held: 0, held_bits: 0, characters }
    }

    /// Adds the low `width` bits of a number, at most 58 at once.
    #[inline]
    pub fn put(&mut self, value: u64, width: u32) {
        debug_assert!(width <= 58, "at most 58 bits at once");
        let value = value & ((1 << width) - 1);
        let room = WORD_BITS - self.held_bits;
        if width < room {
            self.held = self.held << width | value;
            self.held_bits += width;
            return;
        }
        let rest = width - room;
        self.word(self.held << room | value >> rest);
        self.held = value & ((1 << rest) - 1);
        self.held_bits = rest;
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
        let fill = (6 - self.held_bits % 6) % 6;
        self.put(0, fill);
        let last = self.held_bits / 6;
        let length = (self.length * OF_WORD + last as usize).min(CHARACTERS_MAX);
        self.word(self.held << (WORD_BITS - self.held_bits));
        let words = self.words[..self.length].iter();
        for (characters, word) in self.characters.as_chunks_mut::<OF_WORD>().0.iter_mut().zip(words)
        {
            armour(*word, characters);
        }
        (self.length, self.held, self.held_bits) = (0, 0, 0);
        (&self.characters[..length], fill.to_le_bytes()[0])
    }

    fn word(&mut self, word: u64) {
        if let Some(place) = self.words.get_mut(self.length) {
            *place = word;
            self.length += 1;
        }
    }
}

/// The characters of a word, the first from its highest bits.
#[inline]
fn armour(word: u64, characters: &mut [u8; OF_WORD]) {
    let [first @ .., _, _] = characters;
    *first = eight(word >> 12).to_be_bytes();
    let [.., ninth, tenth] = characters;
    for (character, shift) in [(ninth, 6), (tenth, 0)] {
        let six = (word >> shift).to_le_bytes()[0] & 63;
        *character = six + if six < 40 { 48 } else { 56 };
    }
}

/// Eight characters of 48 bits at the same time, a byte each.
#[inline]
const fn eight(bits: u64) -> u64 {
    // Halves apart, then quarters, then eighths.
    let bits = (bits & 0xffff_ff00_0000) << 8 | bits & 0xff_ffff;
    let bits = (bits & 0x00ff_f000_00ff_f000) << 4 | bits & 0x0000_0fff_0000_0fff;
    let bits = (bits & 0x0fc0_0fc0_0fc0_0fc0) << 2 | bits & 0x003f_003f_003f_003f;
    // From 40 on eight more: 88 more makes it 128.
    let from_40 = (bits + 0x5858_5858_5858_5858) & 0x8080_8080_8080_8080;
    bits + 0x3030_3030_3030_3030 + (from_40 >> 4)
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
