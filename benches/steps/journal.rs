//! What does it cost to append records to the journal, and to have them on the disk?
//!
//! `append` numbers, checks and writes batches of 1 000 records and leaves the sync to later, as under load; `append and sync` waits
//! for `fdatasync` after each batch of ten, as a poster does. The time has the disk in it, the instructions do not. Segments go
//! when the next one is begun. An element is a record.

use std::sync::Arc;
use std::time::Duration;

use aisd::clock::{Clock, SECOND_US};
use aisd::config::JournalConfig;
use aisd::journal::append::{Append, Appender};
use aisd::journal::directory::Directory;
use aisd::journal::open::open;
use aisd::journal::retention::Retention;
use aisd::journal::sync::{Sync, SyncQueue};
use aisd::journal::{Chunk, Shared};
use aisd::observe::counts::{Counts, FeedCounts, ShardCounts};
use aisd::partition::PARTITIONS;
use aisd::queue::{Inlet, Outlet, bounded};
use aisd::record::Batch;
use aisd::stage::{Stage, Turn, parking};

use crate::case::{Case, Prepared};
use crate::traffic::{self, NOW_US};

/// Records in a run.
const RECORDS: usize = 10_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("journal/append", || append(1000, false)),
        Case::new("journal/append and sync", || append(10, true)),
    ]
}

fn append(of_batch: usize, synced: bool) -> Prepared {
    let messages = traffic::messages();
    let mut rig = Rig::new();
    Prepared::new(RECORDS, move || {
        for messages in messages[..RECORDS].chunks(of_batch) {
            assert!(rig.feed.offer(traffic::batch(messages, NOW_US)).is_ok());
            rig.append();
            if synced {
                rig.sync();
            }
        }
        rig.forget();
    })
}

/// A journal without threads, with one feed and one shard.
pub struct Rig {
    pub feed: Outlet<Batch>,
    pub chunks: Option<Inlet<Arc<Chunk>>>,
    pub shared: Arc<Shared>,
    pub counts: Arc<Counts>,
    append: Append,
    sync: Sync,
    _dir: tempfile::TempDir,
}

impl Rig {
    pub fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let counts = Arc::new(Counts {
            feeds: vec![FeedCounts::default()],
            shards: vec![ShardCounts::default()],
            ..Counts::default()
        });
        let mut directory = Directory::take(dir.path()).unwrap();
        let shared = open(&mut directory, &counts).unwrap();
        let (_spot, waker) = parking();
        let (feed, feed_inlet) = bounded(64, &waker);
        let (to_shard, chunks) = bounded(64, &waker);
        let queue = Arc::new(SyncQueue::default());
        let (journal, kept) = (Arc::clone(&shared), Arc::clone(&counts));
        let retention = Retention::new(
            Arc::clone(&journal),
            Arc::clone(&kept),
            SECOND_US,
            (false, Clock::System),
        );
        let sync = Sync::new(journal, Arc::clone(&queue), retention, kept, Duration::ZERO);
        let append = Append::new(Appender {
            directory,
            shared: Arc::clone(&shared),
            sync: queue,
            sync_waker: waker,
            feeds: vec![feed_inlet],
            shards: vec![to_shard],
            config: JournalConfig::default(),
            counts: Arc::clone(&counts),
            clock: Clock::System,
        });
        Self { feed, chunks: Some(chunks), shared, counts, append, sync, _dir: dir }
    }

    /// Appends what the feed has offered.
    pub fn append(&mut self) {
        loop {
            match self.append.turn().unwrap() {
                Turn::Moved(_) => {}
                // Too much waits for its sync.
                Turn::Stalled => self.sync(),
                Turn::Idle | Turn::Finished => return,
            }
        }
    }

    /// Has all that was appended on the disk.
    pub fn sync(&mut self) {
        while matches!(self.sync.turn().unwrap(), Turn::Moved(_)) {}
    }

    /// As if all of it were stored: its segments may go.
    pub fn forget(&self) {
        for partition in 0..PARTITIONS {
            self.shared.set_committed(partition, self.shared.next_seq());
        }
    }
}
