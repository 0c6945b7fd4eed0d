//! What waits for its sync: let go of when it is on disk, written again when a sync failed.

use std::sync::Arc;

use super::{Append, Chunk, Place, RETRY_AFTER};
use crate::clock;
use crate::record;
use crate::stage::Broken;

impl Append {
    /// After a failed sync: the chunks that were not synced go to a new segment, numbered as they are.
    pub(super) fn write_again(&mut self) -> Result<bool, Broken> {
        self.active = None;
        self.with.sync.start_over();
        let chunks: Vec<Arc<Chunk>> = self.unsynced.iter().cloned().collect();
        for chunk in &chunks {
            let first_seq = record::seq(&chunk.bytes);
            if !self.has_room_for(chunk.bytes.len()) && !self.begin_segment(first_seq)? {
                self.with.sync.fail();
                self.retry_at = Some(clock::now() + RETRY_AFTER);
                return Ok(false);
            }
            if !self.write(&chunk.bytes) {
                self.with.sync.fail();
                return Ok(false);
            }
            if let Some(active) = &mut self.active {
                active.offset += u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
                self.end = Place { segment: active.segment.index, offset: active.offset };
                self.with.sync.written(&active.file, active.segment.index, chunk.next_seq);
            }
        }
        self.with.shared.set_head(self.end, self.next_seq);
        self.with.sync_waker.wake();
        // A disk that fails again at once must not be kept busy with the same records.
        self.retry_at = Some(clock::now() + RETRY_AFTER);
        Ok(true)
    }

    pub(super) fn release_synced(&mut self) {
        let synced = self.with.shared.synced_seq();
        while let Some(chunk) = self.unsynced.front()
            && chunk.next_seq <= synced
        {
            self.unsynced_bytes -= chunk.bytes.len();
            self.unsynced.pop_front();
        }
    }
}
