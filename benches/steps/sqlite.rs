//! What does it cost to commit a batch to the embedded store, with and without the sorted tracks?
//!
//! Rows come as from 20 000 ships, in the order of time; a batch is what one commit holds at some 100 000 messages a second. The
//! time has the disk in it; the instructions have all of SQLite in them. An element is a row. `cargo bench --bench sqlite` tells
//! the highest rate over millions of rows.

use aisd::config::{Index, StoreConfig};
use aisd::partition::PARTITIONS;
use aisd::rows::Rows;
use aisd::store::Store;
use aisd::store::sqlite::Sqlite;

use crate::case::{Case, Prepared};
use crate::traffic;

const ROWS: u64 = 4096;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("sqlite/append", || commit(Index::Append)),
        Case::new("sqlite/track", || commit(Index::Track)),
    ]
}

fn commit(index: Index) -> Prepared {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = StoreConfig { index, ..StoreConfig::default() };
    let mut store = Sqlite::new(dir.path(), uuid::Uuid::from_u128(1), config);
    store.connect().unwrap();
    let (mut rows, mut next) = ([Rows::default()], 0);
    Prepared::new(ROWS as usize, move || {
        rows[0].positions.clear();
        rows[0].positions.extend((next..next + ROWS).map(traffic::row));
        next += ROWS;
        store.commit(&rows, &[1 << 40 | next; PARTITIONS]).unwrap();
        // It goes away with the store.
        let _ = &dir;
    })
}
