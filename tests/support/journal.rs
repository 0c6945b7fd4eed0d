//! Reads a journal as its format says, without the engine that wrote it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aisd::journal::segment::{HEADER_BYTES, index_of};
use aisd::record::{self, Record};

/// What the tests ask of a record.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: u64,
    pub received_us: i64,
    pub partition: u8,
    pub payload: Vec<u8>,
}

/// Reads each segment once, as they appear.
#[derive(Default)]
pub struct JournalReader {
    read: BTreeSet<PathBuf>,
}

impl JournalReader {
    /// The records of all segments that were not there at the last call, oldest first. Only while no daemon runs.
    pub fn new_entries(&mut self, data: &Path) -> Vec<Entry> {
        let mut segments = segments(data);
        segments.retain(|path| !self.read.contains(path));
        let entries = segments.iter().flat_map(|path| read_segment(path)).collect();
        self.read.extend(segments);
        entries
    }
}

/// All segments of a journal, oldest first.
pub fn segments(data: &Path) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(data.join("journal")).unwrap();
    let mut segments: Vec<PathBuf> = listing.map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| index_of(path).is_some());
    segments.sort();
    segments
}

/// All records of a journal, oldest first.
pub fn entries(data: &Path) -> Vec<Entry> {
    JournalReader::default().new_entries(data)
}

/// All records of a segment.
pub fn read_segment(path: &Path) -> Vec<Entry> {
    let bytes = std::fs::read(path).unwrap();
    // A kill may have left a segment without its header.
    let mut rest = bytes.get(HEADER_BYTES as usize..).unwrap_or_default();
    let mut entries = Vec::new();
    // What a kill cut short is the end.
    while let Ok(length) = record::length(rest)
        && record::intact(&rest[..length])
    {
        let record = Record::view(&rest[..length]);
        entries.push(Entry {
            seq: record.seq,
            received_us: record.received_us,
            partition: record.partition,
            payload: record.payload.to_vec(),
        });
        rest = rest.get(record::aligned(length)..).unwrap_or_default();
    }
    entries
}
