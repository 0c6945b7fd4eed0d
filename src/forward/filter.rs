//! What an output wants: types of message, areas, and of each vessel no more than so often.

use hashlink::LruCache;

use super::Message;
use crate::clock::SECOND_US;
use crate::config::OutputConfig;
use crate::filter::areas;
use crate::picture::Area;
use crate::report::Place;

/// Types there are, and 0.
const TYPES: usize = 29;
/// Vessels and types whose last message is remembered; beyond that the one that was silent for longest may be sent sooner again.
const REMEMBERED_MAX: usize = 200_000;

/// Messages that were not wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unwanted {
    /// For their type.
    pub by_type: u64,
    /// For their place, or because it is not known.
    pub by_area: u64,
    /// Because one like it was sent just before.
    pub by_interval: u64,
}

/// The filters of one output.
pub struct Filter {
    types: [bool; TYPES],
    areas: Option<Vec<Area>>,
    interval_us: i64,
    /// When what of each vessel was last sent.
    sent: LruCache<(u32, u8), i64>,
}

impl Filter {
    /// As configured.
    #[must_use]
    pub fn new(config: &OutputConfig) -> Self {
        let wanted = |kind: usize| {
            let words = config.types.as_deref().map(|types| types.split(','));
            words.is_none_or(|mut words| words.any(|word| word.trim().parse() == Ok(kind)))
        };
        let interval_us = i64::try_from(config.interval_seconds).unwrap_or(0) * SECOND_US;
        Self {
            types: std::array::from_fn(wanted),
            areas: config.boxes.as_deref().and_then(areas),
            interval_us,
            sent: LruCache::new(REMEMBERED_MAX),
        }
    }

    /// Whether a message is wanted; if not, why is counted.
    pub fn wants(&mut self, message: &Message, payload: &[u8], unwanted: &mut Unwanted) -> bool {
        if !self.types.get(usize::from(message.msg_type)).copied().unwrap_or(false) {
            unwanted.by_type += 1;
            return false;
        }
        let lies = |place: Place| self.areas.iter().flatten().any(|area| area.contains(place));
        if self.areas.is_some() && !message.place.is_some_and(lies) {
            unwanted.by_area += 1;
            return false;
        }
        if self.interval_us > 0 && !self.is_due(message, payload) {
            unwanted.by_interval += 1;
            return false;
        }
        true
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
