//! A decider driven by hand: reports go in, rows and what is known of the vessels come out.

use std::sync::Arc;

use parking_lot::Mutex;

use super::decide::{Decider, Rules};
use super::policy::Policy;
use super::vessel::Vessel;
use super::vessels::Vessels;
use crate::clock::SECOND_US;
use crate::config::{Config, ShardConfig};
use crate::observe::counts::{Counts, FeedCounts, ShardCounts};
use crate::observe::samples::Samples;
use crate::partition::{self, PARTITIONS};
use crate::record::{self, Batch, NewRecord, Payload};
use crate::report::packed::Told;
use crate::report::{Place, Position, StaticData};
use crate::rows::Rows;

pub const NOW: i64 = 1_700_000_000 * SECOND_US;
pub const SHIP: u32 = 244_660_000;
/// Feeds by their numbers.
pub const FEEDS: [&str; 5] = ["one", "two", "three", "aisstream", "marine_traffic"];

/// The decider, and what it has come to.
pub struct Bench {
    pub decider: Decider,
    pub rows: Rows,
    pub counts: Arc<Counts>,
    pub vessels: Arc<Mutex<Vessels>>,
    next_seq: u64,
}

/// A report in fields, and how it came.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    pub feed: u8,
    /// When it happened and when it was received, seconds from [`NOW`].
    pub times_s: (i64, i64),
    pub told: Told,
}

/// A place so many metres north and east of one in the North Sea.
pub fn metres(north: i32, east: i32) -> Place {
    // A metre of latitude is 5.4 units, of longitude there twice as many.
    Place::new(2_400_000 + east * 54 / 5, 36_000_000 + north * 27 / 5).unwrap()
}

/// A position of a ship here that makes 10 knots.
pub fn at(place: Place) -> Position {
    Position {
        msg_type: 1,
        place: Some(place),
        sog: Some(100),
        cog: Some(900),
        heading: Some(90),
        rot: None,
        nav_status: Some(0),
        altitude: None,
        utc_second: None,
        accurate: false,
        raim: false,
    }
}

/// The report of that position that happened and was received at this second.
pub fn moved(feed: u8, time_s: i64, position: Position) -> Heard {
    let told = Told { mmsi: SHIP, position: Some(position), data: None };
    Heard { feed, times_s: (time_s, time_s), told }
}

/// What the ship says of itself then.
pub fn said(feed: u8, time_s: i64, data: StaticData) -> Heard {
    let told = Told { mmsi: SHIP, position: None, data: Some(data) };
    Heard { feed, times_s: (time_s, time_s), told }
}

/// A sentence of one part whose payload has 28 letters, as a feed takes it.
pub fn sentence_of(feed: u8, raw: &[u8], received_us: i64) -> NewRecord<'_> {
    NewRecord {
        received_us,
        sent_us: None,
        partition: 0,
        feed,
        channel: b'A',
        fill: 0,
        own_ship: false,
        recorded: false,
        raw,
        payload: Payload::Within(14, 28),
    }
}

impl Bench {
    /// With this in the configuration file.
    pub fn new(toml: &str) -> Self {
        Self::of(&crate::config::load::parse("test", toml).unwrap())
    }

    pub fn of(config: &Config) -> Self {
        let names = FEEDS.map(str::to_owned);
        let feeds =
            names.iter().map(|name| FeedCounts { name: name.clone(), ..FeedCounts::default() });
        let counts = Counts {
            feeds: feeds.collect(),
            shards: vec![ShardCounts::default()],
            ..Counts::default()
        };
        let vessels = Arc::new(Mutex::new(Vessels::new(1000).watched()));
        let decider = Decider::new(Rules {
            shard: 0,
            shards: 1,
            config: ShardConfig { retry_seconds: 600, ..config.shards.clone() },
            offsets: [0; PARTITIONS],
            run_from: 0,
            seed: 1,
            samples: Arc::new(Samples::default()),
            vessels: Arc::clone(&vessels),
            policy: Arc::new(Policy::new(config, &names, &[])),
        });
        let (rows, counts) = (Rows::default(), Arc::new(counts));
        Self { decider, rows, counts, vessels, next_seq: 1 }
    }

    /// Decides about a report; whether it became a row of a position.
    pub fn hear(&mut self, heard: Heard) -> bool {
        let mut packed = Vec::new();
        heard.told.pack(&mut packed);
        let (sent_us, received_us) = (heard.times_s.0, heard.times_s.1);
        self.record(&NewRecord {
            received_us: NOW + received_us * SECOND_US,
            sent_us: Some(NOW + sent_us * SECOND_US),
            partition: partition::of(heard.told.mmsi),
            feed: heard.feed,
            channel: 0,
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: b"{}",
            payload: Payload::Report(&packed),
        })
    }

    /// Decides about a sentence that a feed brings at this second of the bench.
    pub fn hear_sentence(&mut self, feed: u8, raw: &[u8], time_s: i64) -> bool {
        self.record(&sentence_of(feed, raw, NOW + time_s * SECOND_US))
    }

    pub fn hear_all<'a>(&mut self, heard: impl IntoIterator<Item = &'a Heard>) {
        for heard in heard {
            self.hear(*heard);
        }
    }

    pub fn record(&mut self, new: &NewRecord<'_>) -> bool {
        let mut batch = Batch::default();
        batch.push(new).unwrap();
        let mut bytes = batch.into_bytes();
        let length = record::length(&bytes).unwrap();
        record::number(&mut bytes[..length], self.next_seq);
        self.next_seq += 1;
        let before = self.rows.positions.len();
        self.decider.decide(&bytes, &mut self.rows);
        self.decider.count_messages(&self.counts);
        self.decider.count_looks(&self.counts);
        self.rows.positions.len() > before
    }

    /// What is known of the ship.
    pub fn ship(&self) -> Vessel {
        self.vessels.lock().get(SHIP).unwrap().clone()
    }

    /// The flags of the newest row.
    pub fn flags(&self) -> u16 {
        self.rows.positions.last().unwrap().flags
    }
}
