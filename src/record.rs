//! One accepted message as bytes: what feeds write, the journal numbers and keeps, and shards read.
//!
//! The same bytes travel in memory and lie on disk, so a shard cannot tell whether it is served live or from a segment.
//!
//! ```text
//!  0 length u32 │ 4 crc32c u32 │ 8 seq u64 │ 16 received_us i64 │ 24 sent_us i64 │
//! 32 payload_at u16 │ 34 payload_len u16 │ 36 partition u8 │ 37 feed u8 │ 38 flags u8 │ 39 channel u8 │ 40 raw …
//! ```
//!
//! Little endian. `length` counts from its own first byte to the last raw byte; records start at multiples of 8. The
//! checksum covers everything after itself. `raw` holds the lines as they came, joined by line feeds; a message of several
//! parts is followed by a line feed and its joined payload, and a report that was told in fields by a line feed and its
//! [`packed`](crate::report::packed) form. `payload_at` counts from the start of `raw`. A record of a file ends with its [`Mark`].

mod mark;
mod receipt;

/// Bytes before the raw ones.
pub const HEADER_BYTES: usize = 40;
/// The longest record, header included; longer input is refused by the feed.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;
/// Records start at multiples of this.
pub const ALIGNMENT: usize = 8;

const NO_TIME: i64 = i64::MIN;
const FILL_MASK: u8 = 0b0000_0111;
const OWN_SHIP: u8 = 0b0000_1000;
const RECORDED: u8 = 0b0001_0000;
const ANSWERED: u8 = 0b0010_0000;
const REPORT: u8 = 0b0100_0000;
const MARKED: u8 = 0b1000_0000;

pub use mark::{MARK_BYTES, Mark, Place, note_last};
pub use receipt::{Fate, Receipt};

/// What a feed knows of a message when it hands it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// When its sender says it was, microseconds since 1970.
    pub sent_us: Option<i64>,
    /// The partition of its MMSI.
    pub partition: u8,
    /// The feed that brought it.
    pub feed: u8,
    /// The radio channel as sent; 0 when blank.
    pub channel: u8,
    /// Fill bits of the joined payload, 0-5.
    pub fill: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
    /// Whether it comes from a recording, and so may be of any age.
    pub recorded: bool,
    /// The lines as they came.
    pub raw: &'a [u8],
    /// The six-bit payload, or what was told in its place.
    pub payload: Payload<'a>,
}

/// Where the payload of a new record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Inside `raw`, from here, this long.
    Within(usize, usize),
    /// Joined from several parts.
    Joined(&'a [u8]),
    /// No payload: a report that was told in fields, packed.
    Report(&'a [u8]),
}

/// A record as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number; 0 before the journal gave it one.
    pub seq: u64,
    /// When it was received, microseconds since 1970.
    pub received_us: i64,
    /// When its sender says it was, microseconds since 1970.
    pub sent_us: Option<i64>,
    /// The partition of its MMSI.
    pub partition: u8,
    /// The feed that brought it.
    pub feed: u8,
    /// The radio channel as sent; 0 when blank.
    pub channel: u8,
    /// Fill bits of the payload.
    pub fill: u8,
    /// Whether it is about our own ship (VDO).
    pub own_ship: bool,
    /// Whether it comes from a recording, and so may be of any age.
    pub recorded: bool,
    /// Whether its sender waited for an answer, and so may send it again.
    pub answered: bool,
    /// Whether its payload is a packed report.
    pub report: bool,
    /// How far its file was read, if it came of one.
    pub mark: Option<Mark>,
    /// The lines as they came, and a joined payload or packed report if there is one.
    pub raw: &'a [u8],
    /// The six-bit payload, or the packed report.
    pub payload: &'a [u8],
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing was written here.
    Blank,
    /// Something was written here that is not a whole record.
    Damaged,
}

/// Rounds up to where the next record starts.
#[must_use]
pub const fn aligned(length: usize) -> usize {
    (length + ALIGNMENT - 1) & !(ALIGNMENT - 1)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |raw| u16::from_le_bytes(*raw))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |raw| u32::from_le_bytes(*raw))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |raw| u64::from_le_bytes(*raw))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |raw| i64::from_le_bytes(*raw))
}

/// The length of the record that starts here, if it can be one.
///
/// # Errors
/// When nothing is written here, or the length is not one a record can have, or the bytes end before it.
pub fn length(bytes: &[u8]) -> Result<usize, Unreadable> {
    let length = u32_at(bytes, 0) as usize;
    if length == 0 {
        return Err(Unreadable::Blank);
    }
    if (HEADER_BYTES..=RECORD_BYTES_MAX).contains(&length) && length <= bytes.len() {
        Ok(length)
    } else {
        Err(Unreadable::Damaged)
    }
}

/// Whether the checksum of the record that starts here is right.
#[must_use]
pub fn intact(record: &[u8]) -> bool {
    crc32c::crc32c(&record[8..]) == u32_at(record, 4)
}

/// The number in the record that starts here.
#[must_use]
pub fn seq(record: &[u8]) -> u64 {
    u64_at(record, 8)
}

/// The received time in the record that starts here.
#[must_use]
pub fn received_us(record: &[u8]) -> i64 {
    i64_at(record, 16)
}

/// The feed in the record that starts here.
#[must_use]
pub fn feed(record: &[u8]) -> u8 {
    record.get(37).copied().unwrap_or(0)
}

/// How far its file was read, of the record that starts here, if it came of one.
#[must_use]
pub fn mark(record: &[u8]) -> Option<Mark> {
    split_mark(record, record.get(38).copied().unwrap_or(0)).1
}

