//! Turns the lines of a feed into whole messages.
//!
//! In:      lines, with their sender and when they were received
//! Out:     messages, refusals and notes, to the feed's sink
//! Drops:   lines that are no AIS; sentences that are wrong, each with its reason; parts without partners
//!
//! The explicit time of a sentence is, in this order: the `c:` of its tag block, a time before it, a time after its
//! checksum, that of the stamp line (or tag block) that came just before it from the same sender, that of its group.
//! A line whose first visible character is `#` is a comment. A line that holds nothing but a stamp or a tag block is
//! kept for the next sentence and counted nowhere.

use super::fragments::{Fragments, Part};
use super::held::HeldTimes;
use super::line::LineEvent;
use super::plain;
use super::scan::{Found, Given, Piece, Pieces};
use super::sentence::{self, PAYLOAD_CHARS_MAX, Sentence};
use super::stamp;
use super::tag_block::{self, TagBlock, TagTime};
use super::{Message, Note, Sink};
use crate::config::NmeaConfig;
use crate::record::Payload;
use crate::reject::Reject;

/// Longest piece of a line that is kept of a part; of a longer one, only its sentence is.
const PIECE_BYTES_MAX: usize = 1024;
/// Stamp lines have one time for each sender.
const STAMP_LINE: u64 = 0;

/// The state of a feed between its lines.
pub struct Assembler {
    require_checksum: bool,
    line_bytes_max: usize,
    fragments: Fragments,
    stamps: HeldTimes,
    groups: HeldTimes,
}

/// Where a line came from.
#[derive(Clone, Copy)]
struct Origin {
    sender: u64,
    received_us: i64,
}

/// A sentence and what stands around it in its line.
struct Placed<'a> {
    line: &'a [u8],
    /// Where what belongs to it begins and ends.
    piece: (usize, usize),
    found: Found<'a>,
    tags: TagBlock,
    /// What stands before it and is neither a tag block nor another sentence.
    prefix: &'a [u8],
}

impl<'a> Placed<'a> {
    fn raw(&self) -> &'a [u8] {
        let (from, to) = self.piece;
        self.line[from..to].trim_ascii_end()
    }
}

impl Assembler {
    /// For one feed.
    #[must_use]
    pub fn new(config: &NmeaConfig) -> Self {
        let wait_us =
            i64::try_from(config.fragment_seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        Self {
            require_checksum: config.require_checksum,
            line_bytes_max: config.line_bytes_max,
            fragments: Fragments::new(config.fragments_max, wait_us),
            stamps: HeldTimes::new(wait_us),
            groups: HeldTimes::new(wait_us),
        }
    }

    /// Takes a line without its end.
    #[inline]
    pub fn line(&mut self, line: &[u8], sender: u64, received_us: i64, sink: &mut impl Sink) {
        match plain::read(line) {
            Some(plain) if line.len() <= self.line_bytes_max => {
                sink.message(&Message {
                    raw: line,
                    payload: Payload::Within(plain.payload_at, plain.payload_len),
                    mmsi: plain.mmsi,
                    sent_us: self.stamp_line(sender, received_us),
                    received_us,
                    fill: plain.fill,
                    channel: plain.channel,
                    parts: 1,
                    own_ship: plain.own_ship,
                });
            }
            _ => self.any_line(line, Origin { sender, received_us }, sink),
        }
    }

    /// Takes what a framer found.
    #[inline]
    pub fn event(
        &mut self,
        event: LineEvent<'_>,
        sender: u64,
        received_us: i64,
        sink: &mut impl Sink,
    ) {
        match event {
            LineEvent::Line(line) => self.line(line, sender, received_us, sink),
            LineEvent::TooLong(head) => sink.reject(Reject::LineTooLong, head),
        }
    }

    /// Gives up parts and stamps that have waited for too long. Called about once a second.
    pub fn expire(&mut self, now_us: i64, sink: &mut impl Sink) {
        note(sink, Note::FragmentExpired, self.fragments.expire(now_us));
        self.stamps.expire(now_us);
        self.groups.expire(now_us);
    }

    /// Gives up everything that waits: no more lines will come.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        note(sink, Note::FragmentExpired, self.fragments.clear());
    }

