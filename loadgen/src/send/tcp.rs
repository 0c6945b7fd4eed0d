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

/// Connections to one target.
pub struct Tcp {
    streams: Vec<TcpStream>,
    turn: usize,
}

impl Tcp {
    /// Connects as often as asked, at least once.
    ///
    /// # Errors
    /// When any of the connections fails.
    pub fn connect(target: SocketAddr, connections: usize) -> io::Result<Self> {
        let connect = |_| {
            let stream = TcpStream::connect_timeout(&target, CONNECT_MAX)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(STALL_MAX))?;
            Ok(stream)
        };
        let streams = (0..connections.max(1)).map(connect).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { streams, turn: 0 })
    }
}

impl Sink for Tcp {
    fn send(&mut self, bytes: &[u8], _: &[Entry]) -> io::Result<()> {
        self.turn = (self.turn + 1) % self.streams.len();
        self.streams[self.turn].write_all(bytes)
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
        let mut sink = Tcp::connect(listener.local_addr().unwrap(), 2).unwrap();
        for bytes in [b"a", b"b", b"c", b"d"] {
            sink.send(bytes, &[]).unwrap();
        }
        sink.finish();
        let mut received: Vec<String> = (0..2)
            .map(|_| {
                let mut text = String::new();
                listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
                text
            })
            .collect();
        received.sort();
        assert_eq!(received, ["ac", "bd"]);
    }
}
