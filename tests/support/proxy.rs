//! A network that can be broken at will: a listener whose connections are carried on to a server, with a fault in between.
//!
//! Two threads for each connection carry bytes, one each way. A fault holds from when it is set, for connections that are there and
//! those to come, until another is set; [`Proxy::fired`] says how often one did something, so that a test knows.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};
use parking_lot::Mutex;

/// How often a connection looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const PIECE_BYTES: usize = 16 << 10;
/// What comes later than this after the last piece is a new question or answer.
const PAUSE: Duration = Duration::from_millis(2);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// What comes after a pause is held up for so long, and what follows it right away with it.
    Latency(Duration),
    /// Bytes a second, each way.
    Bandwidth(u32),
    /// Each connection is reset when so many bytes more have gone this way.
    ResetAfter(Way, u64),
    /// Each connection is reset when these bytes come this way, before they are handed on.
    ResetAt(Way, &'static [u8]),
    /// Nothing comes through, and nobody is told; what was sent meanwhile comes through afterwards, however late. Those who connect
    /// are accepted.
    BlackHole,
    /// The client sees the end of what the server says, and its own bytes go on.
    HalfClose,
    /// What comes is handed on in pieces of one byte to so many.
    Slices(usize),
    /// One bit of the n-th byte this way is another, in one connection.
    FlipAfter(Way, u64),
    /// One bit of the n-th byte after these bytes is another, in one connection.
    FlipBehind(Way, &'static [u8], usize),
}

struct Shared {
    server: SocketAddr,
    /// The fault, and how many were set before it.
    fault: Mutex<(Fault, u64)>,
    fired: AtomicU64,
    stopping: AtomicBool,
}

/// The network to one server. Dropped, it ends its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// To a port of `127.0.0.1`.
    pub fn to(port: u16) -> Self {
        Self::behind(TcpListener::bind("127.0.0.1:0").unwrap(), port)
    }

    /// With a listener that is somewhere else, such as in another namespace.
    pub fn behind(listener: TcpListener, port: u16) -> Self {
        let shared = Arc::new(Shared {
            server: SocketAddr::from(([127, 0, 0, 1], port)),
            fault: Mutex::new((Fault::None, 0)),
            fired: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// A URL of the server, by way of this network.
    pub fn url(&self, url: &str) -> String {
        let server = format!("@{}", self.shared.server);
        let bare = format!("//{}", self.shared.server);
        let through = url.replace(&server, &format!("@{}", self.address));
        through.replace(&bare, &format!("//{}", self.address))
    }

    pub fn set(&self, fault: Fault) {
        let mut held = self.shared.fault.lock();
        *held = (fault, held.1 + 1);
    }

    /// How often a fault did something.
    pub fn fired(&self) -> u64 {
        self.shared.fired.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.stopping.load(Ordering::Relaxed) {
        let Ok((client, _)) = listener.accept() else {
            std::thread::sleep(LOOK_EVERY);
            continue;
        };
        // A server that is away is one that hangs up.
        let Ok(server) = TcpStream::connect(shared.server) else { continue };
        let (client, server) = (Arc::new(client), Arc::new(server));
        let is_over = Arc::new(AtomicBool::new(false));
        for (way, from, to) in
            [(Way::ToServer, &client, &server), (Way::ToClient, &server, &client)]
        {
            from.set_nonblocking(false).unwrap();
            from.set_read_timeout(Some(LOOK_EVERY)).unwrap();
            from.set_write_timeout(Some(LOOK_EVERY)).unwrap();
            from.set_nodelay(true).unwrap();
            let carrier = Carrier {
                shared: Arc::clone(shared),
                way,
                from: Arc::clone(from),
                to: Arc::clone(to),
                is_over: Arc::clone(&is_over),
                since: (0, 0),
                held: Vec::new(),
                sent: Instant::now(),
            };
            std::thread::spawn(move || carrier.run());
        }
    }
}

/// Carries bytes one way.
struct Carrier {
    shared: Arc<Shared>,
    way: Way,
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    is_over: Arc<AtomicBool>,
    /// Which fault it is, and bytes carried since it was set.
    since: (u64, u64),
    /// The last bytes carried under it, to find what lies across two pieces.
    held: Vec<u8>,
    /// When something was last carried.
    sent: Instant,
}

impl Carrier {
    fn run(mut self) {
        let mut buffer = vec![0; PIECE_BYTES];
        while !self.is_over() {
            if self.fault() == Fault::BlackHole {
                self.hold_up();
                continue;
            }
            let room = match self.fault() {
                Fault::Bandwidth(rate) => (rate as usize / 50).clamp(1, PIECE_BYTES),
                _ => PIECE_BYTES,
            };
            match (&*self.from).read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(count) => self.carry(&mut buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.is_over.store(true, Ordering::Relaxed),
            }
        }
        // The end of a stream is carried on as well, unless a reset is on its way.
        if !self.is_over() {
            let _ = self.to.shutdown(Shutdown::Write);
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Leaves what there is where it is.
    fn hold_up(&self) {
        if self.from.peek(&mut [0]).is_ok_and(|count| count > 0) {
            self.fire(|| std::thread::sleep(LOOK_EVERY));
        }
    }

    /// The present fault; from its beginning on bytes are counted.
    fn fault(&mut self) -> Fault {
        let (fault, number) = *self.shared.fault.lock();
        if self.since.0 != number {
            self.since = (number, 0);
            self.held.clear();
        }
        fault
    }

    fn carry(&mut self, piece: &mut [u8]) {
        let fault = self.fault();
        let before = self.since.1;
        self.since.1 += piece.len() as u64;
        match fault {
            Fault::None => {}
            Fault::Latency(time) if self.sent.elapsed() > PAUSE => {
                self.fire(|| std::thread::sleep(time));
            }
            Fault::Bandwidth(rate) => {
                let time = Duration::from_secs_f64(piece.len() as f64 / f64::from(rate));
                self.fire(|| std::thread::sleep(time));
            }
            Fault::ResetAfter(way, bytes) if way == self.way && self.since.1 > bytes => {
                let left = usize::try_from(bytes - before.min(bytes)).unwrap();
                self.send(&piece[..left.min(piece.len())]);
                return self.fire(|| self.reset());
            }
            Fault::ResetAt(way, bytes) if way == self.way => {
                if let Some(at) = self.find(piece, bytes) {
                    self.send(&piece[..at]);
                    return self.fire(|| self.reset());
                }
            }
            Fault::HalfClose if self.way == Way::ToClient => {
                let _ = self.to.shutdown(Shutdown::Write);
                return self.fire(|| ());
            }
            Fault::Slices(most) => {
                self.fire(|| ());
                let mut rest = &*piece;
                while !rest.is_empty() {
                    let (slice, behind) = rest.split_at((rest.len() % most + 1).min(rest.len()));
                    self.send(slice);
                    rest = behind;
                }
                return;
            }
            Fault::FlipAfter(way, bytes) if way == self.way && self.since.1 > bytes => {
                let at = usize::try_from(bytes.saturating_sub(before)).unwrap();
                self.flip(&mut piece[at]);
            }
            Fault::FlipBehind(way, bytes, distance) if way == self.way => {
                let at = self.find(piece, bytes).map(|at| at + bytes.len() + distance);
                if let Some(byte) = at.and_then(|at| piece.get_mut(at)) {
                    self.flip(byte);
                }
            }
            _ => {}
        }
        self.send(piece);
        self.sent = Instant::now();
    }

    fn fire(&self, what: impl FnOnce()) {
        what();
        self.shared.fired.fetch_add(1, Ordering::Relaxed);
    }

    /// Where these bytes begin in a piece; what began in the piece before it begins at 0.
    fn find(&mut self, piece: &[u8], bytes: &[u8]) -> Option<usize> {
        let known = self.held.len();
        self.held.extend_from_slice(piece);
        let at = self.held.windows(bytes.len()).position(|some| some == bytes);
        let keep = self.held.len().saturating_sub(bytes.len() - 1);
        self.held.drain(..keep);
        at.map(|at| at.saturating_sub(known))
    }

    /// Once; then the network is well again.
    fn flip(&self, byte: &mut u8) {
        let mut held = self.shared.fault.lock();
        if held.1 == self.since.0 {
            *byte ^= 0x10;
            *held = (Fault::None, held.1 + 1);
            drop(held);
            self.fire(|| ());
        }
    }

    /// Both ends are told that the other is gone, when the last of the two threads lets go.
    fn reset(&self) {
        for end in [&self.from, &self.to] {
            setsockopt(&**end, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 }).unwrap();
        }
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_over() {
            match (&*self.to).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.is_over.store(true, Ordering::Relaxed),
            }
        }
    }
}
