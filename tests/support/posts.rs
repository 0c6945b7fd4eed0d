//! A sender that posts on one connection, and reports that can be told apart in the store.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::database::Database;

pub const ONE: &str = "/api/vessels/positions";
pub const MANY: &str = "/api/vessels/positions/batch";

/// One connection.
pub struct Poster(BufReader<TcpStream>);

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Poster {
    pub fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Posts a body; each header ends its line.
    pub fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> std::io::Result<Answered> {
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: aisd\r\nContent-Length: {length}\r\n{headers}\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.0.get_mut().write_all(&request)?;
        self.answer()
    }

    /// Sends these bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> std::io::Result<Answered> {
        // It may be answered before all of it is taken.
        let _ = self.0.get_mut().write_all(bytes);
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<Answered> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
        }
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = field("Content-Length: ").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok(Answered { status, body: String::from_utf8_lossy(&body).into_owned(), head })
    }
}

/// Milliseconds since 1970 of the report with the number 0: half an hour ago, so that numbers and times go together.
pub fn begin_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap() - 1_800_000
}

/// The report of a number: its time is so many milliseconds after `begin_ms`.
pub fn report(begin_ms: u64, number: u32) -> String {
    let (mmsi, part) = (200_000_000 + number % 1_000, f64::from(number % 10_000) / 10_000.0);
    let ts = begin_ms + u64::from(number);
    format!(
        r#"{{"mmsi":{mmsi},"latitude":{},"longitude":{part},"speed":12.3,"course":90.5,"timestamp":{ts}}}"#,
        50.0 + part
    )
}

/// An array of the reports of these numbers.
pub fn reports(begin_ms: u64, numbers: std::ops::Range<u32>) -> Vec<u8> {
    let all: Vec<String> = numbers.map(|number| report(begin_ms, number)).collect();
    format!("[{}]", all.join(",")).into_bytes()
}

/// The numbers of all reports that are stored, sorted; one that is stored twice is there twice.
pub fn stored(store: &Database, begin_ms: u64) -> Vec<u32> {
    store.column_of(&format!("SELECT ts / 1000 - {begin_ms} FROM positions ORDER BY 1"))
}
