//! The rows that came lately: a query that looks back brings most of them again.
//!
//! Bounded; the rows that came longest ago are forgotten first. What is forgotten, also by a restart, goes to the journal again, and
//! there the shards know it by its time (`shards.retry_seconds`).

use hashlink::LruCache;
use xxhash_rust::xxh3::xxh3_64;

/// Rows remembered at most; some 12 MB.
const ROWS_MAX: usize = 262_144;

/// What came.
pub struct Seen(LruCache<u64, ()>);

impl Default for Seen {
    fn default() -> Self {
        Self::holding(ROWS_MAX)
    }
}

impl Seen {
    /// With room for so many rows.
    #[must_use]
    pub fn holding(rows: usize) -> Self {
        Self(LruCache::new(rows))
    }

    /// Whether this row came before; it has now.
    pub fn is_known(&mut self, row: &str) -> bool {
        self.0.insert(xxh3_64(row.as_bytes()), ()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_longest_ago_is_forgotten_first() {
        let mut seen = Seen::holding(2);
        let known = ["a", "b", "a", "c", "b", "c"].map(|row| seen.is_known(row));
        assert_eq!(known, [false, false, true, false, false, true]);
    }
}