    /// Bytes of parts that wait.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.fragments.bytes()
    }

    /// Messages that are incomplete.
    #[must_use]
    pub fn held_messages(&self) -> usize {
        self.fragments.len()
    }

    /// The time that the last stamp line of this sender has for the sentence after it.
    #[inline]
    fn stamp_line(&mut self, sender: u64, now_us: i64) -> Option<i64> {
        if self.stamps.is_empty() { None } else { self.stamps.take(sender, STAMP_LINE, now_us) }
    }

    /// Takes a line of any kind.
    fn any_line(&mut self, line: &[u8], origin: Origin, sink: &mut impl Sink) {
        if line.len() > self.line_bytes_max {
            sink.reject(Reject::LineTooLong, &line[..self.line_bytes_max]);
            return;
        }
        if line.trim_ascii_start().first() == Some(&b'#') {
            sink.note(Note::Ignored, 1);
            return;
        }
        let mut useful = false;
        let (mut begin, mut prefix_begin, mut prefix_end) = (0, 0, None);
        let mut tags = TagBlock::default();
        for piece in Pieces::new(line) {
            match piece {
                Piece::TagBlock { at, content, .. } => {
                    prefix_end.get_or_insert(at);
                    match tag_block::read(content) {
                        Some(block) => merge(&mut tags, block),
                        None => sink.note(Note::TagBlockIgnored, 1),
                    }
                }
                Piece::Stamp(found) => {
                    useful |= self.hold_stamp(&found, origin);
                    (prefix_begin, prefix_end) = (found.end, None);
                }
                Piece::Ais(found) => {
                    useful = true;
                    let prefix = &line[prefix_begin..prefix_end.take().unwrap_or(found.at)];
                    let piece = (begin, found.end);
                    (begin, prefix_begin) = (found.end, found.end);
                    let tags = std::mem::take(&mut tags);
                    self.sentence(&Placed { line, piece, found, tags, prefix }, origin, sink);
                }
            }
        }
        useful |= self.hold_tags(tags, origin);
        if !useful {
            sink.note(Note::Ignored, 1);
        }
    }

    /// Keeps the time of a stamp line for the next sentence, if it has one and its checksum is right.
    fn hold_stamp(&mut self, found: &Found<'_>, origin: Origin) -> bool {
        if found.checksum != Given::Is(sentence::checksum(found.body)) {
            return false;
        }
        let Some(us) = stamp::in_stamp_line(found.body) else { return false };
        self.stamps.put(origin.sender, STAMP_LINE, us, origin.received_us);
        true
    }

    /// Keeps what a tag block says that no sentence follows.
    fn hold_tags(&mut self, tags: TagBlock, origin: Origin) -> bool {
        let TagTime::At(us) = tags.time else { return false };
        match tags.group {
            Some(group) => self.groups.put(origin.sender, group, us, origin.received_us),
            None => self.stamps.put(origin.sender, STAMP_LINE, us, origin.received_us),
        }
        true
    }

    /// Takes a sentence: judges it, finds its time, and hands it on or joins it with its partners.
    fn sentence(&mut self, placed: &Placed<'_>, origin: Origin, sink: &mut impl Sink) {
        // The stamp before a sentence is used up even when the sentence is refused.
        let stamp_line = self.stamp_line(origin.sender, origin.received_us);
        if placed.line[placed.found.at] == b'$' {
            sink.note(Note::DollarSentence, 1);
        }
        let taken = self
            .judge(&placed.found)
            .and_then(|(fields, rest)| Ok((fields, self.time(placed, rest, stamp_line, origin)?)));
        match taken {
            Ok((fields, sent_us)) if fields.total == 1 => {
                single(placed, &fields, sent_us, origin, sink);
            }
            Ok((fields, sent_us)) => self.part(placed, &fields, sent_us, origin, sink),
            Err(reason) => sink.reject(reason, placed.raw()),
        }
    }

    /// The fields of a sentence whose checksum is right, and what may follow them when there is no checksum.
    fn judge<'a>(&self, found: &Found<'a>) -> Result<(Sentence<'a>, &'a [u8]), Reject> {
        match found.checksum {
            Given::Is(sum) if sum != sentence::checksum(found.body) => Err(Reject::Checksum),
            Given::Is(_) => match sentence::read(found.body)? {
                (fields, []) => Ok((fields, &[])),
                _ => Err(Reject::Malformed),
            },
            Given::Cut => Err(Reject::Malformed),
            Given::Missing => {
                let commas = found.body.iter().filter(|&&byte| byte == b',').count();
                if self.require_checksum && commas >= 6 {
                    return Err(Reject::ChecksumMissing);
                }
                sentence::read(found.body)
            }
        }
    }

    /// The explicit time of a sentence.
    fn time(
        &mut self,
        placed: &Placed<'_>,
        rest: &[u8],
        stamp_line: Option<i64>,
        origin: Origin,
    ) -> Result<Option<i64>, Reject> {
        let own = match placed.tags.time {
            TagTime::At(us) => Some(us),
            TagTime::Unreadable => return Err(Reject::TimeUnparsable),
            TagTime::Absent => stamp::in_prefix(placed.prefix)
                .or_else(|| stamp::in_suffix(placed.found.suffix))
                .or_else(|| stamp::in_suffix(rest))
                .or(stamp_line),
        };
        let Some(group) = placed.tags.group else { return Ok(own) };
        if let Some(us) = own {
            self.groups.put(origin.sender, group, us, origin.received_us);
            return Ok(Some(us));
        }
        Ok(self.groups.get(origin.sender, group, origin.received_us))
    }

    /// Joins a part with those that came before it.
    fn part(
        &mut self,
        placed: &Placed<'_>,
        fields: &Sentence<'_>,
        sent_us: Option<i64>,
        origin: Origin,
        sink: &mut impl Sink,
    ) {
        if fields.payload.len() > PAYLOAD_CHARS_MAX {
            sink.reject(Reject::TooLong, placed.raw());
            return;
        }
        let Origin { sender, received_us } = origin;
        let (raw, payload_at) = kept(placed, fields);
        let group = placed.tags.group;
        let part = Part { sender, group, sentence: *fields, raw, payload_at, sent_us, received_us };
        let mut expired = 0;
        let joined = self.fragments.take(&part, &mut expired);
        note(sink, Note::FragmentExpired, expired);
        let Some(joined) = joined else { return };
        match sentence::mmsi(joined.payload, joined.fill) {
            Ok(mmsi) => sink.message(&Message {
                raw: joined.raw,
                payload: Payload::Joined(joined.payload),
                mmsi,
                sent_us: joined.sent_us,
                received_us,
                fill: joined.fill,
                channel: joined.channel,
                parts: fields.total,
                own_ship: joined.own_ship,
            }),
            Err(reason) => sink.reject(reason, joined.raw),
        }
    }
}

