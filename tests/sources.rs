//! One true picture of what many receivers hear, and what is shown of each of them.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;

use aisd::clock::Clock;
use serde_json::Value;

use crate::support::database::Database;
use crate::support::http::{get, metrics};
use crate::support::numbered::{checked, sentence_of};
use crate::support::process::{Daemon, Home, wait_until};
use crate::support::random::Random;

const RECEIVERS: u32 = 5;
const SHIPS: u32 = 400;
/// Reports of each ship, two seconds apart.
const REPORTS: u32 = 30;
/// Numbers between two reports of a ship: some 37 m.
const STEP: u32 = 20;
/// Where numbers are longitudes from, in 1/10 000 minute.
const WEST: f64 = 108_000_000.0;

/// One transmission as a receiver heard it.
struct Heard {
    /// Milliseconds from the first transmission to when it came.
    came_ms: u64,
    receiver: usize,
    ship: u32,
    number: u32,
    line: String,
}

fn number(ship: u32, report: u32) -> u32 {
    ship * 1000 + report * STEP
}

fn stamped(time_s: i64, sentence: &str) -> String {
    let block = checked(&format!("c:{time_s}"));
    format!("\\{}\\{sentence}\r\n", &block[1..])
}

/// What five receivers hear of a fleet, each a little later than the transmission and some of it not at all, in the order in which it comes.
fn fleet(random: &mut Random, begin_s: i64) -> Vec<Heard> {
    let mut heard = Vec::new();
    for (ship, report) in (0..SHIPS).flat_map(|ship| (0..REPORTS).map(move |it| (ship, it))) {
        // The ships of a fleet do not all speak in the same moment.
        let sent_ms = u64::from(report) * 2000 + u64::from(ship) * 1000 / u64::from(SHIPS);
        let number = number(ship, report);
        let sentence = sentence_of(ship, number);
        for receiver in 0..RECEIVERS as usize {
            let delay_ms = random.between(0, 950);
            if random.between(0, 9) == 0 {
                continue;
            }
            let came_ms = sent_ms + delay_ms;
            let line = stamped(begin_s + i64::try_from(came_ms / 1000).unwrap(), &sentence);
            heard.push(Heard { came_ms, receiver, ship, number, line });
        }
    }
    heard.sort_by_key(|heard| heard.came_ms);
    heard
}

fn receivers() -> String {
    let feed =
        |n| format!("[[feeds]]\nkind = \"tcp\"\nname = \"rx{n}\"\naddress = \"127.0.0.1:0\"\n");
    (0..RECEIVERS).map(feed).collect()
}

fn started(home: &Home) -> Daemon {
    let mut daemon = home.spawn_as_configured();
    daemon.wait_until_ready();
    daemon
}

fn json(daemon: &Daemon, path: &str) -> Value {
    let (status, body) = get(daemon.http(), path);
    assert_eq!(status, 200, "{path}");
    serde_json::from_slice(&body).unwrap()
}

fn source(daemon: &Daemon, name: &str) -> Value {
    let all = json(daemon, "/api/sources");
    let found = all["sources"].as_array().unwrap().iter().find(|it| it["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all}")).clone()
}

fn decided(daemon: &Daemon, feeds: &[String]) -> u64 {
    let metrics = metrics(daemon.http());
    feeds.iter().map(|feed| metrics.came_and_left(feed).1).sum()
}

