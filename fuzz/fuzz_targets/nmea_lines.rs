//! What comes of a stream does not depend on how it was cut, and nothing in it breaks anything.
//!
//! Input: the stream, then one byte for each cut, how many of those there are, and one byte of options:
//!
//! ```text
//! bits 0-1 longest line │ 2-3 messages that may be incomplete │ 4 checksums demanded │ 5 seconds between lines
//! 6 every checksum is made right before the stream is read, so that inputs get behind it
//! ```
//!
//! Holds: no panic; the same messages, refusals and notes from the stream whole, cut, byte by byte and as a datagram, and by
//! the short way and the long way; kept bytes and incomplete messages within their bounds and none of them left at the
//! end; a payload lies where its message says, in memory and as a record.
#![no_main]

use aisd::config::NmeaConfig;
use aisd::nmea::line::{Framer, LineEvent, Lines};
use aisd::nmea::{Assembler, Message, Note, Sink};
use aisd::partition;
use aisd::record::{Batch, NewRecord, Payload, Record, Walk};
use aisd::reject::Reject;
use libfuzzer_sys::fuzz_target;

const NOW_US: i64 = 1_800_000_000_000_000;
const SENDER: u64 = 7;
/// Bytes that an incomplete message may hold, on average.
const BYTES_EACH: usize = 512;
/// Streams up to this length are read byte by byte, too.
const BYTEWISE_MAX: usize = 1024;

fuzz_target!(|input: &[u8]| {
    let [rest @ .., cuts, options] = input else { return };
    let (stream, cuts) = rest.split_at(rest.len() - usize::from(cuts % 16).min(rest.len()));
    let mut stream = stream.to_vec();
    if options & 0x40 != 0 {
        seal(&mut stream);
    }
    let rules = Rules::from(*options);
    let whole = rules.framed(&[&stream]);
    assert_eq!(whole, rules.framed(&pieces(&stream, cuts)), "cut");
    if stream.len() <= BYTEWISE_MAX {
        assert_eq!(whole, rules.framed(&stream.chunks(1).collect::<Vec<_>>()), "byte by byte");
    }
    assert_eq!(whole, rules.lines(Lines::new(&stream).map(<[u8]>::to_vec)), "as a datagram");
    let longest = rules.config.line_bytes_max;
    let trimmed =
        || Lines::new(&stream).map(<[u8]>::trim_ascii_end).filter(|line| line.len() < longest);
    let short = rules.lines(trimmed().map(<[u8]>::to_vec));
    assert_eq!(short, rules.lines(trimmed().map(|line| [line, b" "].concat())), "both ways");
});

/// The stream in pieces, each cut so many bytes behind the one before.
fn pieces<'a>(mut stream: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = stream.split_at(usize::from(*cut).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

/// Makes the two digits behind each star the checksum of what stands between it and the `!`, `$` or `\` before it.
fn seal(stream: &mut [u8]) {
    let (mut sum, mut at) = (0_u8, 0);
    while at < stream.len() {
        match stream[at] {
            b'!' | b'$' | b'\\' => sum = 0,
            b'*' if at + 2 < stream.len() => {
                stream[at + 1] = b"0123456789ABCDEF"[usize::from(sum >> 4)];
                stream[at + 2] = b"0123456789ABCDEF"[usize::from(sum & 15)];
                at += 2;
            }
            byte => sum ^= byte,
        }
        at += 1;
    }
}

/// How a stream is read.
struct Rules {
    config: NmeaConfig,
    step_us: i64,
}

impl From<u8> for Rules {
    fn from(options: u8) -> Self {
        let config = NmeaConfig {
            require_checksum: options & 0x10 != 0,
            line_bytes_max: [64, 128, 1024, 8192][usize::from(options & 3)],
            fragments_max: [1, 2, 8, 4096][usize::from(options >> 2 & 3)],
            fragment_seconds: 30,
        };
        Self { config, step_us: if options & 0x20 == 0 { 1_000 } else { 1_000_000 } }
    }
}

