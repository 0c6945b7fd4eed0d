//! Outputs driven by hand: what is sent, what is not, and what a peer that is away or slow comes to.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};

use super::*;
use crate::config::{BreakerConfig, FilterConfig, NmeaConfig, OutputKind};
use crate::filter::Sinks;
use crate::heard::{Hearer, Telling};
use crate::nmea::line::Lines;
use crate::nmea::{Assembler, Note, Sink};
use crate::observe::neighbours::Neighbour;
use crate::queue::bounded;
use crate::reject::{Filtered, Reject};
use crate::report::Place;
use crate::resilience::backoff::Backoff;
use crate::stage::{Spot, parking};

const NOW: i64 = 1_700_000_000 * SECOND_US;
const SHORT: &[u8] = b"17P@<J?P00blFWmjG@5a5?v62<10";
const LONG: &[u8] = b"56K8@vh2:w;D`OG??R0dTq9UF0l59F222222221@:HE694o`0@ORT80j0`<r3PDRE0JH882";

fn message(msg_type: u8, mmsi: u32) -> Message {
    Message {
        mmsi,
        msg_type,
        time_us: NOW,
        received_us: NOW,
        place: None,
        feed: 0,
        new_to: Sinks::ALL,
        channel: b'A',
        fill: 2,
        own_ship: false,
        payload_len: 0,
    }
}

fn config(kind: OutputKind, address: &str) -> OutputConfig {
    OutputConfig {
        name: Some("out".to_owned()),
        kind,
        address: address.to_owned(),
        filter: FilterConfig::default(),
        interval_seconds: 0,
        tag_blocks: false,
        waiting_max: 100,
    }
}

struct Rig {
    forward: Forward,
    telling: Telling,
    counts: Arc<Counts>,
    clock: Clock,
    stopping: Arc<AtomicBool>,
    _spot: Spot,
}

fn rig(config: &OutputConfig) -> Rig {
    let (spot, waker) = parking();
    let (outlet, inlet) = bounded(8, &waker);
    let counts = Arc::new(Counts { outputs: vec![OutputCounts::default()], ..Counts::default() });
    let clock = Clock::manual(NOW);
    let stopping = Arc::new(AtomicBool::new(false));
    let neighbour = Arc::new(Neighbour::new("output:out", true));
    let backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
    let links = Links {
        inlet,
        at: 0,
        attempts: Attempts::new(neighbour, &BreakerConfig::default(), backoff),
        counts: Arc::clone(&counts),
        clock: clock.clone(),
        stopping: Arc::clone(&stopping),
    };
    let hearer = Hearer { outlet, at: 0, waiting_max: i64::from(config.waiting_max) };
    let telling = Telling::new(vec![hearer], Arc::clone(&counts), 1);
    let forward = Forward::new(links, config, &["own", "service"].map(str::to_owned));
    Rig { forward, telling, counts, clock, stopping, _spot: spot }
}

impl Rig {
    fn tell(&mut self, messages: &[(Message, &[u8])]) {
        messages.iter().for_each(|(message, payload)| self.telling.take(*message, payload));
        self.telling.hand_on();
    }

    fn turn_until(&mut self, mut done: impl FnMut(&OutputCounts) -> bool) {
        for _ in 0..2000 {
            if done(&self.counts.outputs[0]) {
                return;
            }
            assert_ne!(self.forward.turn().unwrap(), Turn::Finished);
            std::thread::yield_now();
        }
        panic!("it did not come so far: {:?}", self.counts.outputs[0]);
    }
}

/// What a feed makes of lines: payloads, and how many were refused.
#[derive(Default)]
struct Taken(Vec<(Vec<u8>, u8, Option<i64>)>, usize);

impl Sink for Taken {
    fn message(&mut self, message: &crate::nmea::Message<'_>) {
        let payload = match message.payload {
            crate::record::Payload::Within(at, len) => &message.raw[at..at + len],
            crate::record::Payload::Joined(payload) | crate::record::Payload::Report(payload) => {
                payload
            }
        };
        self.0.push((payload.to_vec(), message.fill, message.sent_us));
    }

    fn reject(&mut self, _reason: Reject, _line: &[u8]) {
        self.1 += 1;
    }

    fn note(&mut self, _note: Note, count: u64) {
        self.1 += usize::try_from(count).unwrap();
    }
}

