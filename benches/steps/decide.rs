//! What does a shard spend on a record: decode, time, dedup, vessel, flags, row?
//!
//! Numbered records of the recording, as they come from the journal, through the rules of one shard of one and of one of four,
//! which passes over three records in four. An element is a record.

use std::hint::black_box;
use std::sync::Arc;

use aisd::config::ShardConfig;
use aisd::observe::samples::Samples;
use aisd::partition::PARTITIONS;
use aisd::record;
use aisd::rows::Rows;
use aisd::shard::decide::{Decider, Rules};
use aisd::shard::vessels::Vessels;
use parking_lot::Mutex;

use crate::case::{Case, Prepared};
use crate::traffic::{self, HOUR_US, NOW_US};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("decide/one shard", || decide(1)),
        Case::new("decide/one of four shards", || decide(4)),
    ]
}

fn decide(shards: usize) -> Prepared {
    let messages = traffic::messages();
    let mut decider = Decider::new(rules(shards));
    let (mut rows, mut seq) = (Rows::default(), 1 << 40);
    let mut records = traffic::batch(&messages, NOW_US).into_bytes();
    Prepared::new(messages.len(), move || {
        // Each time they are other records: that is in the count, and costs little beside it.
        renumber(&mut records, &mut seq);
        rows.clear();
        decider.decide(black_box(&records), &mut rows);
        assert!(rows.len() * shards * 4 > messages.len(), "{} rows", rows.len());
    })
}

pub fn rules(shards: usize) -> Rules {
    Rules {
        shard: 0,
        shards,
        config: ShardConfig::default(),
        offsets: [0; PARTITIONS],
        run_from: 0,
        seed: 1,
        samples: Arc::new(Samples::default()),
        vessels: Arc::new(Mutex::new(Vessels::new(200_000))),
        policy: Arc::default(),
    }
}

/// Gives each record the next number, and a receipt an hour later.
fn renumber(bytes: &mut [u8], seq: &mut u64) {
    let mut at = 0;
    while let Ok(length) = record::length(&bytes[at..]) {
        let record = &mut bytes[at..at + length];
        let received_us = record::received_us(record) + HOUR_US;
        record[16..24].copy_from_slice(&received_us.to_le_bytes());
        record[8..16].copy_from_slice(&seq.to_le_bytes());
        *seq += 1;
        at += record::aligned(length);
    }
}
