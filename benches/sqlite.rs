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
use aisd::report::{Place, Position};
use aisd::rows::{Origin, PositionRow, Rows};
use aisd::store::Store;
use aisd::store::sqlite::Sqlite;

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
            rows[0].positions.extend((first..first + batch).map(row));
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

fn row(n: usize) -> PositionRow {
    let hash = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let received_us = 1_700_000_000_000_000 + n as i64 * 2;
    PositionRow {
        origin: Origin {
            seq: 1 << 40 | n as u64,
            time_us: received_us - (hash % 1_000_000) as i64,
            received_us,
            mmsi: 200_000_000 + (hash >> 32) as u32 % 20_000 * 1009,
            feed: 0,
        },
        position: Position {
            msg_type: 1,
            place: Place::new((hash % 100_000_000) as i32, (hash % 50_000_000) as i32),
            sog: Some((hash % 200) as u16),
            cog: Some((hash % 3600) as u16),
            heading: Some((hash % 360) as u16),
            rot: Some(0),
            nav_status: Some(0),
            altitude: None,
            utc_second: Some((n % 60) as u8),
            accurate: false,
            raim: false,
        },
        flags: 0,
    }
}
