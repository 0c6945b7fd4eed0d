//! Takes datagrams that hold one or more lines, or objects of JSON as AIS-catcher sends them.
//!
//! In:      datagrams of up to 65 535 bytes, many with one system call
//! Out:     batches to the journal, at the end of every turn
//! Drops:   in the kernel when its buffer is full (`kernel_drops`); here when the journal has had no room for 100 ms
//!          (`dropped{reason="journal_full"}`)
//! Metrics: `received`, `rejected`, `dropped`, `bytes`, `kernel_drops`, `receive_buffer_bytes` of the feed
//!
//! The one blocking call is the receive, with a deadline of 50 ms; it returns as soon as one datagram is there. The
//! received time is the kernel's, so waiting in the socket's buffer is seen as latency. A line does not go on in the next
//! datagram; the parts of a message may lie in several, if they are of one sender. At a stop the feed takes what the
//! socket still holds.

pub mod receive;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use super::intake::Intake;
use super::sockets::{DRAIN_MAX, WAIT_MAX};
use super::{FeedContext, Handed, sockets};
use crate::stage::{self, Broken, Stage, Turn};
use receive::Receiver;

/// How long a batch waits for room in the journal's queue, while the kernel's buffer takes what comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// The UDP feed.
pub struct Udp {
    name: String,
    socket: UdpSocket,
    receiver: Receiver,
    intake: Intake,
    kernel_drops: u32,
    full_since: Option<Instant>,
    drain_until: Option<Instant>,
    failing: bool,
}

impl Udp {
    /// Binds to `HOST:PORT` and asks the kernel for a receive buffer; also says where it listens.
    ///
    /// # Errors
    /// When the address cannot be resolved or bound, or the kernel does not stamp datagrams with their time.
    pub fn bind(
        context: FeedContext,
        name: &str,
        address: &str,
        receive_buffer_bytes: usize,
    ) -> io::Result<(Self, SocketAddr)> {
        let socket = UdpSocket::bind(address)?;
        let granted = sockets::enlarge_receive_buffer(&socket, receive_buffer_bytes)?;
        Self::with(context, name, socket, (granted, receive_buffer_bytes))
    }

    /// The same on a socket that is bound already. What its kernel dropped before counts too: it may have been between two runs.
    ///
    /// # Errors
    /// When the kernel does not stamp datagrams with their time.
    pub fn on(
        context: FeedContext,
        name: &str,
        socket: UdpSocket,
        receive_buffer_bytes: usize,
    ) -> io::Result<(Self, SocketAddr)> {
        socket.set_nonblocking(false)?;
        let granted = sockets::receive_buffer_at_least(&socket, receive_buffer_bytes)?;
        Self::with(context, name, socket, (granted, receive_buffer_bytes))
    }

    fn with(
        context: FeedContext,
        name: &str,
        socket: UdpSocket,
        (granted, receive_buffer_bytes): (usize, usize),
    ) -> io::Result<(Self, SocketAddr)> {
        let bound = socket.local_addr()?;
        socket.set_read_timeout(Some(WAIT_MAX))?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        tracing::info!("feed {name}: udp {bound}, receive buffer of {granted} bytes");
        if granted < receive_buffer_bytes {
            tracing::warn!(
                "feed {name}: receive buffer is {granted} bytes, {receive_buffer_bytes} were asked for; \
                 raise it with sysctl net.core.rmem_max={receive_buffer_bytes}"
            );
        }
        let gauge = &context.feed_counts().receive_buffer_bytes;
        gauge.set(i64::try_from(granted).unwrap_or(i64::MAX));
        let feed = Self {
            name: stage::thread_name("feed", context.id.into(), name),
            socket,
            receiver: Receiver::default(),
            intake: Intake::new(context),
            kernel_drops: 0,
            full_since: None,
            drain_until: None,
            failing: false,
        };
        Ok((feed, bound))
    }
}

impl Stage for Udp {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.intake.is_kept() {
            return Ok(self.hand_on());
        }
        if self.intake.context().is_stopping() {
            return Ok(self.drain());
        }
        let count = self.receive(true);
        self.take(count);
        if self.failing {
            return Ok(Turn::Idle);
        }
        Ok(self.hand_on())
    }
}

