//! Receives many datagrams with one system call, each with the kernel's own time for it.
//!
//! In:      a bound UDP socket
//! Out:     up to [`SLOTS`] datagrams with their sender, their time, and the number dropped before them
//!
//! `nix` wraps the same call, but its prepared headers keep the lengths that the kernel wrote into them, so the second
//! use has less room for control messages than the first. Here the headers are made anew for each call, on the stack.
//!
//! A slot holds the largest datagram there is (65 535 bytes), so none is cut. Memory that no datagram has touched
//! costs nothing. Slots do not lie a power of two apart: they would share the same few sets of the processor's cache.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::libc;
use xxhash_rust::xxh3::xxh3_64;

/// Datagrams of one call.
pub const SLOTS: usize = 64;
const SLOT_BYTES: usize = 65_536 + 320;
const NAME_BYTES: usize = size_of::<libc::sockaddr_in6>();
const CONTROL_BYTES: usize = 64;
/// What `SO_MEMINFO` answers: nine numbers, the last of them the drops (`linux/sock_diag.h`).
const MEMINFO_VALUES: usize = 9;
const MEMINFO_DROPS: usize = 8;
const CONTROL_HEADER_BYTES: usize = size_of::<libc::cmsghdr>();

/// Aligned as the kernel's control messages are.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Aligned as a socket address is.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Name([u8; NAME_BYTES]);

/// What is known of a datagram beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its bytes.
    pub length: usize,
    /// A hash of its sender's address and port.
    pub sender: u64,
    /// When the kernel received it, microseconds since 1970; absent when the kernel did not say.
    pub received_us: Option<i64>,
    /// Datagrams dropped at this socket before it, since the socket was made; absent when none was.
    pub dropped: Option<u32>,
}

/// The memory that datagrams are received into.
pub struct Receiver {
    data: Vec<u8>,
    names: Box<[Name; SLOTS]>,
    controls: Box<[Control; SLOTS]>,
    arrivals: Box<[Arrival; SLOTS]>,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            data: vec![0; SLOTS * SLOT_BYTES],
            names: Box::new([Name([0; NAME_BYTES]); SLOTS]),
            controls: Box::new([Control([0; CONTROL_BYTES]); SLOTS]),
            arrivals: Box::new([Arrival::default(); SLOTS]),
        }
    }
}

