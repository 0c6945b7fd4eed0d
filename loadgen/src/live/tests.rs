//! What following promises: against a real Redis, with a picture painted by hand.

use super::picture::Picture;
use super::*;
use crate::civil::now_us;
use crate::ledger::NOWHERE;
use crate::testing::process::wait_until;
use crate::testing::servers::Redis;
use redis::Commands;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const WAY: Way = Way { tagged: false, in_order: true };
const LIMIT: Duration = Duration::from_secs(20);
const EVENT_MS: u64 = 1_700_000_040_000;

fn address(redis: &Redis) -> Address {
    Address::parse(&format!("{}?prefix=a:", redis.url()).into()).unwrap()
}

/// A run of three ships, each of which sends a report from 1 east and 2 north, and then another from 3 and 4.
struct Run {
    live: Live,
    teller: Teller,
}

impl Run {
    fn start(address: &Address) -> Self {
        let live = Live::start(address, 3, WAY).unwrap();
        let run = Self { teller: live.teller(), live };
        for at in [(600_000, 1_200_000), (1_800_000, 2_400_000)] {
            let entry = |mmsi| Entry { mmsi, at, ..silent() };
            run.send(&[entry(1), entry(2), silent(), entry(3), Entry { repeat: true, ..entry(1) }]);
        }
        run
    }

    fn send(&self, entries: &[Entry]) {
        let now = Instant::now();
        self.teller.tell(now_us(), entries, |_| now);
    }

    fn finish(self) -> Shown {
        self.finish_within(LIMIT)
    }

    fn finish_within(self, limit: Duration) -> Shown {
        drop(self.teller);
        self.live.finish(limit).unwrap()
    }
}

/// A message that is no position.
fn silent() -> Entry {
    let (second, at) = (now_second(), NOWHERE);
    Entry { mmsi: 9, msg_type: 1, second, at, ..Entry::NONE }
}

fn now_second() -> u8 {
    u8::try_from(now_us() / 1_000_000 % 60).unwrap()
}

fn paint(redis: &Redis, mmsi: u32, lon: &str, lat: &str) {
    let fields = [("lon", lon), ("lat", lat), ("mmsi", "x")];
    let _: () = redis.connect().hset_multiple(format!("a:vessel:{mmsi}"), &fields).unwrap();
}

fn vessel(mmsi: u32, lon: f64, lat: f64, seq: u64) -> String {
    format!(r#"{{"mmsi":{mmsi},"lon":{lon},"lat":{lat},"time":{EVENT_MS},"seq":{seq}}}"#)
}

fn publish(redis: &Redis, vessels: &[String]) {
    let text = format!("[{}]", vessels.join(","));
    let heard: u32 = redis.connect().publish("a:positions", text).unwrap();
    assert_eq!(heard, 1);
}

#[test]
fn a_picture_of_the_newest_reports_is_good_and_its_publications_are_measured() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    publish(&redis, &[vessel(1, 1.0, 2.0, 10), vessel(2, 3.0, 4.0, 11)]);
    publish(&redis, &[vessel(1, 3.0, 4.0, 12), vessel(3, 3.0, 4.0, 13), vessel(7, 0.0, 0.0, 14)]);
    (1..=3).for_each(|mmsi| paint(&redis, mmsi, "3.00000000", "4"));
    let shown = run.finish();
    assert_eq!((shown.publications, shown.vessels), (2, 5));
    assert_eq!((shown.matched, shown.unmatched, shown.disconnects), (4, 1, 0));
    let picture = Picture { expected: 3, right: 3, ..Picture::default() };
    assert_eq!(shown.picture, picture);
    assert!(shown.is_good() && shown.latency_us.len() == 4);
    let ms = shown.latency_ms(1.0).unwrap();
    assert!(ms > 0.0 && ms < 10_000.0, "{ms}");
}

#[test]
fn ships_that_are_missing_or_elsewhere_are_found() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    publish(&redis, &[vessel(1, 1.0, 2.0, 10)]);
    paint(&redis, 1, "3", "4");
    // The report before the newest.
    paint(&redis, 2, "1", "2");
    let shown = run.finish_within(Duration::from_millis(500));
    let picture = Picture { expected: 3, right: 1, elsewhere: 1, absent: 1, ..Picture::default() };
    assert_eq!(shown.picture, picture);
    assert!(!shown.is_good());
}

