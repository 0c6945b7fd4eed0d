//! How long does it take to decode a message, and to write it as JSON, next to the other decoders in Rust?
//!
//! On the same bytes: a day of the Australian coast, 34 009 messages (`tests/data/amsa/ais.txt`). Throughput is told in
//! messages (elements) a second.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used, clippy::panic)]

use std::hint::black_box;
use std::time::Duration;

use aisd::ais::{JsonMeta, Scratch, decode};
use aisd::config::NmeaConfig;
use aisd::nmea::assembler::Assembler;
use aisd::nmea::line::Lines;
use aisd::nmea::{Message, Note, Sink};
use aisd::record::Payload;
use aisd::reject::Reject;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TRAFFIC: &[u8] = include_bytes!("../tests/data/amsa/ais.txt");

/// A sentence of one part: the whole of it, and its payload with its fill bits.
struct Line<'a> {
    sentence: &'a [u8],
    payload: &'a [u8],
    fill: u8,
}

/// The sentences of one part.
fn lines() -> Vec<Line<'static>> {
    let whole_lines = TRAFFIC.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    whole_lines
        .filter_map(|line| {
            let sentence = &line[line.iter().position(|&byte| byte == b'!')?..];
            let fields: Vec<_> = sentence.split(|&byte| byte == b',').collect();
            let fill = fields.get(6)?.first()?.wrapping_sub(b'0');
            (fields[1] == b"1").then_some(Line { sentence, payload: fields[5], fill })
        })
        .collect()
}

fn payload_to_struct(criterion: &mut Criterion) {
    let lines = lines();
    let mut group = criterion.benchmark_group("payload to struct");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("unarmor", |bencher| {
        let mut scratch = Scratch::new();
        bencher.iter(|| {
            let mut bits = 0;
            for line in &lines {
                bits += scratch.unarmor(line.payload, line.fill).map_or(0, |frame| frame.len());
            }
            black_box(bits)
        });
    });
    group.bench_function("decode", |bencher| {
        let mut scratch = Scratch::new();
        bencher.iter(|| {
            for line in &lines {
                let _ = black_box(decode(line.payload, line.fill, &mut scratch));
            }
        });
    });
    group.bench_function("decode, position, static data", |bencher| {
        let mut scratch = Scratch::new();
        bencher.iter(|| {
            for line in &lines {
                if let Ok(message) = decode(line.payload, line.fill, &mut scratch) {
                    black_box((message.mmsi(), message.position(), message.static_data()));
                }
            }
        });
    });
    group.finish();
}

fn payload_to_json(criterion: &mut Criterion) {
    let lines = lines();
    let mut group = criterion.benchmark_group("payload to JSON");
    group.throughput(Throughput::Elements(lines.len() as u64));
    for (name, scaled) in [("raw", false), ("scaled", true)] {
        group.bench_function(name, |bencher| {
            let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(4096));
            bencher.iter(|| {
                for line in &lines {
                    if let Ok(message) = decode(line.payload, line.fill, &mut scratch) {
                        out.clear();
                        message.write_json(scaled, &JsonMeta::default(), &mut out);
                        black_box(out.len());
                    }
                }
            });
        });
    }
    group.finish();
}

/// Decodes whole messages as they come out of the lines.
#[derive(Default)]
struct ToStruct {
    scratch: Scratch,
    decoded: u32,
}

impl Sink for ToStruct {
    fn message(&mut self, message: &Message<'_>) {
        let payload = match message.payload {
            Payload::Within(at, len) => &message.raw[at..at + len],
            Payload::Joined(payload) | Payload::Report(payload) => payload,
        };
        if let Ok(message) = decode(payload, message.fill, &mut self.scratch) {
            black_box(&message);
            self.decoded += 1;
        }
    }

    fn reject(&mut self, _: Reject, _: &[u8]) {}
    fn note(&mut self, _: Note, _: u64) {}
}

/// The other decoders take whole sentences; beside them stands what takes whole lines here.
fn line_to_struct(criterion: &mut Criterion) {
    let lines = lines();
    let mut group = criterion.benchmark_group("line to struct");
    group.throughput(Throughput::Elements(34_009));
    // The recording as it came: a quarter of its lines are no AIS and have to be told apart too.
    group.bench_function("aisd", |bencher| {
        let mut sink = ToStruct::default();
        let mut assembler = Assembler::new(&NmeaConfig::default());
        bencher.iter(|| {
            sink.decoded = 0;
            for line in Lines::new(TRAFFIC) {
                assembler.line(line, 0, 1_700_000_000_000_000, &mut sink);
            }
            assert!(sink.decoded > 33_000);
        });
    });
    group.bench_function("crate ais", |bencher| {
        bencher.iter(|| {
            let mut parser = ais::AisParser::new();
            for line in &lines {
                let _ = black_box(parser.parse(line.sentence, true));
            }
        });
    });
    group.bench_function("crate nmea-parser", |bencher| {
        bencher.iter(|| {
            let mut parser = nmea_parser::NmeaParser::new();
            for line in &lines {
                let text = std::str::from_utf8(line.sentence).expect("ASCII");
                let _ = black_box(parser.parse_sentence(text));
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = decoding;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = payload_to_struct, payload_to_json, line_to_struct
}
criterion_main!(decoding);
