//! Reads records out of segments, past whatever is damaged.
//!
//! In:      a place to read from and one to read to
//! Out:     whole, intact records, a stretch at a time
//! Drops:   damaged records, counted when records follow them; a torn tail is normal and is not counted
//! Metrics: `ais_journal_corrupt_records_total`
//!
//! After a failed sync a segment may have holes, and what it held unsynced is written again to a later one, which says so by a first
//! number below what lies before it. Where numbers are missing, such a segment is read on with. Where none are, it comes in
//! its turn, and its reader skips what it has seen.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::segment::{HEADER_BYTES, Segment};
use super::{GENERATIONS_MAX, Place, Shared, first_of};
use crate::disk::{File, Mode};
use crate::record::{self, ALIGNMENT, RECORD_BYTES_MAX, Unreadable};

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// A stretch of records that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Bytes of intact records at the start of [`ReadBack::bytes`]; may be 0.
    pub bytes: usize,
    /// Where to read on; the place read from when there is nothing more.
    pub end: Place,
    /// The number of the first record in it; of what is at its end when it has none, as far as that is known.
    pub first_seq: Option<u64>,
    /// Damaged places that were skipped.
    pub skipped: u32,
}

/// A reader with a buffer and the segment it is in.
pub struct ReadBack {
    shared: Arc<Shared>,
    open: Option<(u32, File)>,
    buffer: Vec<u8>,
}

impl ReadBack {
    /// A reader of this journal; its buffer is made when it is first used.
    #[must_use]
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None, buffer: Vec::new() }
    }

    /// What the last read found.
    #[must_use]
    pub fn bytes(&self, stretch: &Stretch) -> &[u8] {
        &self.buffer[..stretch.bytes]
    }

    /// Reads the records from one place on, at most to another, and at most to the end of their segment. `expected` is the number
    /// after those that were read before, 0 when that is not known.
    ///
    /// # Errors
    /// When a segment that is there cannot be read.
    pub fn read(&mut self, from: Place, to: Place, expected: u64) -> io::Result<Stretch> {
        let Some(segment) = self.shared.segment(from.segment) else {
            return Ok(self.next_segment(from, to));
        };
        let first_seq = segment.header.first_seq;
        if from.offset <= HEADER_BYTES
            && expected < first_seq
            && let Some(again) = self.shared.written_again(from.segment, first_seq)
        {
            return Ok(begin(&again, from, to));
        }
        let limit = self.limit(&segment, to)?;
        let offset = from.offset.max(HEADER_BYTES);
        if offset >= limit {
            return Ok(self.next_segment(from, to));
        }
        self.fill(offset, limit)?;
        let bytes = intact_bytes(&self.buffer, &segment);
        if bytes > 0 {
            let end = Place { segment: from.segment, offset: advance(offset, bytes) };
            let first_seq = Some(record::seq(&self.buffer));
            return Ok(Stretch { bytes, end, first_seq, skipped: 0 });
        }
        let Some((offset, seq)) = self.next_intact(offset, limit, &segment)? else {
            return Ok(self.next_segment(from, to));
        };
        if let Some(again) = self.shared.written_again(from.segment, seq) {
            return Ok(begin(&again, from, to));
        }
        let end = Place { segment: from.segment, offset };
        Ok(Stretch { bytes: 0, end, first_seq: Some(seq), skipped: 1 })
    }

    /// Reads from one place to another, stretch by stretch, until `look` wants no more.
    ///
    /// # Errors
    /// When a segment that is there cannot be read, or `look` fails.
    pub fn read_all(
        &mut self,
        from: Place,
        to: Place,
        mut look: impl FnMut(&Stretch, &[u8]) -> io::Result<bool>,
    ) -> io::Result<()> {
        let (mut at, mut expected) = (from, 0);
        while at < to {
            let stretch = self.read(at, to, expected)?;
            let records = record::Walk::new(self.bytes(&stretch));
            expected = records.map(|record| record::seq(record) + 1).fold(expected, u64::max);
            if !look(&stretch, self.bytes(&stretch))? || stretch.end <= at {
                break;
            }
            at = stretch.end;
        }
        Ok(())
    }

    /// Up to where the segment may be read; opens it.
    fn limit(&mut self, segment: &Segment, to: Place) -> io::Result<u32> {
        if self.open.as_ref().is_none_or(|(index, _)| *index != segment.index) {
            self.open = Some((segment.index, File::open(&segment.path, Mode::Read)?));
        }
        if to.segment == segment.index {
            return Ok(to.offset);
        }
        let length = self.open.as_ref().map_or(Ok(0), |(_, file)| file.length())?;
        Ok(u32::try_from(length).unwrap_or(u32::MAX))
    }

    fn fill(&mut self, offset: u32, limit: u32) -> io::Result<()> {
        let wanted = READ_BYTES.min((limit - offset) as usize);
        self.buffer.resize(wanted, 0);
        let Some((_, file)) = &self.open else { return Ok(()) };
        let mut got = 0;
        while got < wanted {
            let at = u64::from(offset) + got as u64;
            match file.read_at(&mut self.buffer[got..], at) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(got);
        Ok(())
    }

    fn next_segment(&self, from: Place, to: Place) -> Stretch {
        let next = self.shared.segment_after(from.segment).filter(|it| it.index <= to.segment);
        let Some(next) = next else {
            return Stretch { bytes: 0, end: to.max(from), first_seq: None, skipped: 0 };
        };
        begin(&next, from, to)
    }

    /// The next place at which an intact record starts, behind a damaged one, and its number.
    fn next_intact(
        &mut self,
        from: u32,
        limit: u32,
        segment: &Segment,
    ) -> io::Result<Option<(u32, u64)>> {
        let mut offset = advance(from, ALIGNMENT);
        while offset < limit {
            self.fill(offset, limit)?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            if let Some(at) = find_intact(&self.buffer, segment) {
                return Ok(Some((advance(offset, at), record::seq(&self.buffer[at..]))));
            }
            // A record that begins near the end of this window is whole in the next one.
            let whole = self.buffer.len() == READ_BYTES;
            let step = if whole { READ_BYTES - RECORD_BYTES_MAX } else { self.buffer.len() };
            offset = advance(offset, step);
        }
        Ok(None)
    }
}

