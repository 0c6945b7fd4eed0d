//! The bytes under a WebSocket: a socket that never blocks, with or without TLS, and a bound on what one turn reads.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, poll};
use rustls::{ClientConnection, StreamOwned};

use super::target::Target;
use crate::feed::sockets::plain;

/// A wait for the socket lasts no longer than this.
const WAIT_MS: u8 = 50;
/// Bytes read in one turn at most.
const TURN_BYTES: usize = 256 * 1024;

/// A socket of which so much is read in one turn and no more.
#[derive(Debug)]
pub struct Meter {
    stream: TcpStream,
    left: usize,
    /// Whether the last turn read all there was.
    is_dry: bool,
    is_blocked: bool,
}

impl Meter {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // Messages of ours are short and answered.
        stream.set_nodelay(true)?;
        Ok(Self { stream, left: TURN_BYTES, is_dry: true, is_blocked: false })
    }

    /// Begins a turn; when nothing is left over from the last one, waits for the socket if that is allowed.
    pub fn begin(&mut self, may_wait: bool) {
        if self.is_dry && may_wait {
            let writing = if self.is_blocked { PollFlags::POLLOUT } else { PollFlags::empty() };
            let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN | writing)];
            // Whatever it says, the read that follows finds out.
            let _ = poll(&mut polled, WAIT_MS);
        }
        (self.left, self.is_blocked) = (TURN_BYTES, false);
    }
}

impl Read for Meter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(self.left);
        if room == 0 && !buffer.is_empty() {
            self.is_dry = false;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let outcome = self.stream.read(&mut buffer[..room]);
        match &outcome {
            Ok(count) => (self.left, self.is_dry) = (self.left - count, false),
            Err(_) => self.is_dry = true,
        }
        outcome
    }
}

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.stream.write(bytes);
        self.is_blocked |= outcome.is_err();
        outcome
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What a WebSocket runs over.
#[derive(Debug)]
pub enum Wire {
    /// The socket itself.
    Plain(Meter),
    /// TLS over it.
    Tls(Box<StreamOwned<ClientConnection, Meter>>),
}

impl Wire {
    /// Over a connected socket, with TLS if the target wants it.
    ///
    /// # Errors
    /// When the socket or TLS cannot be set up.
    pub fn over(stream: TcpStream, target: &Target) -> Result<Self, String> {
        let meter = Meter::new(stream).map_err(|error| plain(&error))?;
        let Some((config, name)) = &target.tls else { return Ok(Self::Plain(meter)) };
        let tls = ClientConnection::new(config.clone(), name.clone());
        let tls = tls.map_err(|error| error.to_string())?;
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, meter))))
    }

    /// The socket.
    pub fn meter(&mut self) -> &mut Meter {
        match self {
            Self::Plain(meter) => meter,
            Self::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(meter) => meter.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(meter) => meter.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(meter) => meter.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
