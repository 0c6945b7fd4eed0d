//! Joins the parts of messages that come in several sentences.
//!
//! In:      parts, of many senders mixed
//! Out:     whole messages
//! Drops:   parts that find no partner, oldest first, each of them counted
//!
//! Parts belong together when sender, total, sequence id and channel agree, and the tag-block group where both have one.
//! They may come in any order. Sequence ids come round every ten messages, so the danger is not the part that is missing
//! but the one that waits too long and is joined with a part of another ship's message. A part therefore waits for a time,
//! for a number of further parts of its sender, and for explicit times that are not too far apart; parts that came in
//! the wrong order, which is rare and a matter of neighbouring lines, wait for much less.
//!
//! Every part ends in exactly one way: joined, counted as expired, or refused.

mod group;
mod slots;

use std::collections::HashMap;

use super::sentence::Sentence;
use group::{Group, JOINED_BYTES_MAX};
use slots::Slots;

/// Bytes of parts that may wait for each message that may be incomplete, on average.
const BYTES_EACH: usize = 512;
/// A part waits for at most this many further parts of its sender.
const PARTS_BETWEEN_MAX: u32 = 256;
/// The same, when an earlier part is missing.
const PARTS_BETWEEN_MAX_DISORDERED: u32 = 32;
/// How long a part waits for an earlier one, in microseconds.
const WAIT_US_DISORDERED: i64 = 2_000_000;
/// Counters of parts by sender; senders that share one only make it run faster.
const TICKS: usize = 256;

/// A part, and what is known of it beside its fields.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Who sent it.
    pub sender: u64,
    /// The group in its tag block.
    pub group: Option<u64>,
    /// Its fields.
    pub sentence: Sentence<'a>,
    /// The bytes it came in, at most 1 kilobyte or so.
    pub raw: &'a [u8],
    /// Where its payload begins in them.
    pub payload_at: usize,
    /// Its explicit time.
    pub sent_us: Option<i64>,
    /// When it was received.
    pub received_us: i64,
}

/// A message whose parts are all there.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    /// The raw pieces in the order of their arrival, joined by line feeds.
    pub raw: &'a [u8],
    /// The payloads in the order of their numbers.
    pub payload: &'a [u8],
    /// The last part's fill.
    pub fill: u8,
    /// The channel, when it is one character.
    pub channel: u8,
    /// Whether any part is about our own ship.
    pub own_ship: bool,
    /// The explicit time of the lowest-numbered part that has one.
    pub sent_us: Option<i64>,
}

/// What parts of one message have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    sender: u64,
    total: u8,
    sequence: Option<u16>,
    channel: u32,
    group: GroupKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum GroupKey {
    /// No group.
    None,
    /// This group.
    Is(u64),
    /// The newest message that has a group: what parts without one may join.
    Newest,
}

/// The incomplete message in a place and the keys that lead to it.
#[derive(Debug)]
struct Waiting {
    key: Key,
    group: Group,
}

impl Default for Waiting {
    fn default() -> Self {
        let key = Key { sender: 0, total: 0, sequence: None, channel: 0, group: GroupKey::None };
        Self { key, group: Group::default() }
    }
}

/// The incomplete messages of a feed.
pub struct Fragments {
    slots: Slots<Waiting>,
    by_key: HashMap<Key, u32>,
    ticks: Box<[u32]>,
    wait_us: i64,
    bytes: usize,
    bytes_max: usize,
    raw: Vec<u8>,
    joined: Vec<u8>,
}

impl Fragments {
    /// At most `max` incomplete messages, whose parts wait for at most `wait_us`.
    #[must_use]
    pub fn new(max: usize, wait_us: i64) -> Self {
        Self {
            slots: Slots::new(max),
            by_key: HashMap::new(),
            ticks: vec![0; TICKS].into_boxed_slice(),
            wait_us,
            bytes: 0,
            bytes_max: max.max(1).saturating_mul(BYTES_EACH),
            raw: Vec::new(),
            joined: Vec::with_capacity(JOINED_BYTES_MAX),
        }
    }

    /// Takes a part. Returns the message that it completes; adds to `expired` the parts that are given up.
    pub fn take(&mut self, part: &Part<'_>, expired: &mut u64) -> Option<Joined<'_>> {
        *expired += self.expire(part.received_us);
        let tick = self.tick(part.sender);
        let slot = match self.partner(part, tick, expired) {
            Some(slot) => slot,
            None => self.open(part, tick, expired),
        };
        let group = &mut self.slots.get_mut(slot).group;
        if group.part(part.sentence.number).is_some() {
            *expired += 1;
            return None;
        }
        let before = group.raw.len();
        group.add(&part.sentence, part.raw, part.payload_at, part.sent_us);
        self.bytes += group.raw.len() - before;
        if group.is_complete() {
            return Some(self.complete(slot));
        }
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.slots.oldest()
        {
            *expired += self.close(oldest);
        }
        None
    }

    /// Gives up what has waited for too long by now; returns how many parts.
    pub fn expire(&mut self, now_us: i64) -> u64 {
        let mut parts = 0;
        while let Some(oldest) = self.slots.oldest()
            && now_us.saturating_sub(self.slots.get(oldest).group.opened_us) > self.wait_us
        {
            parts += self.close(oldest);
        }
        parts
    }

    /// Gives up everything; returns how many parts.
    pub fn clear(&mut self) -> u64 {
        let mut parts = 0;
        while let Some(oldest) = self.slots.oldest() {
            parts += self.close(oldest);
        }
        parts
    }

    /// Bytes of parts that wait, at most 512 for each message that may be incomplete.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages that are incomplete.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.open_count()
    }

