//! A shard's view of the journal: every record in order, from memory when it keeps up and from segments when not.
//!
//! In:      chunks from the appender, and the segments
//! Out:     numbered records, without gaps
//! Drops:   only what is damaged on disk
//!
//! A chunk says where the record before it ends. If that is where this shard stands, the chunk is next; if not, chunks were
//! missed, and the way there is read from the segments. The shard cannot tell the difference, and needs no mode for it.
//!
//! Where a record of this run is missing in the segments that is not synced yet, the reader waits: after a failed sync it is
//! written again, and read from there.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::Arc;

use super::read_back::{ReadBack, Stretch};
use super::{Chunk, Place, Shared};
use crate::observe::counts::Counts;
use crate::queue::{Inlet, Poll};
use crate::record;
use crate::stage::Broken;

/// What a look at the journal found.
pub enum Next<'a> {
    /// Records, one after the other; some may have been seen before (by number) and are to be skipped.
    Records(&'a [u8]),
    /// A step was made that found no record; look again.
    Again,
    /// Nothing now.
    Nothing,
    /// Nothing now or ever.
    End,
}

/// One reader's position in the journal.
pub struct Tail {
    shared: Arc<Shared>,
    /// None for a reader that stays behind another and reads segments only.
    inlet: Option<Inlet<Arc<Chunk>>>,
    reader: ReadBack,
    counts: Arc<Counts>,
    /// Damage is counted by one reader only.
    counting: bool,
    place: Place,
    /// The number up to which records were given out that lie behind this place: where a hole was filled with what was written
    /// again, or a segment was removed; 0 when there are none.
    filled: u64,
    /// The number behind those that lie before this place.
    place_seq: u64,
    next_seq: u64,
    held: Option<Arc<Chunk>>,
    current: Option<Arc<Chunk>>,
    closed: bool,
    read_back: u64,
}