#[test]
fn what_is_made_is_read_again_as_the_same_message() {
    for tagged in [None, Some(NOW)] {
        let (mut out, mut sequence) = (Vec::new(), 0);
        let full = [LONG, LONG].concat();
        for payload in [SHORT, LONG, &full, &LONG[..60], &LONG[..61]] {
            sentence::write(&mut out, &message(1, 1), payload, &mut sequence, tagged);
        }
        let lines: Vec<&[u8]> = Lines::new(&out).collect();
        assert!(lines.iter().all(|line| line.len() <= if tagged.is_some() { 100 } else { 80 }));
        let (mut taken, mut assembler) = (Taken::default(), Assembler::new(&NmeaConfig::default()));
        lines.iter().for_each(|line| assembler.line(line, 0, 0, &mut taken));
        let expected = [SHORT, LONG, &full, &LONG[..60], &LONG[..61]];
        let expected: Vec<_> = expected.iter().map(|it| (it.to_vec(), 2, tagged)).collect();
        assert_eq!((taken.0, taken.1), (expected, 0));
    }
}

#[test]
fn a_datagram_is_a_sentence_and_filters_count_what_they_keep() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut config = config(OutputKind::Udp, &peer.local_addr().unwrap().to_string());
    config.filter.types = "1,2,3, 5,24".to_owned();
    config.filter.area = "50,0,56,9;10,10,20,20".to_owned();
    config.interval_seconds = 60;
    let mut rig = rig(&config);
    let at = |lat: i32, lon: i32| Place::new(lon * 600_000, lat * 600_000);
    let there = |msg_type, mmsi| Message { place: at(52, 4), ..message(msg_type, mmsi) };
    let later = |message: Message| Message { received_us: NOW + 61 * SECOND_US, ..message };
    let half = |n: u8| [b"H5NIrj", &[b'0' + n * 4][..], b"PtlF1D8tdV10000000000"].concat();
    rig.clock.set_us(NOW + 5 * SECOND_US);
    rig.tell(&[
        (there(1, 1), SHORT),
        (there(3, 1), SHORT), // interval: a position like the last
        (there(5, 1), LONG),
        (there(24, 1), &half(0)),
        (there(24, 1), &half(1)),
        (there(24, 1), &half(1)),                               // interval
        (there(4, 1), SHORT),                                   // type
        (Message { place: at(57, 4), ..message(1, 2) }, SHORT), // area
        (message(5, 2), LONG),                                  // area: it was there
        (message(5, 3), LONG),                                  // nobody knows where
        (Message { place: at(15, 15), ..message(1, 2) }, SHORT),
        (message(5, 2), LONG), // now it is within
        (later(there(2, 1)), SHORT),
        (Message { received_us: NOW - 6 * SECOND_US, ..there(1, 9) }, SHORT), // late
    ]);
    rig.telling.pass_over();
    rig.turn_until(|counts| counts.sent.get() == 11);
    let counts = &rig.counts.outputs[0];
    let filtered = [Filtered::Type, Filtered::Area].map(|it| counts.filtered.of(it as usize).get());
    assert_eq!((filtered, counts.filtered_interval.get()), ([1, 2], 2));
    assert_eq!((counts.no_sentence.get(), counts.filtered.total()), (1, 3));
    assert_eq!((counts.heard.get(), counts.dropped_late.get(), counts.waiting.get()), (14, 1, 0));
    let mut buffer = [0; 200];
    for first in (0..11).map(|n| n == 0) {
        let length = peer.recv(&mut buffer).unwrap();
        let line = &buffer[..length];
        assert!(line.ends_with(b"\r\n") && line.iter().filter(|it| **it == b'\n').count() == 1);
        let expected = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,2*25\r\n";
        assert!(!first || line == expected, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn what_a_vessel_says_passes_by_its_vessel_and_by_who_brought_it_and_once() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut config = config(OutputKind::Udp, &peer.local_addr().unwrap().to_string());
    config.filter.mmsi = "1-9,!5".to_owned();
    config.filter.sources = "own".to_owned();
    let mut rig = rig(&config);
    let had = Sinks::ALL.but(Sinks::output(0));
    rig.tell(&[
        (message(1, 1), SHORT),
        (message(1, 5), SHORT),
        (message(1, 10), SHORT),
        (Message { feed: 1, ..message(1, 1) }, SHORT),
        (Message { new_to: had, ..message(1, 1) }, SHORT),
        (Message { new_to: Sinks::output(0), ..message(1, 2) }, SHORT),
    ]);
    rig.turn_until(|counts| counts.sent.get() == 2);
    let counts = &rig.counts.outputs[0];
    let left_out: Vec<_> = counts.left_out().map(|(reason, count)| (reason, count.get())).collect();
    let expected = [("type", 0), ("mmsi", 2), ("area", 0), ("source", 1), ("repeat", 1)];
    assert_eq!(left_out[..5], expected);
}

#[test]
fn a_peer_that_is_away_costs_what_is_late_and_is_connected_to_when_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut rig = rig(&config(OutputKind::Tcp, &address.to_string()));
    rig.tell(&[(message(1, 1), SHORT)]);
    let failures = |rig: &Rig| rig.forward.links.attempts.neighbour().failures.get();
    while failures(&rig) == 0 {
        assert_eq!(rig.forward.turn().unwrap(), Turn::Idle);
    }
    rig.clock.set_us(NOW + 11 * SECOND_US);
    rig.turn_until(|counts| counts.dropped_late.get() == 1);
    let listener = TcpListener::bind(address).unwrap();
    let now = Message { received_us: NOW + 11 * SECOND_US, ..message(5, 1) };
    rig.tell(&[(now, LONG)]);
    rig.turn_until(|counts| counts.sent.get() == 2);
    let (mut peer, _) = listener.accept().unwrap();
    let mut text = [0; 60];
    peer.read_exact(&mut text).unwrap();
    assert!(text.starts_with(b"!AIVDM,2,1,1,A,56K8@vh2"), "{}", String::from_utf8_lossy(&text));
    assert_eq!(rig.counts.outputs[0].connected.get(), 1);
    drop(peer);
    rig.turn_until(|counts| counts.connected.get() == 0);
}