/// Gives a record its number and its checksum.
pub fn number(record: &mut [u8], seq: u64) {
    record[8..16].copy_from_slice(&seq.to_le_bytes());
    let crc = crc32c::crc32c(&record[8..]);
    record[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// What comes before the mark, and the mark.
fn split_mark(raw: &[u8], flags: u8) -> (&[u8], Option<Mark>) {
    match raw.split_last_chunk() {
        Some((raw, mark)) if flags & MARKED != 0 => (raw, Some(Mark::of_bytes(mark))),
        _ => (raw, None),
    }
}

impl<'a> Record<'a> {
    /// Reads the record that fills `bytes` exactly, as [`length`] said; trusts its checksum.
    #[must_use]
    pub fn view(bytes: &'a [u8]) -> Self {
        let (raw, mark) = split_mark(&bytes[HEADER_BYTES..], bytes[38]);
        let at = usize::from(u16_at(bytes, 32));
        let payload = raw.get(at..at + usize::from(u16_at(bytes, 34))).unwrap_or_default();
        let sent = i64_at(bytes, 24);
        Self {
            seq: seq(bytes),
            received_us: received_us(bytes),
            sent_us: (sent != NO_TIME).then_some(sent),
            partition: bytes[36],
            feed: bytes[37],
            channel: bytes[39],
            fill: bytes[38] & FILL_MASK,
            own_ship: bytes[38] & OWN_SHIP != 0,
            recorded: bytes[38] & RECORDED != 0,
            answered: bytes[38] & ANSWERED != 0,
            report: bytes[38] & REPORT != 0,
            mark,
            raw,
            payload,
        }
    }

    /// When its report was, microseconds since 1970: as its sender says, or else when it was received.
    #[must_use]
    pub fn told_us(&self) -> i64 {
        self.sent_us.unwrap_or(self.received_us)
    }
}

/// Walks over records that lie one after the other, as in a batch.
#[derive(Clone)]
pub struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Walk<'a> {
    /// From the first of them.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether there is no record more.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        length(self.rest).is_err()
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = length(self.rest).ok()?;
        let (record, _) = self.rest.split_at(length);
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some(record)
    }
}

/// Many records in one buffer, on their way from a feed to the journal.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    count: u32,
    receipt: Option<Receipt>,
    mark: Option<Mark>,
}

impl Batch {
    /// An empty batch with room for this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Promises that the receipt will tell what became of the batch; its records say that their sender waits for an answer. Before the
    /// first of them.
    pub fn promise(&mut self, receipt: Receipt) {
        self.receipt = Some(receipt);
    }

    /// Has the records that are added from now on carry this mark.
    pub const fn mark(&mut self, mark: Option<Mark>) {
        self.mark = mark;
    }

    /// Adds a record, not yet numbered.
    ///
    /// # Errors
    /// When it would be longer than [`RECORD_BYTES_MAX`].
    pub fn push(&mut self, new: &NewRecord<'_>) -> Result<(), TooLong> {
        let (at, payload_len, joined) = match new.payload {
            Payload::Within(at, len) => (at, len, None),
            Payload::Joined(payload) | Payload::Report(payload) => {
                (new.raw.len() + 1, payload.len(), Some(payload))
            }
        };
        let mark_bytes = if self.mark.is_some() { MARK_BYTES } else { 0 };
        let joined_bytes = joined.map_or(0, |payload| payload.len() + 1);
        let length = HEADER_BYTES + new.raw.len() + joined_bytes + mark_bytes;
        if length > RECORD_BYTES_MAX {
            return Err(TooLong);
        }
        let (Ok(length32), Ok(at), Ok(payload_len)) =
            (u32::try_from(length), u16::try_from(at), u16::try_from(payload_len))
        else {
            return Err(TooLong);
        };
        let mut header = [0; HEADER_BYTES];
        header[0..4].copy_from_slice(&length32.to_le_bytes());
        header[16..24].copy_from_slice(&new.received_us.to_le_bytes());
        header[24..32].copy_from_slice(&new.sent_us.unwrap_or(NO_TIME).to_le_bytes());
        header[32..34].copy_from_slice(&at.to_le_bytes());
        header[34..36].copy_from_slice(&payload_len.to_le_bytes());
        header[36] = new.partition;
        header[37] = new.feed;
        header[38] = (new.fill & FILL_MASK)
            | if new.own_ship { OWN_SHIP } else { 0 }
            | if new.recorded { RECORDED } else { 0 }
            | if self.receipt.is_some() { ANSWERED } else { 0 }
            | if matches!(new.payload, Payload::Report(_)) { REPORT } else { 0 }
            | if self.mark.is_some() { MARKED } else { 0 };
        header[39] = new.channel;
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(new.raw);
        if let Some(payload) = joined {
            self.bytes.push(b'\n');
            self.bytes.extend_from_slice(payload);
        }
        if let Some(mark) = self.mark {
            self.bytes.extend_from_slice(&mark.to_bytes());
        }
        self.bytes.resize(aligned(self.bytes.len()), 0);
        self.count += 1;
        Ok(())
    }

    /// Records in it.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its bytes: aligned records, one after the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, to be numbered in place.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The same, and what was promised.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Option<Receipt>) {
        (self.bytes, self.receipt)
    }

    /// An empty batch in memory that was used before.
    #[must_use]
    pub fn reuse(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes, ..Self::default() }
    }
}

/// A record would have been longer than [`RECORD_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

#[cfg(test)]
mod tests;
