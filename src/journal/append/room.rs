//! Room in the journal: segments are begun within its bound, closed, and room is kept for writing again.
//!
//! What is not synced may have to be written again at any moment. If the journal were full then, the records would wait for room, the
//! shards for the records, and the room for what the shards decide, for ever. So nothing is appended unless room is left for
//! each segment with unsynced records, and for one more: the old ones go only when the new ones are written.

use std::sync::Arc;

use super::super::segment::{HEADER_BYTES, Header, INDEX_END, Segment};
use super::super::sync::SyncQueue;
use super::super::{Place, Shared};
use super::{Active, Ahead, Append};
use crate::disk::{File, Mode};
use crate::record;
use crate::stage::{Broken, Turn};

/// What was cut at the start gives its room back when the cut is on the disk. That it is synced no sooner than when all before
/// it is committed is the sync thread's business: a failing sync may take what is not.
pub(super) fn note_cut_at_the_start(shared: &Shared, sync: &SyncQueue, end: Place) {
    let Some(last) = shared.segment(end.segment) else { return };
    if last.disk_bytes() > u64::from(end.offset)
        && let Ok(file) = File::open(&last.path, Mode::Write)
    {
        sync.cut(&Arc::new(file), &last, end.offset, shared.run_from);
    }
}

impl Append {
    /// Whether the segment has room for the next record, or for all of a batch that can be taken back: of one that was begun nothing can.
    pub(super) fn has_room(&self, bytes: &[u8], whole: bool) -> bool {
        let fits_in_one = bytes.len() as u64 + u64::from(HEADER_BYTES) <= self.capacity();
        if whole && fits_in_one {
            return self.has_room_for(bytes.len());
        }
        self.has_room_for(record::length(bytes).map_or(0, record::aligned))
    }

    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.active
            .as_ref()
            .is_some_and(|active| u64::from(active.offset) + bytes as u64 <= self.capacity())
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.with.config.segment_bytes
    }

    /// Whether what is appended now, here or to a new segment, could be written again within the bound.
    pub(super) fn may_append(&self, here: bool) -> bool {
        let active = self.active.as_ref().map(|active| active.segment.index);
        let is_counted = here && self.unsynced_in.back().map(|span| span.index) == active;
        let spans = self.unsynced_in.len() as u64 + u64::from(!is_counted);
        let segments = u64::from(!here) + spans + 1;
        self.with.shared.bytes() + segments * self.capacity() <= self.with.config.bytes_max
    }

    /// Begins a segment when the bound and the disk allow it; says whether they did.
    pub(super) fn begin_segment(&mut self, first_seq: u64, is_again: bool) -> Result<bool, Broken> {
        let config = &self.with.config;
        if self.with.shared.bytes() + config.segment_bytes > config.bytes_max {
            return Ok(false);
        }
        if self.next_index == INDEX_END {
            return Err(Broken(format!(
                "the journal has a segment {}, and no index is left for the next",
                self.next_index - 1
            )));
        }
        if let Err(error) = self.with.directory.keep_reserve() {
            self.refused("cannot begin a journal segment", &error);
            return Ok(false);
        }
        let header = Header {
            instance: *self.with.directory.instance().as_bytes(),
            first_seq,
            created_us: self.with.clock.now_us(),
            is_again,
        };
        match Segment::create(&self.with.shared.dir, self.next_index, header, config.segment_bytes)
        {
            Ok((segment, file)) => {
                self.close_segment();
                let segment = Arc::new(segment);
                self.with.shared.segments.write().push(Arc::clone(&segment));
                self.active = Some(Active {
                    segment,
                    file: Arc::new(file),
                    offset: HEADER_BYTES,
                    ahead: Ahead::default(),
                });
                self.next_index += 1;
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                self.next_index += 1;
                Ok(false)
            }
            Err(error) => {
                self.refused("cannot begin a journal segment", &error);
                Ok(false)
            }
        }
    }

    pub(super) fn close_segment(&mut self) {
        let Some(Active { segment, file, offset, .. }) = self.active.take() else { return };
        match file.set_length(u64::from(offset)) {
            Ok(()) => self.with.sync.cut(&file, &segment, offset, self.next_seq),
            Err(error) => {
                tracing::warn!(segment = segment.index, %error, "cannot cut a journal segment");
            }
        }
    }

    pub(super) fn wait_for_room(&self) -> Turn {
        self.with.counts.journal.full_turns.add(1);
        // There may be room once nothing is left that could have to be written again.
        self.with.sync.hurry();
        self.with.sync_waker.wake();
        Turn::Stalled
    }
}
