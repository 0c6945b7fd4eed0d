//! The socket under a connection: TCP, TCP with TLS, or a socket of this machine; every wait has an end.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use postgres_protocol::message::frontend;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::super::look_up::look_up;
use super::super::tls;
use super::{Host, WireError, plain};

/// A connected socket.
pub enum Stream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Unix(UnixStream),
}

impl Stream {
    /// Connects to one host.
    pub fn connect(host: &Host, deadline: Instant) -> Result<Self, WireError> {
        match host {
            Host::Unix(path) => Ok(Self::Unix(connect_unix(path)?)),
            Host::Tcp { name, port, tls } => {
                let stream = connect_tcp(name, *port, deadline)?;
                match tls {
                    None => Ok(Self::Tcp(stream)),
                    Some(config) => encrypt(stream, name, config, deadline),
                }
            }
        }
    }

    /// Writes all of it, or fails at the deadline.
    pub fn write_all(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), WireError> {
        while !bytes.is_empty() {
            self.socket().set_write_timeout(left(deadline))?;
            let written = match self {
                Self::Tcp(stream) => stream.write(bytes),
                Self::Tls(stream) => stream.write(bytes),
                Self::Unix(stream) => stream.write(bytes),
            };
            match written {
                Ok(0) => return Err(WireError::Io("the server closed the connection".to_owned())),
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Self::Tls(stream) = self {
            stream.flush()?;
        }
        Ok(())
    }

    /// Reads what is there, or waits for some until the deadline; 0 at the end.
    pub fn read(&mut self, into: &mut [u8], deadline: Instant) -> Result<usize, WireError> {
        loop {
            self.socket().set_read_timeout(left(deadline))?;
            let read = match self {
                Self::Tcp(stream) => stream.read(into),
                Self::Tls(stream) => stream.read(into),
                Self::Unix(stream) => stream.read(into),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return Ok(other?),
            }
        }
    }

    /// Whether nothing lies between the socket and who reads.
    pub const fn is_plain(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }

    /// Whether something can be read now. Under TLS nobody looks.
    pub fn has_word(&self) -> bool {
        let at = match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Tls(_) => return false,
        };
        let mut look = [PollFd::new(at, PollFlags::POLLIN)];
        poll(&mut look, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    const fn socket(&self) -> Socket<'_> {
        match self {
            Self::Tcp(stream) => Socket::Tcp(stream),
            Self::Tls(stream) => Socket::Tcp(&stream.sock),
            Self::Unix(stream) => Socket::Unix(stream),
        }
    }
}

/// What time-outs are set on.
enum Socket<'a> {
    Tcp(&'a TcpStream),
    Unix(&'a UnixStream),
}

impl Socket<'_> {
    fn set_read_timeout(&self, left: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(left)),
            Self::Unix(stream) => stream.set_read_timeout(Some(left)),
        }
    }

    fn set_write_timeout(&self, left: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(left)),
            Self::Unix(stream) => stream.set_write_timeout(Some(left)),
        }
    }
}

/// What is left until the deadline; a moment when nothing is, since no time would mean no limit.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// A queue of waiting connections that is full says so at once.
fn connect_unix(path: &Path) -> Result<UnixStream, WireError> {
    let failed = |error: nix::Error| WireError::Io(plain(&error.into()));
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd =
        socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(failed)?;
    let address = UnixAddr::new(path).map_err(failed)?;
    connect(socket.as_raw_fd(), &address).map_err(failed)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn connect_tcp(name: &str, port: u16, deadline: Instant) -> Result<TcpStream, WireError> {
    let mut why_not = WireError::Io("no address has this name".to_owned());
    for address in look_up(name, port, deadline)? {
        match TcpStream::connect_timeout(&address, left(deadline)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => why_not = error.into(),
        }
    }
    Err(why_not)
}

/// Asks for TLS and makes the server prove its name.
fn encrypt(
    stream: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
    deadline: Instant,
) -> Result<Stream, WireError> {
    let mut plain_stream = Stream::Tcp(stream);
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    plain_stream.write_all(&request, deadline)?;
    let mut answer = [0];
    if plain_stream.read(&mut answer, deadline)? != 1 || answer != *b"S" {
        let why = "the server has no TLS; sslmode=disable connects without";
        return Err(WireError::Io(why.to_owned()));
    }
    let Stream::Tcp(mut stream) = plain_stream else {
        return Err(WireError::Io("no TCP".to_owned()));
    };
    let broken = |why: String| WireError::Untrusted(format!("TLS with {name}: {why}"));
    let server = tls::name(name).map_err(broken)?;
    let mut session = ClientConnection::new(Arc::clone(config), server)
        .map_err(|error| broken(tls::words(&error)))?;
    while session.is_handshaking() {
        stream.set_read_timeout(Some(left(deadline)))?;
        stream.set_write_timeout(Some(left(deadline)))?;
        if let Err(error) = session.complete_io(&mut stream) {
            let refused = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
            let refused = refused.map(|it| broken(tls::words(it)));
            return Err(refused.unwrap_or_else(|| error.into()));
        }
    }
    Ok(Stream::Tls(Box::new(StreamOwned::new(session, stream))))
}
