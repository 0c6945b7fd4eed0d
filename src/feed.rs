//! What every feed promises, and the sink that turns its messages into records.
//!
//! In:      bytes from a socket or a file
//! Out:     batches of records, to the journal
//! Drops:   only UDP, when the journal has had no room for a while; counted as `dropped{reason="journal_full"}`
//!
//! A feed is a [`Stage`](crate::stage::Stage) on a thread of its own. It reads what there is, runs it through `nmea`, and hands a
//! batch on at the end of every turn: a batch never waits to be full. When the journal's queue is full the feed keeps its batch
//! and stops reading, so a TCP peer is slowed and a file waits.
//!
//! [`open`] makes a feed from its configuration. All feeds share `intake` (bytes to batches); `sockets` is for those that
//! have one, `door` lets TCP clients in, `dial` makes connections, `web_socket` talks over them, `pace` slows a recording down.

pub mod aisstream;
pub mod dial;
pub mod door;
pub mod file;
mod happening;
pub mod http;
pub mod intake;
pub mod json;
pub mod pace;
pub mod signalr;
pub mod sockets;
pub mod tcp_connect;
pub mod tcp_listen;
#[cfg(test)]
mod testing;
pub mod udp;
pub mod web_socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{BreakerConfig, FeedConfig, FeedKind, NmeaConfig};
use crate::nmea::{Message, Note, Sink};
use crate::observe::counts::{Counts, FeedCounts};
use crate::observe::samples::Samples;
use crate::partition;
use crate::queue::{Outlet, Refused};
use crate::record::{Batch, NewRecord, Payload, Receipt};
use crate::reject::{Dropped, Reject};
use crate::report::packed::Told;
use crate::stage::Stage;

pub use happening::Happening;

/// A batch is handed on in the middle of a turn once it holds this many bytes.
pub const BATCH_BYTES: usize = 64 * 1024;

/// What a feed is given at its birth.
#[derive(Clone)]
pub struct FeedContext {
    /// Its number, for good, in this data directory.
    pub id: u8,
    /// Whether its messages happen now.
    pub happening: Happening,
    /// Everything that is counted; its own are `counts.feeds[id]`.
    pub counts: Arc<Counts>,
    /// Refused lines, kept for looking at.
    pub samples: Arc<Samples>,
    /// Where its batches go.
    pub journal: Outlet<Batch>,
    /// How lines are read.
    pub nmea: NmeaConfig,
    /// When a server that is connected to is left alone.
    pub breakers: BreakerConfig,
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

/// A feed that is ready to run.
pub struct Opened {
    /// The feed, for a thread of its own.
    pub stage: Box<dyn Stage>,
    /// Where it listens, with the port that the system chose if it was to; `None` for a feed that does not listen.
    pub address: Option<SocketAddr>,
}

/// Opens a feed: binds its socket or opens its file. A client connects later, on its own thread.
///
/// # Errors
/// What could not be done and why, as the operator reads it.
pub fn open(config: &FeedConfig, context: FeedContext) -> Result<Opened, String> {
    let name = context.feed_counts().name.clone();
    match &config.kind {
        FeedKind::Udp { address, receive_buffer_bytes } => {
            let bound = udp::Udp::bind(context, &name, address, *receive_buffer_bytes);
            listening(bound, "udp", address)
        }
        FeedKind::Tcp { address, clients_max, clients_per_address_max, idle_seconds } => {
            let bounds = tcp_listen::Bounds {
                clients_max: *clients_max,
                of_one_address_max: *clients_per_address_max,
            };
            let idle = Duration::from_secs(*idle_seconds);
            let bound = tcp_listen::TcpListen::bind(context, &name, address, bounds, idle);
            listening(bound, "tcp", address)
        }
        FeedKind::TcpClient { address, silent_seconds } => {
            let silent = Duration::from_secs(*silent_seconds);
            let feed = tcp_connect::TcpConnect::new(context, &name, address, silent);
            Ok(Opened { stage: Box::new(feed), address: None })
        }
        FeedKind::Http { .. } => Err("a feed of posts is opened with its sockets".to_owned()),
        FeedKind::Aisstream { .. } => aisstream::open(context, &name, &config.kind),
        FeedKind::Signalr { .. } => signalr::open(context, &name, &config.kind),
        FeedKind::File { path, pace, start } => {
            let start_us = start.as_deref().map(parse_start).transpose()?;
            let reading = file::Reading { pace: *pace, start_us };
            let feed = file::FileFeed::open(context, &name, path, reading).map_err(|error| {
                format!("open file {}: {}", path.display(), sockets::plain(&error))
            })?;
            Ok(Opened { stage: Box::new(feed), address: None })
        }
    }
}

fn listening<S: Stage + 'static>(
    bound: io::Result<(S, SocketAddr)>,
    protocol: &str,
    address: &str,
) -> Result<Opened, String> {
    match bound {
        Ok((feed, bound)) => Ok(Opened { stage: Box::new(feed), address: Some(bound) }),
        Err(error) => Err(format!("bind {protocol} {address}: {}", sockets::plain(&error))),
    }
}

fn parse_start(start: &str) -> Result<i64, String> {
    start.parse().map(jiff::Timestamp::as_microsecond).map_err(|_| {
        format!("start of a file feed is \"{start}\", must be a time like 2024-05-01T12:00:00Z")
    })
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
    repeats: u64,
    rejected: [u64; Reject::COUNT],
    newest_us: i64,
    packed: Vec<u8>,
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

#[cfg(test)]
mod tests {
    use super::testing::Bench;
    use super::*;

    fn open_text(kind: FeedKind) -> Result<Option<SocketAddr>, String> {
        let config = FeedConfig { name: None, kind };
        open(&config, Bench::new(1).context()).map(|opened| opened.address)
    }

    #[test]
    fn a_feed_that_cannot_be_opened_says_what_and_why() {
        let udp = |address: &str| {
            open_text(FeedKind::Udp { address: address.to_owned(), receive_buffer_bytes: 1 << 16 })
        };
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let taken = socket.local_addr().unwrap();
        let text = udp(&taken.to_string()).unwrap_err();
        assert_eq!(text, format!("bind udp {taken}: address already in use"));
        assert_ne!(udp("127.0.0.1:0").unwrap().map(|address| address.port()), Some(0));

        let file = |path: &str, pace, start: Option<&str>| {
            let start = start.map(str::to_owned);
            open_text(FeedKind::File { path: path.into(), pace, start }).unwrap_err()
        };
        assert_eq!(file("/no/such", None, None), "open file /no/such: no such file or directory");
        assert_eq!(file("/tmp", None, None), "open file /tmp: is a directory");
        assert_eq!(
            file("/dev/null", Some(0.0), None),
            "open file /dev/null: the pace must be a number above 0"
        );
        assert_eq!(
            file("/dev/null", None, Some("today")),
            "start of a file feed is \"today\", must be a time like 2024-05-01T12:00:00Z"
        );
    }
}
