//! A small reader for tests: takes lines apart again, by the standard and not by the encoder.

/// The bits of one whole message.
pub struct ReadBack {
    bits: Vec<bool>,
}

impl ReadBack {
    /// From all lines of one message, as text.
    pub fn of(lines: &str) -> Self {
        let mut bits = Vec::new();
        for line in lines.lines() {
            let line = line.rsplit('\\').next().unwrap();
            let (inner, sum) = line.strip_prefix('!').unwrap().split_once('*').unwrap();
            let xor = inner.bytes().fold(0, |sum, byte| sum ^ byte);
            assert_eq!(u8::from_str_radix(sum, 16).unwrap(), xor, "checksum of {line}");
            let fields: Vec<&str> = inner.split(',').collect();
            assert_eq!(fields.len(), 7, "{line}");
            for byte in fields[5].bytes() {
                let value = if byte < 88 { byte - 48 } else { byte - 56 };
                bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
            }
            bits.truncate(bits.len() - fields[6].parse::<usize>().unwrap());
        }
        Self { bits }
    }

    /// How many bits it has.
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// A number.
    pub fn uint(&self, at: usize, width: usize) -> u64 {
        self.bits[at..at + width].iter().fold(0, |value, bit| value << 1 | u64::from(*bit))
    }

    /// A signed number.
    pub fn int(&self, at: usize, width: usize) -> i64 {
        let value = self.uint(at, width).cast_signed();
        if self.bits[at] { value - (1 << width) } else { value }
    }

    /// Text up to the first `@`.
    pub fn text(&self, at: usize, characters: usize) -> String {
        (0..characters)
            .map(|index| u8::try_from(self.uint(at + index * 6, 6)).unwrap())
            .take_while(|six| *six != 0)
            .map(|six| char::from(if six < 32 { six + 64 } else { six }))
            .collect()
    }
}

#[test]
fn the_reader_reads_a_published_sentence() {
    let read = ReadBack::of("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C");
    assert_eq!((read.uint(0, 6), read.uint(8, 30), read.len()), (1, 477_553_000, 168));
    assert_eq!((read.int(61, 28), read.int(89, 27)), (-73_407_500, 28_549_700));
}
