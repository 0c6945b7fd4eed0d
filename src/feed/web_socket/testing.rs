//! A server of WebSockets that does what a test says, on a thread of its own; it misbehaves in every way that was thought of.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tungstenite::{Message, WebSocket};

/// A server; its end ends its threads' listening.
pub struct Server {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Instant>>>,
    ending: Arc<AtomicBool>,
}

impl Server {
    /// Does this with each connection, the first of which has the number 1; the next one is accepted when it is done.
    pub fn start(mut script: impl FnMut(usize, TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let ending = Arc::new(AtomicBool::new(false));
        let (seen, ends) = (Arc::clone(&calls), Arc::clone(&ending));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Acquire) {
                    return;
                }
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(Instant::now());
                    seen.len()
                };
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                script(number, stream);
            }
        });
        Self { address, calls, ending }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `ws://` and where it is.
    pub fn url(&self) -> String {
        format!("ws://{}/v0/stream", self.address)
    }

    /// When it was called.
    pub fn calls(&self) -> Vec<Instant> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

/// Agrees to talk, and hears the first message.
pub fn agree(stream: TcpStream) -> (WebSocket<TcpStream>, String) {
    let mut socket = tungstenite::accept(stream).unwrap();
    let first = socket.read().unwrap().into_text().unwrap().to_string();
    (socket, first)
}

/// Sends a text; says whether the client is still there.
pub fn say(socket: &mut WebSocket<TcpStream>, text: &str) -> bool {
    socket.send(Message::text(text)).is_ok()
}

/// Reads whatever comes until the client is gone.
pub fn until_gone(socket: &mut WebSocket<TcpStream>) {
    while socket.read().is_ok() {}
}

/// A frame of a server: its first byte and what is in it.
pub fn frame(first: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match content.len() {
        length @ 0..126 => bytes.push(u8::try_from(length).unwrap()),
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}
