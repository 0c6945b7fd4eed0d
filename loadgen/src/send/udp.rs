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

/// A socket for each receiver, all of which talk to one target.
pub struct Udp {
    sockets: Vec<UdpSocket>,
    headers: MultiHeaders<SockaddrStorage>,
    /// Where the datagrams of one receiver begin and end.
    datagrams: Vec<(usize, usize)>,
    refused: u64,
}

impl Udp {
    /// Connects; nothing goes out yet.
    ///
    /// # Errors
    /// When the address cannot be reached from here.
    pub fn connect(target: SocketAddr, receivers: u8) -> io::Result<Self> {
        let sockets = (0..receivers.max(1)).map(|_| bound(target)).collect::<io::Result<_>>()?;
        let headers = MultiHeaders::preallocate(BURST, None);
        Ok(Self { sockets, headers, datagrams: Vec::new(), refused: 0 })
    }

    /// Sends the first of the datagrams from one of the sockets; says how many went out.
    fn burst(&mut self, receiver: usize, from: usize, bytes: &[u8]) -> io::Result<usize> {
        let mut slices = [[IoSlice::new(&[])]; BURST];
        let datagrams = &self.datagrams[from..];
        for (slice, &(start, end)) in slices.iter_mut().zip(datagrams) {
            *slice = [IoSlice::new(bytes.get(start..end).unwrap_or_default())];
        }
        let count = datagrams.len().min(BURST);
        let fd = self.sockets[receiver].as_raw_fd();
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
    fn send(&mut self, bytes: &[u8], entries: &[Entry]) -> io::Result<()> {
        for receiver in 0..self.sockets.len() {
            let (mut at, only) = (0, self.sockets.len() == 1);
            self.datagrams.clear();
            for entry in entries {
                let end = at + usize::from(entry.length);
                if only || usize::from(entry.receiver) == receiver {
                    self.datagrams.push((at, end));
                }
                at = end;
            }
            let mut sent = 0;
            while sent < self.datagrams.len() {
                sent += self.burst(receiver, sent, bytes)?;
            }
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

    #[test]
    fn every_message_is_a_datagram_of_its_own() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = receiver.local_addr().unwrap();
        let mut sink = Udp::connect(target, 1).unwrap();
        let entries: Vec<Entry> =
            (0..150).map(|index| Entry { length: 1 + index % 3, ..Entry::NONE }).collect();
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

    #[test]
    fn each_receiver_has_an_address_of_its_own() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sink = Udp::connect(receiver.local_addr().unwrap(), 3).unwrap();
        let entries: Vec<Entry> =
            [0, 1, 2, 0, 1].map(|receiver| Entry { length: 1, receiver, ..Entry::NONE }).into();
        sink.send(b"abcde", &entries).unwrap();
        let mut heard = std::collections::HashMap::<SocketAddr, Vec<u8>>::new();
        for _ in &entries {
            let mut buffer = [0; 10];
            let (length, from) = receiver.recv_from(&mut buffer).unwrap();
            heard.entry(from).or_default().extend(&buffer[..length]);
        }
        let mut heard: Vec<Vec<u8>> = heard.into_values().collect();
        heard.sort();
        assert_eq!(heard, [b"ad".to_vec(), b"be".to_vec(), b"c".to_vec()]);
    }
}
