//! Lines to whole messages: framing, tag blocks, sentences, fragments.
//!
//! In:      bytes or lines from a feed
//! Out:     one [`Message`] per AIS message, to a [`Sink`]
//! Drops:   lines that are no AIS, counted; sentences that are wrong, refused with their reason; parts without partners

pub mod fragments;
pub mod line;
pub mod sentence;
pub mod tag_block;

use crate::record::Payload;
use crate::reject::Reject;

/// One whole AIS message, its parts joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The lines it came in, without line ends, joined by line feeds.
    pub raw: &'a [u8],
    /// Its six-bit payload, at least the seven characters that hold type and MMSI.
    pub payload: Payload<'a>,
    /// The MMSI in its first characters.
    pub mmsi: u32,
    /// When its sender says it was, microseconds since 1970.
    pub sent_us: Option<i64>,
    /// When its last part was received, microseconds since 1970.
    pub received_us: i64,
    /// Fill bits of the joined payload, 0-5.
    pub fill: u8,
    /// The radio channel as sent; 0 when blank.
    pub channel: u8,
    /// Parts it came in, 1-9.
    pub parts: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
}

/// Who is told what came of a line.
pub trait Sink {
    /// A whole message.
    fn message(&mut self, message: &Message<'_>);
    /// A sentence, or a joined message, that is wrong.
    fn reject(&mut self, reason: Reject, line: &[u8]);
    /// Something that was not a failure but is counted.
    fn note(&mut self, note: Note, count: u64);
}

/// What else can be said of lines; each is a counter of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A line that is no AIS.
    Ignored,
    /// A part that found no partner.
    FragmentExpired,
    /// A tag block whose checksum is wrong; its sentence is taken.
    TagBlockIgnored,
    /// A sentence that begins with `$`.
    DollarSentence,
}
