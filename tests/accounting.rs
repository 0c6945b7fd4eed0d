//! Every message is accounted for, at every look: what came is what left and what is on its way.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::database::Database;
use crate::support::http::{Metrics, metrics};
use crate::support::numbered::{checked, sentence};
use crate::support::postgres_daemon::{home_of, waiting};
use crate::support::postgres_rows::PostgresRows;
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::servers::{Postgres, Stop};
use crate::support::storing::letters;
use crate::support::sums::check_sums;

const LOOK_EVERY: Duration = Duration::from_millis(50);
const FEEDS: [&str; 2] = ["udp", "tcp"];

/// What was sent, by what is to become of it; in messages.
#[derive(Debug, Default)]
struct Sent {
    good: AtomicU64,
    repeats: AtomicU64,
    checksum: AtomicU64,
    malformed: AtomicU64,
    past: AtomicU64,
    future: AtomicU64,
    lone_parts: AtomicU64,
    junk: AtomicU64,
}

fn tagged(time_s: u64, sentence: &str) -> String {
    let tag = checked(&format!("c:{time_s}"));
    format!("\\{}\\{sentence}", &tag[1..])
}

/// The sentence with another checksum than its own.
fn wrong(sentence: &str) -> String {
    let (body, sum) = sentence.split_at(sentence.len() - 2);
    let sum = u8::from_str_radix(sum, 16).unwrap();
    format!("{body}{:02X}", sum ^ 1)
}

impl Sent {
    /// The good sentence of this number, and some dirt now and then; each text is a datagram of its own.
    fn texts(&self, n: u32, send: &mut dyn FnMut(&str)) {
        let now_s = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let good = sentence(n);
        let one = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let mut put = |counter, text: &str| {
            one(counter);
            send(text);
        };
        put(&self.good, &good);
        // Made of other numbers, so that they are repeats of nothing.
        let other = sentence(n + 100_000_000);
        match n % 20 {
            3 | 13 => put(&self.repeats, &good),
            5 => put(&self.checksum, &wrong(&other)),
            6 => put(&self.malformed, &checked("AIVDM,1,1,A,0")),
            7 => put(&self.past, &tagged(now_s - 48 * 3600, &other)),
            8 => put(&self.future, &tagged(now_s + 48 * 3600, &other)),
            9 => put(&self.good, &tagged(now_s, &other)),
            10 => put(
                &self.lone_parts,
                &checked(&format!("AIVDM,2,1,{},A,{},0", n % 10, "55P5TL01VIaAL@7WKO@mBplU")),
            ),
            11 => put(&self.junk, "$GPGGA,hello"),
            12 => put(&self.junk, "\x01\x02 no sentence at all"),
            _ => {}
        }
    }
}

/// Sends dirt and good over both ways until told to stop.
fn senders(
    daemon: &Daemon,
    sent: &Arc<Sent>,
    stop: &Arc<AtomicBool>,
    first: u32,
) -> Vec<std::thread::JoinHandle<()>> {
    let begin = |kind: usize, address: SocketAddr| {
        let (sent, stop) = (Arc::clone(sent), Arc::clone(stop));
        std::thread::spawn(move || {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut tcp = (kind == 1).then(|| TcpStream::connect(address).unwrap());
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // A thousand numbers and a pause: a steady load that no socket buffer overflows with.
                if n % 10 == 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let n = first + n * 2 + u32::try_from(kind).unwrap();
                sent.texts(n, &mut |text| match &mut tcp {
                    // Whoever is killed takes no more.
                    Some(tcp) => drop(tcp.write_all(format!("{text}\n").as_bytes())),
                    None => drop(udp.send_to(text.as_bytes(), address)),
                });
            }
        })
    };
    vec![begin(0, daemon.udp()), begin(1, daemon.tcp())]
}

/// Looks again and again until nothing is in flight and `done` says so.
fn look_until(daemon: &Daemon, what: &str, mut done: impl FnMut(&Metrics) -> bool) -> Metrics {
    let mut looks = 0;
    let mut last = None;
    wait_until(what, || {
        std::thread::sleep(LOOK_EVERY);
        let metrics = metrics(daemon.http());
        check_sums(&metrics);
        looks += 1;
        let is_done = done(&metrics);
        last = Some(metrics);
        is_done
    });
    assert!(looks > 0);
    last.unwrap()
}

