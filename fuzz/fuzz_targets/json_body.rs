//! Any body that is posted gets one verdict, and what is taken of it are good records.
//!
//! Input: one byte that says where it is posted and what it is said to be; then the body.
//!
//! Holds: no panic; one verdict for each body, JSON, of a status that bodies have; as many records as it says were accepted; a success
//! only after the receipt; a record is what the shard takes: a packed report in range or a message that decodes, of a time that is
//! believed; what came is what was taken and refused.
#![no_main]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use aisd::ais::{self, Scratch};
use aisd::clock::Clock;
use aisd::config::{BreakerConfig, NmeaConfig};
use aisd::feed::http::{Answers, Content, Form, HttpFeed, Post, Ticket, Verdict};
use aisd::feed::{FeedContext, Happening};
use aisd::observe::counts::{Counts, FeedCounts};
use aisd::observe::samples::Samples;
use aisd::queue::{Poll, bounded};
use aisd::record::{Record, Walk};
use aisd::report::packed::Told;
use aisd::shard::event_time::Believable;
use aisd::stage::{Stage, parking};
use libfuzzer_sys::fuzz_target;

/// 2025-11-08T10:00:00Z.
const NOW_US: i64 = 1_762_596_000_000_000;
const DAY_US: i64 = 86_400_000_000;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Verdict>>>);

impl Answers for Kept {
    fn put(&self, _: Ticket, verdict: Verdict) {
        self.0.lock().expect("nobody panics").push(verdict);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((how, body)) = input.split_first() else { return };
    let form = if how & 1 == 0 { Form::One } else { Form::Many };
    let content = match how >> 1 & 3 {
        0 => Content::Json,
        1 => Content::JsonLines,
        2 => Content::Lines,
        _ => Content::Unknown,
    };
    let (_spot, waker) = parking();
    let (journal, batches) = bounded(4, &waker);
    let (posts, inlet) = bounded(4, &waker);
    let counts = Arc::new(Counts { feeds: vec![FeedCounts::default()], ..Counts::default() });
    let context = FeedContext {
        id: 0,
        happening: Happening::Live,
        counts: Arc::clone(&counts),
        samples: Arc::new(Samples::default()),
        journal,
        nmea: NmeaConfig::default(),
        breakers: BreakerConfig::default(),
        clock: Clock::manual(NOW_US),
        taken: Arc::default(),
        stopping: Arc::new(AtomicBool::new(false)),
    };
    let kept = Kept::default();
    let (believable, answers) = (Believable::new(24, 24), Box::new(kept.clone()));
    let mut feed = HttpFeed::new(context, "http", believable, (inlet, waker), answers);
    let ticket = Ticket { place: 1, closes: false };
    let post = Post { ticket, form, content, received_us: NOW_US, body: body.to_vec() };
    assert!(posts.offer(post).is_ok());
    feed.turn().expect("it goes on");
    let mut records = 0;
    while let Poll::Item(batch) = batches.poll() {
        let (bytes, receipt) = batch.into_parts();
        records += Walk::new(&bytes).inspect(|record| check(&Record::view(record))).count() as u64;
        assert!(kept.0.lock().expect("nobody panics").is_empty(), "answered before the sync");
        let receipt = receipt.expect("a receipt");
        assert!(receipt.begin());
        receipt.give();
    }
    feed.turn().expect("it goes on");
    let verdicts = std::mem::take(&mut *kept.0.lock().expect("nobody panics"));
    let [verdict] = &verdicts[..] else { panic!("{} verdicts", verdicts.len()) };
    assert!([200, 207, 400, 413].contains(&verdict.status), "{}", verdict.status);
    let told: serde_json::Value = serde_json::from_slice(&verdict.body).expect("JSON");
    assert_eq!(told["accepted"].as_u64().unwrap_or(0), records, "{told}");
    assert_eq!(records > 0, verdict.status < 400);
    let counts = &counts.feeds[0];
    assert_eq!(counts.received.get(), records + counts.rejected.total());
});

fn check(record: &Record<'_>) {
    assert!(record.answered && !record.recorded);
    let time_us = record.sent_us.unwrap_or(record.received_us);
    assert!((NOW_US - DAY_US..=NOW_US + DAY_US).contains(&time_us), "{time_us}");
    if !record.report {
        assert!(ais::decode(record.payload, record.fill, &mut Scratch::new()).is_ok());
        return;
    }
    let told = Told::unpack(record.payload).expect("a packed report");
    assert!((1..=999_999_998).contains(&told.mmsi), "{}", told.mmsi);
    assert!(told.position.is_some() || told.data.is_some());
    if let Some(position) = told.position {
        assert!(position.place.is_some());
        assert!(position.sog.is_none_or(|sog| sog <= 10_220));
        assert!(position.cog.is_none_or(|cog| cog < 3600));
        assert!(position.heading.is_none_or(|heading| heading < 360));
        assert!(position.nav_status.is_none_or(|status| status < 15));
        assert!(position.altitude.is_none_or(|metres| metres < 4095));
    }
}
