//! Reads records out of segments, past whatever is damaged.
//!
//! In:      a place to read from and one to read to
//! Out:     whole, intact records, a stretch at a time
//! Drops:   damaged records, counted when records follow them; a torn tail is normal and is not counted
//! Metrics: `ais_journal_corrupt_records_total`
//!
//! After a failed sync a segment may have holes, and what it held unsynced is written again to a later one, which has a first number
//! below what lies before it. Where numbers are missing, they are looked for there, and reading goes on behind the hole: a
//! process that died while it wrote again left the rest in the old segment alone. In its turn such a segment is read as any
//! other, and its reader skips what it has seen.

use std::io;
use std::ops::Range;
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
    /// The records are from where they were written again; the place to read on at is before the hole still.
    pub is_again: bool,
}

/// A reader with a buffer and the segment it is in.
pub struct ReadBack {
    shared: Arc<Shared>,
    open: Option<(u32, File)>,
    buffer: Vec<u8>,
    /// Whether missing numbers are looked for where they may have been written again.
    is_looking: bool,
    /// The number and place at which that look goes on.
    looked_to: Option<(u64, Place)>,
}

impl ReadBack {
    /// A reader of this journal; its buffer is made when it is first used.
    #[must_use]
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None, buffer: Vec::new(), is_looking: true, looked_to: None }
    }

    /// A reader of segments as they lie there, whatever is in others.
    #[must_use]
    pub fn of_each(shared: Arc<Shared>) -> Self {
        Self { is_looking: false, ..Self::new(shared) }
    }

    /// What the last read found.
    #[must_use]
    pub fn bytes(&self, stretch: &Stretch) -> &[u8] {
        &self.buffer[..stretch.bytes]
    }

    /// Reads the records from one place on, at most to another and the number there, and at most to the end of their segment.
    /// `expected` is the number after those that were read before, 0 when that is not known.
    ///
    /// # Errors
    /// When a segment that is there cannot be read.
    pub fn read(
        &mut self,
        from: Place,
        (to, to_seq): (Place, u64),
        expected: u64,
    ) -> io::Result<Stretch> {
        let Some(segment) = self.shared.segment(from.segment) else {
            return Ok(self.next_segment(from, to));
        };
        let first_seq = segment.header.first_seq;
        if from.offset <= HEADER_BYTES
            && let Some(again) = self.written_again(expected..first_seq, from)?
        {
            return Ok(again);
        }
        let limit = match self.limit(&segment, to) {
            // It was removed after it was looked up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match self.shared.segment(from.segment) {
                    None => Ok(self.next_segment(from, to)),
                    Some(_) => Err(error),
                };
            }
            limit => limit?,
        };
        let offset = from.offset.max(HEADER_BYTES);
        if offset >= limit {
            return Ok(self.next_segment(from, to));
        }
        self.fill(offset, limit)?;
        let bytes = intact_bytes(&self.buffer, &segment);
        if bytes > 0 {
            let end = Place { segment: from.segment, offset: advance(offset, bytes) };
            let first_seq = Some(record::seq(&self.buffer));
            return Ok(Stretch { bytes, end, first_seq, skipped: 0, is_again: false });
        }
        let Some((offset, seq)) = self.next_intact(offset, limit, &segment)? else {
            // Of a hole before the next segment it tells when that is begun.
            let is_hole = to.segment == from.segment;
            let again = if is_hole { self.written_again(expected..to_seq, from)? } else { None };
            return Ok(again.unwrap_or_else(|| self.next_segment(from, to)));
        };
        if let Some(again) = self.written_again(expected..seq, from)? {
            return Ok(again);
        }
        let end = Place { segment: from.segment, offset };
        let is_filled = expected >= seq && self.looked_to.is_some_and(|(to, _)| to == expected);
        let skipped = u32::from(!is_filled);
        Ok(Stretch { bytes: 0, end, first_seq: Some(seq), skipped, is_again: false })
    }

    /// Records of missing numbers from a later segment; nothing to read and no place to go on at when they are being written.
    fn written_again(&mut self, missing: Range<u64>, from: Place) -> io::Result<Option<Stretch>> {
        let mut last = from.segment;
        while self.is_looking
            && !missing.is_empty()
            && let Some(segment) = self.shared.written_again(last, missing.end)
        {
            last = segment.index;
            // It may lie behind where is to be read to, but not where nothing has been published yet.
            let head = self.shared.head();
            if segment.index > head.segment {
                return Ok(Some(begin(&segment, from, from)));
            }
            if let Some(bytes) = self.find(&missing, &segment, head)? {
                let first_seq = Some(record::seq(&self.buffer));
                let stretch = Stretch { bytes, end: from, first_seq, skipped: 0, is_again: true };
                return Ok(Some(stretch));
            }
        }
        Ok(None)
    }

    /// The first of these numbers that are in this segment, at the start of the buffer: how many bytes.
    fn find(
        &mut self,
        numbers: &Range<u64>,
        segment: &Segment,
        head: Place,
    ) -> io::Result<Option<usize>> {
        let limit = self.limit(segment, head)?;
        let mut offset = match self.looked_to {
            Some((seq, at)) if seq == numbers.start && at.segment == segment.index => at.offset,
            _ => HEADER_BYTES,
        };
        while offset < limit {
            self.fill(offset, limit)?;
            let intact = intact_bytes(&self.buffer, segment);
            if intact == 0 {
                let Some((next, _)) = self.next_intact(offset, limit, segment)? else { break };
                offset = next;
                continue;
            }
            let records = record::Walk::new(&self.buffer[..intact]);
            let (mut at, mut begins, mut end) = (0, None, 0);
            for record in records {
                let next = at + record::aligned(record.len());
                if numbers.contains(&record::seq(record)) {
                    begins.get_or_insert(at);
                    end = next.min(intact);
                    self.looked_to = Some((
                        record::seq(record) + 1,
                        Place { segment: segment.index, offset: advance(offset, next) },
                    ));
                }
                at = next;
            }
            if let Some(begins) = begins {
                self.buffer.copy_within(begins..end, 0);
                return Ok(Some(end - begins));
            }
            offset = advance(offset, intact);
        }
        Ok(None)
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
            let stretch = self.read(at, (to, self.shared.next_seq()), expected)?;
            let records = record::Walk::new(self.bytes(&stretch));
            expected = records.map(|record| record::seq(record) + 1).fold(expected, u64::max);
            let is_stuck = stretch.end <= at && !stretch.is_again;
            if !look(&stretch, self.bytes(&stretch))? || is_stuck {
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
            let end = to.max(from);
            return Stretch { bytes: 0, end, first_seq: None, skipped: 0, is_again: false };
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
    let first_seq = Some(segment.header.first_seq);
    Stretch { bytes: 0, end, first_seq, skipped: 0, is_again: false }
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
