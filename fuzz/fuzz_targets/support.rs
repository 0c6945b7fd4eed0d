//! What the journal's target is made of: its options, the bytes of segments, and a journal driven by hand.

pub mod body;
pub mod rig;

use aisd::journal::{COUNTER_BITS, GENERATIONS_MAX};

/// The last eight bytes of an input.
pub struct Options(pub [u8; 8]);

impl Options {
    /// Whether bytes that can be records get the checksum that makes them ones.
    pub fn seals(&self) -> bool {
        self.0[0] & 3 == 1
    }

    /// Whether the body is good records, changed in places.
    pub fn changes_records(&self) -> bool {
        self.0[0] & 3 >= 2
    }

    /// Whether the input makes two segments.
    pub fn two_segments(&self) -> bool {
        self.0[0] & 4 != 0
    }

    /// Whether the file is longer than what was written.
    pub fn preallocated(&self) -> bool {
        self.0[0] & 8 != 0
    }

    /// Whether the journal is written to after it was opened.
    pub fn appends(&self) -> bool {
        self.0[0] & 16 != 0
    }

    /// Whether good records are more than what is read at once.
    pub fn long(&self) -> bool {
        self.0[0] & 96 == 96
    }

    /// What the header is: 0 right, 1 with number and time from the input, 2 with one bit changed, 3 none.
    pub fn header(&self) -> u8 {
        self.0[1] & 3
    }

    /// Whether headers say what a journal's own would, in files that are called as its own.
    pub fn right_headers(&self) -> bool {
        self.header() == 0 && self.index() < u32::MAX
    }

    /// The index of the first file; near or at the largest there is when most or all of its bits are set.
    pub fn index(&self) -> u32 {
        match self.0[1] >> 2 {
            63 => u32::MAX,
            62 => u32::MAX - 3,
            index => u32::from(index),
        }
    }

    /// The bit of the header that is changed.
    pub fn header_bit(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[2], self.0[3]])) % 512
    }

    /// The first number that a header states, spread over all sizes.
    pub fn first_seq(&self) -> u64 {
        spread(self.0[2], self.0[3])
    }

    /// Whether a header states the last generation there is.
    pub fn uses_up_generations(&self) -> bool {
        self.header() == 1 && self.first_seq() >> COUNTER_BITS == GENERATIONS_MAX - 1
    }

    /// When a segment was begun, as a header states it.
    pub fn created_us(&self) -> i64 {
        spread(self.0[4], self.0[5]).cast_signed()
    }

    /// How many of the good records are committed.
    pub fn committed(&self) -> u64 {
        u64::from(self.0[6])
    }

    /// The dedup window in microseconds; of any size when its byte is large.
    pub fn window_us(&self) -> i64 {
        match self.0[7] {
            seconds @ ..200 => i64::from(seconds) * 1_000_000,
            _ => i64::MAX,
        }
    }
}

/// A number of any size from two bytes.
fn spread(low: u8, high: u8) -> u64 {
    match high {
        u8::MAX => u64::MAX - u64::from(low),
        shift => u64::from(low) << (shift % 64),
    }
}
