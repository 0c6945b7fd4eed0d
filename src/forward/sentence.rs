//! A message as the sentences that carry it.
//!
//! They are made of the payload, not copied: what came in JSON, with tag blocks, stamps or in other parts goes out in one form. A line has at
//! most 82 characters with its end, as NMEA wants it, tag block apart.

use std::io::Write;

use super::Message;
use crate::clock::SECOND_US;

/// Characters of payload in one sentence.
const PAYLOAD_MAX: usize = 60;

/// Adds the sentences of a message; `tagged_us` is the time for their tag blocks, microseconds since 1970, if they are to have any.
pub fn write(
    out: &mut Vec<u8>,
    message: &Message,
    payload: &[u8],
    sequence: &mut u8,
    tagged_us: Option<i64>,
) {
    let parts = payload.len().div_ceil(PAYLOAD_MAX).max(1);
    let sequence = (parts > 1).then(|| {
        *sequence = (*sequence + 1) % 10;
        *sequence
    });
    for (n, part) in payload.chunks(PAYLOAD_MAX).enumerate() {
        if let Some(us) = tagged_us {
            out.push(b'\\');
            let from = out.len();
            // Writing to memory does not fail.
            let _ = write!(out, "c:{}", us.div_euclid(SECOND_US));
            checked(out, from);
            out.push(b'\\');
        }
        out.push(b'!');
        let from = out.len();
        let kind = if message.own_ship { "AIVDO" } else { "AIVDM" };
        let _ = write!(out, "{kind},{parts},{},", n + 1);
        if let Some(sequence) = sequence {
            let _ = write!(out, "{sequence}");
        }
        out.push(b',');
        if message.channel != 0 {
            out.push(message.channel);
        }
        out.push(b',');
        out.extend_from_slice(part);
        let fill = if n + 1 == parts { message.fill } else { 0 };
        let _ = write!(out, ",{fill}");
        checked(out, from);
        out.extend_from_slice(b"\r\n");
    }
}

/// Adds the checksum of what begins here.
fn checked(out: &mut Vec<u8>, from: usize) {
    let sum = out[from..].iter().fold(0, |sum, byte| sum ^ byte);
    let _ = write!(out, "*{sum:02X}");
}

/// How many messages end in these sentences. One that is sent in part stands at the front without its head.
pub fn messages_in(sentences: &[u8]) -> u64 {
    let ends_message = |line: &&[u8]| {
        let head = memchr::memchr(b'!', line).map(|at| &line[at..]);
        let mut fields = head.unwrap_or_default().split(|byte| *byte == b',').skip(1);
        let (total, number) = (fields.next(), fields.next());
        !line.is_empty() && (head.is_none() || total == number)
    };
    sentences.split(|byte| *byte == b'\n').filter(ends_message).count() as u64
}