#[test]
fn the_layout_of_the_original_is_found_by_its_keys() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    publish(&redis, &[vessel(1, 3.0, 4.0, 10)]);
    for mmsi in 1..=3 {
        let fields = [("lon", "3"), ("lat", "4")];
        let key = format!("a:ais:vessel:{mmsi}");
        let _: () = redis.connect().hset_multiple(key, &fields).unwrap();
    }
    assert!(run.finish().is_good());
}

#[test]
fn a_picture_may_become_right_after_the_last_report() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    publish(&redis, &[vessel(1, 1.0, 2.0, 10)]);
    let finish = thread::spawn(move || run.finish());
    let asked = || {
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query(&mut redis.connect()).unwrap();
        stats.contains("cmdstat_type")
    };
    wait_until("the first look at the picture", asked);
    (1..=3).for_each(|mmsi| paint(&redis, mmsi, "3", "4"));
    assert!(finish.join().unwrap().is_good());
}

#[test]
fn a_publication_that_goes_back_is_noticed() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    for seq in [10, 12, 11] {
        publish(&redis, &[vessel(1, 3.0, 4.0, seq)]);
    }
    (1..=3).for_each(|mmsi| paint(&redis, mmsi, "3", "4"));
    let shown = run.finish();
    assert!(shown.picture.is_good() && shown.went_back == 1 && !shown.is_good());
}

#[test]
fn a_picture_without_publications_is_not_good() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    (1..=3).for_each(|mmsi| paint(&redis, mmsi, "3", "4"));
    let shown = run.finish();
    assert!(shown.picture.is_good() && !shown.is_good());
}

#[test]
fn the_subscription_comes_back_with_its_server() {
    let mut redis = Redis::start();
    let run = Run::start(&address(&redis));
    redis.kill();
    redis.start_again();
    let subscribers = || {
        let mut observer = redis.connect();
        let ask = redis::cmd("PUBSUB").arg("NUMSUB").arg("a:positions").to_owned();
        ask.query::<(String, u32)>(&mut observer).unwrap().1
    };
    wait_until("a subscription", || subscribers() == 1);
    publish(&redis, &[vessel(1, 3.0, 4.0, 10)]);
    (1..=3).for_each(|mmsi| paint(&redis, mmsi, "3", "4"));
    let shown = run.finish();
    assert!(shown.is_good() && shown.matched == 1 && shown.disconnects > 0);
}

#[test]
fn a_frozen_server_does_not_hold_up_the_end() {
    let redis = Redis::start();
    let run = Run::start(&address(&redis));
    redis.freeze();
    let began = Instant::now();
    let shown = run.finish_within(Duration::from_secs(1));
    let took = began.elapsed();
    redis.thaw();
    let text = shown.picture.failure.as_deref().unwrap();
    assert!(!shown.is_good() && !text.is_empty());
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn nobody_there_is_an_error_that_names_the_address() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = Address::parse(&format!("redis://:hush@{nobody}/").into()).unwrap();
    let error = Live::start(&address, 3, WAY).err().unwrap();
    assert!(error.starts_with(&format!("follow redis at {nobody}: ")), "{error}");
    assert!(!error.contains("hush"), "{error}");
}

/// A message that comes in two halves, with a time-out of the reader between them, is one message.
#[test]
fn a_slow_message_is_read_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    let serve = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        // Two settings of the client's name, then the subscription.
        let mut await_line = |end: &str| while lines.next().unwrap().unwrap() != end {};
        await_line("LIB-VER");
        stream.write_all(b"+OK\r\n+OK\r\n").unwrap();
        await_line("positions");
        stream.write_all(b"*3\r\n$9\r\nsubscribe\r\n$9\r\npositions\r\n:1\r\n").unwrap();
        let text = format!("[{}]", vessel(1, 3.0, 4.0, 10));
        let whole =
            format!("*3\r\n$7\r\nmessage\r\n$9\r\npositions\r\n${}\r\n{text}\r\n", text.len());
        for half in [&whole[..60], &whole[60..]] {
            stream.write_all(half.as_bytes()).unwrap();
            // Longer than the reader waits: that is what is tried here.
            thread::sleep(Duration::from_millis(350));
        }
        stream
    });
    let run = Run::start(&Address::parse(&address.into()).unwrap());
    let stream = serve.join().unwrap();
    run.live.stopping.store(true, Ordering::Release);
    assert_eq!(run.live.subscriber.join().unwrap(), 0);
    drop((stream, run.teller, run.live.events));
    let shown = run.live.follower.join().unwrap();
    assert_eq!((shown.publications, shown.matched, shown.unreadable), (1, 1, 0));
}
