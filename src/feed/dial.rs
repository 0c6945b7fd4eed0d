//! Makes a TCP connection without ever waiting for long: names, addresses, time-outs.
//!
//! In:      `HOST:PORT`
//! Out:     a connected stream, or why there is none
//!
//! Looking up a name can take many seconds and cannot be given up, so it has a short-lived thread of its own; an attempt
//! waits for its look-up, so there is never more than one for each feed. A number needs no look-up.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt,
};

use super::sockets::plain;

/// One address is tried for no longer than this.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// One look at a connection in the making lasts no longer than this, in milliseconds.
const LOOK_MS: u8 = 50;

type Found = io::Result<Vec<SocketAddr>>;

enum State {
    LookingUp(Receiver<Found>),
    Choosing,
    Connecting(TcpStream, Instant),
}

/// One attempt to connect.
pub struct Dial {
    state: State,
    /// Addresses not yet tried, the next one last.
    addresses: Vec<SocketAddr>,
    why_not: String,
}

/// How far an attempt has come.
pub enum Progress {
    /// Ask again.
    Waiting,
    /// Connected; reads block.
    Connected(TcpStream),
    /// No address of the name could be connected to; the reason of the last one.
    Failed(String),
}

impl Dial {
    /// Begins to connect.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let mut dial = Self {
            state: State::Choosing,
            addresses: Vec::new(),
            why_not: "no address has this name".to_owned(),
        };
        match address.parse() {
            Ok(number) => dial.addresses.push(number),
            Err(_) => match look_up(address.to_owned()) {
                Ok(answer) => dial.state = State::LookingUp(answer),
                Err(error) => dial.why_not = plain(&error),
            },
        }
        dial
    }

    /// Whether the attempt waits for nothing but a name.
    #[must_use]
    pub const fn is_looking_up(&self) -> bool {
        matches!(self.state, State::LookingUp(_))
    }

    /// Goes on with it, for at most 50 ms.
    pub fn go_on(&mut self) -> Progress {
        match std::mem::replace(&mut self.state, State::Choosing) {
            State::LookingUp(answer) => self.hear(answer),
            State::Choosing => self.choose(),
            State::Connecting(stream, until) => self.look(stream, until),
        }
    }

    fn hear(&mut self, answer: Receiver<Found>) -> Progress {
        match answer.try_recv() {
            Ok(Ok(addresses)) => self.addresses = addresses.into_iter().rev().collect(),
            Ok(Err(error)) => self.why_not = plain(&error),
            Err(TryRecvError::Empty) => self.state = State::LookingUp(answer),
            Err(TryRecvError::Disconnected) => {
                "the look-up of the name ended early".clone_into(&mut self.why_not)
            }
        }
        Progress::Waiting
    }

    fn choose(&mut self) -> Progress {
        let Some(address) = self.addresses.pop() else {
            return Progress::Failed(std::mem::take(&mut self.why_not));
        };
        match begin(address) {
            Ok(stream) => self.state = State::Connecting(stream, Instant::now() + CONNECT_MAX),
            Err(error) => self.why_not = plain(&error.into()),
        }
        Progress::Waiting
    }

    fn look(&mut self, stream: TcpStream, until: Instant) -> Progress {
        let mut polled = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
        if !matches!(poll(&mut polled, LOOK_MS), Ok(1..)) {
            if Instant::now() < until {
                self.state = State::Connecting(stream, until);
            } else {
                "connection timed out".clone_into(&mut self.why_not);
            }
            return Progress::Waiting;
        }
        match stream.take_error().and_then(|error| error.map_or(Ok(()), Err)) {
            Err(error) => self.why_not = plain(&error),
            Ok(()) => match stream.set_nonblocking(false) {
                Ok(()) => return Progress::Connected(stream),
                Err(error) => self.why_not = plain(&error),
            },
        }
        Progress::Waiting
    }
}

fn look_up(address: String) -> io::Result<Receiver<Found>> {
    let (answer, question) = bounded(1);
    std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        // Nobody may be left to hear it.
        let _ = answer.send(address.to_socket_addrs().map(Iterator::collect));
    })?;
    Ok(question)
}

fn begin(address: SocketAddr) -> nix::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&socket, sockopt::KeepAlive, &true)?;
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn outcome(address: &str) -> Result<TcpStream, String> {
        let mut dial = Dial::new(address);
        loop {
            match dial.go_on() {
                Progress::Waiting => std::thread::yield_now(),
                Progress::Connected(stream) => return Ok(stream),
                Progress::Failed(why) => return Err(why),
            }
        }
    }

    #[test]
    fn a_name_is_looked_up_and_all_its_addresses_are_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(
            outcome(&format!("localhost:{}", address.port())).unwrap().peer_addr().unwrap(),
            address
        );
        assert_eq!(outcome(&address.to_string()).unwrap().peer_addr().unwrap(), address);
    }

    #[test]
    fn what_cannot_be_connected_to_says_why() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(outcome(&address.to_string()).unwrap_err(), "connection refused");
        assert_eq!(outcome("localhost:x").unwrap_err(), "invalid port value");
    }
}
