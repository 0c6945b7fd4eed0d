//! How long does it take from bytes to whole messages, line by line, on recorded traffic?
//!
//! `recorded` is a coast station's log as it is (a quarter of its lines is no AIS); `plain` only its lines that are one
//! whole sentence, which is what a clean feed sends. `stream` goes through the framer in reads of 64 KiB, as from a socket;
//! `whole` is cut in place, as from a datagram or a file. An element is a line.

use std::hint::black_box;

use aisd::config::NmeaConfig;
use aisd::nmea::line::{Framer, Lines};
use aisd::nmea::{Assembler, Message, Note, Sink};
use aisd::reject::Reject;

use crate::case::{Case, Prepared};
use crate::traffic::{self, RECORDED};

const READ_BYTES: usize = 64 * 1024;

/// Counts, and looks at what a feed would look at.
#[derive(Default)]
struct Counting {
    messages: u64,
    others: u64,
    mmsi: u64,
}

impl Sink for Counting {
    fn message(&mut self, message: &Message<'_>) {
        self.messages += 1;
        self.mmsi = self.mmsi.wrapping_add(u64::from(message.mmsi));
        black_box(message.payload);
    }

    fn reject(&mut self, _reason: Reject, _line: &[u8]) {
        self.others += 1;
    }

    fn note(&mut self, _note: Note, count: u64) {
        self.others += count;
    }
}

pub fn cases() -> Vec<Case> {
    let recorded = || RECORDED.to_vec();
    vec![
        Case::new("framer/recorded, stream", move || stream(recorded())),
        Case::new("framer/recorded, whole", move || whole(recorded())),
        Case::new("framer/plain, stream", || stream(traffic::plain())),
        Case::new("framer/plain, whole", || whole(traffic::plain())),
        Case::new("framer/lines only", move || lines_only(recorded())),
    ]
}

fn stream(bytes: Vec<u8>) -> Prepared {
    let config = NmeaConfig::default();
    let mut framer = Framer::new(config.line_bytes_max);
    let mut assembler = Assembler::new(&config);
    Prepared::new(Lines::new(&bytes).count(), move || {
        let mut sink = Counting::default();
        for read in black_box(&bytes).chunks(READ_BYTES) {
            framer.feed(read, |event| assembler.event(event, 1, 0, &mut sink));
        }
        black_box((sink.messages, sink.mmsi));
    })
}

fn whole(bytes: Vec<u8>) -> Prepared {
    let mut assembler = Assembler::new(&NmeaConfig::default());
    Prepared::new(Lines::new(&bytes).count(), move || {
        let mut sink = Counting::default();
        for line in Lines::new(black_box(&bytes)) {
            assembler.line(line, 1, 0, &mut sink);
        }
        black_box((sink.messages, sink.mmsi));
    })
}

fn lines_only(bytes: Vec<u8>) -> Prepared {
    Prepared::new(Lines::new(&bytes).count(), move || {
        black_box(Lines::new(black_box(&bytes)).map(<[u8]>::len).sum::<usize>());
    })
}
