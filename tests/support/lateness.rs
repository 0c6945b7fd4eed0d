//! How much longer than its deadline something takes.

use std::time::{Duration, Instant};

/// Does something that should end by a deadline; how late it was. What a sleeper oversleeps meanwhile is the machine's doing.
pub fn lateness<T>(within: Duration, call: impl FnOnce(Instant) -> T) -> (T, Duration) {
    let deadline = Instant::now() + within;
    let sleeper = std::thread::spawn(move || {
        std::thread::sleep(within);
        Instant::now()
    });
    let done = call(deadline);
    let ended = Instant::now();
    (done, ended.saturating_duration_since(sleeper.join().unwrap().max(deadline)))
}
