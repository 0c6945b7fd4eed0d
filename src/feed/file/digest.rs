//! What the first bytes of a file come to, known at each line without reading them again.
//!
//! Whole blocks are chained: the hash of one is the seed of the next. What is behind the last whole block is hashed for itself, seeded
//! with the chain, so the answer at a place costs half a block at most and does not depend on how the file was cut into reads.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes of a block.
const BLOCK: usize = 512;

/// The state behind some bytes of a file.
#[derive(Clone)]
pub struct Digest {
    chain: u64,
    bytes: u64,
    block: [u8; BLOCK],
    filled: usize,
}

impl Digest {
    /// Before the first byte.
    pub const fn new() -> Self {
        Self { chain: 0, bytes: 0, block: [0; BLOCK], filled: 0 }
    }

    /// Takes the bytes that follow.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block[self.filled..self.filled + part.len()].copy_from_slice(part);
            self.filled += part.len();
            bytes = rest;
            if self.filled == BLOCK {
                self.chain = xxh3_64_with_seed(&self.block, self.chain);
                self.filled = 0;
            }
        }
    }

    /// How many there were.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What they come to.
    pub fn value(&self) -> u64 {
        xxh3_64_with_seed(&self.block[..self.filled], self.chain)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::random_bytes;
    use super::*;

    fn of(bytes: &[u8], piece: usize) -> u64 {
        let mut digest = Digest::new();
        bytes.chunks(piece).for_each(|piece| digest.update(piece));
        assert_eq!(digest.bytes(), bytes.len() as u64);
        digest.value()
    }

    #[test]
    fn it_depends_on_every_byte_and_on_no_cut() {
        for length in [1, 511, 512, 513, 1024, 5000] {
            let mut bytes = random_bytes(1, length);
            let whole = of(&bytes, usize::MAX);
            for piece in [1, 7, 512, 600] {
                assert_eq!(of(&bytes, piece), whole, "{length} {piece}");
            }
            for at in (0..length).step_by(97) {
                bytes[at] ^= 1;
                assert_ne!(of(&bytes, 100), whole, "{length} {at}");
                bytes[at] ^= 1;
            }
            assert_ne!(of(&bytes[1..], 100), whole);
        }
    }
}
