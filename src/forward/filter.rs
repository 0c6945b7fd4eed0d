//! What an output wants: what its filter says, what it has not had, and of each vessel no more than so often.
//!
//! Where an area is set, the output remembers where each vessel was last, and what tells no place is there. So names and voyages of
//! vessels that are known to be elsewhere stay away, and those of vessels that nobody has seen yet do not. The store and the
//! picture cannot do so: what they take must follow from the journal alone.

use hashlink::LruCache;

use super::Message;
use crate::clock::SECOND_US;
use crate::config::OutputConfig;
use crate::filter::{self, Sinks, Traits};
use crate::observe::counts::OutputCounts;
use crate::reject::Filtered;
use crate::report::Place;

/// Vessels and types whose last message is remembered; beyond that the one that was silent for longest may be sent sooner again.
const REMEMBERED_MAX: usize = 200_000;
/// Vessels whose place is remembered; beyond that nobody knows where the one is that was silent for longest.
const PLACES_MAX: usize = 200_000;

/// Messages that were not wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unwanted {
    /// By what the filter says, see [`Filtered`].
    by_wish: [u64; Filtered::COUNT],
    /// Because another source that it wants had brought them.
    repeats: u64,
    /// Because one like it was sent just before.
    by_interval: u64,
}

impl Unwanted {
    /// Adds it to the counters.
    pub fn tell(&self, counts: &OutputCounts) {
        for (reason, count) in self.by_wish.iter().enumerate() {
            counts.filtered.of(reason).add(*count);
        }
        counts.repeats.add(self.repeats);
        counts.filtered_interval.add(self.by_interval);
    }
}

/// The filters of one output.
pub struct Filter {
    output: Sinks,
    wish: filter::Filter,
    /// Where vessels were last, when an area is asked for.
    places: Option<LruCache<u32, Place>>,
    interval_us: i64,
    /// When what of each vessel was last sent.
    sent: LruCache<(u32, u8), i64>,
}

impl Filter {
    /// As configured, for the output of this place, where the feeds have these names by their numbers.
    #[must_use]
    pub fn new(config: &OutputConfig, at: usize, feeds: &[String]) -> Self {
        let interval_us = i64::try_from(config.interval_seconds).unwrap_or(0) * SECOND_US;
        let wish = filter::Filter::new(&config.filter, feeds);
        let places = wish.has_area().then(|| LruCache::new(PLACES_MAX));
        let (output, sent) = (Sinks::output(at), LruCache::new(REMEMBERED_MAX));
        Self { output, wish, places, interval_us, sent }
    }

    /// Whether a message is wanted; if not, why is counted.
    pub fn wants(&mut self, message: &Message, payload: &[u8], unwanted: &mut Unwanted) -> bool {
        if !self.wish.is_open() {
            let Message { msg_type, mmsi, feed, .. } = *message;
            let place = self.place(message);
            if let Some(reason) = self.wish.judge(&Traits { msg_type, mmsi, feed, place }) {
                unwanted.by_wish[reason as usize] += 1;
                return false;
            }
        }
        if !message.new_to.has(self.output) {
            unwanted.repeats += 1;
            return false;
        }
        if self.interval_us > 0 && !self.is_due(message, payload) {
            unwanted.by_interval += 1;
            return false;
        }
        true
    }

    /// Where a message comes from: from where it says, or else from where its vessel was last.
    fn place(&mut self, message: &Message) -> Option<Place> {
        let places = self.places.as_mut()?;
        let Some(place) = message.place else { return places.get(&message.mmsi).copied() };
        places.insert(message.mmsi, place);
        Some(place)
    }

    fn is_due(&mut self, message: &Message, payload: &[u8]) -> bool {
        let key = (message.mmsi, sort(message.msg_type, payload));
        let last = self.sent.get(&key).copied();
        let is_due =
            last.is_none_or(|last| message.received_us.saturating_sub(last) >= self.interval_us);
        if is_due {
            self.sent.insert(key, message.received_us);
        }
        is_due
    }
}

/// What may stand for another of the same vessel: positions of class A for each other, and each half of a type 24 for itself alone.
fn sort(msg_type: u8, payload: &[u8]) -> u8 {
    match msg_type {
        2 | 3 => 1,
        24 => {
            // Bits 38 and 39, in the seventh character.
            let six = payload.get(6).map_or(0, |byte| match byte {
                0..=87 => byte.wrapping_sub(48),
                _ => byte.wrapping_sub(56),
            });
            100 + (six >> 2 & 3)
        }
        other => other,
    }
}
