//! One message in one datagram, many datagrams in one system call.

use super::Sink;
use crate::ledger::Entry;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

/// Datagrams in one call.
const BURST: usize = 64;

/// A socket that talks to one target.
pub struct Udp {
    socket: UdpSocket,
    headers: MultiHeaders<SockaddrStorage>,
    refused: u64,
}

impl Udp {
    /// Connects; nothing goes out yet.
    ///
    /// # Errors
    /// When the address cannot be reached from here.
    pub fn connect(target: SocketAddr) -> io::Result<Self> {
        let socket = bound(target)?;
        Ok(Self { socket, headers: MultiHeaders::preallocate(BURST, None), refused: 0 })
    }

    /// Sends the first of some messages; says how many went out.
    fn burst(&mut self, bytes: &[u8], entries: &[Entry]) -> io::Result<usize> {
        let mut slices = [[IoSlice::new(&[])]; BURST];
        let mut at = 0;
        for (slice, entry) in slices.iter_mut().zip(entries) {
            let end = at + usize::from(entry.length);
            *slice = [IoSlice::new(bytes.get(at..end).unwrap_or_default())];
            at = end;
        }
        let count = entries.len().min(BURST);
        let fd = self.socket.as_raw_fd();
        let (nobody, flags) = ([const { None }; BURST], MsgFlags::empty());
        match sendmmsg(fd, &mut self.headers, &slices[..count], nobody, [], flags) {
            Ok(sent) => Ok(sent.count()),
            // Says that an earlier datagram was refused; this one has not been tried.
            Err(Errno::ECONNREFUSED) => {
                self.refused += 1;
                Ok(0)
            }
            Err(Errno::EINTR) => Ok(0),
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {
                thread::sleep(Duration::from_millis(1));
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Sink for Udp {
    fn send(&mut self, mut bytes: &[u8], mut entries: &[Entry]) -> io::Result<()> {
        while !entries.is_empty() {
            let count = self.burst(bytes, entries)?;
            let length = entries[..count].iter().map(|entry| usize::from(entry.length)).sum();
            (bytes, entries) = (&bytes[length..], &entries[count..]);
        }
        Ok(())
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}

/// Whether somebody listens, as far as this host can tell: an empty datagram is not refused.
pub fn listens(target: SocketAddr) -> bool {
    let Ok(socket) = bound(target) else { return false };
    if socket.send(&[]).is_err() {
        return false;
    }
    thread::sleep(Duration::from_millis(20));
    socket.take_error().is_ok_and(|error| error.is_none())
}

fn bound(target: SocketAddr) -> io::Result<UdpSocket> {
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(target)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::NOWHERE;

    #[test]
    fn every_message_is_a_datagram_of_its_own() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = receiver.local_addr().unwrap();
        let mut sink = Udp::connect(target).unwrap();
        let entries: Vec<Entry> = (0..150)
            .map(|index| Entry {
                digest: 0,
                mmsi: 1,
                length: 1 + index % 3,
                msg_type: 1,
                lines: 1,
                repeat: false,
                second: 0,
                at: NOWHERE,
            })
            .collect();
        let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
        sink.send(&bytes, &entries).unwrap();
        let mut at = 0;
        let mut buffer = [0; 100];
        for entry in &entries {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(length, usize::from(entry.length));
            assert_eq!(buffer[..length], bytes[at..at + length]);
            at += length;
        }
    }

    #[test]
    fn a_port_nobody_listens_on_is_noticed() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = receiver.local_addr().unwrap();
        assert!(listens(target));
        drop(receiver);
        assert!(!listens(target));
    }
}
