//! Writes messages as NMEA sentences: armour, parts, sequence ids, checksums, tag blocks.
//!
//! In:  fields of one message, put bit by bit into [`Bits`]
//! Out: one sentence, or the sentences of all its parts, each with its line end, appended to a buffer
//!
//! This encoder shares no code with the daemon: it is one half of the proof that the daemon reads what was sent.

pub mod binary;
pub mod bits;
pub mod fixed;
pub mod json;
pub mod position;
#[cfg(test)]
pub mod read_back;
pub mod static_data;

pub use bits::Bits;

use crate::dirt::{self, Kind};
use crate::profile::Tag;

/// Payload characters that fit a line of 82 characters.
const LINE_PAYLOAD_MAX: usize = 60;
/// Bytes before a payload: `!AIVDM,2,1,3,A,`.
const HEAD_BYTES_MAX: usize = 15;
/// The sequence id of parts that wait in vain; the others have lower ones.
const LOST_SEQUENCE: u8 = 9;

/// Turns finished payloads into lines.
pub struct Encoder {
    /// The message being made.
    pub bits: Bits,
    sequence: u8,
    group: u16,
}

/// How the lines of one message look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Who talks.
    pub talker: [u8; 5],
    /// The radio channel; `None` is left blank.
    pub channel: Option<u8>,
    /// Split even what would fit a line, as some receivers do.
    pub split: bool,
    /// Leave on one line even what would not fit it, as others do.
    pub whole: bool,
    /// What stands before each sentence.
    pub tag: Tag,
    /// The time for it, milliseconds since 1970.
    pub time_ms: i64,
    /// What goes wrong with it on one line, and on several.
    pub dirt: [Option<Kind>; 2],
}

impl Encoder {
    /// With its first sequence id at 0.
    pub const fn new() -> Self {
        Self { bits: Bits::new(), sequence: 0, group: 0 }
    }

    /// Writes the message in `bits` as lines; says how many, and what went wrong with them.
    pub fn lines(&mut self, look: Look, out: &mut Vec<u8>) -> (u8, Option<Kind>) {
        let (payload, fill) = self.bits.finish();
        let limit = match look {
            Look { whole: true, .. } => usize::MAX,
            Look { split: true, .. } => payload.len() * 2 / 3 + 1,
            _ => LINE_PAYLOAD_MAX,
        };
        let [of_one, of_several] = look.dirt;
        if payload.len() <= limit {
            one_line(look, of_one, payload, fill, out);
            return (1, of_one);
        }
        let total = digit(payload.len().div_ceil(limit));
        // Parts that wait in vain must not be met by those of another message.
        let sequence = if of_several == Some(Kind::Lost) { LOST_SEQUENCE } else { self.sequence };
        let group = self.group;
        self.group = (group + 1) % 10_000;
        let part = |number: u8, part: &[u8], out: &mut Vec<u8>| {
            tag_block(look.tag, look.time_ms, Some((number, total, group)), out);
            let fill = if number == total { fill } else { 0 };
            let numbers = [b'0' + total, b'0' + number];
            sentence(look, numbers, Some(sequence), part, fill, out);
        };
        let parts = (1..).zip(payload.chunks(limit));
        match of_several {
            Some(Kind::Reordered) => {
                let all: Vec<_> = parts.collect();
                all.iter().rev().for_each(|(number, piece)| part(*number, piece, out));
            }
            Some(Kind::Lost) => {
                parts
                    .filter(|it| it.0 < total)
                    .for_each(|(number, piece)| part(number, piece, out));
                return (total - 1, of_several);
            }
            _ => parts.for_each(|(number, piece)| part(number, piece, out)),
        }
        self.sequence = (self.sequence + 1) % LOST_SEQUENCE;
        (total, of_several)
    }
}

fn one_line(look: Look, dirt: Option<Kind>, payload: &[u8], fill: u8, out: &mut Vec<u8>) {
    let start = out.len();
    match dirt.and_then(Kind::off_ms) {
        Some(off_ms) => tag_block(Tag::Millis, look.time_ms + off_ms, None, out),
        None => tag_block(look.tag, look.time_ms, None, out),
    }
    sentence(look, [b'1', b'1'], None, payload, fill, out);
    match dirt {
        Some(Kind::Checksum) => dirt::garble(&mut out[start..]),
        Some(Kind::Truncated) => dirt::truncate(out, start),
        _ => {}
    }
}

fn digit(value: usize) -> u8 {
    u8::try_from(value.min(9)).unwrap_or(9)
}

