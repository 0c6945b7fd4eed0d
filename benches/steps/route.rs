//! What does it cost to know which shard a message belongs to: its MMSI from the first characters, partition, owner?

use std::hint::black_box;

use aisd::nmea::sentence::mmsi;
use aisd::partition::{of, owner};

use crate::case::{Case, Prepared};
use crate::traffic;

pub fn cases() -> Vec<Case> {
    vec![Case::new("route/payload to shard", || {
        let messages = traffic::messages();
        Prepared::new(messages.len(), move || {
            let mut shards = [0_u32; 4];
            for message in &messages {
                if let Ok(mmsi) = mmsi(black_box(&message.payload), message.fill) {
                    shards[owner(of(mmsi), black_box(4))] += 1;
                }
            }
            black_box(shards);
        })
    })]
}
