//! Senders that go on whatever happens to the daemon: numbered sentences at a rate, some of them again a second later.
//!
//! Over TCP the even numbers, over UDP the odd ones; every tenth sentence comes again over the same way, and every twentieth of
//! TCP's over UDP. What a dead daemon does not take is lost.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::numbered::{lines, sentence};
use super::process::Daemon;

const TICK: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Shared {
    /// Where datagrams and connections go, while somebody is there.
    target: Mutex<Option<(SocketAddr, SocketAddr)>>,
    stopping: AtomicBool,
    /// Sentences sent over TCP, repeats apart.
    tcp_sent: AtomicU32,
    udp_sent: AtomicU32,
}

/// Two threads that send.
pub struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Sends this many sentences a second over each of TCP and UDP.
    pub fn start(rate: u32) -> Self {
        let shared = Arc::new(Shared::default());
        let (tcp, udp) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || send_tcp(&tcp, rate)),
            std::thread::spawn(move || send_udp(&udp, rate)),
        ];
        Self { shared, threads }
    }

    /// Sends this many sentences a second over TCP alone.
    pub fn over_tcp(rate: u32) -> Self {
        let shared = Arc::new(Shared::default());
        let tcp = Arc::clone(&shared);
        let threads = vec![std::thread::spawn(move || send_tcp(&tcp, rate))];
        Self { shared, threads }
    }

    /// Sends to this daemon from now on.
    pub fn aim(&self, daemon: &Daemon) {
        *self.shared.target.lock() = Some((daemon.udp(), daemon.tcp()));
    }

    /// Distinct sentences sent.
    pub fn sent(&self) -> u32 {
        let (tcp, udp) = self.sent_each();
        tcp + udp
    }

    /// Distinct sentences sent over TCP, and over UDP.
    pub fn sent_each(&self) -> (u32, u32) {
        (self.shared.tcp_sent.load(Ordering::Relaxed), self.shared.udp_sent.load(Ordering::Relaxed))
    }

    /// Ends; all that was sent is in the sockets.
    pub fn stop(self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Calls `send` with the count before it and how many are due, in even ticks.
fn paced(shared: &Shared, rate: u32, mut send: impl FnMut(u32) -> bool) {
    let mut due_at = Instant::now();
    let mut sent = 0;
    while !shared.stopping.load(Ordering::Relaxed) {
        for _ in 0..(rate / 200).max(1) {
            if !send(sent) {
                break;
            }
            sent += 1;
        }
        due_at += TICK;
        match due_at.checked_duration_since(Instant::now()) {
            Some(early) => std::thread::sleep(early),
            None => due_at = Instant::now(),
        }
    }
}

fn send_udp(shared: &Shared, rate: u32) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    paced(shared, rate, |sent| {
        let Some((address, _)) = *shared.target.lock() else { return false };
        let send = |n: u32| {
            let _ = socket.send_to(sentence(n).as_bytes(), address);
        };
        send(sent * 2 + 1);
        if sent % 10 == 0 && sent > rate {
            send((sent - rate) * 2 + 1);
        }
        let of_tcp = shared.tcp_sent.load(Ordering::Relaxed);
        if sent % 20 == 1 && of_tcp > rate {
            send((of_tcp - rate) * 2);
        }
        shared.udp_sent.store(sent + 1, Ordering::Relaxed);
        true
    });
}

fn send_tcp(shared: &Shared, rate: u32) {
    let mut connected: Option<(SocketAddr, TcpStream)> = None;
    paced(shared, rate, |sent| {
        let Some((_, address)) = *shared.target.lock() else { return false };
        if connected.as_ref().is_none_or(|(to, _)| *to != address) {
            connected = TcpStream::connect(address).ok().map(|stream| (address, stream));
        }
        let Some((_, stream)) = &mut connected else { return false };
        let again = (sent % 10 == 0 && sent > rate).then(|| (sent - rate) * 2);
        let text = lines([sent * 2].into_iter().chain(again));
        if stream.write_all(&text).is_err() {
            connected = None;
            return false;
        }
        shared.tcp_sent.store(sent + 1, Ordering::Relaxed);
        true
    });
}
