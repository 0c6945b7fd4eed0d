//! Writing again, under the same numbers, what a failed sync may have lost.
//!
//! After a failed sync the kernel may have forgotten all that the file held since the sync before. The chunks are still here. They
//! go to new segments; the old ones that held nothing else are then removed, or a disk that fails again and again would fill the
//! journal with copies. They are removed only when the new ones are written: a kill between would lose what was accepted.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::segment::Segment;
use super::super::{Chunk, Place};
use super::{Append, RETRY_AFTER};
use crate::clock;
use crate::disk;
use crate::record;
use crate::stage::Broken;

/// A segment with records that are not synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Its index.
    pub index: u32,
    /// The first number in it, synced or not.
    first_seq: u64,
    /// The number after the last.
    next_seq: u64,
}

/// Notes that records were written to a segment.
pub(super) fn note(spans: &mut VecDeque<Span>, segment: &Segment, next_seq: u64) {
    let (index, first_seq) = (segment.index, segment.header.first_seq);
    match spans.back_mut() {
        Some(last) if last.index == index => last.next_seq = next_seq,
        _ => spans.push_back(Span { index, first_seq, next_seq }),
    }
}

impl Append {
    /// After a failed sync: the chunks that were not synced go to a new segment, numbered as they are.
    pub(super) fn write_again(&mut self) -> Result<bool, Broken> {
        self.active = None;
        self.with.sync.start_over();
        let first_index = self.next_index;
        let old = std::mem::take(&mut self.unsynced_in);
        let chunks: Vec<Arc<Chunk>> = self.unsynced.iter().cloned().collect();
        for chunk in &chunks {
            if !self.write_chunk_again(chunk)? {
                self.retry_at = Some(clock::now() + RETRY_AFTER);
                // What was written of it lies in the old ones as well, as far as anything does.
                self.active = None;
                self.unsynced_in = old;
                let last = self.next_index;
                self.remove_superseded(first_index..last);
                return Ok(false);
            }
        }
        self.with.shared.set_head(self.end, self.next_seq);
        self.with.sync.go_on();
        self.with.sync_waker.wake();
        let synced = self.with.shared.synced_seq();
        let superseded = old.iter().filter(|span| span.first_seq >= synced);
        self.remove_superseded(superseded.map(|span| span.index));
        // A disk that fails again at once must not be kept busy with the same records.
        self.retry_at = Some(clock::now() + RETRY_AFTER);
        Ok(true)
    }

    fn write_chunk_again(&mut self, chunk: &Chunk) -> Result<bool, Broken> {
        let first_seq = record::seq(&chunk.bytes);
        if !self.has_room_for(chunk.bytes.len()) && !self.begin_segment(first_seq, true)? {
            return Ok(false);
        }
        if !self.write(&chunk.bytes) {
            return Ok(false);
        }
        if let Some(active) = &mut self.active {
            active.offset += u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
            let index = active.segment.index;
            self.end = Place { segment: index, offset: active.offset };
            self.with.sync.written(&active.file, index, chunk.next_seq);
            note(&mut self.unsynced_in, &active.segment, chunk.next_seq);
        }
        Ok(true)
    }

    /// Removes segments of which every record lies elsewhere.
    fn remove_superseded(&self, indexes: impl Iterator<Item = u32>) {
        let mut removed = false;
        for index in indexes {
            match self.with.shared.remove(index) {
                Ok(()) => removed = true,
                Err(error) => {
                    tracing::warn!(segment = index, %error, "cannot remove a segment that was written again");
                }
            }
        }
        if removed && let Err(error) = disk::sync_directory(&self.with.shared.dir) {
            tracing::warn!(%error, "cannot sync the journal's directory");
        }
    }

    pub(super) fn release_synced(&mut self) {
        let synced = self.with.shared.synced_seq();
        while let Some(chunk) = self.unsynced.front()
            && chunk.next_seq <= synced
        {
            self.unsynced_bytes -= chunk.bytes.len();
            self.unsynced.pop_front();
        }
        while self.unsynced_in.front().is_some_and(|span| span.next_seq <= synced) {
            self.unsynced_in.pop_front();
        }
    }
}