/// Writes one sentence with its checksum and line end.
fn sentence(
    look: Look,
    numbers: [u8; 2],
    sequence: Option<u8>,
    payload: &[u8],
    fill: u8,
    out: &mut Vec<u8>,
) {
    // All that stands before the payload, at once.
    let mut head = [b','; HEAD_BYTES_MAX];
    head[0] = b'!';
    head[1..6].copy_from_slice(&look.talker);
    (head[7], head[9]) = (numbers[0], numbers[1]);
    let mut length = 11;
    if let Some(sequence) = sequence {
        head[length] = b'0' + sequence;
        length += 1;
    }
    length += 1;
    if let Some(channel) = look.channel {
        head[length] = channel;
        length += 1;
    }
    length += 1;
    let head = &head[..length];
    let tail = [b',', b'0' + fill];
    let sum = checksum(&head[1..]) ^ checksum(payload) ^ checksum(&tail);
    let tail = [tail[0], tail[1], b'*', hex(sum >> 4), hex(sum), b'\r', b'\n'];
    out.reserve(length + payload.len() + tail.len());
    out.extend_from_slice(head);
    out.extend_from_slice(payload);
    out.extend_from_slice(&tail);
}

/// Writes what stands before a sentence, such as `\c:1700000000123*hh\`.
#[inline]
fn tag_block(tag: Tag, time_ms: i64, part: Option<(u8, u8, u16)>, out: &mut Vec<u8>) {
    if tag != Tag::None {
        write_tag_block(tag, time_ms, part, out);
    }
}

fn write_tag_block(tag: Tag, time_ms: i64, part: Option<(u8, u8, u16)>, out: &mut Vec<u8>) {
    let seconds = time_ms / 1000;
    let inner = match tag {
        Tag::None => return,
        Tag::Millis => format!("c:{time_ms}"),
        Tag::Seconds => match part {
            None => format!("c:{seconds}"),
            Some((number, total, group)) => format!("g:{number}-{total}-{group:04},c:{seconds}"),
        },
        Tag::Station => format!("s:rSATELLITE{:03},q:u,c:{seconds}", seconds % 12),
    };
    let sum = checksum(inner.as_bytes());
    out.push(b'\\');
    out.extend_from_slice(inner.as_bytes());
    out.extend_from_slice(&[b'*', hex(sum >> 4), hex(sum), b'\\']);
}

/// Exclusive or of all bytes, eight at once.
pub fn checksum(bytes: &[u8]) -> u8 {
    let (words, rest) = bytes.as_chunks::<8>();
    let word = words.iter().fold(0, |sum, word| sum ^ u64::from_le_bytes(*word));
    word.to_le_bytes().iter().chain(rest).fold(0, |sum, byte| sum ^ byte)
}

/// The low half of a byte as a hexadecimal digit.
const fn hex(half: u8) -> u8 {
    b"0123456789ABCDEF"[(half & 15) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        talker: *b"AIVDM",
        channel: Some(b'B'),
        split: false,
        whole: false,
        tag: Tag::None,
        time_ms: 1_700_000_000_123,
        dirt: [None; 2],
    };

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
        let look = Look { tag: Tag::Millis, ..LOOK };
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

    #[test]
    fn dirt_shows_where_it_must() {
        let long: Vec<(u64, u32)> = std::iter::repeat_n((5, 53), 8).collect();
        let with =
            |bits: &[(u64, u32)], kind| encoded(bits, Look { dirt: [Some(kind); 2], ..LOOK });
        let short = [(1, 58), (2, 58), (3, 52)];
        let clean = encoded(&short, LOOK);
        let garbled = with(&short, Kind::Checksum);
        let differs = clean.bytes().zip(garbled.bytes()).filter(|(a, b)| a != b).count();
        assert_eq!((differs, clean.len()), (1, garbled.len()));
        let cut = with(&short, Kind::Truncated);
        assert!(clean.starts_with(cut.trim_end()) && cut.ends_with("\r\n") && !cut.contains('*'));
        assert!(with(&short, Kind::Past).starts_with("\\c:1699740800123*"));
        assert!(with(&short, Kind::Future).starts_with("\\c:1700259200123*"));
        let whole = encoded(&long, LOOK);
        let lost = with(&long, Kind::Lost);
        assert!(lost.lines().count() == 1 && lost.starts_with("!AIVDM,2,1,9,B,"));
        let reordered = with(&long, Kind::Reordered);
        let mut lines: Vec<&str> = reordered.lines().collect();
        assert!(lines[0].starts_with("!AIVDM,2,2,0,B,"));
        lines.reverse();
        assert_eq!(lines, whole.lines().collect::<Vec<_>>());
    }
}
