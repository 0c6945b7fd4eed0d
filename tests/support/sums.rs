//! Looks at the sum of every feed again and again while a test does something else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::{Metrics, metrics_if_there};
use super::process::Daemon;

const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Messages that may be on their way whatever happens: the tests send no more.
const IN_FLIGHT_MAX: u64 = 1_000_000;

/// Refuses a look at which what came is not what left and what is on its way, for any feed; how much that is, of all feeds.
pub fn check_sums(metrics: &Metrics) -> u64 {
    assert_eq!(metrics.number("/accounting/imbalance"), 0);
    let mut all = 0;
    for feed in metrics.feeds() {
        let (came, left) = metrics.came_and_left(&feed);
        assert!(came >= left, "{feed}: {came} came, {left} left");
        assert_eq!(came - left, metrics.feed(&feed, "in_flight"), "{feed}");
        assert!(came - left <= IN_FLIGHT_MAX, "{feed}: {} in flight", came - left);
        all += came - left;
    }
    assert_eq!(all, metrics.number("/accounting/in_flight"));
    all
}

/// A thread that looks at one daemon until it is asked what it saw.
pub struct Auditor {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Audit>>,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Audit {
    pub looks: u32,
    pub most_in_flight: u64,
}

impl Auditor {
    pub fn of(daemon: &Daemon) -> Self {
        let (address, stopping) = (daemon.http(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopping);
        Self { stopping, thread: Some(std::thread::spawn(move || look(address, &stop))) }
    }

    /// At least one look was had, and at every look the sum came out.
    pub fn finish(mut self) -> Audit {
        self.stopping.store(true, Ordering::Relaxed);
        let audit = self.thread.take().unwrap().join().expect("the sum comes out at every look");
        assert!(audit.looks > 0, "nobody looked");
        audit
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

fn look(address: SocketAddr, stop: &AtomicBool) -> Audit {
    let mut audit = Audit::default();
    while !stop.load(Ordering::Relaxed) {
        // Whoever is killed answers no more.
        if let Some(metrics) = metrics_if_there(address) {
            audit.most_in_flight = audit.most_in_flight.max(check_sums(&metrics));
            audit.looks += 1;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    audit
}
