//! What receivers and their programs send as they come lands, with a table of the configuration for each at most.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::numbered::{checked, lines, sentence};
use crate::support::posts::{MANY, Poster};
use crate::support::process::{Home, wait_until};

/// Messages of each.
const EACH: u32 = 100;
/// What gpsd says when somebody connects, and when it is asked to watch.
const BANNER: &str = "{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n";
const WATCHING: &str = "{\"class\":\"DEVICES\",\"devices\":[{\"class\":\"DEVICE\",\"path\":\"tcp://receiver:5631\",\"driver\":\"AIVDM\"}]}\r\n\
    {\"class\":\"WATCH\",\"enable\":true,\"json\":false,\"nmea\":true,\"raw\":0,\"scaled\":false,\"timing\":false,\"split24\":false,\"pps\":false}\r\n";
const WATCH: &str = "?WATCH={\"enable\":true,\"nmea\":true}";

/// The numbers of the messages that one of them sends.
fn numbers(of: u32) -> std::ops::Range<u32> {
    of * EACH..(of + 1) * EACH
}

/// A message as AIS-catcher writes it with `JSON on`.
fn object(number: u32, at_s: u64) -> String {
    format!(
        "{{\"class\":\"AIS\",\"device\":\"AIS-catcher\",\"version\":62,\"driver\":10,\"hardware\":\"Airspy\",\"rxuxtime\":{at_s},\
         \"scaled\":true,\"channel\":\"A\",\"nmea\":[\"{}\"],\"signalpower\":-20.1,\"ppm\":0.5,\"station_id\":1,\"type\":1,\
         \"repeat\":0,\"mmsi\":200000000,\"status\":0,\"status_text\":\"Under way using engine\",\"turn\":0,\"speed\":10.0,\
         \"accuracy\":false,\"lon\":4.1,\"lat\":52.1,\"course\":90.0,\"heading\":511,\"second\":60,\"maneuver\":0,\
         \"raim\":false,\"radio\":0}}",
        sentence(number)
    )
}

/// A static report in two sentences, in an object longer than any sentence.
fn long_object(at_s: u64) -> String {
    let first =
        checked("AIVDM,2,1,3,A,56K8@vh2:w;D`OG??R0dTq9UF0l59F222222221@:HE694o`0@ORT80j0`<r,0");
    let second = checked("AIVDM,2,2,3,A,3PDRE0JH882,2");
    format!(
        "{{\"class\":\"AIS\",\"device\":\"AIS-catcher\",\"rxuxtime\":{at_s},\"nmea\":[\"{first}\",\"{second}\"],\
         \"station\":\"{}\",\"type\":5}}",
        "a long name ".repeat(90)
    )
}

fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn datagrams(to: std::net::SocketAddr, messages: impl Iterator<Item = String>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for message in messages {
        socket.send_to(format!("{message}\r\n").as_bytes(), to).unwrap();
    }
}

/// A feed of this kind, with what else its table holds.
fn feed(kind: &str, name: &str, more: &str) -> String {
    format!("[[feeds]]\nkind = \"{kind}\"\nname = \"{name}\"\n{more}\n")
}

#[test]
fn what_receivers_send_as_they_come_lands_with_a_table_each() {
    let (gpsd, catcher) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let free = "address = \"127.0.0.1:0\"";
    let at = |listener: &TcpListener| format!("address = \"{}\"", listener.local_addr().unwrap());
    let feeds = feed("udp", "udp", free)
        + &feed("tcp", "tcp", free)
        + &feed("http", "http", "")
        + &feed("tcp_client", "catcher", &at(&catcher))
        + &feed("tcp_client", "gpsd", &format!("{}\nhello = '{WATCH}'", at(&gpsd)));
    let home = Home::new(&feeds);
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    let now = now_s();

    // AIS-catcher -u HOST PORT, and gps2udp -n -u HOST:PORT; the same with JSON on.
    datagrams(daemon.named("udp"), numbers(0).map(sentence));
    datagrams(daemon.named("udp"), numbers(1).map(|n| object(n, now)));
    // AIS-catcher -P HOST PORT, and with JSON on.
    let mut plain = TcpStream::connect(daemon.named("tcp")).unwrap();
    plain.write_all(&lines(numbers(2))).unwrap();
    let mut json = TcpStream::connect(daemon.named("tcp")).unwrap();
    for line in numbers(3).map(|n| object(n, now)).chain([long_object(now)]) {
        json.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
    // gpspipe -r | nc HOST PORT
    let mut pipe = TcpStream::connect(daemon.named("tcp")).unwrap();
    pipe.write_all(&[BANNER.as_bytes(), WATCHING.as_bytes(), &lines(numbers(4))].concat()).unwrap();
    // AIS-catcher -H URL
    let messages: Vec<String> = numbers(5).map(|n| object(n, now)).collect();
    let body = format!(
        "{{\"protocol\":\"jsonaiscatcher\",\"encodetime\":\"20231114221320\",\"stationid\":\"home\",\
         \"receiver\":{{\"description\":\"AIS-catcher v0.62\",\"version\":62}},\"msgs\":[{}]}}",
        messages.join(",")
    );
    let mut poster = Poster::connect(daemon.http()).unwrap();
    let posted = poster.post(MANY, "Content-Type: application/json\r\n", body.as_bytes()).unwrap();
    assert_eq!(posted.status, 200, "{posted:?}");
    // AIS-catcher -S PORT
    catcher.accept().unwrap().0.write_all(&lines(numbers(6))).unwrap();
    // gpsd itself, which sends nothing before it is asked
    let (mut peer, _) = gpsd.accept().unwrap();
    peer.write_all(BANNER.as_bytes()).unwrap();
    let mut asked = String::new();
    BufReader::new(peer.try_clone().unwrap()).read_line(&mut asked).unwrap();
    assert_eq!(asked.trim_end(), WATCH);
    peer.write_all(&[WATCHING.as_bytes(), &lines(numbers(7))].concat()).unwrap();

    let names = ["udp", "tcp", "http", "catcher", "gpsd"];
    let expected = [2 * EACH, 3 * EACH + 1, EACH, EACH, EACH].map(u64::from);
    wait_until("all is stored", || {
        let counts = metrics(daemon.http());
        names.map(|name| counts.feed(name, "stored")) == expected
    });
    let counts = metrics(daemon.http());
    for name in names {
        assert_eq!(counts.reasons(name, "rejected"), 0, "{name}");
    }
    let ignored = names.map(|name| counts.feed(name, "ignored"));
    assert_eq!(ignored, [0, 3, 0, 0, 3], "what gpsd says of itself");
    assert_eq!(daemon.stop(), Some(0));
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    assert!(store.numbers().into_iter().eq(0..8 * EACH));
    assert_eq!(store.number("SELECT count(*) FROM vessels WHERE static_reports = 1"), 1);
}
