//! What does the whole way cost without a store: bytes, lines, messages, journal, shard, rows?
//!
//! Every step of the daemon but sockets and the store, one after the other on one thread: the recording in reads of 64 KiB goes through
//! the intake of a feed, is appended, read by the one shard, and becomes rows, which are thrown away. What is left of a core at a rate
//! is for the system and for the store. An element is a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use aisd::clock::Clock;
use aisd::config::{BreakerConfig, NmeaConfig};
use aisd::feed::intake::Intake;
use aisd::feed::{FeedContext, Handed, Happening};
use aisd::journal::Place;
use aisd::journal::tail::Tail;
use aisd::observe::samples::Samples;
use aisd::partition::PARTITIONS;
use aisd::queue::{Inlet, Outlet, Poll, bounded};
use aisd::rows::Rows;
use aisd::shard::{Begin, Recovery, Shard, Start};
use aisd::stage::{Stage, Turn, parking};

use crate::case::{Case, Prepared};
use crate::decide::rules;
use crate::journal::Rig;
use crate::traffic::{self, HOUR_US, NOW_US, RECORDED};

const READ_BYTES: usize = 64 * 1024;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("pipeline/recorded", || pipeline(RECORDED.to_vec())),
        Case::new("pipeline/plain", || pipeline(traffic::plain())),
    ]
}

fn pipeline(bytes: Vec<u8>) -> Prepared {
    let mut rig = Rig::new();
    let mut intake = Intake::new(context(&rig));
    let mut framer = intake.framer();
    let counts = Arc::clone(&rig.counts);
    let (mut shard, rows, spare) = shard(&mut rig);
    let mut received_us = NOW_US;
    let mut run = move || {
        received_us += HOUR_US;
        let mut made = 0;
        for read in bytes.chunks(READ_BYTES) {
            intake.bytes(&mut framer, read, 1, received_us);
            assert!(matches!(intake.hand_on(), Handed::On(_)));
            rig.append();
            while matches!(shard.turn().unwrap(), Turn::Moved(_)) {
                while let Poll::Item(mut batch) = rows.poll() {
                    made += batch.len();
                    batch.clear();
                    let _ = spare.offer(batch);
                }
            }
        }
        rig.sync();
        rig.forget();
        made
    };
    let rows = run();
    assert!(rows > 15_000, "{rows} rows");
    let messages = counts.feeds[0].received.get();
    Prepared::new(messages as usize, move || assert_eq!(run(), rows))
}

fn context(rig: &Rig) -> FeedContext {
    FeedContext {
        id: 0,
        happening: Happening::Live,
        counts: Arc::clone(&rig.counts),
        samples: Arc::new(Samples::default()),
        taken: Arc::default(),
        journal: rig.feed.clone(),
        nmea: NmeaConfig::default(),
        breakers: BreakerConfig::default(),
        clock: Clock::System,
        stopping: Arc::new(AtomicBool::new(false)),
    }
}

fn shard(rig: &mut Rig) -> (Shard, Inlet<Rows>, Outlet<Rows>) {
    let (_spot, waker) = parking();
    let (to_store, rows) = bounded(8, &waker);
    let (spare, spares) = bounded(8, &waker);
    let chunks = rig.chunks.take().unwrap();
    let counts = || Arc::clone(&rig.counts);
    let tail = Tail::new(Arc::clone(&rig.shared), chunks, Place::default(), counts(), true);
    let begin =
        Begin::Storing(Box::new(Start { offsets: [0; PARTITIONS], from: Place::default() }));
    let recovery = Recovery { until: Place::default(), shards_left: Arc::new(AtomicUsize::new(1)) };
    let shard = Shard::new((tail, begin, recovery), rules(1), (to_store, spares), counts());
    (shard, rows, spare)
}
