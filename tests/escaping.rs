//! Ships name themselves: what they say is shown as it was sent, and does nothing else, wherever it goes.

use std::io::Write;
use std::net::TcpStream;

use redis::Commands;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::support::http::{get, metrics};
use crate::support::numbered::{checked, sentence};
use crate::support::postgres_daemon::{received, wait_until_all_is_decided};
use crate::support::process::{Home, wait_until};
use crate::support::servers::Redis;

/// Every letter of the six-bit alphabet that means something to SQL, JSON, a shell, a script or a page.
const NAME: &str = "\"\\'<B>&;--%S$()[]:/";
const TEXT: &str = "\"],[\"MMSI\":1,\"\\";
const MMSI: u32 = 200_000_007;

/// A payload, bit by bit.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn number(mut self, value: u32, width: u32) -> Self {
        self.0.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn text(self, text: &str, letters: usize) -> Self {
        // The alphabet begins with @, and goes on with the space after the underscore.
        let padded = text.bytes().chain(std::iter::repeat(b'@')).take(letters);
        padded.fold(self, |bits, letter| bits.number(u32::from(letter) & 63, 6))
    }

    fn sentence(self) -> String {
        let fill = (6 - self.0.len() % 6) % 6;
        let bits = self.number(0, u32::try_from(fill).unwrap()).0;
        let armored = bits.chunks(6).map(|six| {
            let value = six.iter().fold(0_u8, |value, bit| value << 1 | u8::from(*bit));
            char::from(if value < 40 { value + 48 } else { value + 56 })
        });
        let payload: String = armored.collect();
        checked(&format!("AIVDM,1,1,,A,{payload},{fill}"))
    }
}

/// Type 5 with that name and destination, type 14 with that text, and a position.
fn sentences() -> String {
    let voyage = Bits::default().number(5, 6).number(0, 2).number(MMSI, 30).number(0, 32);
    let voyage = voyage.text("'; DROP", 7).text(NAME, 20).number(70, 8).number(0, 30);
    let voyage = voyage.number(0, 4 + 20 + 8).text(NAME, 20).number(0, 2);
    let safety = Bits::default().number(14, 6).number(0, 2).number(MMSI, 30).number(0, 2);
    let safety = safety.text(TEXT, TEXT.len());
    format!("{}\r\n{}\r\n{}\r\n", sentence(7), voyage.sentence(), safety.sentence())
}

#[test]
fn a_name_from_the_air_does_no_harm_wherever_it_goes() {
    let redis = Redis::start();
    let home = Home::new(&format!("[redis]\nurl = \"{}\"\n[log]\nlevel = \"trace\"", redis.url()));
    let daemon = home.start();
    let mut stream = TcpStream::connect(daemon.tcp()).unwrap();
    stream.write_all(sentences().as_bytes()).unwrap();
    wait_until("three messages", || received(&metrics(daemon.http())) == 3);
    wait_until_all_is_decided(&daemon);

    let json = |path: &str| -> Value {
        let (status, body) = get(daemon.http(), path);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    };
    let vessel = json(&format!("/api/vessels/{MMSI}"));
    let names = |value: &Value| value.to_string().matches(&Value::from(NAME).to_string()).count();
    assert!(names(&vessel) >= 2, "name and destination, as they were sent: {vessel}");
    assert!(names(&json("/api/vessels?format=geojson")) >= 1);
    json("/api/vessels");
    json("/metrics?format=json");
    let (_, series) = get(daemon.http(), "/metrics/prometheus");
    let series = String::from_utf8(series).unwrap();
    assert!(!series.contains("DROP") && !series.contains(&MMSI.to_string()), "{series}");

    let mut observer = redis.connect();
    let key = format!("vessel:{MMSI}");
    wait_until("the name in redis", || {
        observer.hget::<_, _, Option<String>>(&key, "name").unwrap().is_some()
    });
    assert_eq!(observer.hget::<_, _, String>(&key, "name").unwrap(), NAME);
    assert_eq!(daemon.stop(), Some(0));

    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let store = Connection::open_with_flags(home.data().join("aisd.db"), flags).unwrap();
    let one = |sql: &str| store.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("SELECT name FROM vessels"), NAME);
    assert_eq!(one("SELECT callsign FROM vessels"), "'; DROP");
    let message: Value = serde_json::from_str(&one("SELECT json FROM messages")).unwrap();
    assert_eq!(message["text"], TEXT, "{message}");
    assert!(!home.log().contains("DROP"), "no message is logged: {}", home.log());
}
