//! The rows that a daemon stored, taken out of its database to be copied once more into another.
//!
//! In:  all of `positions` and `messages`, in the order of their numbers, in which they were received
//! Out: batches, each with so many positions and its share of the messages
//!
//! So a bare client does the very same work as the daemon's writer: asked for that, also what it merges into `vessels` ([`statics`]).
//! Under an index by ship and time the daemon sorts the positions of each commit like it; asked for that, so does this.

use super::Arguments;
use super::rows::{Batch, END, HEADER};
use super::statics::{self, Statics};
use crate::stored::Outcome;
use crate::stored::postgres::{Address, text};
use postgres::Client;
use std::io::Read;
use std::ops::Range;

/// Bytes behind the header's signature: flags and the length of no extension.
const HEADER_BYTES: usize = 19;

/// A table that is copied.
struct Table {
    out: &'static str,
    /// Which fields are the ship and the instance.
    mmsi: usize,
    instance: usize,
}

const POSITIONS: Table = Table {
    out: "COPY (SELECT seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude, \
          nav_status, msg_type, instance, source, flags FROM positions) TO STDOUT (FORMAT binary)",
    mmsi: 5,
    instance: 13,
};
const MESSAGES: Table = Table {
    out: "COPY (SELECT seq, ts, received_at, mmsi, msg_type, instance, source, json FROM messages) \
          TO STDOUT (FORMAT binary)",
    mmsi: 3,
    instance: 5,
};

/// All batches, under another instance.
///
/// # Errors
/// When the rows cannot be read.
pub fn prepare(from: &Address, arguments: &Arguments, instance: i16) -> Outcome<Vec<Batch>> {
    let mut client = from.connect()?;
    let positions = Taken::read(&mut client, &POSITIONS, instance)?;
    let messages = Taken::read(&mut client, &MESSAGES, instance)?;
    let batch_rows = usize::try_from(arguments.batch).unwrap_or(usize::MAX);
    let count = positions.rows.len().div_ceil(batch_rows).max(1);
    let mut merged =
        if arguments.statics { statics::prepare(&mut client, count)? } else { Vec::new() };
    merged.resize_with(count, Statics::default);
    let share = |at: usize| at * messages.rows.len() / count;
    let batches = (0..count).zip(merged).map(|(at, statics)| {
        let first = at * batch_rows;
        let own = &positions.rows[first..positions.rows.len().min(first + batch_rows)];
        let others = &messages.rows[share(at)..share(at + 1)];
        let last = |rows: &[Row]| rows.last().map_or(0, |row| row.seq);
        let next_seq = last(own).max(last(others)) + 1;
        let (mut own, others) = (own.to_vec(), messages.stream(others));
        if arguments.sorted {
            own.sort_unstable_by_key(|row| (row.mmsi, row.time, row.seq));
        }
        Batch { positions: positions.stream(&own), messages: others, statics, next_seq }
    });
    Ok(batches.collect())
}

/// A row: what it is sorted by, and where it lies.
#[derive(Clone, Debug)]
struct Row {
    seq: i64,
    time: i64,
    mmsi: i32,
    bytes: Range<usize>,
}

/// The rows of a table as the server wrote them, in the order of their numbers.
struct Taken {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

impl Taken {
    fn read(client: &mut Client, table: &Table, instance: i16) -> Outcome<Self> {
        let mut bytes = Vec::new();
        let mut reader = client.copy_out(table.out).map_err(text)?;
        reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        drop(reader);
        let (mut rows, mut at) = (Vec::<Row>::new(), HEADER_BYTES);
        while let Some(row) = row(&mut bytes, at, table, instance) {
            at = row.bytes.end;
            rows.push(row);
        }
        rows.sort_unstable_by_key(|row| row.seq);
        Ok(Self { bytes, rows })
    }

    /// A stream of its own with these rows, or nothing.
    fn stream(&self, rows: &[Row]) -> Vec<u8> {
        if rows.is_empty() {
            return Vec::new();
        }
        let mut out = HEADER.to_vec();
        rows.iter().for_each(|row| out.extend_from_slice(&self.bytes[row.bytes.clone()]));
        out.extend_from_slice(&END);
        out
    }
}

/// Gives a row its new instance, and says what it is; `None` at the end of all.
fn row(bytes: &mut [u8], start: usize, table: &Table, instance: i16) -> Option<Row> {
    let fields = i16::from_be_bytes(taken(bytes, start)?);
    let fields = usize::try_from(fields).ok()?;
    let mut row = Row { seq: 0, time: 0, mmsi: 0, bytes: start..start + 2 };
    for field in 0..fields {
        let length = i32::from_be_bytes(taken(bytes, row.bytes.end)?);
        let at = row.bytes.end + 4;
        match field {
            0 => row.seq = i64::from_be_bytes(taken(bytes, at)?),
            1 => row.time = i64::from_be_bytes(taken(bytes, at)?),
            _ if field == table.mmsi => row.mmsi = i32::from_be_bytes(taken(bytes, at)?),
            _ if field == table.instance => {
                bytes.get_mut(at..at + 2)?.copy_from_slice(&instance.to_be_bytes());
            }
            _ => {}
        }
        row.bytes.end = at + usize::try_from(length).unwrap_or(0);
    }
    (row.bytes.end <= bytes.len()).then_some(row)
}

/// So many bytes from there on.
fn taken<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
