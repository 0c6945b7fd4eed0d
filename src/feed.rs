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
//! have one, `door` lets TCP clients in, `dial` makes connections, `web_socket` talks over them, `pace` slows a recording down, `table` reads rows of CSV.

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
mod sink;
pub mod sockets;
pub mod table;
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
use crate::given::Given;
use crate::observe::counts::{Counts, FeedCounts};
use crate::observe::samples::Samples;
use crate::queue::Outlet;
use crate::record::Batch;
use crate::stage::Stage;
use crate::taken::Taken;
pub use sink::{FeedSink, Handed};

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
    /// What is taken of files.
    pub taken: Arc<Taken>,
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

/// Opens a feed: binds its socket, or takes the one that it was given, or opens its file. A client connects later, on its own thread.
///
/// # Errors
/// What could not be done and why, as the operator reads it.
pub fn open(
    config: &FeedConfig,
    context: FeedContext,
    given: &mut Given,
) -> Result<Opened, String> {
    let name = context.feed_counts().name.clone();
    match &config.kind {
        FeedKind::Udp { address, receive_buffer_bytes } => {
            let bytes = *receive_buffer_bytes;
            let bound = match given.udp(&name, address) {
                Some(socket) => udp::Udp::on(context, &name, socket, bytes),
                None => udp::Udp::bind(context, &name, address, bytes),
            };
            listening(bound, "udp", address)
        }
        FeedKind::Tcp { address, clients_max, clients_per_address_max, idle_seconds } => {
            let bounds = tcp_listen::Bounds {
                clients_max: *clients_max,
                of_one_address_max: *clients_per_address_max,
            };
            let idle = Duration::from_secs(*idle_seconds);
            let bound = match given.tcp(&name, address) {
                Some(socket) => tcp_listen::TcpListen::on(context, &name, socket, (bounds, idle)),
                None => tcp_listen::TcpListen::bind(context, &name, address, bounds, idle),
            };
            listening(bound, "tcp", address)
        }
        FeedKind::TcpClient { address, hello, silent_seconds } => {
            let silent = Duration::from_secs(*silent_seconds);
            let feed = tcp_connect::TcpConnect::new(context, &name, address, silent)
                .saying(hello.as_deref());
            Ok(Opened { stage: Box::new(feed), address: None })
        }
        FeedKind::Http { .. } => Err("a feed of posts is opened with its sockets".to_owned()),
        FeedKind::Aisstream { .. } => aisstream::open(context, &name, &config.kind),
        FeedKind::Signalr { .. } => signalr::open(context, &name, &config.kind),
        FeedKind::File { path, pace, start, again } => {
            let start_us = start.as_deref().map(parse_start).transpose()?;
            let reading = file::Reading { pace: *pace, start_us, again: *again };
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

#[cfg(test)]
mod tests {
    use super::testing::Bench;
    use super::*;

    fn open_text(kind: FeedKind) -> Result<Option<SocketAddr>, String> {
        let config = FeedConfig { name: None, kind };
        open(&config, Bench::new(1).context(), &mut Given::default()).map(|opened| opened.address)
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
            open_text(FeedKind::File { path: path.into(), pace, start, again: false }).unwrap_err()
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
