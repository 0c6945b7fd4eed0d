//! One commit after the other, the rows of a large one sent while the answer to the one before is on its way.

use std::time::{Duration, Instant};

use super::batch::{Batch, Sent};
use super::{Broken, Committed, Offsets, PARTITIONS, StoreError, Turn, Writer, clock, partition};

/// Offsets of partitions without rows are committed at least this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// A batch of so many rows moves the offsets of all partitions, without a look at each row.
const ROWS_OF_ALL: usize = 1024;

impl Writer {
    /// Whether the next commit moves the offsets of all partitions: now and then, and where hardly one has no row.
    pub(super) fn moves_all(&self, open: bool) -> bool {
        let many = self.batch.rows >= ROWS_OF_ALL;
        !open || many || clock::since(self.progress_at) >= PROGRESS_EVERY
    }

    /// The offsets that the next commit moves to: those of partitions with rows, or all.
    pub(super) fn next_offsets(&self, all: bool) -> Offsets {
        let mut touched = [all; PARTITIONS];
        if !all {
            for origin in self.batch.origins() {
                touched[usize::from(partition::of(origin.mmsi))] = true;
            }
        }
        let mut offsets = self.sent.as_ref().map_or(self.committed, |sent| sent.offsets);
        for (partition, offset) in offsets.iter_mut().enumerate() {
            let number = u8::try_from(partition).unwrap_or(0);
            let shard = partition::owner(number, self.decided.len());
            if touched[partition] && self.owned[partition] {
                *offset = self.decided[shard].max(*offset);
            }
        }
        offsets
    }

    /// Whether what is known of files is not on disk yet, of the records that this batch passes.
    pub(super) fn awaits_disk(&self) -> bool {
        let Batch { files, files_seq, .. } = &self.batch;
        !files.is_empty() && !self.links.journal.is_synced_to(*files_seq)
    }

    /// Not yet; a commit that is under way is finished meanwhile.
    pub(super) fn wait(&mut self) -> Result<Turn, Broken> {
        if self.sent.is_some() { self.finish() } else { Ok(Turn::Stalled) }
    }

    /// Commits what has gathered. The answer is waited for, unless there may be more to send meanwhile.
    pub(super) fn commit(&mut self, offsets: &Offsets) -> Result<Turn, Broken> {
        let mut began = Instant::now();
        self.store.carry(&self.batch.files);
        if self.sent.is_some() {
            if let Err(error) = self.store.send(&self.batch.parts, offsets) {
                return self.broke_off((self.batch.rows, began), &error);
            }
            let finished = self.finish()?;
            if self.sent.is_some() {
                return Ok(finished);
            }
            // Until then the store was not at it.
            began = began.max(self.answered);
        }
        let committed = self.store.commit(&self.batch.parts, offsets);
        let batch = std::mem::replace(&mut self.batch, std::mem::take(&mut self.spare));
        self.begin_batch();
        let rows = batch.rows;
        self.sent = Some(Sent { batch, offsets: *offsets, began });
        match committed {
            Err(error) => self.broke_off((rows, began), &error),
            Ok(()) if self.store.rows_ahead().is_some_and(|ahead| rows >= ahead) => Ok(moved(rows)),
            Ok(()) => self.finish(),
        }
    }

    /// Waits for the commit that is under way.
    pub(super) fn finish(&mut self) -> Result<Turn, Broken> {
        let Some(sent) = self.sent.take() else { return Ok(Turn::Idle) };
        match self.store.finish(&sent.batch.parts, &sent.offsets) {
            Ok(committed) => {
                let took = sent.began.elapsed().saturating_sub(committed.ago);
                self.answered = Instant::now().checked_sub(committed.ago).unwrap_or(self.answered);
                let rows = sent.batch.rows;
                self.fitted(rows, took);
                self.came_through(sent, took, &committed);
                self.alone = false;
                Ok(moved(rows))
            }
            Err(error) => {
                let failed = (sent.batch.rows, sent.began);
                self.sent = Some(sent);
                self.broke_off(failed, &error)
            }
        }
    }

    /// A commit is known to have come through.
    pub(super) fn came_through(&mut self, sent: Sent, took: Duration, committed: &Committed) {
        self.committed = sent.offsets;
        self.account(&sent.batch, took, committed);
        self.recycle(sent.batch);
    }

    /// The connection broke in a commit of so many rows that began then.
    fn broke_off(
        &mut self,
        (rows, began): (usize, Instant),
        error: &StoreError,
    ) -> Result<Turn, Broken> {
        (self.connected, self.alone) = (false, true);
        self.did_not_fit(rows, began.elapsed());
        self.failed(error)
    }
}

/// A turn that committed so many rows, or offsets alone.
fn moved(rows: usize) -> Turn {
    Turn::Moved(u32::try_from(rows).unwrap_or(u32::MAX).max(1))
}
