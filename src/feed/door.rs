//! The listening socket of a TCP feed: who is let in, and what happens when there are no descriptors left.
//!
//! In:      connections that clients make
//! Out:     one [`Visitor`] at a time; never waits
//!
//! A listener that cannot accept stays ready, so a naive loop would turn without end when the process is out of
//! descriptors. So clients get four fifths of the descriptors that the process may have, and the rest is left to the store, the
//! journal and the other doors: whoever comes beyond that is closed at once. One descriptor is kept in reserve: should there be none
//! left, it is given up for a moment to accept the client and close it. Should even that fail, the door stays shut for a while.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::socket::{Backlog, listen, setsockopt, sockopt};

/// How long nobody is accepted after accepting failed.
const SHUT: Duration = Duration::from_millis(100);
/// Connections that the kernel completes before they are accepted; `net.core.somaxconn` bounds it as well.
const BACKLOG: i32 = 4096;
/// Seconds of silence, and between tries, and tries, after which a peer that is gone without a word is noticed.
const KEEPALIVE: [u32; 3] = [60, 10, 6];

/// Who came.
pub enum Visitor {
    /// A client, its socket set to not block, and whose it is.
    Client(TcpStream, IpAddr),
    /// A client that was closed at once, for want of descriptors.
    TurnedAway,
    /// Nobody.
    Nobody,
}

/// A listening socket.
pub struct Door {
    listener: TcpListener,
    /// A client whose descriptor is not below this is turned away: the system gives the lowest that is free.
    descriptors_end: i64,
    reserve: Option<File>,
    shut_until: Option<Instant>,
}

impl Door {
    /// Of this socket, and where it listens.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn of(listener: TcpListener) -> io::Result<(Self, SocketAddr)> {
        listen(&listener, Backlog::new(BACKLOG)?)?;
        listener.set_nonblocking(true)?;
        // Accepted sockets inherit these.
        setsockopt(&listener, sockopt::KeepAlive, &true)?;
        let [idle, interval, count] = KEEPALIVE;
        setsockopt(&listener, sockopt::TcpKeepIdle, &idle)?;
        setsockopt(&listener, sockopt::TcpKeepInterval, &interval)?;
        setsockopt(&listener, sockopt::TcpKeepCount, &count)?;
        let address = listener.local_addr()?;
        let descriptors_end = descriptors_end();
        Ok((Self { listener, descriptors_end, reserve: spare(), shut_until: None }, address))
    }

    /// The socket, to wait for.
    #[must_use]
    pub const fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// Whether it is to be waited for now. It opens again by itself.
    pub fn is_open(&mut self) -> bool {
        if self.shut_until.is_some_and(|until| Instant::now() >= until) {
            self.shut_until = None;
        }
        self.shut_until.is_none()
    }

    /// Accepts one client.
    pub fn visitor(&mut self) -> Visitor {
        loop {
            match self.accept() {
                Ok((stream, whose)) if i64::from(stream.as_raw_fd()) < self.descriptors_end => {
                    return Visitor::Client(stream, whose);
                }
                Ok(_) => return Visitor::TurnedAway,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Visitor::Nobody,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    _ => return self.refuse(&error),
                },
            }
        }
    }

    fn accept(&self) -> io::Result<(TcpStream, IpAddr)> {
        let (stream, address) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, whose(address.ip())))
    }

    /// Closes the client that could not be accepted, or stays shut for a while.
    fn refuse(&mut self, error: &io::Error) -> Visitor {
        let out_of_descriptors = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
        if out_of_descriptors && self.reserve.take().is_some() {
            let accepted = self.listener.accept();
            let turned_away = accepted.is_ok();
            drop(accepted);
            self.reserve = spare();
            if turned_away {
                return Visitor::TurnedAway;
            }
        }
        self.reserve = self.reserve.take().or_else(spare);
        self.shut_until = Some(Instant::now() + SHUT);
        Visitor::Nobody
    }
}

/// Four fifths of what the process may have.
fn descriptors_end() -> i64 {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(libc::RLIM_INFINITY, |(soft, _)| soft);
    i64::try_from(limit / 5 * 4).unwrap_or(i64::MAX)
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whose an address is: of IPv6 a customer has whole networks of 64 bits.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn out_of_descriptors_the_client_is_closed_and_the_reserve_is_kept() {
        let (mut door, address) = Door::of(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let visitor = door.refuse(&io::Error::from_raw_os_error(libc::EMFILE));
        assert!(matches!(visitor, Visitor::TurnedAway));
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        assert!(door.reserve.is_some() && door.is_open());
    }

    #[test]
    fn a_client_beyond_the_share_of_descriptors_is_turned_away() {
        let (mut door, address) = Door::of(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let _first = TcpStream::connect(address).unwrap();
        assert!(matches!(door.visitor(), Visitor::Client(..)));
        door.descriptors_end = 0;
        let mut second = TcpStream::connect(address).unwrap();
        assert!(matches!(door.visitor(), Visitor::TurnedAway));
        assert_eq!(second.read(&mut [0; 1]).unwrap(), 0);
        assert!(door.is_open());
    }

    #[test]
    fn a_door_that_cannot_even_turn_away_is_shut_for_a_while() {
        let (mut door, _) = Door::of(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let visitor = door.refuse(&io::Error::from_raw_os_error(libc::ENOMEM));
        assert!(matches!(visitor, Visitor::Nobody));
        assert!(!door.is_open());
        let began = Instant::now();
        while !door.is_open() {
            std::thread::yield_now();
        }
        assert!(began.elapsed() >= SHUT / 2);
    }
}