impl Tail {
    /// A reader that begins at `from`.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        inlet: Inlet<Arc<Chunk>>,
        from: Place,
        counts: Arc<Counts>,
        counting: bool,
    ) -> Self {
        let reader = ReadBack::new(Arc::clone(&shared));
        Self {
            shared,
            inlet: Some(inlet),
            reader,
            counts,
            counting,
            place: from,
            filled: 0,
            place_seq: 0,
            next_seq: 0,
            held: None,
            current: None,
            closed: false,
            read_back: 0,
        }
    }

    /// A reader that begins at `from` and stays behind another: it reads segments, to where [`Tail::read_to_level`] says.
    #[must_use]
    pub fn behind(&self, from: Place, counting: bool) -> Self {
        Self {
            reader: ReadBack::new(Arc::clone(&self.shared)),
            shared: Arc::clone(&self.shared),
            inlet: None,
            counts: Arc::clone(&self.counts),
            counting,
            place: from,
            filled: 0,
            place_seq: 0,
            next_seq: 0,
            held: None,
            current: None,
            closed: false,
            read_back: 0,
        }
    }

    /// A reader that goes ahead from here with what comes in memory; this one stays behind it.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut ahead = self.behind(self.place, false);
        ahead.inlet = self.inlet.take();
        ahead.held = self.held.take();
        ahead.closed = self.closed;
        (ahead.next_seq, ahead.filled) = (self.next_seq, self.filled);
        ahead.place_seq = self.place_seq;
        ahead
    }

    /// Goes on in the place of one that was ahead and is not any more.
    pub fn take_over(&mut self, ahead: Self) {
        self.inlet = ahead.inlet;
        self.held = ahead.held;
        self.closed = ahead.closed;
        self.next_seq = self.next_seq.max(ahead.next_seq);
    }

    /// Everything below this number has been given out.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// Records read from segments since the last call.
    pub const fn take_read_back(&mut self) -> u64 {
        std::mem::replace(&mut self.read_back, 0)
    }

    /// The next records.
    ///
    /// # Errors
    /// When a segment cannot be read at all.
    pub fn read(&mut self) -> Result<Next<'_>, Broken> {
        self.current = None;
        self.look_into_the_queue();
        // The number before the place: see `Shared::set_head`.
        let next_seq = self.shared.next_seq();
        let target = match &self.held {
            Some(chunk) if chunk.follows == self.place => return Ok(self.take_chunk()),
            Some(chunk) if self.place < chunk.follows => (chunk.follows, record::seq(&chunk.bytes)),
            Some(chunk) => (chunk.end, chunk.next_seq),
            None => (self.shared.head(), next_seq),
        };
        let (target, target_seq) = target;
        if self.place >= target {
            self.next_seq = self.next_seq.max(next_seq);
            let last = self.closed && self.held.is_none();
            return Ok(if last { Next::End } else { Next::Nothing });
        }
        self.read_to(target, target_seq)
    }

    /// The next records up to where another reader stands.
    ///
    /// # Errors
    /// When a segment cannot be read at all.
    pub fn read_to_level(&mut self, ahead: &Self) -> Result<Next<'_>, Broken> {
        self.current = None;
        if self.is_level_with(ahead) {
            self.next_seq = self.next_seq.max(ahead.next_seq);
        }
        if self.place >= ahead.place {
            return Ok(Next::Nothing);
        }
        let target_seq = if ahead.filled > 0 { ahead.place_seq } else { ahead.next_seq };
        self.read_to(ahead.place, target_seq)
    }

    /// Whether everything that another reader has given out has been given out by this one too. The other may stand in a segment
    /// that was written again and removed; where it goes on, which is later, says nothing until it does.
    #[must_use]
    pub fn is_level_with(&self, ahead: &Self) -> bool {
        match self.place.cmp(&ahead.place) {
            Less => false,
            Equal => self.filled >= ahead.filled || self.next_seq >= ahead.next_seq,
            Greater => self.next_seq >= ahead.next_seq,
        }
    }

    /// Holds the oldest chunk that is not behind us.
    fn look_into_the_queue(&mut self) {
        let Some(inlet) = &self.inlet else { return };
        while self.held.as_ref().is_none_or(|chunk| chunk.end <= self.place) {
            self.held = None;
            match inlet.poll() {
                Poll::Item(chunk) => self.held = Some(chunk),
                Poll::Empty => return,
                Poll::Closed => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn take_chunk(&mut self) -> Next<'_> {
        let Some(chunk) = self.held.take() else { return Next::Nothing };
        (self.place, self.place_seq, self.filled) = (chunk.end, chunk.next_seq, 0);
        self.next_seq = self.next_seq.max(chunk.next_seq);
        Next::Records(&self.current.insert(chunk).bytes)
    }

    /// Reads on to a place and the number there.
    fn read_to(&mut self, target: Place, target_seq: u64) -> Result<Next<'_>, Broken> {
        let read = self.reader.read(self.place, (target, target_seq), self.next_seq);
        let stretch = read.map_err(|error| {
            Broken::because(format_args!("read journal segment {}", self.place.segment), error)
        })?;
        if self.lacks_unsynced(&stretch, target_seq) {
            return Ok(Next::Nothing);
        }
        let is_stuck = stretch.end == self.place && !stretch.is_again;
        if is_stuck || self.lies_behind(&stretch, target_seq) {
            // What is missing here was written again behind the target.
            let more = self.held.take().is_some();
            return Ok(if more { Next::Again } else { Next::Nothing });
        }
        self.place = stretch.end;
        self.count_damage(&stretch);
        let (before, mut end) = (self.next_seq, stretch.first_seq.unwrap_or(target_seq));
        for record in record::Walk::new(self.reader.bytes(&stretch)) {
            self.read_back += 1;
            end = record::seq(record) + 1;
            self.next_seq = self.next_seq.max(end);
        }
        if !stretch.is_again {
            self.place_seq = end;
        }
        let is_behind = stretch.is_again || end < before;
        self.filled = if is_behind { self.next_seq } else { 0 };
        if stretch.bytes == 0 {
            return Ok(Next::Again);
        }
        let bytes = self.reader.bytes(&stretch);
        Ok(Next::Records(bytes))
    }

    /// Whether a record is missing before this stretch, or before its end, that may yet be written again.
    fn lacks_unsynced(&self, stretch: &Stretch, target_seq: u64) -> bool {
        let expected = self.next_seq.max(self.shared.run_from);
        expected < stretch.first_seq.unwrap_or(target_seq) && expected >= self.shared.synced_seq()
    }

    /// Whether nothing was found on the way to the target, and what is missing there was written again behind it.
    fn lies_behind(&self, stretch: &Stretch, target_seq: u64) -> bool {
        let expected = self.next_seq.max(self.shared.run_from);
        let is_missing = stretch.first_seq.is_none() && expected < target_seq;
        is_missing && self.shared.written_again(self.place.segment, target_seq).is_some()
    }

    fn count_damage(&self, stretch: &Stretch) {
        if stretch.skipped > 0 && self.counting {
            self.counts.journal.corrupt_records.add(u64::from(stretch.skipped));
            tracing::error!(
                segment = stretch.end.segment,
                offset = stretch.end.offset,
                "skipped damaged records before this place in the journal"
            );
        }
    }
}