/// The beginning of a segment; if that lies behind where is to be read to, nothing is read.
fn begin(segment: &Segment, from: Place, to: Place) -> Stretch {
    let end = if segment.index <= to.segment { segment.begin() } else { from };
    Stretch { bytes: 0, end, first_seq: Some(segment.header.first_seq), skipped: 0 }
}

fn advance(offset: u32, bytes: usize) -> u32 {
    offset.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// How many bytes at the start are intact records of this segment.
fn intact_bytes(bytes: &[u8], segment: &Segment) -> usize {
    let mut at = 0;
    while let Some(length) = intact_at(&bytes[at.min(bytes.len())..], segment) {
        at += record::aligned(length);
    }
    // The padding of the last record may lie behind the window or the end of the file.
    at.min(bytes.len())
}

fn find_intact(bytes: &[u8], segment: &Segment) -> Option<usize> {
    (0..bytes.len()).step_by(ALIGNMENT).find(|&at| intact_at(&bytes[at..], segment).is_some())
}

/// The length of the record here, if it is whole and may be in this segment.
fn intact_at(bytes: &[u8], segment: &Segment) -> Option<usize> {
    match record::length(bytes) {
        Ok(length) => {
            let record = &bytes[..length];
            let numbers = segment.header.first_seq..first_of(GENERATIONS_MAX);
            let ours = numbers.contains(&record::seq(record));
            (ours && record::intact(record)).then_some(length)
        }
        Err(Unreadable::Blank | Unreadable::Damaged) => None,
    }
}
