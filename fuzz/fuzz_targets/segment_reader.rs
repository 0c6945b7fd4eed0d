//! Whatever lies in a data directory, the journal opens, and readers get to its end with everything that is whole.
//!
//! Input: bytes for the segments, then eight bytes of options:
//!
//! ```text
//! 0 what: bits 0-1 the body: bytes as they are, the same with checksums made right, records changed in places
//!         bit 2 a second segment │ 3 zeros behind, as preallocated │ 4 more is appended after opening
//!         5 and 6 more than is read at once
//! 1 header: bits 0-1 right, with number and time from 2-7, one bit changed, no header at all │ 2-7 index of the file
//! 2-3 first number │ 4-5 time │ 6 where replay begins │ 7 dedup window in seconds
//! ```
//!
//! Holds: no panic; every step of a reader leads forward; every record given out has the right checksum; the tail and
//! a read-back give the same; what was not touched is given out, in order and once; numbers of a new start are
//! above all that are in the journal; what is appended is read.
#![no_main]

mod support;

use std::collections::BTreeMap;

use aisd::record::{self, Record};
use libfuzzer_sys::fuzz_target;
use support::Options;
use support::body::{self, Body};
use support::rig::{self, Rig};

fuzz_target!(|input: &[u8]| {
    let Some((bytes, options)) = input.split_last_chunk::<8>() else { return };
    let options = Options(*options);
    let bodies: Vec<Body> = if options.two_segments() {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        vec![body::of(first, &options, 0), body::of(second, &options, 1)]
    } else {
        vec![body::of(bytes, &options, 0)]
    };
    rig::clear();
    for (nth, body) in bodies.iter().enumerate() {
        rig::write_segment(nth, body, &options);
    }
    let Some(rig) = Rig::open(&options) else { return };
    let records = rig.read_tail();
    assert_eq!(records, rig.read_back(), "the tail and the read-back differ");
    assert!(records.iter().all(|bytes| is_right(bytes)));
    check_untouched(&bodies, &records, &options, &rig);
    if options.appends() {
        rig.check_appended();
    }
});

/// Judged without the reader's own functions.
fn is_right(bytes: &[u8]) -> bool {
    let (Some(length), Some(crc)) = (bytes.first_chunk(), bytes[4..].first_chunk()) else {
        return false;
    };
    u32::from_le_bytes(*length) as usize == bytes.len()
        && u32::from_le_bytes(*crc) == crc32c::crc32c(&bytes[8..])
}

/// When no input was clever enough to make a new record, all old ones that were not touched are there, in order.
fn check_untouched(bodies: &[Body], records: &[Vec<u8>], options: &Options, rig: &Rig) {
    let next_seq = body::first_seq(options, 0) + options.committed();
    let replayed = rig.sweep_and_replay(next_seq, options);
    if !options.changes_records() || !options.right_headers() {
        return;
    }
    assert!(!rig.quarantined());
    let known = by_number(bodies.iter().flat_map(|body| &body.records));
    if !records.iter().all(|record| known.get(&record::seq(record)) == Some(&record)) {
        return;
    }
    let (found, replayed) = (by_number(records), by_number(&replayed));
    for untouched in bodies.iter().flat_map(Body::untouched) {
        let seq = record::seq(untouched);
        assert_eq!(found.get(&seq), Some(&untouched), "record {seq:#x} is lost");
        assert!(seq < next_seq || replayed.contains_key(&seq), "record {seq:#x} is not replayed");
    }
    for record in records {
        assert!(record::seq(record) < rig.first_seq_of_this_start());
        assert!(Record::view(record).raw.starts_with(body::LINE));
    }
    if !bodies.iter().any(|body| body.copied) {
        assert!(records.is_sorted_by_key(|record| record::seq(record)));
        assert_eq!(found.len(), records.len(), "a record was given out twice");
    }
}

fn by_number<'a>(records: impl IntoIterator<Item = &'a Vec<u8>>) -> BTreeMap<u64, &'a Vec<u8>> {
    records.into_iter().map(|record| (record::seq(record), record)).collect()
}
