//! What does a shard need to decide about a message: to decode it, to know it again, to keep what is known of its vessel, and to make a row?
//!
//! Position reports of 20 000 ships that move, in an order that no cache guesses, as one shard gets them: `one receiver` hears each once,
//! `five receivers` hear each five times, 50 000 a second; `at the highest rate` there are ten times as many, and as much more is
//! remembered of what was heard. Divide the time by the elements for the time of one message. `cargo bench --bench shard`

#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use aisd::config::ShardConfig;
use aisd::observe::samples::Samples;
use aisd::record::{self, Batch, NewRecord, Payload};
use aisd::rows::Rows;
use aisd::shard::decide::{Decider, Rules};
use aisd::shard::vessels::Vessels;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parking_lot::Mutex;

const SHIPS: u32 = 20_000;
/// What one measurement is of: receivers, messages, and microseconds between two receipts.
const CASES: [(&str, u8, u32, i64); 3] = [
    ("one receiver", 1, 100_000, 20),
    ("five receivers", 5, 100_000, 20),
    ("one receiver at the highest rate", 1, 500_000, 2),
];
const BEGIN_US: i64 = 1_700_000_000_000_000;

/// A type 1 report without a UTC second.
fn payload(ship: u32, lon: u32, lat: u32) -> [u8; 28] {
    let fields = [
        (1, 6),
        (0, 2),
        (200_000_000 + ship, 30),
        (0, 4),
        (128, 8),
        (100, 10),
        (0, 1),
        (lon, 28),
        (lat, 27),
        (900, 12),
        (90, 9),
        (60, 6),
        (0, 25),
    ];
    let (mut chars, mut at) = ([0_u8; 28], 0);
    for (value, width) in fields {
        for bit in (0..width).rev() {
            chars[at / 6] |= ((value >> bit & 1) as u8) << (5 - at % 6);
            at += 1;
        }
    }
    chars.map(|six| if six < 40 { six + 48 } else { six + 56 })
}

/// So many records of so many receivers, each of which hears everything.
fn records(messages: u32, receivers: u8) -> Vec<u8> {
    let mut batch = Batch::default();
    for n in 0..messages / u32::from(receivers) {
        let ship = n.wrapping_mul(7919) % SHIPS;
        let payload = payload(ship, ship * 1000 + n / SHIPS, ship * 500);
        let line = [b"!AIVDM,1,1,,A,".as_slice(), &payload, b",0*00"].concat();
        for feed in 0..receivers {
            let new = NewRecord {
                received_us: 0,
                sent_us: None,
                partition: 0,
                feed,
                channel: b'A',
                fill: 0,
                own_ship: false,
                recorded: false,
                raw: &line,
                payload: Payload::Within(14, 28),
            };
            batch.push(&new).unwrap();
        }
    }
    batch.into_bytes()
}

/// Gives every record the next number, and a receipt so much after the last one.
fn number(bytes: &mut [u8], seq: &mut u64, apart_us: i64) {
    let mut at = 0;
    while let Ok(length) = record::length(&bytes[at..]) {
        *seq += 1;
        let received_us = BEGIN_US + seq.cast_signed() * apart_us;
        bytes[at + 8..at + 16].copy_from_slice(&seq.to_le_bytes());
        bytes[at + 16..at + 24].copy_from_slice(&received_us.to_le_bytes());
        at += record::aligned(length);
        if at >= bytes.len() {
            return;
        }
    }
}

fn decider() -> Decider {
    Decider::new(Rules {
        shard: 0,
        shards: 1,
        config: ShardConfig::default(),
        offsets: [0; 64],
        run_from: 0,
        seed: 1,
        samples: Arc::new(Samples::default()),
        vessels: Arc::new(Mutex::new(Vessels::new(200_000))),
        policy: Arc::default(),
    })
}

fn bench(criterion: &mut Criterion) {
    for (name, receivers, messages, apart_us) in CASES {
        let mut bytes = records(messages, receivers);
        let (mut decider, mut rows, mut seq) = (decider(), Rows::default(), 0);
        let mut group = criterion.benchmark_group("shard");
        group.throughput(Throughput::Elements(u64::from(messages)));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    // What was heard a minute ago is not heard again.
                    seq += 60_000_000 / apart_us.cast_unsigned();
                    number(&mut bytes, &mut seq, apart_us);
                    let began = Instant::now();
                    decider.decide(&bytes, &mut rows);
                    took += began.elapsed();
                    assert_eq!(rows.positions.len() as u32, messages / u32::from(receivers));
                    rows.clear();
                }
                took
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_millis(500))
        .sample_size(20);
    targets = bench
}
criterion_main!(benches);