#[test]
fn of_a_fleet_heard_by_five_receivers_each_transmission_is_stored_once_and_the_newest_is_shown() {
    let home = Home::new(&receivers());
    let daemon = started(&home);
    let mut random = Random::seeded(7);
    let begin_s = Clock::System.now_us() / 1_000_000 - 2 * i64::from(REPORTS) - 5;
    let heard = fleet(&mut random, begin_s);
    let names: Vec<String> = (0..RECEIVERS).map(|n| format!("rx{n}")).collect();
    let mut streams: Vec<TcpStream> =
        names.iter().map(|name| TcpStream::connect(daemon.named(name)).unwrap()).collect();
    for heard in &heard {
        streams[heard.receiver].write_all(heard.line.as_bytes()).unwrap();
    }
    wait_until("all is decided", || decided(&daemon, &names) == heard.len() as u64);

    let mut numbers: Vec<u32> = heard.iter().map(|heard| heard.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let repeats = (heard.len() - numbers.len()) as u64;
    assert!(repeats > 30_000, "{repeats} repeats");
    let metrics = metrics(daemon.http());
    let sum = |name| names.iter().map(|feed| metrics.feed(feed, name)).sum::<u64>();
    eprintln!("{} of {repeats} repeats recognised", sum("repeats"));
    assert!(sum("repeats") * 1000 >= repeats * 997);
    assert_eq!((sum("first_heard"), sum("repeats")), (numbers.len() as u64, repeats));
    assert_eq!((sum("own_repeats"), metrics.reasons("rx0", "rejected")), (0, 0));
    for name in &names {
        let flagged = metrics.feed(name, "flagged/jump") + metrics.feed(name, "flagged/shared");
        assert_eq!(flagged, 0, "{name}");
        assert!(metrics.feed(name, "first_heard") > 0, "{name}");
    }

    let newest: BTreeMap<u32, u32> = heard.iter().fold(BTreeMap::new(), |mut newest, heard| {
        let known = newest.entry(heard.ship).or_default();
        *known = heard.number.max(*known);
        newest
    });
    let shown = json(&daemon, "/api/vessels?limit=10000");
    let shown: BTreeMap<u32, u32> =
        shown["vessels"].as_array().unwrap().iter().map(place_of).collect();
    assert_eq!(shown, newest);
    assert_eq!(daemon.stop(), Some(0));
    let stored = Database::open(&home.data()).numbers();
    assert_eq!(stored, numbers, "each once");
}

/// The ship, and the number that it is shown at.
fn place_of(vessel: &Value) -> (u32, u32) {
    let ship = vessel["mmsi"].as_u64().unwrap() - 200_000_000;
    let number = (vessel["lon"].as_f64().unwrap() * 600_000.0 + WEST).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let number = number as u32;
    (u32::try_from(ship).unwrap(), number)
}

#[test]
fn sources_that_are_wrong_are_shown_as_such_and_take_nothing_from_the_others() {
    let home = Home::new(&format!("{}[fusion]\nweights = \"rx0=0.9\"\n", receivers()));
    let daemon = started(&home);
    let names: Vec<String> = (0..RECEIVERS).map(|n| format!("rx{n}")).collect();
    let mut streams: Vec<TcpStream> =
        names.iter().map(|name| TcpStream::connect(daemon.named(name)).unwrap()).collect();
    let begin_s = Clock::System.now_us() / 1_000_000 - 2 * i64::from(REPORTS) - 5;
    let mut sent = 0;
    let mut send = |receiver: usize, line: &str| {
        streams[receiver].write_all(line.as_bytes()).unwrap();
        sent += 1;
        sent
    };
    for report in 0..REPORTS {
        let time_s = begin_s + 2 * i64::from(report);
        let right = |ship| sentence_of(ship, number(ship, report));
        // In turns, as they would come.
        let all = (0..10).map(|ship| send(0, &stamped(time_s, &right(ship)))).last().unwrap();
        wait_until("what is right is decided", || decided(&daemon, &names) == all);
        for ship in 0..10 {
            // Of another ship, a hundred degrees away.
            let wrong = sentence_of(ship, 60_000_000 + number(ship, report));
            send(1, &stamped(time_s + 7200, &sentence_of(ship, number(ship, report) + 1)));
            send(2, &stamped(time_s + 1, &wrong));
            let mut noise = right(ship);
            noise.replace_range(noise.len() - 1.., "0");
            send(3, &stamped(time_s + 1, &noise));
            // It hears the first report of each ship, again and again.
            send(4, &stamped(time_s, &sentence_of(ship, number(ship, 0))));
        }
        wait_until("all is decided", || decided(&daemon, &names) == all + 40);
    }
    let right = source(&daemon, "rx0");
    assert_eq!(right["received"], 300);
    assert_eq!((&right["weight"], &right["kind"]), (&0.9.into(), &"tcp".into()));
    assert!(
        right["flagged"].get("jump").is_none() && right["flagged"].get("shared").is_none(),
        "{right}"
    );
    let delay = right["delay_seconds"].as_f64().unwrap();
    assert!((5.0..120.0).contains(&delay), "{right}");
    let ahead = source(&daemon, "rx1");
    assert_eq!(
        (&ahead["flagged"]["ahead"], &ahead["stored"]),
        (&300.into(), &300.into()),
        "{ahead}"
    );
    // Nine tenths believed and nothing wrong; seven tenths, and nothing right.
    let scores = [&right, &ahead].map(|source| source["score"].as_f64().unwrap());
    assert!((0.95..=0.97).contains(&scores[0]) && scores[1] <= 0.71, "{scores:?}");
    let wrong = source(&daemon, "rx2");
    assert_eq!(
        (&wrong["flagged"]["jump"], &wrong["flagged"]["shared"]),
        (&300.into(), &290.into())
    );
    let noisy = source(&daemon, "rx3");
    assert!(noisy["rejected"]["checksum"].as_u64().unwrap() > 200, "{noisy}");
    let stuck = source(&daemon, "rx4");
    let again = stuck["own_repeats"].as_u64().unwrap();
    assert!(again >= 200 && stuck["repeats"] == 300, "{stuck}");
    for ship in 0..10 {
        let vessel = json(&daemon, &format!("/api/vessels/{}", 200_000_000 + ship));
        assert_eq!(place_of(&vessel), (ship, number(ship, REPORTS - 1)), "{vessel}");
        assert_eq!(vessel["source"], "rx0");
        let elsewhere = &vessel["elsewhere"];
        assert_eq!(elsewhere["source"], "rx2", "{vessel}");
        assert_eq!(elsewhere["flags"], serde_json::json!(["jump", "sender_time", "shared"]));
    }
    assert_eq!(daemon.stop(), Some(0));
}