/// Hands on a message of one part.
fn single(
    placed: &Placed<'_>,
    fields: &Sentence<'_>,
    sent_us: Option<i64>,
    origin: Origin,
    sink: &mut impl Sink,
) {
    let raw = placed.raw();
    match sentence::mmsi(fields.payload, fields.fill) {
        Ok(mmsi) => sink.message(&Message {
            raw,
            payload: Payload::Within(
                payload_offset(placed, fields) - placed.piece.0,
                fields.payload.len(),
            ),
            mmsi,
            sent_us,
            received_us: origin.received_us,
            fill: fields.fill,
            channel: fields.channel_char(),
            parts: 1,
            own_ship: fields.own_ship,
        }),
        Err(reason) => sink.reject(reason, raw),
    }
}

/// What is kept of a part, and where its payload begins in it.
fn kept<'a>(placed: &Placed<'a>, fields: &Sentence<'_>) -> (&'a [u8], usize) {
    let raw = placed.raw();
    let payload_at = payload_offset(placed, fields);
    if raw.len() <= PIECE_BYTES_MAX {
        return (raw, payload_at - placed.piece.0);
    }
    let found = &placed.found;
    let bare = &placed.line[found.at..found.at + 1 + found.body.len().min(PIECE_BYTES_MAX)];
    (bare, payload_at - found.at)
}

/// Where the payload begins in the line: behind the fifth comma of its sentence.
fn payload_offset(placed: &Placed<'_>, fields: &Sentence<'_>) -> usize {
    let before = placed.found.body.iter().enumerate().filter(|(_, byte)| **byte == b',').nth(4);
    let at = before.map_or(0, |(at, _)| at + 1);
    debug_assert!(placed.found.body[at..].starts_with(fields.payload), "fifth comma");
    placed.found.at + 1 + at
}

/// Adds what another tag block before the same sentence says; what was said first stays.
fn merge(tags: &mut TagBlock, block: TagBlock) {
    if tags.time == TagTime::Absent {
        tags.time = block.time;
    }
    tags.group = tags.group.or(block.group);
}

fn note(sink: &mut impl Sink, note: Note, count: u64) {
    if count > 0 {
        sink.note(note, count);
    }
}
