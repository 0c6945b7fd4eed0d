//! Sends on what was heard: the sentences of all feeds, each transmission once, to one server or socket.
//!
//! In:      messages that the shards accepted and that are no repeats, from one bounded queue
//! Out:     sentences made of their payloads, over UDP (a datagram each) or TCP
//! Drops:   what the output's filters do not want; what waits when its queue is full, and what is older than ten seconds when its turn
//!          comes, since whoever gets a sentence takes it for new; what is on its way when a connection breaks; all counted
//! Metrics: `ais_output_*`, `circuit_breaker_*{name="output:NAME"}`
//!
//! Nothing here slows the engine: a shard that finds no room in the queue goes on. What an earlier run accepted, and recordings, are not
//! sent on. A peer that is away is a neighbour with a breaker like any other. TCP connections that take nothing for ten seconds are made
//! anew.
//!
//! Blocking calls: a look at a connection in the making, 50 ms. Over UDP a name is looked up, which has no deadline but the system's.

pub mod filter;
mod line;
mod sentence;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{self, Clock, SECOND_US};
use crate::config::OutputConfig;
use crate::heard::{Heard, Message};
use crate::observe::counts::{Counts, OutputCounts};
use crate::queue::{Inlet, Poll};
use crate::resilience::attempts::Attempts;
use crate::resilience::breaker::State;
use crate::stage::{self, Broken, Stage, Turn};
use filter::Filter;
use line::{Line, Sent};

/// What is older than this is not sent any more.
const LATE_US: i64 = 10 * SECOND_US;
/// Bytes made in one turn at most.
const TURN_BYTES: usize = 64 * 1024;
/// At the end, what waits may still be sent for so long.
const LAST_MAX: Duration = Duration::from_secs(1);

/// What an output is given at its birth.
pub struct Links {
    /// From the shards.
    pub inlet: Inlet<Arc<Heard>>,
    /// Its place among the outputs.
    pub at: usize,
    /// When to try.
    pub attempts: Attempts,
    /// What is counted.
    pub counts: Arc<Counts>,
    /// The time of day.
    pub clock: Clock,
    /// Set when nothing more will come.
    pub stopping: Arc<AtomicBool>,
}

/// The stage.
pub struct Forward {
    name: String,
    links: Links,
    line: Line,
    filter: Filter,
    tag_blocks: bool,
    pending: Option<Pending>,
    /// Sentences that are made and not sent yet.
    out: Vec<u8>,
    sequence: u8,
    last_since: Option<Instant>,
}

/// A batch that is being sent.
struct Pending {
    heard: Arc<Heard>,
    /// The next message of it, and where its payload begins.
    next: usize,
    payload_at: usize,
}

impl Forward {
    /// An output as configured, where the feeds have these names by their numbers.
    #[must_use]
    pub fn new(links: Links, config: &OutputConfig, feeds: &[String]) -> Self {
        let name = config.name.clone().unwrap_or_default();
        Self {
            name: stage::thread_name("out", links.at, &name),
            line: Line::new(config.kind, &config.address),
            filter: Filter::new(config, links.at, feeds),
            tag_blocks: config.tag_blocks,
            pending: None,
            out: Vec::new(),
            sequence: 0,
            last_since: None,
            links,
        }
    }

    fn counts(&self) -> &OutputCounts {
        &self.links.counts.outputs[self.links.at]
    }
}

impl Stage for Forward {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        let moved = self.next_batch();
        if self.is_over(moved) {
            return Ok(Turn::Finished);
        }
        if !self.line.is_up() {
            self.drop_late();
            self.connect();
            return Ok(Turn::Idle);
        }
        if self.out.is_empty() {
            self.make();
        }
        Ok(self.send(moved))
    }

    fn stop(&mut self) {
        self.counts().connected.set(0);
        self.drop_unsent();
    }
}

impl Forward {
    /// Takes the next batch if none is being sent; says whether there is one.
    fn next_batch(&mut self) -> bool {
        if self.pending.is_none()
            && let Poll::Item(heard) = self.links.inlet.poll()
        {
            self.pending = Some(Pending { heard, next: 0, payload_at: 0 });
        }
        self.pending.is_some()
    }

