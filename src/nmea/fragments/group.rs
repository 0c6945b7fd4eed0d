//! The parts of one message that have come so far.

use crate::nmea::sentence::{PARTS_MAX, PAYLOAD_CHARS_MAX, Sentence};

/// Bytes of a buffer that an unused group keeps.
const BUFFER_KEPT_BYTES: usize = 512;
/// Characters of the longest payload that can be joined, before it is judged.
pub const JOINED_BYTES_MAX: usize = PARTS_MAX as usize * PAYLOAD_CHARS_MAX;

/// Where a part lies in the buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    payload_at: u16,
    payload_len: u16,
    fill: u8,
}

/// Parts that belong together.
#[derive(Debug, Default)]
pub struct Group {
    /// The raw pieces in the order of their arrival, joined by line feeds.
    pub raw: Vec<u8>,
    spans: [Span; PARTS_MAX as usize],
    /// One bit for each part that is there.
    have: u16,
    total: u8,
    /// When the first of them came.
    pub opened_us: i64,
    /// How many parts its sender had sent by then.
    pub opened_tick: u32,
    /// The explicit time of the lowest-numbered part that has one, and that part's number.
    sent: Option<(u8, i64)>,
    /// The channel, when it is one character.
    pub channel: u8,
    /// Whether any part is about our own ship.
    pub own_ship: bool,
}

impl Group {
    /// Forgets everything and is ready for the parts of another message.
    pub fn begin(&mut self, total: u8, opened_us: i64, opened_tick: u32) {
        self.raw.clear();
        self.have = 0;
        self.total = total;
        self.opened_us = opened_us;
        self.opened_tick = opened_tick;
        self.sent = None;
        self.channel = 0;
        self.own_ship = false;
    }

    /// Parts that are there.
    pub const fn count(&self) -> u32 {
        self.have.count_ones()
    }

    /// Whether all are there.
    pub fn is_complete(&self) -> bool {
        self.count() == u32::from(self.total)
    }

    /// Whether the parts that are there are the first ones, as they are when they come in order.
    pub const fn is_in_order(&self) -> bool {
        self.have & (self.have + 1) == 0
    }

    /// What the first part with an explicit time says.
    pub fn sent_us(&self) -> Option<i64> {
        self.sent.map(|(_, us)| us)
    }

    /// The part of this number, if it is there: its payload and fill.
    pub fn part(&self, number: u8) -> Option<(&[u8], u8)> {
        let at = usize::from(number.checked_sub(1)?);
        if self.have >> at & 1 == 0 {
            return None;
        }
        let Span { payload_at, payload_len, fill } = *self.spans.get(at)?;
        let from = usize::from(payload_at);
        Some((self.raw.get(from..from + usize::from(payload_len))?, fill))
    }

    /// Adds a part that is not there yet. `payload_at` is where its payload begins in `raw`.
    pub fn add(
        &mut self,
        part: &Sentence<'_>,
        raw: &[u8],
        payload_at: usize,
        sent_us: Option<i64>,
    ) {
        if !self.raw.is_empty() {
            self.raw.push(b'\n');
        }
        let payload_at = u16::try_from(self.raw.len() + payload_at).unwrap_or(u16::MAX);
        let payload_len = u16::try_from(part.payload.len()).unwrap_or(0);
        self.raw.extend_from_slice(raw);
        let at = usize::from(part.number.clamp(1, PARTS_MAX) - 1);
        self.spans[at] = Span { payload_at, payload_len, fill: part.fill };
        self.have |= 1 << at;
        self.channel = part.channel_char();
        self.own_ship |= part.own_ship;
        if let Some(us) = sent_us
            && self.sent.is_none_or(|(number, _)| part.number < number)
        {
            self.sent = Some((part.number, us));
        }
    }

    /// Joins the payloads in the order of their numbers; returns the last one's fill.
    pub fn join(&self, joined: &mut Vec<u8>) -> u8 {
        joined.clear();
        let mut last = 0;
        for (payload, fill) in (1..=self.total).filter_map(|number| self.part(number)) {
            joined.extend_from_slice(payload);
            last = fill;
        }
        last
    }

    /// Gives memory back that most messages do not need.
    pub fn rest(&mut self) {
        if self.raw.capacity() > BUFFER_KEPT_BYTES {
            self.raw = Vec::new();
        }
    }
}
