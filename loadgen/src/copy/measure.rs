//! Copies what was prepared, and takes the time.

use super::Arguments;
use super::insert::{self, INSERT_POSITION};
use super::rows::{Batch, COPY_MESSAGES, COPY_POSITIONS};
use super::statics;
use crate::stored::Outcome;
use crate::stored::postgres::{Address, text};
use hdrhistogram::Histogram;
use postgres::{Client, Statement};
use std::io::Write;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Commits that take longer count as this long, in microseconds.
const COMMIT_US_MAX: u64 = 3_600_000_000;
/// Bytes handed to the client at once, so that the server has something to do while the rest is copied. From 4 KiB to
/// whole batches the rates of 1 000 000 rows do not differ by more than the noise of the machine.
const PIECE_BYTES: usize = 256 * 1024;
const OFFSETS: &str = "UPDATE aisd_offsets SET next_seq = array_fill($1::bigint, ARRAY[64]) \
     WHERE instance = $2 AND writer = $3 AND epoch = 0";

/// What came of it.
pub struct Measured {
    /// Rows that the server took.
    pub rows: u64,
    /// Bytes that it was given.
    pub bytes: u64,
    /// From the first BEGIN to the last COMMIT.
    pub took: Duration,
    /// Microseconds from BEGIN to COMMIT.
    pub commit_us: Histogram<u64>,
}

/// Copies all batches.
///
/// # Errors
/// When a connection cannot be made or fails.
pub fn measure(
    arguments: &Arguments,
    address: &Address,
    instance: i16,
    batches: &[Batch],
) -> Outcome<Measured> {
    let connections = arguments.connections.cast_signed();
    let writers = (0..connections).map(|writer| {
        let mut client = address.connect()?;
        let copy = [COPY_POSITIONS, COPY_MESSAGES].map(|sql| client.prepare(sql).map_err(text));
        let [positions, messages] = copy;
        let copy = [positions?, messages?];
        let merge = arguments.statics.then(|| client.prepare(&statics::statement())).transpose();
        let merge = merge.map_err(text)?;
        let insert = arguments.insert.then(|| client.prepare(INSERT_POSITION)).transpose();
        let insert = insert.map_err(text)?;
        let offsets = arguments.offsets.then(|| client.prepare(OFFSETS)).transpose();
        let offsets = offsets.map_err(text)?;
        Ok(Writer { client, copy, merge, insert, offsets, instance, writer })
    });
    let writers = writers.collect::<Outcome<Vec<_>>>()?;
    let (next, start) = (AtomicUsize::new(0), Barrier::new(writers.len() + 1));
    let (took, parts) = thread::scope(|scope| {
        let run = |writer: Writer| scope.spawn(|| writer.run(batches, &next, &start));
        let threads: Vec<_> = writers.into_iter().map(run).collect();
        start.wait();
        let began = Instant::now();
        let parts = threads.into_iter().map(|thread| thread.join());
        let parts: Vec<_> = parts.collect();
        (began.elapsed(), parts)
    });
    let mut all = Part::new()?;
    for part in parts {
        let part = part.map_err(|_| "a connection's thread broke")??;
        all.rows += part.rows;
        all.bytes += part.bytes;
        all.commit_us.add(part.commit_us).map_err(|error| error.to_string())?;
    }
    let Part { rows, bytes, commit_us } = all;
    Ok(Measured { rows, bytes, took, commit_us })
}

/// What one connection did.
struct Part {
    rows: u64,
    bytes: u64,
    commit_us: Histogram<u64>,
}

impl Part {
    fn new() -> Outcome<Self> {
        let commit_us = Histogram::new_with_bounds(1, COMMIT_US_MAX, 3);
        Ok(Self { rows: 0, bytes: 0, commit_us: commit_us.map_err(|error| error.to_string())? })
    }
}

/// One connection.
struct Writer {
    client: Client,
    copy: [Statement; 2],
    merge: Option<Statement>,
    /// Rows go in one by one instead.
    insert: Option<Statement>,
    offsets: Option<Statement>,
    instance: i16,
    /// Which connection it is.
    writer: i16,
}

impl Writer {
    /// Takes the next batch until there is none.
    fn run(mut self, batches: &[Batch], next: &AtomicUsize, start: &Barrier) -> Outcome<Part> {
        let part = Part::new();
        start.wait();
        let mut part = part?;
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            part.rows += self.commit(batch)?;
            part.bytes += (batch.positions.len() + batch.messages.len()) as u64;
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            part.commit_us.saturating_record(took.max(1));
        }
        Ok(part)
    }

    fn commit(&mut self, batch: &Batch) -> Outcome<u64> {
        if let Some(statement) = &self.insert {
            return insert::batch(&mut self.client, statement, batch);
        }
        self.client.batch_execute("BEGIN").map_err(text)?;
        let mut rows = 0;
        for (copy, bytes) in self.copy.iter().zip([&batch.positions, &batch.messages]) {
            if bytes.is_empty() {
                continue;
            }
            let mut writer = self.client.copy_in(copy).map_err(text)?;
            for piece in bytes.chunks(PIECE_BYTES) {
                writer.write_all(piece).map_err(|error| error.to_string())?;
            }
            rows += writer.finish().map_err(text)?;
        }
        if let Some(merge) = self.merge.as_ref().filter(|_| batch.statics.ships > 0) {
            batch.statics.merge(&mut self.client, merge, self.instance)?;
            rows += batch.statics.ships;
        }
        if let Some(offsets) = &self.offsets {
            let moved =
                self.client.execute(offsets, &[&batch.next_seq, &self.instance, &self.writer]);
            if moved.map_err(text)? != 1 {
                return Err(format!("the offsets of connection {} are not there", self.writer));
            }
        }
        self.client.batch_execute("COMMIT").map_err(text)?;
        Ok(rows)
    }
}
