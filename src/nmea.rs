//! Lines to whole messages: framing, tag blocks, sentences, fragments.
//!
//! In:      bytes or lines from a feed
//! Out:     one [`Message`] per AIS message, to a [`Sink`]
//! Drops:   lines that are no AIS, counted; sentences that are wrong, refused with their reason; parts without partners
//!
//! A feed cuts its bytes into lines with [`line::Framer`] (streams) or [`line::Lines`] (datagrams, whole files) and gives
//! them to one [`Assembler`]. A line that is nothing but one whole sentence takes the short way in `plain`; every other
//! line is taken apart by `scan` and its sentences are judged one by one. Both ways agree on every line.

pub mod assembler;
pub mod fragments;
mod held;
pub mod line;
mod plain;
mod scan;
pub mod sentence;
pub mod stamp;
pub mod tag_block;

#[cfg(test)]
mod tests;

pub use assembler::Assembler;

use crate::record::Payload;
use crate::reject::Reject;

/// One whole AIS message, its parts joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The lines it came in, without line ends, in the order of their arrival, joined by line feeds. Of a line that
    /// holds several sentences, the piece that belongs to this one.
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
    /// The radio channel as sent; 0 when blank or longer than one character.
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
    /// A part that found no partner, or repeats one that still waits.
    FragmentExpired,
    /// A tag block whose checksum is wrong or missing; its sentence is taken.
    TagBlockIgnored,
    /// A sentence that begins with `$`.
    DollarSentence,
}