    /// Whether everything is sent that will come, or the time for that is over.
    fn is_over(&mut self, has_more: bool) -> bool {
        if !self.links.stopping.load(Ordering::Acquire) {
            return false;
        }
        let since = *self.last_since.get_or_insert_with(clock::now);
        (!has_more && self.out.is_empty()) || !self.line.is_up() || clock::since(since) >= LAST_MAX
    }

    /// Lets go of a batch whose time is over while nobody can be sent anything.
    fn drop_late(&mut self) {
        let before_us = self.links.clock.now_us() - LATE_US;
        let Some(pending) = &self.pending else { return };
        let rest = &pending.heard.messages[pending.next..];
        let newest_us = rest.iter().map(|message| message.received_us).max();
        if newest_us.is_none_or(|newest_us| newest_us < before_us) {
            let count = rest.len();
            self.passed(count);
            self.counts().dropped_late.add(count as u64);
            self.pending = None;
        }
    }

    fn connect(&mut self) {
        if !self.line.is_dialling() && self.links.attempts.wait().is_some() {
            return;
        }
        match self.line.connect() {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(
                    "output {}: connected to {}",
                    self.counts().name,
                    self.line.address()
                );
                self.counts().connected.set(1);
                self.counts().connections.add(1);
            }
            Err(why) => self.down(&why),
        }
    }

    fn down(&mut self, why: &str) {
        let cause =
            format!("output {}: send to {}: {why}", self.counts().name, self.line.address());
        self.counts().connected.set(0);
        self.links.attempts.failed(&cause);
        self.line.close();
        self.drop_unsent();
    }

    /// Lets go of what was made for a connection that is no more.
    fn drop_unsent(&mut self) {
        self.counts().dropped_unsent.add(sentence::messages_in(&self.out));
        self.out.clear();
    }

    /// Makes sentences of what waits, as many as one turn may send.
    fn make(&mut self) {
        let now_us = self.links.clock.now_us();
        let (mut passed, mut late, mut unwanted) = (0, 0, filter::Unwanted::default());
        let Some(pending) = &mut self.pending else { return };
        while let Some(message) = pending.heard.messages.get(pending.next)
            && self.out.len() < TURN_BYTES
        {
            let from = pending.payload_at;
            pending.next += 1;
            pending.payload_at += usize::from(message.payload_len);
            passed += 1;
            let payload = pending.heard.payloads.get(from..pending.payload_at).unwrap_or_default();
            if message.received_us < now_us - LATE_US {
                late += 1;
            } else if self.filter.wants(message, payload, &mut unwanted) {
                let tag = self.tag_blocks.then_some(message.time_us);
                sentence::write(&mut self.out, message, payload, &mut self.sequence, tag);
            }
        }
        if pending.next == pending.heard.messages.len() {
            self.pending = None;
        }
        self.passed(passed);
        let counts = self.counts();
        counts.dropped_late.add(late);
        unwanted.tell(counts);
    }

    /// Notes that so many messages do not wait any more.
    fn passed(&self, messages: usize) {
        self.counts().waiting.add(-i64::try_from(messages).unwrap_or(0));
    }

    fn send(&mut self, moved: bool) -> Turn {
        match self.line.send(&mut self.out) {
            Ok(Sent { bytes: 0, .. }) if !self.out.is_empty() => Turn::Stalled,
            Ok(Sent { bytes: 0, .. }) => {
                if moved {
                    Turn::Moved(0)
                } else {
                    Turn::Idle
                }
            }
            Ok(Sent { bytes, sentences }) => {
                if self.links.attempts.neighbour().state() != State::Closed || self.line.is_new() {
                    self.links.attempts.succeeded();
                }
                self.counts().sent.add(sentences);
                self.counts().bytes.add(bytes);
                Turn::Moved(u32::try_from(sentences).unwrap_or(u32::MAX))
            }
            Err(why) => {
                self.down(&why);
                Turn::Idle
            }
        }
    }
}
