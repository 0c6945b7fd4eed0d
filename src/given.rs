//! Sockets that whoever started the process has opened and holds: systemd's socket activation.
//!
//! In:      `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID`, and the open sockets from descriptor 3 on
//! Out:     to each listener the socket that is its own, by its name, or else by its address
//!
//! A socket that systemd holds lives on while the daemon is started again: what comes meanwhile waits in the kernel's buffer, and in
//! its queue of connections, for the next one. What fits no listener is told and closed here; systemd still has it.

use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::socket::{SockType, getsockopt, sockopt};

/// One socket, in the hands of who asked for it.
#[derive(Debug)]
pub enum Socket {
    /// Of datagrams.
    Udp(UdpSocket),
    /// Of connections, listening.
    Tcp(TcpListener),
}

/// The sockets that nobody has asked for yet.
#[derive(Debug, Default)]
pub struct Given(Vec<(String, SocketAddr, Socket)>);

impl Given {
    /// Takes over what was passed to this process; nothing from the second time on.
    ///
    /// # Errors
    /// What is wrong with it, as the operator reads it.
    #[expect(unsafe_code, reason = "descriptors come as numbers")]
    pub fn take_over() -> Result<Self, String> {
        static IS_TAKEN: AtomicBool = AtomicBool::new(false);
        if IS_TAKEN.swap(true, Ordering::AcqRel) {
            return Ok(Self::default());
        }
        let wrong = |error: std::io::Error| format!("take over the sockets of systemd: {error}");
        let passed = sd_notify::listen_fds_with_names().map_err(wrong)?;
        let mut given = Self::default();
        for (number, name) in passed {
            // SAFETY: `LISTEN_PID` is this process, so the descriptor is ours; it is open, or marking it would have failed; and
            // nobody else takes it, for this comes here once.
            let socket = unsafe { OwnedFd::from_raw_fd(number) };
            given.add(&name, socket).map_err(|error| {
                format!("the descriptor {number} ({name}) that systemd passed: {error}")
            })?;
        }
        Ok(given)
    }

    fn add(&mut self, name: &str, socket: OwnedFd) -> std::io::Result<()> {
        let kind = getsockopt(&socket, sockopt::SockType)?;
        let (address, socket) = match kind {
            SockType::Datagram => {
                let socket = UdpSocket::from(socket);
                (socket.local_addr()?, Socket::Udp(socket))
            }
            SockType::Stream => {
                let socket = TcpListener::from(socket);
                (socket.local_addr()?, Socket::Tcp(socket))
            }
            _ => return Err(std::io::Error::other("neither of datagrams nor of connections")),
        };
        self.0.push((name.to_owned(), address, socket));
        Ok(())
    }

    /// The socket of datagrams for the listener of this name or, if none has it, at this address.
    pub fn udp(&mut self, name: &str, address: &str) -> Option<UdpSocket> {
        match self.take(name, address, |socket| matches!(socket, Socket::Udp(_)))? {
            Socket::Udp(socket) => Some(socket),
            Socket::Tcp(_) => None,
        }
    }

    /// The same for connections.
    pub fn tcp(&mut self, name: &str, address: &str) -> Option<TcpListener> {
        match self.take(name, address, |socket| matches!(socket, Socket::Tcp(_)))? {
            Socket::Tcp(socket) => Some(socket),
            Socket::Udp(_) => None,
        }
    }

    fn take(&mut self, name: &str, address: &str, is_kind: fn(&Socket) -> bool) -> Option<Socket> {
        let wanted = address.to_socket_addrs();
        let wanted: Vec<SocketAddr> = wanted.map(Iterator::collect).unwrap_or_default();
        let is_there = |bound: &SocketAddr| wanted.iter().any(|wanted| is_same(*wanted, *bound));
        let of_kind = || self.0.iter().enumerate().filter(|(_, (_, _, socket))| is_kind(socket));
        let named = of_kind().find(|(_, (known, ..))| known == name);
        let found = named.or_else(|| of_kind().find(|(_, (_, bound, _))| is_there(bound)));
        let at = found.map(|(at, _)| at)?;
        let (_, bound, socket) = self.0.remove(at);
        tracing::info!("{name}: taken over at {bound} from whoever started this process");
        Some(socket)
    }

    /// Says which sockets nobody has asked for, and closes them.
    pub fn finish(self) {
        for (name, address, socket) in self.0 {
            let kind = if matches!(socket, Socket::Udp(_)) { "udp" } else { "tcp" };
            tracing::warn!(
                "a socket was passed that no feed listens at: {kind} {address} ({name}); give a feed that address, or take it out \
                 of the socket unit"
            );
        }
    }
}

/// Whether a configured address is that of a socket; all addresses of one family stand for those of the other.
#[must_use]
pub fn is_same(wanted: SocketAddr, bound: SocketAddr) -> bool {
    let ip = |address: SocketAddr| address.ip().to_canonical();
    let everywhere = |ip: IpAddr| ip.is_unspecified();
    wanted.port() == bound.port()
        && (ip(wanted) == ip(bound) || everywhere(ip(wanted)) && everywhere(ip(bound)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(sockets: Vec<(&str, OwnedFd)>) -> Given {
        let mut given = Given::default();
        for (name, socket) in sockets {
            given.add(name, socket).unwrap();
        }
        given
    }

    #[test]
    fn a_socket_is_found_by_its_name_or_by_its_address() {
        let udp = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (one, other, tcp) = (udp(), udp(), TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses =
            [one.local_addr(), other.local_addr(), tcp.local_addr()].map(Result::unwrap);
        let text = |n: usize| addresses[n].to_string();
        let mut given = given(vec![
            ("aisd.socket", one.into()),
            ("second", other.into()),
            ("aisd.socket", tcp.into()),
        ]);
        assert!(given.tcp("udp", &text(0)).is_none(), "of another kind");
        assert!(given.udp("udp", "127.0.0.1:1").is_none(), "at another address");
        // A name wins over an address.
        let found = given.udp("second", &text(0)).unwrap();
        assert_eq!(found.local_addr().unwrap(), addresses[1]);
        assert!(given.udp("second", &text(1)).is_none(), "each is given once");
        let localhost = format!("localhost:{}", addresses[0].port());
        assert_eq!(given.udp("udp", &localhost).unwrap().local_addr().unwrap(), addresses[0]);
        assert_eq!(given.tcp("tcp", &text(2)).unwrap().local_addr().unwrap(), addresses[2]);
        assert!(given.0.is_empty());
    }

    #[test]
    fn everywhere_is_everywhere() {
        let check = |wanted: &str, bound: &str, expected| {
            assert_eq!(
                is_same(wanted.parse().unwrap(), bound.parse().unwrap()),
                expected,
                "{wanted} {bound}"
            );
        };
        check("0.0.0.0:1", "[::]:1", true);
        check("127.0.0.1:1", "[::ffff:127.0.0.1]:1", true);
        check("127.0.0.1:1", "[::]:1", false);
        check("127.0.0.1:1", "127.0.0.1:2", false);
    }

    #[test]
    fn what_is_no_socket_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(Given::default().add("file", file.into()).is_err());
    }
}
