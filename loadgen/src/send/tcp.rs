//! Lines one after the other on some connections, which take turns.

use super::Sink;
use crate::ledger::Entry;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a target may not read before the run is given up.
pub const STALL_MAX: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Connections to one target, as many for each receiver.
pub struct Tcp {
    streams: Vec<TcpStream>,
    turn: usize,
    receivers: usize,
    /// What goes out over the connection of one receiver.
    lines: Vec<u8>,
}

impl Tcp {
    /// Connects as often as asked, and at least once for each receiver.
    ///
    /// # Errors
    /// When any of the connections fails.
    pub fn connect(target: SocketAddr, connections: usize, receivers: u8) -> io::Result<Self> {
        let connect = |_| {
            let stream = TcpStream::connect_timeout(&target, CONNECT_MAX)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(STALL_MAX))?;
            Ok(stream)
        };
        let receivers = usize::from(receivers.max(1));
        let connections = connections.max(1).next_multiple_of(receivers);
        let streams = (0..connections).map(connect).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { streams, turn: 0, receivers, lines: Vec::new() })
    }
}

impl Sink for Tcp {
    fn send(&mut self, bytes: &[u8], entries: &[Entry]) -> io::Result<()> {
        self.turn = (self.turn + self.receivers) % self.streams.len();
        if self.receivers == 1 {
            return self.streams[self.turn].write_all(bytes);
        }
        for receiver in 0..self.receivers {
            self.lines.clear();
            let mut at = 0;
            for entry in entries {
                let end = at + usize::from(entry.length);
                if usize::from(entry.receiver) == receiver {
                    self.lines.extend_from_slice(bytes.get(at..end).unwrap_or_default());
                }
                at = end;
            }
            self.streams[self.turn + receiver].write_all(&self.lines)?;
        }
        Ok(())
    }

    fn finish(&mut self) {
        for stream in &self.streams {
            // The target may have closed already; what it did not take shows in the store.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

/// Whether somebody listens.
pub fn listens(target: SocketAddr) -> bool {
    TcpStream::connect_timeout(&target, CONNECT_MAX).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    #[test]
    fn connections_take_turns() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sink = Tcp::connect(listener.local_addr().unwrap(), 2, 1).unwrap();
        for bytes in [b"a", b"b", b"c", b"d"] {
            sink.send(bytes, &[]).unwrap();
        }
        sink.finish();
        assert_eq!(received(&listener, 2), ["ac", "bd"]);
    }

    /// What came over each connection, in order.
    fn received(listener: &TcpListener, connections: usize) -> Vec<String> {
        let mut received: Vec<String> = (0..connections)
            .map(|_| {
                let mut text = String::new();
                listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
                text
            })
            .collect();
        received.sort();
        received
    }

    #[test]
    fn each_receiver_has_connections_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sink = Tcp::connect(listener.local_addr().unwrap(), 3, 2).unwrap();
        let entries = [0, 1, 0].map(|receiver| Entry { length: 1, receiver, ..Entry::NONE });
        sink.send(b"abc", &entries).unwrap();
        sink.send(b"def", &entries).unwrap();
        sink.finish();
        drop(sink);
        assert_eq!(received(&listener, 4), ["ac", "b", "df", "e"]);
    }
}