#[test]
fn a_peer_that_takes_nothing_fills_its_queue_and_nobody_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut rig = rig(&config(OutputKind::Tcp, &address));
    let many = vec![(message(1, 1), SHORT); 90];
    // As much as the kernel takes goes out; then the queue is full and the rest is counted.
    while rig.counts.outputs[0].dropped_full.get() < 900 {
        rig.tell(&many);
        rig.forward.turn().unwrap();
        rig.tell(&many);
    }
    let counts = &rig.counts.outputs[0];
    assert!(counts.waiting.get() <= 100, "{counts:?}");
    rig.stopping.store(true, Ordering::Release);
    let began = Instant::now();
    while rig.forward.turn().unwrap() != Turn::Finished {}
    assert!(began.elapsed() < LAST_MAX + Duration::from_secs(1));
}

/// What was on its way was in no count.
#[test]
fn what_is_on_its_way_when_a_connection_breaks_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut rig = rig(&config(OutputKind::Tcp, &listener.local_addr().unwrap().to_string()));
    let mut peer = None;
    let many = vec![(message(1, 1), SHORT); 90];
    // As much as the kernel takes goes out.
    while rig.counts.outputs[0].dropped_full.get() < 900 {
        rig.tell(&many);
        rig.forward.turn().unwrap();
        rig.tell(&many);
        peer = peer.or_else(|| {
            (rig.counts.outputs[0].connected.get() == 1).then(|| listener.accept().unwrap())
        });
    }
    drop((peer, listener));
    while rig.counts.outputs[0].connected.get() == 1 {
        rig.forward.turn().unwrap();
    }
    let counts = &rig.counts.outputs[0];
    assert!(counts.dropped_unsent.get() > 0, "{counts:?}");
    let gone = counts.sent.get() + counts.dropped_full.get() + counts.dropped_unsent.get();
    assert_eq!(counts.heard.get(), gone + counts.waiting.get().unsigned_abs(), "{counts:?}");
}

#[test]
fn nothing_is_told_twice_and_nothing_of_earlier_runs() {
    let mut rig = rig(&config(OutputKind::Udp, "127.0.0.1:9"));
    let told: Vec<bool> = [0, 1, 2, 1, 2, 3].map(|seq| rig.telling.wants(seq)).to_vec();
    assert_eq!(told, [false, true, true, false, false, true]);
}
