//! What does it cost to write a row as binary COPY takes it?
//!
//! `track` sorts the batch by ship and time first, as it is done under that index. An element is a row.

use std::hint::black_box;

use aisd::rows::PositionRow;
use aisd::store::postgres::copy::{put_position, sort};
use bytes::BytesMut;

use crate::case::{Case, Prepared};
use crate::traffic;

/// Rows of a commit under load.
const ROWS: u64 = 16_384;

pub fn cases() -> Vec<Case> {
    vec![Case::new("copy/append", || rows(false)), Case::new("copy/track", || rows(true))]
}

fn rows(sorted: bool) -> Prepared {
    let rows: Vec<PositionRow> = (0..ROWS).map(traffic::row).collect();
    let mut out = BytesMut::new();
    Prepared::new(rows.len(), move || {
        out.clear();
        let mut positions: Vec<&PositionRow> = rows.iter().collect();
        if sorted {
            sort(&mut positions);
        }
        for row in positions {
            put_position(row, 1, &mut out);
        }
        black_box(out.len());
    })
}