impl Rules {
    fn framed(&self, pieces: &[&[u8]]) -> Kept {
        let mut framer = Framer::new(self.config.line_bytes_max);
        let mut reader = Reader::new(self);
        for piece in pieces {
            framer.feed(piece, |event| reader.take(event));
            assert!(framer.kept_bytes() <= self.config.line_bytes_max);
        }
        framer.finish(|event| reader.take(event));
        assert_eq!(framer.kept_bytes(), 0);
        reader.finish()
    }

    fn lines(&self, lines: impl Iterator<Item = Vec<u8>>) -> Kept {
        let mut reader = Reader::new(self);
        for line in lines {
            reader.take(LineEvent::Line(&line));
        }
        reader.finish()
    }
}

/// An assembler whose clock moves on with each line.
struct Reader<'a> {
    rules: &'a Rules,
    assembler: Assembler,
    kept: Kept,
    count: i64,
}

impl<'a> Reader<'a> {
    fn new(rules: &'a Rules) -> Self {
        let assembler = Assembler::new(&rules.config);
        Self { rules, assembler, kept: Kept::default(), count: 0 }
    }

    fn take(&mut self, event: LineEvent<'_>) {
        self.count += 1;
        let now_us = NOW_US + self.count * self.rules.step_us;
        self.assembler.event(event, SENDER, now_us, &mut self.kept);
        if self.count % 16 == 0 {
            self.assembler.expire(now_us, &mut self.kept);
        }
        let most = self.rules.config.fragments_max;
        assert!(self.assembler.held_messages() <= most);
        assert!(self.assembler.held_bytes() <= most * BYTES_EACH);
    }

    fn finish(mut self) -> Kept {
        self.assembler.finish(&mut self.kept);
        assert_eq!((self.assembler.held_bytes(), self.assembler.held_messages()), (0, 0));
        self.kept
    }
}

/// Everything a sink is told, in order.
#[derive(Debug, Default, PartialEq)]
struct Kept(Vec<Told>);

#[derive(Debug, PartialEq)]
enum Told {
    Message { raw: Vec<u8>, payload: Vec<u8>, facts: (u32, Option<i64>, i64, u8, u8, u8, bool) },
    Reject(&'static str, Vec<u8>),
    Note(Note, u64),
}

impl Sink for Kept {
    fn message(&mut self, message: &Message<'_>) {
        let payload = match message.payload {
            Payload::Within(at, len) => &message.raw[at..at + len],
            Payload::Joined(payload) | Payload::Report(payload) => payload,
        };
        assert!(message.fill <= 5 && (1..=9).contains(&message.parts));
        check_record(message, payload);
        self.0.push(Told::Message {
            raw: message.raw.to_vec(),
            payload: payload.to_vec(),
            facts: (
                message.mmsi,
                message.sent_us,
                message.received_us,
                message.fill,
                message.channel,
                message.parts,
                message.own_ship,
            ),
        });
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.0.push(Told::Reject(reason.label(), line.to_vec()));
    }

    fn note(&mut self, note: Note, count: u64) {
        assert!(count > 0);
        self.0.push(Told::Note(note, count));
    }
}

/// A message becomes a record that says the same.
fn check_record(message: &Message<'_>, payload: &[u8]) {
    let mut batch = Batch::default();
    let new = NewRecord {
        received_us: message.received_us,
        sent_us: message.sent_us,
        partition: partition::of(message.mmsi),
        feed: 3,
        channel: message.channel,
        fill: message.fill,
        own_ship: message.own_ship,
        recorded: false,
        raw: message.raw,
        payload: message.payload,
    };
    batch.push(&new).expect("a message of bounded lines is a record");
    let record = Walk::new(batch.bytes()).next().map(Record::view).expect("the record pushed");
    assert_eq!(record.payload, payload);
    assert!(record.raw.starts_with(message.raw));
    assert_eq!((record.received_us, record.sent_us), (new.received_us, new.sent_us));
    assert_eq!((record.partition, record.feed), (new.partition, new.feed));
    assert_eq!((record.channel, record.fill), (new.channel, new.fill));
    assert_eq!((record.own_ship, record.recorded), (new.own_ship, new.recorded));
}
