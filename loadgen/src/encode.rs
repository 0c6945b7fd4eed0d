//! Writes messages as NMEA sentences: armour, parts, sequence ids, checksums, tag blocks.
//!
//! In:  fields of one message, put bit by bit into [`Bits`]
//! Out: one sentence, or the sentences of all its parts, each with its line end, appended to a buffer
//!
//! This encoder shares no code with the daemon: it is one half of the proof that the daemon reads what was sent.

pub mod binary;
pub mod bits;
pub mod fixed;
pub mod position;
#[cfg(test)]
pub mod read_back;
pub mod static_data;

pub use bits::Bits;

/// Payload characters that fit a line of 82 characters.
const LINE_PAYLOAD_MAX: usize = 60;

/// Turns finished payloads into lines.
pub struct Encoder {
    /// The message being made.
    pub bits: Bits,
    sequence: u8,
}

/// How the lines of one message look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The radio channel; `None` is left blank.
    pub channel: Option<u8>,
    /// Split even what would fit a line, as some receivers do.
    pub split: bool,
    /// The time for a `\c:` tag block, milliseconds since 1970.
    pub time_ms: Option<i64>,
}

impl Encoder {
    /// With its first sequence id at 0.
    pub const fn new() -> Self {
        Self { bits: Bits::new(), sequence: 0 }
    }

    /// Writes the message in `bits` as lines, and says how many.
    pub fn lines(&mut self, look: Look, out: &mut Vec<u8>) -> u8 {
        let (payload, fill) = self.bits.finish();
        let limit = if look.split { payload.len() * 2 / 3 + 1 } else { LINE_PAYLOAD_MAX };
        if payload.len() <= limit {
            tag_block(look.time_ms, out);
            sentence([b'1', b'1'], None, look.channel, payload, fill, out);
            return 1;
        }
        let total = digit(payload.len().div_ceil(limit));
        let mut number = 0;
        for part in payload.chunks(limit) {
            number += 1;
            let last = number == total;
            tag_block(look.time_ms, out);
            let fill = if last { fill } else { 0 };
            let numbers = [b'0' + total, b'0' + number];
            sentence(numbers, Some(self.sequence), look.channel, part, fill, out);
        }
        self.sequence = (self.sequence + 1) % 10;
        total
    }
}

fn digit(value: usize) -> u8 {
    u8::try_from(value.min(9)).unwrap_or(9)
}

/// Writes one sentence with its checksum and line end.
fn sentence(
    numbers: [u8; 2],
    sequence: Option<u8>,
    channel: Option<u8>,
    payload: &[u8],
    fill: u8,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.extend_from_slice(b"!AIVDM,");
    out.extend_from_slice(&[numbers[0], b',', numbers[1], b',']);
    if let Some(sequence) = sequence {
        out.push(b'0' + sequence);
    }
    out.push(b',');
    if let Some(channel) = channel {
        out.push(channel);
    }
    out.push(b',');
    out.extend_from_slice(payload);
    out.extend_from_slice(&[b',', b'0' + fill]);
    let sum = checksum(&out[start + 1..]);
    out.extend_from_slice(&[b'*', hex(sum >> 4), hex(sum), b'\r', b'\n']);
}

/// Writes `\c:1700000000123*hh\` when there is a time.
fn tag_block(time_ms: Option<i64>, out: &mut Vec<u8>) {
    let Some(time_ms) = time_ms else { return };
    let inner = format!("c:{time_ms}");
    let sum = checksum(inner.as_bytes());
    out.push(b'\\');
    out.extend_from_slice(inner.as_bytes());
    out.extend_from_slice(&[b'*', hex(sum >> 4), hex(sum), b'\\']);
}

/// Exclusive or of all bytes.
pub fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// The low half of a byte as a hexadecimal digit.
const fn hex(half: u8) -> u8 {
    b"0123456789ABCDEF"[(half & 15) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { channel: Some(b'B'), split: false, time_ms: None };

    fn encoded(bits: &[(u64, u32)], look: Look) -> String {
        let mut encoder = Encoder::new();
        for &(value, width) in bits {
            encoder.bits.put(value, width);
        }
        let mut out = Vec::new();
        encoder.lines(look, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_published_sentence_comes_out_byte_for_byte() {
        let fields = [
            (1, 6),
            (0, 2),
            (477_553_000, 30),
            (5, 4),
            (0, 8),
            (0, 10),
            (0, 1),
            ((-73_407_500_i64).cast_unsigned() & 0xfff_ffff, 28),
            (28_549_700, 27),
            (510, 12),
            (181, 9),
            (15, 6),
            (0, 6),
            (149_208, 19),
        ];
        let line = encoded(&fields, LOOK);
        assert_eq!(line, "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n");
    }

    #[test]
    fn parts_share_a_sequence_id_and_only_the_last_has_fill() {
        let fields = [(5, 6), (0, 58), (0, 58), (0, 58), (0, 58), (0, 58), (0, 58), (0, 58)];
        let lines = encoded(&fields, LOOK);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("!AIVDM,2,1,0,B,5"));
        assert!(lines[0].contains(",0*"));
        assert!(lines[1].starts_with("!AIVDM,2,2,0,B,"));
        assert!(lines[1].contains(",2*"));
        assert!(lines.iter().all(|line| line.len() <= 80));
    }

    #[test]
    fn a_tag_block_has_its_own_checksum() {
        let look = Look { time_ms: Some(1_700_000_000_123), ..LOOK };
        let line = encoded(&[(1, 6), (0, 42)], look);
        let inner = line.split(['\\', '*']).nth(1).unwrap();
        assert_eq!(inner, "c:1700000000123");
        let sum = line.split(['\\', '*']).nth(2).unwrap();
        assert_eq!(sum, format!("{:02X}", checksum(inner.as_bytes())));
    }

    #[test]
    fn a_blank_channel_is_blank() {
        let look = Look { channel: None, ..LOOK };
        assert!(encoded(&[(1, 6)], look).starts_with("!AIVDM,1,1,,,1,0*"));
    }
}
