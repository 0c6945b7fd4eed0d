//! The rows that a daemon stored, taken out of its database to be copied once more into another.
//!
//! In:  all of `positions` and `messages`, in the order in which they lie there
//! Out: batches, each with so many positions and its share of the messages
//!
//! So a bare client does the very same work as the daemon's writer, but for the ships' static data, which that merges into `vessels`.

use super::rows::{Batch, END, HEADER};
use crate::stored::Outcome;
use crate::stored::postgres::{Address, text};
use postgres::Client;
use std::io::Read;

/// A scan that begins where another one is would give the rows in another order.
const IN_ORDER: &str = "SET synchronize_seqscans = off";
/// Bytes behind the header's signature: flags and the length of no extension.
const HEADER_BYTES: usize = 19;

/// A table that is copied.
struct Table {
    out: &'static str,
    /// Which field is the instance.
    instance: usize,
}

const POSITIONS: Table = Table {
    out: "COPY (SELECT seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude, \
          nav_status, msg_type, instance, source, flags FROM positions) TO STDOUT (FORMAT binary)",
    instance: 13,
};
const MESSAGES: Table = Table {
    out: "COPY (SELECT seq, ts, received_at, mmsi, msg_type, instance, source, json FROM messages) \
          TO STDOUT (FORMAT binary)",
    instance: 5,
};

/// All batches, under another instance.
///
/// # Errors
/// When the rows cannot be read.
pub fn prepare(from: &Address, batch_rows: u32, instance: i16) -> Outcome<Vec<Batch>> {
    let mut client = from.connect()?;
    client.batch_execute(IN_ORDER).map_err(text)?;
    let positions = Taken::read(&mut client, &POSITIONS, instance)?;
    let messages = Taken::read(&mut client, &MESSAGES, instance)?;
    let batch_rows = usize::try_from(batch_rows).unwrap_or(usize::MAX);
    let count = positions.len().div_ceil(batch_rows).max(1);
    let share = |at: usize| at * messages.len() / count;
    let batches = (0..count).map(|at| {
        let first = at * batch_rows;
        let (own, others) =
            (first..positions.len().min(first + batch_rows), share(at)..share(at + 1));
        let next_seq = positions.last_seq(&own).max(messages.last_seq(&others)) + 1;
        Batch { positions: positions.stream(own), messages: messages.stream(others), next_seq }
    });
    Ok(batches.collect())
}

/// The rows of a table as the server wrote them.
struct Taken {
    bytes: Vec<u8>,
    /// Where each row begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Taken {
    fn read(client: &mut Client, table: &Table, instance: i16) -> Outcome<Self> {
        let mut bytes = Vec::new();
        let mut reader = client.copy_out(table.out).map_err(text)?;
        reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        drop(reader);
        let mut starts = vec![HEADER_BYTES];
        while let Some(end) = row(&mut bytes, starts[starts.len() - 1], table, instance) {
            starts.push(end);
        }
        Ok(Self { bytes, starts })
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// A stream of its own with these rows, or nothing.
    fn stream(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        if rows.is_empty() {
            return Vec::new();
        }
        let rows = &self.bytes[self.starts[rows.start]..self.starts[rows.end]];
        [HEADER, rows, &END].concat()
    }

    /// The highest number of these rows, the first field of each.
    fn last_seq(&self, rows: &std::ops::Range<usize>) -> i64 {
        let seq = |row: usize| {
            let at = self.starts[row] + 2 + 4;
            self.bytes.get(at..at + 8).and_then(|seq| seq.try_into().ok()).map(i64::from_be_bytes)
        };
        rows.clone().filter_map(seq).max().unwrap_or(0)
    }
}

/// Gives a row its new instance, and says where it ends; `None` at the end of all.
fn row(bytes: &mut [u8], start: usize, table: &Table, instance: i16) -> Option<usize> {
    let two =
        |at: usize, bytes: &[u8]| Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let fields = usize::try_from(two(start, bytes)?).ok()?;
    let mut at = start + 2;
    for field in 0..fields {
        let length = i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        if field == table.instance {
            bytes.get_mut(at..at + 2)?.copy_from_slice(&instance.to_be_bytes());
        }
        at += usize::try_from(length).unwrap_or(0);
    }
    (at <= bytes.len()).then_some(at)
}
