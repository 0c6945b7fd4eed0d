//! What was heard on the air and is no repeat, on its way to those who want the sentences themselves.
//!
//! A shard collects what a turn of it accepted into one batch, and offers that to every output. An output that is slow misses batches,
//! counted for it; nobody waits for it.

use std::sync::Arc;

use crate::filter::Sinks;
use crate::observe::counts::Counts;
use crate::queue::Outlet;
use crate::report::Place;

/// A message, its payload in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub mmsi: u32,
    /// Its type, 1-28.
    pub msg_type: u8,
    /// When it was, microseconds since 1970.
    pub time_us: i64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// Where its sender is, if it says so.
    pub place: Option<Place>,
    /// The feed that brought it.
    pub feed: u8,
    /// Outputs that have not had it from another.
    pub new_to: Sinks,
    /// The radio channel as sent; 0 when blank.
    pub channel: u8,
    /// Fill bits of the payload.
    pub fill: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
    /// Characters of its payload, which follows that of the message before it.
    pub payload_len: u16,
}

/// What a turn of a shard heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// The messages.
    pub messages: Vec<Message>,
    /// Their payloads, one after the other.
    pub payloads: Vec<u8>,
}

/// The queue to an output; its counters are `counts.outputs[at]`.
#[derive(Clone)]
pub struct Hearer {
    /// Where batches go.
    pub outlet: Outlet<Arc<Heard>>,
    /// The output's place.
    pub at: usize,
    /// Messages that may wait for it.
    pub waiting_max: i64,
}

/// What a shard tells all outputs.
pub struct Telling {
    hearers: Vec<Hearer>,
    counts: Arc<Counts>,
    heard: Heard,
    /// What is below was told, or is of an earlier run.
    from_seq: u64,
}

impl Telling {
    /// Tells what comes from this number on.
    #[must_use]
    pub fn new(hearers: Vec<Hearer>, counts: Arc<Counts>, from_seq: u64) -> Self {
        Self { hearers, counts, heard: Heard::default(), from_seq }
    }

    /// Whether a record of this number is still to be told; it then counts as told.
    pub const fn wants(&mut self, seq: u64) -> bool {
        let wants = seq >= self.from_seq;
        if wants {
            self.from_seq = seq + 1;
        }
        wants
    }

    /// Takes a message.
    pub fn take(&mut self, message: Message, payload: &[u8]) {
        let Ok(payload_len) = u16::try_from(payload.len()) else { return };
        self.heard.messages.push(Message { payload_len, ..message });
        self.heard.payloads.extend_from_slice(payload);
    }

    /// Counts a report that has no sentence, which no output can send.
    pub fn pass_over(&self) {
        for hearer in &self.hearers {
            self.counts.outputs[hearer.at].no_sentence.add(1);
        }
    }

    /// Hands what was taken to every output that has room.
    pub fn hand_on(&mut self) {
        if self.heard.messages.is_empty() {
            return;
        }
        let heard = Arc::new(std::mem::take(&mut self.heard));
        let count = heard.messages.len() as u64;
        let more = i64::try_from(count).unwrap_or(i64::MAX);
        for hearer in &self.hearers {
            let counts = &self.counts.outputs[hearer.at];
            counts.heard.add(count);
            counts.waiting.add(more);
            let has_room = counts.waiting.get() <= hearer.waiting_max;
            if !has_room || hearer.outlet.offer(Arc::clone(&heard)).is_err() {
                counts.waiting.add(-more);
                counts.dropped_full.add(count);
            }
        }
    }
}
