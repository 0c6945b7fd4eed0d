//! Follows the live picture while a run goes on, and compares it with what was sent when the run is over.
//!
//! ```text
//!  sender ─ notes ─────────────────────► follower ─► latency, order, what must be shown
//!  Redis ─► subscriber ─ publications ──────┘                              │
//!  Redis ◄──────────────────────────── picture ◄───────────────────────────┘
//! ```
//!
//! In:    what is about to be sent; what is published; the vessels' keys
//! Out:   [`Shown`]: send-to-publish, publications that went back, vessels that are not shown as they were last sent
//! Waits: the sender for the follower, when [`QUEUE_MAX`] slices or publications are not yet looked at
//!
//! Redis may go away: the subscriber connects again, and says how often. Nothing here outlives its run: every answer has
//! a deadline.

pub mod address;
mod follow;
mod picture;
mod publication;
mod ships;
mod subscribe;

pub use follow::Shown;
pub use ships::Way;

use crate::ledger::Entry;
use crate::stored::Outcome;
use address::Address;
use follow::Follower;
use ships::{Sailing, Ships};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use subscribe::Subscriber;

/// Slices of what was sent, and publications, that may wait for the follower.
const QUEUE_MAX: usize = 256;
/// How long the subscription, or an answer of the follower, may take.
const READY_MAX: Duration = Duration::from_secs(10);

/// A place in 1/10 000 minute: east and north.
pub type Place = (i32, i32);

/// A report that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Who.
    pub mmsi: u32,
    /// Where.
    pub place: Place,
    /// The UTC second that it tells.
    pub second: u8,
    /// When it was meant to be sent, in microseconds since following began.
    pub due_us: u64,
}

/// What the follower hears of.
pub enum Event {
    /// Reports that are sent now, at this time of day in microseconds since 1970.
    Sending(u64, Vec<Note>),
    /// What was published, and when it arrived.
    Published(Instant, Vec<u8>),
    /// Somebody asks what must be shown.
    Asked(SyncSender<Vec<Sailing>>),
}

/// A run that is followed.
pub struct Live {
    address: Address,
    events: SyncSender<Event>,
    began: Instant,
    stopping: Arc<AtomicBool>,
    follower: JoinHandle<Shown>,
    subscriber: JoinHandle<u64>,
}

impl Live {
    /// Subscribes; returns when the subscription stands.
    ///
    /// # Errors
    /// A text that names the address.
    pub fn start(address: &Address, vessels: u32, way: Way) -> Outcome<Self> {
        Self::threads(address, vessels, way).map_err(|error| format!("follow {address}: {error}"))
    }

    fn threads(address: &Address, vessels: u32, way: Way) -> Outcome<Self> {
        let began = Instant::now();
        let (events, heard) = sync_channel(QUEUE_MAX);
        let mut follower = Follower::new(Ships::new(vessels, way), began)?;
        let follow = move || {
            heard.iter().for_each(|event| follower.hear(event));
            follower.shown()
        };
        let follower = thread::Builder::new().name("follow".into()).spawn(follow);
        let follower = follower.map_err(|error| error.to_string())?;
        let stopping = Arc::new(AtomicBool::new(false));
        let subscriber = Subscriber {
            address: address.clone(),
            events: events.clone(),
            stopping: Arc::clone(&stopping),
        };
        let (ready, is_ready) = sync_channel(1);
        let subscribe = move || subscriber.run(&ready);
        let subscriber = thread::Builder::new().name("subscribe".into()).spawn(subscribe);
        let subscriber = subscriber.map_err(|error| error.to_string())?;
        let address = address.clone();
        let live = Self { address, events, began, stopping, follower, subscriber };
        match is_ready.recv_timeout(READY_MAX) {
            Ok(Ok(())) => Ok(live),
            Ok(Err(error)) => {
                live.stopping.store(true, Ordering::Release);
                Err(error)
            }
            Err(_) => Err("no answer".into()),
        }
    }

    /// What the sender tells of its reports.
    pub fn teller(&self) -> Teller {
        Teller { events: self.events.clone(), began: self.began }
    }

    /// Compares the picture, for at most so long, and ends.
    ///
    /// # Errors
    /// When the follower broke.
    pub fn finish(self, limit: Duration) -> Outcome<Shown> {
        let (ask, answer) = sync_channel(1);
        let asked = self.events.send(Event::Asked(ask)).ok();
        let sailing = asked.and_then(|()| answer.recv_timeout(READY_MAX).ok());
        let picture = sailing.map(|sailing| picture::compare(&self.address, sailing, limit));
        self.stopping.store(true, Ordering::Release);
        drop(self.events);
        let disconnects = self.subscriber.join().unwrap_or_default();
        let shown = self.follower.join().ok().zip(picture);
        let (shown, picture) = shown.ok_or("the follower of the live picture broke")?;
        Ok(Shown { disconnects, picture, ..shown })
    }
}

/// Tells the follower what is sent. Told before it is sent, a report is known when its publication comes.
#[derive(Clone)]
pub struct Teller {
    events: SyncSender<Event>,
    began: Instant,
}

impl Teller {
    /// A slice: `due` says when its message with this number, from 0, was meant to be sent.
    pub fn tell(&self, now_us: u64, entries: &[Entry], due: impl Fn(u64) -> Instant) {
        let distinct = (0..).zip(entries.iter().filter(|entry| !entry.repeat));
        let note = |(number, entry): (u64, &Entry)| {
            let since = due(number).saturating_duration_since(self.began);
            let due_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
            let &Entry { mmsi, second, .. } = entry;
            entry.place().map(|place| Note { mmsi, place, second, due_us })
        };
        let notes = distinct.filter_map(note).collect();
        // A follower that is gone is noticed at the end.
        let _ = self.events.send(Event::Sending(now_us, notes));
    }
}

#[cfg(test)]
mod tests;