impl Udp {
    fn receive(&mut self, wait: bool) -> usize {
        match self.receiver.receive(&self.socket, wait) {
            Ok(count) => {
                self.failing = false;
                count
            }
            Err(error) if sockets::is_nothing_now(&error) => 0,
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let feed = &self.intake.context().feed_counts().name;
                    tracing::warn!("feed {feed}: receive: {}", sockets::plain(&error));
                }
                0
            }
        }
    }

    fn take(&mut self, count: usize) {
        let (mut now_us, mut dropped) = (i64::MIN, None);
        if count == 0 {
            // A datagram tells of drops before it; those after the last one are asked for when it is quiet.
            (now_us, dropped) = (self.intake.now_us(), receive::dropped(&self.socket));
        }
        for slot in 0..count {
            let (bytes, arrival) = self.receiver.datagram(slot);
            now_us = arrival.received_us.unwrap_or_else(|| self.intake.now_us());
            self.intake.datagram(bytes, arrival.sender, now_us);
            dropped = arrival.dropped.or(dropped);
        }
        self.count_dropped(dropped);
        self.intake.expire(now_us);
    }

    /// Counts what the kernel dropped since the last time; `dropped` may be older than that.
    fn count_dropped(&mut self, dropped: Option<u32>) {
        let Some(dropped) = dropped else { return };
        let more = dropped.wrapping_sub(self.kernel_drops);
        if more < 1 << 31 {
            self.intake.context().feed_counts().kernel_drops.add(u64::from(more));
            self.kernel_drops = dropped;
        }
    }

    fn hand_on(&mut self) -> Turn {
        match self.intake.hand_on() {
            Handed::On(count) => {
                self.full_since = None;
                Turn::Moved(count)
            }
            Handed::Closed => Turn::Finished,
            Handed::Kept => {
                let since = *self.full_since.get_or_insert_with(Instant::now);
                if since.elapsed() < PATIENCE {
                    return Turn::Stalled;
                }
                self.full_since = None;
                self.intake.drop_batch();
                Turn::Moved(0)
            }
        }
    }

    /// Takes what the socket still holds, within a bound of time, and finishes.
    fn drain(&mut self) -> Turn {
        let until = *self.drain_until.get_or_insert_with(|| Instant::now() + DRAIN_MAX);
        let count = if Instant::now() < until { self.receive(false) } else { 0 };
        if count > 0 {
            self.take(count);
            return self.hand_on();
        }
        self.count_dropped(receive::dropped(&self.socket));
        self.intake.finish();
        match self.hand_on() {
            Turn::Stalled => Turn::Stalled,
            _ => Turn::Finished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, SENTENCE, lines, random_bytes, with_newline};
    use super::*;
    use crate::clock::Clock;
    use crate::reject::Dropped;

    fn bind(bench: &Bench) -> (Udp, UdpSocket) {
        let (feed, address) = Udp::bind(bench.context(), "udp", "127.0.0.1:0", 1 << 20).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(address).unwrap();
        (feed, sender)
    }

    #[test]
    fn several_lines_in_one_datagram_are_all_taken_with_the_kernels_time() {
        let bench = Bench::with_clock(8, Clock::manual(0));
        let (mut feed, sender) = bind(&bench);
        let before_us = Clock::System.now_us();
        sender.send(&lines(2, "\r\n")).unwrap();
        sender.send(SENTENCE).unwrap();
        let mut moved = 0;
        while moved < 3 {
            let Ok(Turn::Moved(count)) = feed.turn() else { panic!("stalled") };
            moved += count;
        }
        let records = bench.records();
        assert_eq!(records.len(), 3);
        assert!(records.iter().all(|(us, raw)| *us >= before_us && raw == SENTENCE));
        assert_eq!(bench.counts().bytes.get(), 3 * SENTENCE.len() as u64 + 4);
        assert!(bench.counts().receive_buffer_bytes.get() >= 200_000);
    }

    #[test]
    fn a_full_queue_is_waited_for_and_then_the_batch_is_dropped_and_counted() {
        let bench = Bench::new(1);
        let (mut feed, sender) = bind(&bench);
        sender.send(SENTENCE).unwrap();
        assert_eq!(feed.turn().unwrap(), Turn::Moved(1));
        sender.send(&lines(3, "\n")).unwrap();
        let began = Instant::now();
        while feed.turn().unwrap() == Turn::Stalled {}
        assert!(began.elapsed() >= PATIENCE, "{:?}", began.elapsed());
        assert_eq!(bench.counts().dropped.of(Dropped::JournalFull as usize).get(), 3);
        assert_eq!(bench.counts().received.get(), 4);
        assert_eq!(bench.records().len(), 1);
        sender.send(SENTENCE).unwrap();
        assert_eq!(feed.turn().unwrap(), Turn::Moved(1));
    }

    #[test]
    fn room_that_comes_in_time_loses_nothing() {
        let bench = Bench::new(1);
        let (mut feed, sender) = bind(&bench);
        sender.send(SENTENCE).unwrap();
        feed.turn().unwrap();
        sender.send(SENTENCE).unwrap();
        assert_eq!(feed.turn().unwrap(), Turn::Stalled);
        assert_eq!(bench.records().len(), 1);
        assert_eq!(feed.turn().unwrap(), Turn::Moved(1));
        assert_eq!(bench.records().len(), 1);
    }

    #[test]
    fn what_the_socket_holds_at_the_stop_is_taken() {
        let bench = Bench::new(16);
        let (mut feed, sender) = bind(&bench);
        for _ in 0..100 {
            sender.send(&with_newline(SENTENCE)).unwrap();
        }
        bench.stop();
        while feed.turn().unwrap() != Turn::Finished {}
        assert_eq!(bench.records().len(), 100);
    }

    #[test]
    fn drops_in_the_kernel_are_counted() {
        let bench = Bench::new(4096);
        let (mut feed, address) = Udp::bind(bench.context(), "udp", "127.0.0.1:0", 1).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..1000 {
            sender.send_to(SENTENCE, address).unwrap();
        }
        while feed.turn().unwrap() != Turn::Moved(0) {}
        assert_eq!(bench.counts().kernel_drops.get() + bench.counts().received.get(), 1000);
        assert!(bench.counts().kernel_drops.get() > 0);
        sender.send_to(SENTENCE, address).unwrap();
        assert_eq!(feed.turn().unwrap(), Turn::Moved(1));
        assert_eq!(bench.counts().kernel_drops.get() + bench.counts().received.get(), 1001);
    }

    #[test]
    fn the_parts_of_a_message_join_over_datagrams_of_one_sender_only() {
        let parts: [&[u8]; 2] = [
            b"!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E",
            b"!AIVDM,2,2,3,B,1@0000000000000,2*55",
        ];
        let bench = Bench::new(8);
        let (mut feed, first) = bind(&bench);
        let second = UdpSocket::bind("127.0.0.1:0").unwrap();
        second.connect(feed.socket.local_addr().unwrap()).unwrap();
        first.send(parts[0]).unwrap();
        second.send(parts[1]).unwrap();
        while feed.turn().unwrap() != Turn::Moved(0) || bench.counts().bytes.get() < 100 {}
        assert_eq!(bench.counts().received.get(), 0);
        first.send(parts[1]).unwrap();
        assert_eq!(feed.turn().unwrap(), Turn::Moved(1));
        assert!(bench.records()[0].1.starts_with(&parts.join(&b'\n')));
    }

    #[test]
    fn random_datagrams_do_no_harm() {
        let bench = Bench::new(4096);
        let (mut feed, sender) = bind(&bench);
        for length in (0..3000).step_by(29) {
            sender.send(&random_bytes(length + 1, usize::try_from(length).unwrap())).unwrap();
            sender.send(SENTENCE).unwrap();
            feed.turn().unwrap();
        }
        bench.stop();
        while feed.turn().unwrap() != Turn::Finished {}
        let sentences = bench.records().iter().filter(|(_, raw)| raw == SENTENCE).count();
        assert_eq!(sentences, 104);
    }

    #[test]
    fn an_idle_turn_ends_within_its_deadline() {
        let bench = Bench::new(1);
        let (mut feed, _sender) = bind(&bench);
        let began = Instant::now();
        assert_eq!(feed.turn().unwrap(), Turn::Moved(0));
        assert!(began.elapsed() < 4 * WAIT_MAX);
    }
}