#[test]
fn the_sum_comes_out_at_every_look_and_nothing_is_in_flight_in_the_end() {
    let home = Home::new("[nmea]\nfragment_seconds = 1\n");
    let daemon = home.start();
    let (sent, stop) = (Arc::new(Sent::default()), Arc::new(AtomicBool::new(false)));
    let senders = senders(&daemon, &sent, &stop, 0);
    let mut most_in_flight = 0;
    let received =
        |metrics: &Metrics| FEEDS.iter().map(|feed| metrics.feed(feed, "received")).sum::<u64>();
    look_until(&daemon, "enough is received", |metrics| {
        most_in_flight = most_in_flight.max(metrics.number("/accounting/in_flight"));
        received(metrics) > 12_000
    });
    stop.store(true, Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let came =
        [&sent.good, &sent.repeats, &sent.checksum, &sent.malformed, &sent.past, &sent.future]
            .map(get);
    let metrics = look_until(&daemon, "all is decided, and lone parts are given up", |metrics| {
        let expired: u64 = FEEDS.iter().map(|feed| metrics.feed(feed, "fragments_expired")).sum();
        received(metrics) == came.iter().sum::<u64>()
            && metrics.number("/accounting/in_flight") == 0
            && expired == get(&sent.lone_parts)
    });
    eprintln!("most in flight at any look: {most_in_flight}; {sent:?}");
    let sum = |pointer: &str| FEEDS.iter().map(|feed| metrics.feed(feed, pointer)).sum::<u64>();
    assert_eq!(sum("stored"), get(&sent.good));
    assert_eq!(sum("repeats"), get(&sent.repeats));
    assert_eq!(sum("rejected/checksum"), get(&sent.checksum));
    assert_eq!(sum("rejected/malformed"), get(&sent.malformed));
    assert_eq!(sum("rejected/time_past"), get(&sent.past));
    assert_eq!(sum("rejected/time_future"), get(&sent.future));
    assert_eq!(sum("ignored"), get(&sent.junk));
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(Database::open(&home.data()).messages(), get(&sent.good));
}

#[test]
fn after_a_kill_what_is_recovered_is_part_of_the_sum() {
    let home = Home::new("");
    let (sent, stop) = (Arc::new(Sent::default()), Arc::new(AtomicBool::new(false)));
    let daemon = home.start();
    let writers = senders(&daemon, &sent, &stop, 0);
    // Nothing is stored while another holds the database, so there is something to recover.
    let holder = rusqlite::Connection::open(home.data().join("aisd.db")).unwrap();
    look_until(&daemon, "some is stored", |metrics| metrics.feed("tcp", "stored") > 500);
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    look_until(&daemon, "some is not", |metrics| metrics.number("/accounting/in_flight") > 1_000);
    daemon.kill();
    drop(holder);
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());

    let daemon = home.start();
    stop.store(false, Ordering::Relaxed);
    let writers = senders(&daemon, &sent, &stop, 1_000_000);
    let metrics =
        look_until(&daemon, "more is received", |metrics| metrics.feed("tcp", "received") > 1_000);
    let recovered: u64 = FEEDS.iter().map(|feed| metrics.feed(feed, "recovered")).sum();
    assert!(recovered > 500, "{recovered}");
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let metrics = look_until(&daemon, "all is decided", |metrics| {
        metrics.number("/accounting/in_flight") == 0
    });
    for feed in FEEDS {
        let (came, left) = metrics.came_and_left(feed);
        assert_eq!(came, left, "{feed}");
    }
    assert_eq!(daemon.stop(), Some(0));
    Database::open(&home.data()).assert_nothing_is_twice();
}

/// Vessels 200000007 and 200000507 are refused by a constraint; what the dead letters hold of them is part of the sum.
#[test]
fn the_sum_comes_out_through_an_outage_of_postgres_a_kill_and_dead_letters() {
    let mut server = Postgres::start();
    let home = home_of(&server);
    let daemon = home.start();
    let refuse = "ALTER TABLE positions ADD CONSTRAINT north CHECK (mmsi % 500 <> 7)";
    wait_until("tables", || server.connect().batch_execute(refuse).is_ok());
    let (sent, stop) = (Arc::new(Sent::default()), Arc::new(AtomicBool::new(false)));
    let writers = senders(&daemon, &sent, &stop, 0);
    let over = |metrics: &Metrics, name: &str| -> u64 {
        FEEDS.iter().map(|feed| metrics.feed(feed, name)).sum()
    };
    look_until(&daemon, "dead letters", |metrics| over(metrics, "undelivered") > 2);
    server.stop(Stop::Immediate);
    look_until(&daemon, "a backlog", |metrics| metrics.number("/accounting/in_flight") > 2_000);
    daemon.kill();
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());

    // It starts without the store, and takes more.
    let daemon = home.start();
    stop.store(false, Ordering::Relaxed);
    let writers = senders(&daemon, &sent, &stop, 1_000_000);
    look_until(&daemon, "more is received", |metrics| over(metrics, "received") > 2_000);
    server.start_again();
    let metrics =
        look_until(&daemon, "the store is back", |metrics| over(metrics, "stored") > 2_000);
    assert!(over(&metrics, "recovered") > 1_000, "{}", over(&metrics, "recovered"));
    let outage = |metrics: &Metrics| metrics.number("/store/failures");
    let before = outage(&metrics);
    server.kill_postmaster();
    look_until(&daemon, "a second outage", |metrics| outage(metrics) > before);
    server.start_again();
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let metrics = look_until(&daemon, "all is decided", |metrics| {
        metrics.number("/accounting/in_flight") == 0 && waiting(metrics) == Some(0)
    });
    let kept = letters(&home).len() as u64;
    assert!(kept > 2 && kept == over(&metrics, "undelivered"), "{kept} dead letters");
    assert_eq!(kept, metrics.number("/dead_letters/rows"));
    for feed in FEEDS {
        let (came, left) = metrics.came_and_left(feed);
        assert_eq!(came, left, "{feed}");
        assert_eq!(metrics.reasons(feed, "dropped"), 0);
    }
    eprintln!("{} recovered, {kept} dead letters", over(&metrics, "recovered"));
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let seqs = PostgresRows::after_all(&server).seqs();
    assert!(seqs.windows(2).all(|two| two[0] < two[1]), "a row is there twice");
    let accepted = crate::support::storing::accepted(&home.data());
    let strangers = seqs.iter().filter(|seq| accepted.binary_search(seq).is_err()).count();
    assert_eq!(strangers, 0, "rows of numbers that the journal does not have");
}
