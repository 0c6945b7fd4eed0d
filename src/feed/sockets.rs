//! What the socket feeds share: how errors are told, and how sockets are set up.

use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};

/// A blocking call of a feed ends after this, so that the feed sees that it is to stop. A turn in which nothing came
/// has moved 0 things rather than been idle: the feed has waited already, and is not to be parked on top of that.
pub const WAIT_MAX: Duration = Duration::from_millis(50);
/// At a stop, what the sockets still hold is taken for no longer than this.
pub const DRAIN_MAX: Duration = Duration::from_millis(250);

/// An error as operators read it: the system's own words, without its number.
#[must_use]
pub fn plain(error: &io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(code) => Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    };
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

/// Whether an error only says that there is nothing now.
#[must_use]
pub fn is_nothing_now(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// Asks for a receive buffer, with force where that is allowed, and says what was granted. The kernel keeps twice as
/// much, for its own needs; both numbers here are without that.
///
/// # Errors
/// When the socket cannot be asked.
pub fn enlarge_receive_buffer(socket: &UdpSocket, asked: usize) -> io::Result<usize> {
    if setsockopt(socket, sockopt::RcvBufForce, &asked).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &asked)?;
    }
    Ok(getsockopt(socket, sockopt::RcvBuf)? / 2)
}

/// The same, but one that is larger already stays: a socket unit may ask for more.
///
/// # Errors
/// When the socket cannot be asked.
pub fn receive_buffer_at_least(socket: &UdpSocket, asked: usize) -> io::Result<usize> {
    let before = getsockopt(socket, sockopt::RcvBuf)? / 2;
    if before >= asked { Ok(before) } else { enlarge_receive_buffer(socket, asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_in_lower_case_and_without_numbers() {
        let error = io::Error::from_raw_os_error(nix::libc::EADDRINUSE);
        assert_eq!(plain(&error), "address already in use");
        assert_eq!(plain(&io::Error::other("No such thing")), "no such thing");
    }
}
