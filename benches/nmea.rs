//! How long does it take from bytes to whole messages, line by line, on recorded traffic?
//!
//! `recorded` is a coast station's log as it is (a quarter of its lines is no AIS); `plain` only its lines that are one
//! whole sentence, which is what a clean feed sends. Each goes through the framer in reads of 64 KiB, as from a socket,
//! or is cut in place, as from a file. Divide the time by the elements for the time of one line.

#![allow(missing_docs)]

use std::hint::black_box;

use aisd::config::NmeaConfig;
use aisd::nmea::line::{Framer, Lines};
use aisd::nmea::{Assembler, Message, Note, Sink};
use aisd::reject::Reject;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

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

fn framed(bytes: &[u8]) -> u64 {
    let config = NmeaConfig::default();
    let mut framer = Framer::new(config.line_bytes_max);
    let mut assembler = Assembler::new(&config);
    let mut sink = Counting::default();
    for read in bytes.chunks(READ_BYTES) {
        framer.feed(read, |event| assembler.event(event, 1, 0, &mut sink));
    }
    black_box(sink.mmsi);
    sink.messages
}

fn in_place(bytes: &[u8]) -> u64 {
    let mut assembler = Assembler::new(&NmeaConfig::default());
    let mut sink = Counting::default();
    for line in Lines::new(bytes) {
        assembler.line(line, 1, 0, &mut sink);
    }
    black_box(sink.mmsi);
    sink.messages
}

fn lines_only(bytes: &[u8]) -> u64 {
    Lines::new(bytes).map(|line| line.len() as u64).sum()
}

/// The lines that are one whole sentence.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let wanted = |line: &&[u8]| {
        let head = line.get(3..11);
        head == Some(b"VDM,1,1,") && line.len() < 60 && line[line.len() - 3] == b'*'
    };
    Lines::new(bytes).filter(wanted).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

fn bench(criterion: &mut Criterion) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/amsa/ais.txt");
    let Ok(recorded) = std::fs::read(path) else { return };
    let plain = plain(&recorded);
    for (name, bytes) in [("recorded", &recorded), ("plain", &plain)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(Lines::new(bytes).count() as u64));
        group.bench_function("framer", |bencher| bencher.iter(|| framed(black_box(bytes))));
        group.bench_function("in place", |bencher| bencher.iter(|| in_place(black_box(bytes))));
        group.bench_function("lines only", |bencher| bencher.iter(|| lines_only(black_box(bytes))));
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(std::time::Duration::from_secs(2))
        .warm_up_time(std::time::Duration::from_millis(500))
        .sample_size(20);
    targets = bench
}
criterion_main!(benches);
