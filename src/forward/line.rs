//! The way to one peer: a connected UDP socket, or a TCP connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use memchr::memchr;

use crate::config::OutputKind;
use crate::feed::dial::{Dial, Progress};
use crate::feed::sockets::{is_nothing_now, plain};

/// A peer that takes nothing for so long is left.
const STUCK_MAX: Duration = Duration::from_secs(10);

/// What was sent.
pub struct Sent {
    /// Bytes.
    pub bytes: u64,
    /// Lines that ended in them.
    pub sentences: u64,
}

enum Link {
    Down,
    Dialling(Dial),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// The way.
pub struct Line {
    kind: OutputKind,
    address: String,
    link: Link,
    /// When the peer last took something.
    taken: Instant,
    is_new: bool,
}

impl Line {
    pub fn new(kind: OutputKind, address: &str) -> Self {
        let address = address.to_owned();
        Self { kind, address, link: Link::Down, taken: Instant::now(), is_new: false }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Udp(_) | Link::Tcp(_))
    }

    pub const fn is_dialling(&self) -> bool {
        matches!(self.link, Link::Dialling(_))
    }

    /// Whether nothing was asked about it since it is up.
    pub const fn is_new(&mut self) -> bool {
        std::mem::replace(&mut self.is_new, false)
    }

    pub fn close(&mut self) {
        self.link = Link::Down;
    }

    /// Goes on connecting, for at most 50 ms; says whether it is done.
    pub fn connect(&mut self) -> Result<bool, String> {
        match (&mut self.link, self.kind) {
            (Link::Down, OutputKind::Udp) => {
                self.link = Link::Udp(udp(&self.address).map_err(|error| plain(&error))?);
            }
            (Link::Down, OutputKind::Tcp) => self.link = Link::Dialling(Dial::new(&self.address)),
            (Link::Dialling(dial), _) => match dial.go_on() {
                Progress::Waiting => {}
                Progress::Connected(stream) => {
                    stream.set_nonblocking(true).map_err(|error| plain(&error))?;
                    self.link = Link::Tcp(stream);
                }
                Progress::Failed(why) => return Err(why),
            },
            _ => {}
        }
        if self.is_up() {
            (self.taken, self.is_new) = (Instant::now(), true);
        }
        Ok(self.is_up())
    }

    /// Sends lines, as many as the peer takes now; they are gone from the buffer then.
    pub fn send(&mut self, out: &mut Vec<u8>) -> Result<Sent, String> {
        let sent = match &mut self.link {
            Link::Udp(socket) => datagrams(socket, out),
            Link::Tcp(stream) => hear(stream).and_then(|()| {
                if out.is_empty() {
                    return Ok(0);
                }
                match stream.write(out) {
                    Err(error) if is_nothing_now(&error) => Ok(0),
                    sent => sent,
                }
            }),
            Link::Down | Link::Dialling(_) => Ok(0),
        };
        let sent = sent.map_err(|error| plain(&error))?;
        if sent > 0 || out.is_empty() {
            self.taken = Instant::now();
        } else if self.taken.elapsed() >= STUCK_MAX {
            return Err(format!("it took nothing for {} s", STUCK_MAX.as_secs()));
        }
        let sentences = out[..sent].iter().filter(|byte| **byte == b'\n').count() as u64;
        out.drain(..sent);
        Ok(Sent { bytes: sent as u64, sentences })
    }
}

fn udp(address: &str) -> io::Result<UdpSocket> {
    let mut why_not = io::Error::other("no address has this name");
    for place in address.to_socket_addrs()? {
        let any: SocketAddr =
            if place.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.set_broadcast(true)?;
            socket.connect(place)?;
            Ok(socket)
        });
        match socket {
            Ok(socket) => return Ok(socket),
            Err(error) => why_not = error,
        }
    }
    Err(why_not)
}

/// Sends a datagram for each line; how many bytes of the lines that was.
fn datagrams(socket: &UdpSocket, out: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while let Some(end) = memchr(b'\n', &out[sent..]) {
        match socket.send(&out[sent..=sent + end]) {
            Ok(_) => sent += end + 1,
            Err(error) if is_nothing_now(&error) => break,
            // Nobody listens there: the kernel says so once, of a datagram before. What went out has gone.
            Err(error) if sent == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(sent)
}

/// Looks whether the peer is still there. What it says is not listened to.
fn hear(stream: &mut TcpStream) -> io::Result<()> {
    let mut said = [0; 1024];
    match stream.read(&mut said) {
        Ok(0) => Err(io::Error::other("the peer closed the connection")),
        Err(error) if !is_nothing_now(&error) => Err(error),
        _ => Ok(()),
    }
}