impl Receiver {
    /// Receives what there is; with `wait` it waits for the first datagram as long as the socket's receive time-out
    /// says, and never for a second one. Says how many came.
    ///
    /// # Errors
    /// Those of the system call; `WouldBlock` when nothing came.
    #[expect(unsafe_code, reason = "recvmmsg has no safe wrapper that can be used twice")]
    pub fn receive(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<usize> {
        // SAFETY: both are plain C structures; all zeroes are null pointers and lengths of nothing.
        let (mut headers, mut parts): ([libc::mmsghdr; SLOTS], [libc::iovec; SLOTS]) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let memory = self.data.chunks_exact_mut(SLOT_BYTES).zip(&mut *self.names);
        let memory = memory.zip(&mut *self.controls);
        for ((header, part), ((data, name), control)) in
            headers.iter_mut().zip(&mut parts).zip(memory)
        {
            part.iov_base = data.as_mut_ptr().cast();
            part.iov_len = data.len();
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = name.0.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = u32::try_from(NAME_BYTES).unwrap_or(0);
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        let slots = u32::try_from(SLOTS).unwrap_or(0);
        // SAFETY: `headers` holds `slots` headers. Each points at an iovec, a name and a control buffer of its own, with
        // their true lengths; all of them live in `self` or on this stack frame and are not touched during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                slots,
                flags,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (slot, header) in headers.iter().enumerate().take(count) {
            let name_bytes = (header.msg_hdr.msg_namelen as usize).min(NAME_BYTES);
            let control_bytes = header.msg_hdr.msg_controllen.min(CONTROL_BYTES);
            let arrival = &mut self.arrivals[slot];
            arrival.length = (header.msg_len as usize).min(SLOT_BYTES);
            arrival.sender = xxh3_64(&self.names[slot].0[..name_bytes]);
            (arrival.received_us, arrival.dropped) =
                read_control(&self.controls[slot].0[..control_bytes]);
        }
        Ok(count)
    }

    /// One of the datagrams that the last call received.
    #[must_use]
    pub fn datagram(&self, slot: usize) -> (&[u8], Arrival) {
        let arrival = self.arrivals[slot];
        (&self.data[slot * SLOT_BYTES..][..arrival.length], arrival)
    }
}

/// Datagrams that the kernel dropped at this socket since it was made; `None` when it does not say.
#[expect(unsafe_code, reason = "this option of a socket has no safe wrapper")]
#[must_use]
pub fn dropped(socket: &UdpSocket) -> Option<u32> {
    let mut values = [0_u32; MEMINFO_VALUES];
    let mut length = u32::try_from(size_of_val(&values)).ok()?;
    // SAFETY: `values` is writable memory of `length` bytes, and both live until the call is over.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let is_whole = length as usize == size_of_val(&values);
    (answer == 0 && is_whole).then(|| values[MEMINFO_DROPS])
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Finds the kernel's time and its count of drops in the control messages of a datagram.
fn read_control(mut rest: &[u8]) -> (Option<i64>, Option<u32>) {
    let (mut time, mut dropped) = (None, None);
    while let Some(length) = number(rest, 0).map(usize::from_ne_bytes) {
        let length = length.clamp(CONTROL_HEADER_BYTES, rest.len().max(CONTROL_HEADER_BYTES));
        let kind = number(rest, size_of::<usize>() + size_of::<i32>()).map(i32::from_ne_bytes);
        let data = rest.get(CONTROL_HEADER_BYTES..length).unwrap_or_default();
        match kind {
            Some(libc::SCM_TIMESTAMPNS) => time = read_time(data),
            Some(libc::SO_RXQ_OVFL) => dropped = number(data, 0).map(u32::from_ne_bytes),
            _ => {}
        }
        let next = length.next_multiple_of(size_of::<usize>());
        rest = rest.get(next..).unwrap_or_default();
    }
    (time, dropped)
}

fn read_time(data: &[u8]) -> Option<i64> {
    let seconds = i64::from_ne_bytes(number(data, 0)?);
    let nanoseconds = i64::from_ne_bytes(number(data, 8)?);
    seconds.checked_mul(1_000_000)?.checked_add(nanoseconds / 1000)
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{setsockopt, sockopt};

    use super::*;

    #[test]
    fn control_messages_that_are_cut_or_mad_are_passed_over() {
        assert_eq!(read_control(&[]), (None, None));
        for fill in [0_u8, 1, 17, 35, 255] {
            for length in 0..=CONTROL_BYTES {
                let _ = read_control(&vec![fill; length]);
            }
        }
    }

    #[test]
    fn both_ways_to_learn_of_drops_say_the_same() {
        let inbound = UdpSocket::bind("127.0.0.1:0").unwrap();
        let outbound = UdpSocket::bind("127.0.0.1:0").unwrap();
        setsockopt(&inbound, sockopt::RxqOvfl, &1).unwrap();
        setsockopt(&inbound, sockopt::RcvBuf, &1).unwrap();
        let send = || outbound.send_to(&[0; 100], inbound.local_addr().unwrap()).unwrap();
        (0..100).for_each(|_| assert_eq!(send(), 100));
        let mut receiver = Receiver::default();
        assert!(receiver.receive(&inbound, true).unwrap() < 100);
        while receiver.receive(&inbound, false).is_ok() {}
        send();
        assert_eq!(receiver.receive(&inbound, true).unwrap(), 1);
        let told = receiver.datagram(0).1.dropped;
        assert!(told > Some(0));
        assert_eq!(told, dropped(&inbound));
    }

    #[test]
    fn the_largest_datagram_is_received_whole_many_times_over() {
        let inbound = UdpSocket::bind("127.0.0.1:0").unwrap();
        let outbound = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut receiver = Receiver::default();
        for round in 0..3_u8 {
            let sent = vec![round; 65_507];
            outbound.send_to(&sent, inbound.local_addr().unwrap()).unwrap();
            assert_eq!(receiver.receive(&inbound, true).unwrap(), 1);
            assert_eq!(receiver.datagram(0).0, sent);
        }
        let nothing = receiver.receive(&inbound, false).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }
}
