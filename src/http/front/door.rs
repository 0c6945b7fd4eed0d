//! Who is let in, and who gives way at the bound of connections.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Instant;

use nix::sys::epoll::{EpollEvent, EpollFlags};

use super::{ACCEPTS_PER_TURN, Front, Slot, Token};
use crate::http::connection::{Connection, Phase};

impl Front {
    /// Accepts who waits; says whether that works.
    pub(super) fn accept(&mut self, now: Instant) -> bool {
        for _ in 0..ACCEPTS_PER_TURN {
            match self.listener.accept() {
                Ok((socket, _)) => self.admit(socket, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    // Most likely no more files: make room, so that the next try can succeed.
                    self.make_room();
                    return false;
                }
            }
        }
        true
    }

    fn admit(&mut self, socket: TcpStream, now: Instant) {
        if self.free.is_empty() {
            self.make_room();
        }
        let ready = socket.set_nonblocking(true).and_then(|()| socket.set_nodelay(true));
        let Some(place) = self.free.pop().filter(|_| ready.is_ok()) else {
            self.face.sources.counts.http.refused.add(1);
            return;
        };
        let slot = &mut self.slots[place as usize];
        let token = Token { place, generation: slot.generation };
        if self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, token.pack())).is_err() {
            self.free.push(place);
            self.face.sources.counts.http.refused.add(1);
            return;
        }
        slot.connection = Some(Connection::new(socket, now, self.patience, self.room.clone()));
        self.face.sources.counts.http.connections.add(1);
    }

    /// Closes the connection that has kept its request open for longest, if there is any.
    pub(super) fn make_room(&mut self) {
        let waits = |slot: &Slot| {
            let connection = slot.connection.as_ref()?;
            let open =
                matches!(connection.phase(), Phase::Reading | Phase::Queued | Phase::Lingering);
            open.then(|| connection.since())
        };
        let oldest =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((waits(slot)?, at)));
        if let Some((_, place)) = oldest.min() {
            self.face.sources.counts.http.refused.add(1);
            self.close(place);
        }
    }

    pub(super) fn close(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let Some(connection) = slot.connection.take() else { return };
        // Closing the socket takes it out of epoll.
        drop(connection);
        slot.generation = slot.generation.wrapping_add(1);
        self.free.extend(u32::try_from(place));
        self.face.sources.counts.http.connections.add(-1);
    }
}
