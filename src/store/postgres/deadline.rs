//! Ends calls of the `postgres` crate that a frozen server would keep waiting for ever.
//!
//! The crate has no deadline of its own: with 0.19.14 a stopped server kept calls waiting in spite of `statement_timeout`,
//! `tcp_user_timeout`, keepalives, a cancel request and r2d2's time-out, and so did dropping the client. So every
//! connection has a [`Hold`]: its stream asks the hold before it touches its socket ([`super::held`]), and once the hold
//! is cut every read and write fails. Around each call stands an [`Armed`] with the call's deadline; one thread for
//! all of them, the [`Watchdog`], cuts the holds of those that are still there at theirs.
//!
//! Why not `shutdown()` of the socket: the crate tells nobody which descriptor it has. Finding it among those of the
//! process is a guess, and a number that is closed meanwhile may be that of another's socket. A hold belongs to one
//! stream for good, so no other can be hit, whoever opens or closes what at the same time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::observe::counts::Counts;

/// What a connection can be cut off by.
#[derive(Debug, Default)]
pub struct Hold {
    cut: AtomicBool,
    /// Whoever waits for the socket.
    waiting: Mutex<Option<Waker>>,
}

impl Hold {
    /// A hold of a new connection.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Whether it was cut.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Fails everything that the connection does from now on, and what it is doing.
    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        if let Some(waker) = self.waiting.lock().take() {
            waker.wake();
        }
    }

    /// Notes who will have to be woken.
    ///
    /// # Errors
    /// When the connection is cut.
    pub(super) fn ask(&self, context: &Context<'_>) -> io::Result<()> {
        {
            let mut waiting = self.waiting.lock();
            if !waiting.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waiting = Some(context.waker().clone());
            }
        }
        // Noted first: a cut that is not seen here finds the waker.
        if self.is_cut() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

/// Deadlines, the nearest first, each with a number that keeps equal ones apart.
#[derive(Default)]
struct Deadlines {
    armed: BTreeMap<(Instant, u64), Arc<Hold>>,
    next: u64,
    closing: bool,
}

#[derive(Default)]
struct Shared {
    deadlines: Mutex<Deadlines>,
    changed: Condvar,
}

/// The thread that watches all deadlines; it ends when nobody has this any more.
pub struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts it. What it cuts is counted.
    ///
    /// # Errors
    /// When the system has no room for another thread.
    pub fn start(counts: Arc<Counts>) -> io::Result<Arc<Self>> {
        let shared = Arc::new(Shared::default());
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("deadlines".to_owned())
            .spawn(move || watch(&watched, &counts))?;
        Ok(Arc::new(Self { shared, thread: Some(thread) }))
    }

    /// Has the hold cut at the deadline, unless what this returns is dropped before.
    #[must_use]
    pub fn arm(&self, hold: &Arc<Hold>, deadline: Instant) -> Armed {
        let mut deadlines = self.shared.deadlines.lock();
        let key = (deadline, deadlines.next);
        deadlines.next += 1;
        deadlines.armed.insert(key, Arc::clone(hold));
        if deadlines.armed.keys().next() == Some(&key) {
            self.shared.changed.notify_one();
        }
        Armed { shared: Arc::clone(&self.shared), key }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.deadlines.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

/// A deadline that is being watched, until this is dropped.
pub struct Armed {
    shared: Arc<Shared>,
    key: (Instant, u64),
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.shared.deadlines.lock().armed.remove(&self.key);
    }
}

fn watch(shared: &Shared, counts: &Counts) {
    let mut deadlines = shared.deadlines.lock();
    while !deadlines.closing {
        match deadlines.armed.first_entry() {
            None => shared.changed.wait(&mut deadlines),
            Some(entry) if entry.key().0 <= Instant::now() => {
                counts.store.calls_cut.add(1);
                entry.remove().cut();
            }
            Some(entry) => {
                let nearest = entry.key().0;
                shared.changed.wait_until(&mut deadlines, nearest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn watchdog() -> (Arc<Watchdog>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        (Watchdog::start(Arc::clone(&counts)).unwrap(), counts)
    }

    fn wait_until_cut(hold: &Hold) -> Instant {
        while !hold.is_cut() {
            std::thread::yield_now();
        }
        Instant::now()
    }

    #[test]
    fn a_hold_is_cut_at_its_deadline_and_no_other_is() {
        let (watchdog, counts) = watchdog();
        let [late, soon, done] = [(); 3].map(|()| Hold::new());
        let now = Instant::now();
        let _late = watchdog.arm(&late, now + Duration::from_secs(60));
        // Both are nearer than what the thread waits for already.
        let done_call = watchdog.arm(&done, now + Duration::from_millis(20));
        let deadline = now + Duration::from_millis(40);
        let _soon = watchdog.arm(&soon, deadline);
        drop(done_call);
        assert!(wait_until_cut(&soon) >= deadline);
        assert!(!late.is_cut() && !done.is_cut());
        assert_eq!(counts.store.calls_cut.get(), 1);
    }

    #[test]
    fn equal_deadlines_are_kept_apart() {
        let (watchdog, counts) = watchdog();
        let deadline = Instant::now() + Duration::from_millis(20);
        let [one, two] = [(); 2].map(|()| Hold::new());
        let first = watchdog.arm(&one, deadline);
        let _second = watchdog.arm(&two, deadline);
        drop(first);
        wait_until_cut(&two);
        assert!(!one.is_cut());
        assert_eq!(counts.store.calls_cut.get(), 1);
    }

    #[test]
    fn a_cut_is_never_missed_by_who_waits() {
        struct Woken(AtomicBool);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Release);
            }
        }
        for round in 0..200 {
            let hold = Hold::new();
            let woken = Arc::new(Woken(AtomicBool::new(false)));
            let waker = Waker::from(Arc::clone(&woken));
            let cutter = {
                let hold = Arc::clone(&hold);
                std::thread::spawn(move || hold.cut())
            };
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            let told = hold.ask(&Context::from_waker(&waker)).is_err();
            cutter.join().unwrap();
            assert!(told || woken.0.load(Ordering::Acquire), "round {round}");
        }
    }

    #[test]
    fn the_thread_ends_with_its_last_user() {
        let (watchdog, counts) = watchdog();
        drop(watchdog);
        // The thread had a share of the counts.
        assert_eq!(Arc::strong_count(&counts), 1);
    }
}
