//! How long does it take to decode a payload, by its type?
//!
//! `all` is the recording in its own mix, with what a shard asks each message for (position, static data); the others are up
//! to 64 recorded messages of one type, again and again. An element is a message. `cargo bench --bench decode` has other
//! decoders beside it.

use std::hint::black_box;

use aisd::ais::{Scratch, decode};

use crate::case::{Case, Prepared};
use crate::traffic::{self, Whole};

/// Messages of one type in a run.
const OF_TYPE: usize = 1024;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("decode/unarmor", || {
            let messages = traffic::messages();
            let mut scratch = Scratch::new();
            Prepared::new(messages.len(), move || {
                for message in &messages {
                    let frame = scratch.unarmor(black_box(&message.payload), message.fill);
                    black_box(frame.map_or(0, |frame| frame.len()));
                }
            })
        }),
        Case::new("decode/all", || of(traffic::messages())),
    ];
    cases.extend((1..=27).map(|msg_type| {
        Case::new(format!("decode/type {msg_type}"), move || {
            let messages = traffic::of_type(msg_type);
            assert!(!messages.is_empty(), "no message of type {msg_type} in tests/data");
            of(messages.into_iter().cycle().take(OF_TYPE).collect())
        })
    }));
    cases
}

fn of(messages: Vec<Whole>) -> Prepared {
    let mut scratch = Scratch::new();
    Prepared::new(messages.len(), move || {
        for message in &messages {
            if let Ok(message) = decode(black_box(&message.payload), message.fill, &mut scratch) {
                black_box((message.mmsi(), message.position(), message.static_data()));
            }
        }
    })
}
