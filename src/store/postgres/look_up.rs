//! Names to numbers, in bounded time.
//!
//! The resolver can take many seconds and cannot be told to give up, so it has a short-lived thread of its own. Those that
//! nobody waits for any more are few: at the bound no further one is started.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{RecvTimeoutError, bounded};

/// Look-ups at once at most.
const RUNNING_MAX: usize = 4;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Counts itself for as long as it is there.
struct Running;

impl Running {
    fn one_more() -> Option<Self> {
        if RUNNING.fetch_add(1, Ordering::AcqRel) >= RUNNING_MAX {
            RUNNING.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::AcqRel);
    }
}

/// All addresses of a name, or the number that it is.
///
/// # Errors
/// When there is none, or none by the deadline.
pub fn look_up(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(number) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(number, port)]);
    }
    let name = host.to_owned();
    let ask = move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
    wait_for(ask, deadline)
}

fn wait_for(
    ask: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    deadline: Instant,
) -> io::Result<Vec<SocketAddr>> {
    let hanging =
        || io::Error::new(io::ErrorKind::TimedOut, "the name cannot be looked up in time");
    let running = Running::one_more().ok_or_else(hanging)?;
    let (answer, question) = bounded(1);
    std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        let found = ask();
        drop(running);
        // Nobody may be left to hear it.
        let _ = answer.send(found);
    })?;
    match question.recv_deadline(deadline) {
        Ok(Ok(found)) if found.is_empty() => {
            Err(io::Error::new(io::ErrorKind::NotFound, "no address has this name"))
        }
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => Err(hanging()),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the look-up ended early")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// One test, since they share the bound.
    #[test]
    fn a_look_up_is_waited_for_until_its_deadline_and_few_hang_at_once() {
        let past = Instant::now();
        assert_eq!(look_up("10.0.0.1", 5, past).unwrap(), ["10.0.0.1:5".parse().unwrap()]);
        assert_eq!(look_up("::1", 5, past).unwrap(), ["[::1]:5".parse().unwrap()]);
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(look_up("localhost", 5, soon).unwrap().iter().all(|it| it.ip().is_loopback()));

        let (release, released) = bounded::<()>(0);
        let hang = || {
            let released = released.clone();
            let ask = move || released.recv().map(|()| Vec::new()).map_err(io::Error::other);
            wait_for(ask, Instant::now() + Duration::from_millis(5)).unwrap_err().to_string()
        };
        for _ in 0..=RUNNING_MAX {
            assert_eq!(hang(), "the name cannot be looked up in time");
        }
        assert_eq!(RUNNING.load(Ordering::Acquire), RUNNING_MAX);
        drop(release);
        while RUNNING.load(Ordering::Acquire) > 0 {
            std::thread::yield_now();
        }
    }
}
