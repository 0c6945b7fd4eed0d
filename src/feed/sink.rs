//! Collects what a turn of a feed brings into a batch, and counts what happened.
//!
//! In:      messages and reports, and what is refused
//! Out:     batches to the journal
//! Drops:   never by itself

use super::{BATCH_BYTES, FeedContext, Happening};
use crate::nmea::{Message, Note, Sink};
use crate::partition;
use crate::queue::Refused;
use crate::record::{Batch, Mark, NewRecord, Payload, Place, Receipt};
use crate::reject::{Dropped, Reject};
use crate::report::packed::Told;
use crate::stage::Turn;

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

impl Handed {
    /// What a turn that ends with this has come to.
    #[must_use]
    pub const fn turn(self) -> Turn {
        match self {
            Self::On(count) => Turn::Moved(count),
            Self::Kept => Turn::Stalled,
            Self::Closed => Turn::Finished,
        }
    }

    /// The same for a turn that only waits for something else, and is to be parked.
    #[must_use]
    pub const fn parked(self) -> Turn {
        match self {
            Self::On(_) => Turn::Idle,
            refused => refused.turn(),
        }
    }
}

/// Collects the messages of a turn into a batch and counts what happened.
pub struct FeedSink {
    context: FeedContext,
    batch: Batch,
    received: u64,
    repeats: u64,
    rejected: [u64; Reject::COUNT],
    newest_us: i64,
    packed: Vec<u8>,
    /// How far the file is read, and how far it was taken before.
    mark: Option<Mark>,
    known: Place,
}

impl FeedSink {
    /// For one feed, or one reader thread of it.
    #[must_use]
    pub fn new(context: FeedContext) -> Self {
        Self {
            context,
            batch: Batch::with_capacity(BATCH_BYTES + BATCH_BYTES / 4),
            received: 0,
            repeats: 0,
            rejected: [0; Reject::COUNT],
            newest_us: 0,
            packed: Vec::new(),
            mark: None,
            known: Place::default(),
        }
    }

    /// From now on what comes is from a recording, if it was live.
    pub fn set_recorded(&mut self) {
        if self.context.happening == Happening::Live {
            self.context.happening = Happening::Recorded { shift_us: None };
        }
    }

    /// Takes nothing, and counts nothing, up to this place of the file: an earlier run did.
    pub const fn begin_behind(&mut self, known: Place) {
        self.known = known;
    }

    /// What comes next is of the line that ends here.
    pub const fn mark(&mut self, mark: Mark) {
        self.mark = Some(mark);
    }

    /// Whether the next message of the line was taken before.
    fn is_known(&mut self) -> bool {
        let Some(mark) = &mut self.mark else { return false };
        mark.place.nth = mark.place.nth.saturating_add(1);
        mark.place <= self.known
    }

    /// Whether the line was.
    pub fn is_line_known(&self) -> bool {
        self.mark.is_some_and(|mark| mark.place.bytes <= self.known.bytes)
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

    /// Has the receipt tell what becomes of the batch that is begun now; it must be empty.
    pub fn promise(&mut self, receipt: Receipt) {
        self.batch.promise(receipt);
    }

    /// Takes a report that was told in fields; `raw` is the text that told it.
    ///
    /// # Errors
    /// When its record would be too long; it is counted as refused.
    pub fn report(
        &mut self,
        told: &Told,
        raw: &[u8],
        (received_us, sent_us): (i64, Option<i64>),
    ) -> Result<(), Reject> {
        if self.is_known() {
            return Ok(());
        }
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        told.pack(&mut packed);
        let taken = self.push(&NewRecord {
            received_us,
            sent_us,
            partition: partition::of(told.mmsi),
            feed: self.context.id,
            channel: 0,
            fill: 0,
            own_ship: false,
            recorded: self.context.happening != Happening::Live,
            raw,
            payload: Payload::Report(&packed),
        });
        self.packed = packed;
        taken
    }

    /// Counts a message that the feed itself knows to have come before.
    pub const fn repeat(&mut self) {
        self.received += 1;
        self.repeats += 1;
    }

    /// Takes a message.
    ///
    /// # Errors
    /// When it is not taken; it is counted as refused.
    pub fn take(&mut self, message: &Message<'_>) -> Result<(), Reject> {
        if self.is_known() {
            return Ok(());
        }
        let sent_us = match self.context.happening.time_of(message) {
            Ok(sent_us) => sent_us,
            Err(reason) => {
                self.reject(reason, message.raw);
                return Err(reason);
            }
        };
        self.push(&NewRecord {
            received_us: message.received_us,
            sent_us,
            partition: partition::of(message.mmsi),
            feed: self.context.id,
            channel: message.channel,
            fill: message.fill,
            own_ship: message.own_ship,
            recorded: self.context.happening != Happening::Live,
            raw: message.raw,
            payload: message.payload,
        })
    }

    fn push(&mut self, new: &NewRecord<'_>) -> Result<(), Reject> {
        self.received += 1;
        self.newest_us = new.received_us;
        self.batch.mark(self.mark);
        self.batch.push(new).map_err(|_| {
            self.rejected[Reject::TooLong as usize] += 1;
            self.context.samples.keep(self.context.id, Reject::TooLong, new.raw);
            Reject::TooLong
        })
    }

    /// Adds what was counted since the last call to the feed's counters. Before the messages are handed on, so that
    /// no message is seen to leave that was not seen to come.
    pub fn count(&mut self) {
        let counts = self.context.feed_counts();
        counts.received.add(std::mem::take(&mut self.received));
        counts.repeats.add(std::mem::take(&mut self.repeats));
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
        // Refused, it is counted; nobody waits for an answer.
        let _ = self.take(message);
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        if self.is_line_known() {
            return;
        }
        self.received += 1;
        self.rejected[reason as usize] += 1;
        self.context.samples.keep(self.context.id, reason, line);
    }

    fn note(&mut self, note: Note, count: u64) {
        if self.is_line_known() {
            return;
        }
        let counts = self.context.feed_counts();
        match note {
            Note::Ignored => counts.ignored.add(count),
            Note::FragmentExpired => counts.fragments_expired.add(count),
            Note::TagBlockIgnored => counts.tag_blocks_ignored.add(count),
            Note::DollarSentence => counts.dollar_sentences.add(count),
        }
    }
}
