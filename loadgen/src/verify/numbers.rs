//! Which numbers rows have: one that comes a second time is noticed, whatever its row says.

use std::collections::HashMap;

/// Numbers in one block of bits.
const BLOCK: u64 = 1 << 16;
const WORDS: usize = 1 << 10;

/// A set of numbers; those that lie close together cost a bit each.
#[derive(Default)]
pub struct Numbers {
    blocks: HashMap<u64, Box<[u64; WORDS]>>,
    /// How many were put in.
    pub rows: u64,
    /// How many of these were in it already.
    pub twice: u64,
}

impl Numbers {
    /// Puts one in.
    pub fn put(&mut self, seq: i64) {
        let seq = seq.cast_unsigned();
        let block = self.blocks.entry(seq / BLOCK).or_insert_with(|| Box::new([0; WORDS]));
        let within = usize::try_from(seq % BLOCK).unwrap_or(0);
        let (word, bit) = (&mut block[within / 64], 1 << (within % 64));
        self.rows += 1;
        self.twice += u64::from(*word & bit != 0);
        *word |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_again_is_noticed() {
        let mut numbers = Numbers::default();
        let generation = 7 << 40;
        for seq in [0, 1, 63, 64, 65_535, 65_536, generation, generation + 65_535, i64::MAX] {
            numbers.put(seq);
        }
        assert_eq!((numbers.rows, numbers.twice), (9, 0));
        for (n, seq) in [1, generation, i64::MAX, i64::MAX].into_iter().enumerate() {
            numbers.put(seq);
            assert_eq!(numbers.twice, n as u64 + 1, "{seq}");
        }
    }
}
