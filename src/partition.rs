//! Decides which partition, and so which shard, a vessel belongs to.
//!
//! In:      an MMSI
//! Out:     one of 64 partitions; for a partition, one shard
//!
//! All reports of one vessel go to one partition for the life of a data directory, and a partition is owned by one
//! shard thread. Everything the shards promise (order per vessel, no locks) rests on this.
//!
//! Why not `mmsi % 64`: national prefixes and sequential allocation make the low digits uneven; see the tests.

/// Partitions of a data directory; fixed for its life.
pub const PARTITIONS: usize = 64;

/// The partition of a vessel: the top six bits of a Fibonacci hash of its MMSI.
#[must_use]
pub const fn of(mmsi: u32) -> u8 {
    // 2^64 / golden ratio, odd: neighbouring MMSIs land far apart.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    ((mmsi as u64).wrapping_mul(GOLDEN) >> 58).to_le_bytes()[0]
}

/// The shard that owns a partition when there are `shards` of them.
#[must_use]
pub const fn owner(partition: u8, shards: usize) -> usize {
    partition as usize % shards
}

/// Shards on so many cores unless told otherwise. Two are shared by all threads and the servers, and one shard keeps up with any store there:
/// another would be woken for all that is written, too, and rows come in parts, for which the store commits more often.
#[must_use]
pub const fn shards_on(cores: usize) -> usize {
    if cores > 2 { cores } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_have_one_shard_and_more_have_one_each() {
        assert_eq!([1, 2, 3, 4, 64].map(shards_on), [1, 1, 3, 4, 64]);
    }

    #[test]
    fn every_partition_gets_its_share_of_sequential_mmsis() {
        for base in [244_000_000_u32, 257_000_000, 503_000_000] {
            let mut counts = [0_u32; PARTITIONS];
            for mmsi in base..base + 64_000 {
                counts[of(mmsi) as usize] += 1;
            }
            assert!(counts.iter().all(|&count| (900..1100).contains(&count)), "{counts:?}");
        }
    }

    #[test]
    fn mmsis_that_differ_by_tens_spread_as_well() {
        let mut counts = [0_u32; PARTITIONS];
        for n in 0..64_000_u32 {
            counts[of(244_000_000 + n * 10) as usize] += 1;
        }
        assert!(counts.iter().all(|&count| (800..1200).contains(&count)), "{counts:?}");
    }
}
