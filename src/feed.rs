//! What every feed promises, and the sink that turns its messages into records.
//!
//! In:      bytes from a socket or a file
//! Out:     batches of records, to the journal
//! Drops:   only UDP, when the journal has had no room for a while; counted as `dropped{reason="journal_full"}`
//!
//! A feed is a [`Stage`](crate::stage::Stage) on a thread of its own. It reads what there is, runs it through `nmea`, and hands a
//! batch on at the end of every turn: a batch never waits to be full. When the journal's queue is full the feed keeps its batch
//! and stops reading, so a TCP peer is slowed and a file waits.

pub mod backoff;
pub mod dial;
pub mod door;
pub mod file;
pub mod intake;
pub mod sockets;
mod standin;
pub mod tcp_connect;
pub mod tcp_listen;
#[cfg(test)]
mod testing;
pub mod udp;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Clock;
use crate::config::NmeaConfig;
use crate::nmea::{Message, Note, Sink};
use crate::observe::counts::{Counts, FeedCounts};
use crate::observe::samples::Samples;
use crate::partition;
use crate::queue::{Outlet, Refused};
use crate::record::{Batch, NewRecord};
use crate::reject::{Dropped, Reject};

/// A batch is handed on in the middle of a turn once it holds this many bytes.
pub const BATCH_BYTES: usize = 64 * 1024;

/// What a feed is given at its birth.
#[derive(Clone)]
pub struct FeedContext {
    /// Its number, for good, in this data directory.
    pub id: u8,
    /// Everything that is counted; its own are `counts.feeds[id]`.
    pub counts: Arc<Counts>,
    /// Refused lines, kept for looking at.
    pub samples: Arc<Samples>,
    /// Where its batches go.
    pub journal: Outlet<Batch>,
    /// How lines are read.
    pub nmea: NmeaConfig,
    /// The time of day.
    pub clock: Clock,
    /// Set when feeds are to take nothing more and finish.
    pub stopping: Arc<AtomicBool>,
}

impl FeedContext {
    /// This feed's counters.
    #[must_use]
    pub fn feed_counts(&self) -> &FeedCounts {
        &self.counts.feeds[usize::from(self.id)]
    }

    /// Whether the feed is to finish.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// What became of a batch that was to be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// The journal has this many messages more; 0 when there was nothing to hand on.
    On(u32),
    /// There is no room; the batch is kept, try again later.
    Kept,
    /// The journal is gone.
    Closed,
}

/// Collects the messages of a turn into a batch and counts what happened.
pub struct FeedSink {
    context: FeedContext,
    batch: Batch,
    received: u64,
    rejected: [u64; Reject::COUNT],
    newest_us: i64,
}

impl FeedSink {
    /// For one feed, or one reader thread of it.
    #[must_use]
    pub fn new(context: FeedContext) -> Self {
        Self {
            context,
            batch: Batch::with_capacity(BATCH_BYTES + BATCH_BYTES / 4),
            received: 0,
            rejected: [0; Reject::COUNT],
            newest_us: 0,
        }
    }

    /// The feed it collects for.
    #[must_use]
    pub const fn context(&self) -> &FeedContext {
        &self.context
    }

    /// Whether the batch is as large as it should get.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.bytes().len() >= BATCH_BYTES
    }

    /// Whether there is no batch to hand on.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Adds what was counted since the last call to the feed's counters. Before the messages are handed on, so that
    /// no message is seen to leave that was not seen to come.
    pub fn count(&mut self) {
        let counts = self.context.feed_counts();
        counts.received.add(std::mem::take(&mut self.received));
        for (reason, count) in self.rejected.iter_mut().enumerate() {
            counts.rejected.of(reason).add(std::mem::take(count));
        }
        if self.newest_us > counts.last_message_us.get() {
            counts.last_message_us.set(self.newest_us);
        }
    }

    /// Hands the batch to the journal; never waits.
    pub fn hand_on(&mut self) -> Handed {
        self.count();
        let count = self.batch.count();
        if count == 0 {
            return Handed::On(0);
        }
        // A slow feed should not hold memory that its batches do not need.
        let room = (self.batch.bytes().len() * 2).clamp(1024, BATCH_BYTES + BATCH_BYTES / 4);
        let batch = std::mem::take(&mut self.batch);
        match self.context.journal.offer(batch) {
            Ok(()) => {
                self.batch = Batch::with_capacity(room);
                Handed::On(count)
            }
            Err(Refused::Full(batch)) => {
                self.batch = batch;
                Handed::Kept
            }
            Err(Refused::Closed(batch)) => {
                self.batch = batch;
                Handed::Closed
            }
        }
    }

    /// Throws the batch away because the journal has no room and the feed cannot wait; counted.
    pub fn drop_batch(&mut self) {
        self.count();
        let counts = self.context.feed_counts();
        counts.dropped.of(Dropped::JournalFull as usize).add(u64::from(self.batch.count()));
        self.batch = Batch::reuse(std::mem::take(&mut self.batch).into_bytes());
    }
}

impl Sink for FeedSink {
    fn message(&mut self, message: &Message<'_>) {
        self.received += 1;
        self.newest_us = message.received_us;
        let pushed = self.batch.push(&NewRecord {
            received_us: message.received_us,
            sent_us: message.sent_us,
            partition: partition::of(message.mmsi),
            feed: self.context.id,
            channel: message.channel,
            fill: message.fill,
            own_ship: message.own_ship,
            raw: message.raw,
            payload: message.payload,
        });
        if pushed.is_err() {
            self.rejected[Reject::TooLong as usize] += 1;
            self.context.samples.keep(self.context.id, Reject::TooLong, message.raw);
        }
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.received += 1;
        self.rejected[reason as usize] += 1;
        self.context.samples.keep(self.context.id, reason, line);
    }

    fn note(&mut self, note: Note, count: u64) {
        let counts = self.context.feed_counts();
        match note {
            Note::Ignored => counts.ignored.add(count),
            Note::FragmentExpired => counts.fragments_expired.add(count),
            Note::TagBlockIgnored => counts.tag_blocks_ignored.add(count),
            Note::DollarSentence => counts.dollar_sentences.add(count),
        }
    }
}
