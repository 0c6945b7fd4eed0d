//! Listens to the channel of positions, and connects again when the connection breaks.

use super::Event;
use super::address::Address;
use redis::RedisResult;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

/// How often it looks whether the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the last publications may take to be read when the run is over.
const LAST_MAX: Duration = Duration::from_secs(2);

/// The thread that listens.
pub struct Subscriber {
    /// Where the channel is.
    pub address: Address,
    /// Where publications go.
    pub events: SyncSender<Event>,
    /// Set when the run is over.
    pub stopping: Arc<AtomicBool>,
}

impl Subscriber {
    /// Listens until the run is over; how often the connection broke. `ready` hears once how the first one went.
    pub fn run(self, ready: &SyncSender<Result<(), String>>) -> u64 {
        let mut disconnects = 0;
        while let Err(error) = self.listen(ready) {
            // Only the first answer is waited for.
            let _ = ready.try_send(Err(error.to_string()));
            disconnects += 1;
            if self.is_over() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        disconnects
    }

    /// One connection; ends well when the run is over and nothing more comes.
    fn listen(&self, ready: &SyncSender<Result<(), String>>) -> RedisResult<()> {
        let mut connection = self.address.connect()?;
        let mut channel = connection.as_pubsub();
        channel.subscribe(self.address.channel())?;
        channel.set_read_timeout(Some(LOOK_EVERY))?;
        let _ = ready.try_send(Ok(()));
        let mut over_since = None;
        loop {
            let message = channel.get_message();
            let arrived = Instant::now();
            if self.is_over() && over_since.get_or_insert(arrived).elapsed() > LAST_MAX {
                return Ok(());
            }
            match message {
                Ok(message) => {
                    let published = Event::Published(arrived, message.get_payload_bytes().to_vec());
                    if self.events.send(published).is_err() {
                        return Ok(());
                    }
                }
                // What was read of a message so far is kept for the next time.
                Err(error) if error.is_timeout() && self.is_over() => return Ok(()),
                Err(error) if error.is_timeout() => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
