//! The same rows, one `INSERT` each: what a client reaches that does not know of COPY.
//!
//! In:  a batch as COPY takes it
//! Out: one statement for each of its rows, prepared beforehand, its values in the server's own format
//!
//! A batch of one row is a transaction by itself, as with a client that never says BEGIN.

use super::raw::Raw;
use super::rows::{Batch, HEADER};
use crate::stored::Outcome;
use crate::stored::postgres::text;
use postgres::types::ToSql;
use postgres::{Client, Statement};

/// What takes one row.
pub const INSERT_POSITION: &str = "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, \
     altitude, nav_status, msg_type, instance, source, flags) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Inserts the positions of a batch in one transaction; how many there were.
///
/// # Errors
/// When the server refuses one.
pub fn batch(client: &mut Client, insert: &Statement, batch: &Batch) -> Outcome<u64> {
    let rows = batch.positions.get(HEADER.len()..).unwrap_or_default();
    let is_alone = row(rows).is_none_or(|(_, rest)| row(rest).is_none());
    if is_alone {
        return positions(client, insert, rows);
    }
    client.batch_execute("BEGIN").map_err(text)?;
    let count = positions(client, insert, rows)?;
    client.batch_execute("COMMIT").map_err(text)?;
    Ok(count)
}

fn positions(client: &mut Client, insert: &Statement, mut rest: &[u8]) -> Outcome<u64> {
    let mut rows = 0;
    while let Some((values, behind)) = row(rest) {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        rows += client.execute(insert, &values).map_err(text)?;
        rest = behind;
    }
    Ok(rows)
}

/// The values of the first row, and what is behind it; `None` at the end.
fn row(bytes: &[u8]) -> Option<(Vec<Raw<'_>>, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk()?;
    let count = usize::try_from(i16::from_be_bytes(*count)).ok()?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (value, behind) = behind.split_at_checked(length.unwrap_or(0))?;
        values.push(Raw(length.map(|_| value)));
        rest = behind;
    }
    Some((values, rest))
}

#[cfg(test)]
mod tests {
    use super::super::rows::END;
    use super::*;

    #[test]
    fn a_row_is_taken_apart_into_its_values() {
        let bytes = [&[0, 2, 0, 0, 0, 2, 7, 8], &[255, 255, 255, 255][..], &END].concat();
        let (values, rest) = row(&bytes).unwrap();
        let values: Vec<_> = values.into_iter().map(|value| value.0).collect();
        assert_eq!(values, [Some(&[7, 8][..]), None]);
        assert!(row(rest).is_none() && row(&bytes[..7]).is_none());
    }
}
