//! How many rows a second does the embedded store commit, with and without the index for tracks?
//!
//! One writer, no journal and no feeds: the bound of the whole engine on this machine. Rows come as from 20 000 ships, in the order of time;
//! a batch is what one commit holds under load. `cargo bench --bench sqlite [-- ROWS [BATCH]]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use std::time::Instant;

use aisd::config::{Index, StoreConfig};
use aisd::partition::PARTITIONS;
use aisd::rows::Rows;
use aisd::store::Store;
use aisd::store::sqlite::Sqlite;

#[path = "steps/rows.rs"]
mod rows;
use rows::row;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let total = numbers.first().copied().unwrap_or(2_000_000);
    let batch = numbers.get(1).copied().unwrap_or(16_384);
    for index in [Index::Append, Index::Track] {
        let dir = tempfile::tempdir_in(".").unwrap();
        let config = StoreConfig { index, ..StoreConfig::default() };
        let mut store = Sqlite::new(dir.path(), uuid::Uuid::new_v4(), config);
        store.connect().unwrap();
        let mut rows = [Rows::default()];
        let mut offsets = [0; PARTITIONS];
        let began = Instant::now();
        let mut slowest = 0.0_f64;
        for first in (0..total).step_by(batch) {
            rows[0].positions.clear();
            rows[0].positions.extend((first as u64..(first + batch) as u64).map(row));
            offsets.fill(first as u64 + batch as u64);
            let commit = Instant::now();
            store.commit(&rows, &offsets).unwrap();
            slowest = slowest.max(commit.elapsed().as_secs_f64());
        }
        let rate = total as f64 / began.elapsed().as_secs_f64();
        println!(
            "{index:?}: {rate:.0} rows/s, slowest commit {:.1} ms, batch {batch}",
            slowest * 1e3
        );
    }
}