    /// Whether no message is incomplete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts a part of this sender.
    fn tick(&mut self, sender: u64) -> u32 {
        let [low, ..] = (sender ^ (sender >> 32) ^ (sender >> 16) ^ (sender >> 8)).to_le_bytes();
        let tick = &mut self.ticks[usize::from(low)];
        *tick = tick.wrapping_add(1);
        *tick
    }

    /// The incomplete message that this part belongs to; one that it contradicts is given up.
    fn partner(&mut self, part: &Part<'_>, tick: u32, expired: &mut u64) -> Option<u32> {
        let key = key_of(part);
        let second = match key.group {
            GroupKey::None => GroupKey::Newest,
            _ => GroupKey::None,
        };
        let slot = self.by_key.get(&key).or_else(|| self.by_key.get(&Key { group: second, ..key }));
        let slot = *slot?;
        if self.fits(&self.slots.get(slot).group, part, tick) {
            return Some(slot);
        }
        *expired += self.close(slot);
        None
    }

    /// Whether a part can be of the message that its key leads to.
    fn fits(&self, group: &Group, part: &Part<'_>, tick: u32) -> bool {
        let mine = (part.sentence.payload, part.sentence.fill);
        let same = group.part(part.sentence.number).is_none_or(|held| held == mine);
        let apart_us = match (group.sent_us(), part.sent_us) {
            (Some(first), Some(second)) => first.abs_diff(second),
            _ => 0,
        };
        let (parts_max, wait_us) = if group.is_in_order() {
            (PARTS_BETWEEN_MAX, self.wait_us)
        } else {
            (PARTS_BETWEEN_MAX_DISORDERED, self.wait_us.min(WAIT_US_DISORDERED))
        };
        same && apart_us <= self.wait_us.unsigned_abs()
            && tick.wrapping_sub(group.opened_tick) <= parts_max
            && part.received_us.saturating_sub(group.opened_us) <= wait_us
    }

    /// A place for a message of which this is the first part to come.
    fn open(&mut self, part: &Part<'_>, tick: u32, expired: &mut u64) -> u32 {
        if self.slots.is_full()
            && let Some(oldest) = self.slots.oldest()
        {
            *expired += self.close(oldest);
        }
        let slot = self.slots.open();
        let key = key_of(part);
        let waiting = self.slots.get_mut(slot);
        waiting.key = key;
        waiting.group.begin(key.total, part.received_us, tick);
        self.by_key.insert(key, slot);
        if key.group != GroupKey::None {
            self.by_key.insert(Key { group: GroupKey::Newest, ..key }, slot);
        }
        slot
    }

    /// Forgets an incomplete message; returns how many parts of it were there.
    fn close(&mut self, slot: u32) -> u64 {
        let waiting = self.slots.get_mut(slot);
        let (key, parts) = (waiting.key, waiting.group.count());
        self.bytes -= waiting.group.raw.len();
        waiting.group.raw.clear();
        waiting.group.rest();
        self.slots.close(slot);
        for group in [key.group, GroupKey::Newest] {
            let key = Key { group, ..key };
            if self.by_key.get(&key) == Some(&slot) {
                self.by_key.remove(&key);
            }
        }
        u64::from(parts)
    }

    /// Takes a complete message out of its place.
    fn complete(&mut self, slot: u32) -> Joined<'_> {
        let group = &mut self.slots.get_mut(slot).group;
        self.bytes -= group.raw.len();
        let fill = group.join(&mut self.joined);
        let (channel, own_ship, sent_us) = (group.channel, group.own_ship, group.sent_us());
        self.raw.clear();
        std::mem::swap(&mut self.raw, &mut group.raw);
        self.close(slot);
        Joined { raw: &self.raw, payload: &self.joined, fill, channel, own_ship, sent_us }
    }
}

fn key_of(part: &Part<'_>) -> Key {
    let Sentence { total, sequence, channel, .. } = part.sentence;
    let group = part.group.map_or(GroupKey::None, GroupKey::Is);
    Key { sender: part.sender, total, sequence, channel, group }
}
