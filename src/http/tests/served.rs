//! A face on threads of its own, before a fleet and a store that are made up.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::config::HttpConfig;
use crate::http::token::Keys;
use crate::http::{Admin, Door, Face, Tokens, mailbox, open};
use crate::observe::counts::{Counts, FeedCounts, HttpCounts, StageCounts};
use crate::observe::metrics::Sources;
use crate::observe::process::ProcessWatch;
use crate::observe::status::{State, Status};
use crate::picture::{Area, Fleet, LastPosition, SaidTimes, VesselView};
use crate::report::{Place, Position, StaticData, Text};
use crate::resilience::dead_letters::DeadLetters;
use crate::rows::flags;
use crate::stage::{self, Stage, parking};
use crate::store::{StoreError, StoreReader, TrackPoint};

const NOW_US: i64 = 1_700_000_000_000_000;
const MMSI: u32 = 244_660_000;
/// The key of this run.
pub(super) const LOCAL_KEY: &str = "the key of this run, long enough too";

struct OneVessel;

impl OneVessel {
    fn view() -> VesselView {
        let position = Position {
            msg_type: 1,
            place: Place::new(2_700_000, 31_200_060),
            sog: Some(123),
            cog: Some(3599),
            heading: None,
            rot: Some(-5),
            nav_status: Some(0),
            altitude: None,
            utc_second: Some(20),
            accurate: true,
            raim: false,
        };
        let (time_us, received_us) = (NOW_US - 1_500_000, NOW_US);
        let last = LastPosition {
            position,
            seq: 1,
            time_us,
            received_us,
            flags: flags::JUMP | flags::LATE,
            feed: 0,
        };
        let statics =
            StaticData { name: Text::new(b"A\"B"), draught: Some(57), ..StaticData::default() };
        let said = SaidTimes::default();
        VesselView {
            mmsi: MMSI,
            last: Some(last),
            elsewhere: Some(LastPosition { flags: flags::JUMP | flags::SHARED, ..last }),
            statics,
            said,
            first_seen_us: 0,
            last_seen_us: NOW_US,
        }
    }
}

impl Fleet for OneVessel {
    fn vessel(&self, mmsi: u32) -> Option<VesselView> {
        (mmsi == MMSI).then(Self::view)
    }

    fn within(&self, area: &Area, limit: usize) -> Vec<VesselView> {
        let place = Place::new(2_700_000, 31_200_060).unwrap();
        if area.contains(place) { vec![Self::view(); limit.min(2)] } else { Vec::new() }
    }

    fn len(&self) -> usize {
        1
    }
}

/// Points a second apart; none for MMSI 2, an error for MMSI 3. Of vessels it knows number 4 alone.
struct Points;

impl StoreReader for Points {
    fn vessel(&mut self, mmsi: u32) -> Result<Option<VesselView>, StoreError> {
        match mmsi {
            3 => Err(StoreError::Transient("busy".to_owned())),
            4 => Ok(Some(VesselView { mmsi, ..OneVessel::view() })),
            _ => Ok(None),
        }
    }

    fn newest(&mut self, _: i64, _: u32, _: usize) -> Result<Vec<VesselView>, StoreError> {
        Ok(Vec::new())
    }

    fn track(
        &mut self,
        mmsi: u32,
        from_us: i64,
        to_us: i64,
        limit: usize,
    ) -> Result<Vec<TrackPoint>, StoreError> {
        let point = |time_us| TrackPoint {
            time_us,
            lon: 4.5,
            lat: 52.0,
            sog: Some(1.5),
            cog: None,
            heading: Some(7),
        };
        match mmsi {
            2 => Ok(Vec::new()),
            3 => Err(StoreError::Transient("busy".to_owned())),
            _ => Ok((from_us..to_us).step_by(1_000_000).map(point).take(limit).collect()),
        }
    }
}

/// What answers are made from, with a secret for tokens, and letters.
pub(in crate::http) fn face(
    secret: &str,
    letters: Option<(TempDir, Arc<Mutex<DeadLetters>>)>,
    tokens: Tokens,
) -> (Arc<Face>, TempDir) {
    let (dir, letters) = match letters {
        Some((dir, letters)) => (dir, Some(letters)),
        None => (tempfile::tempdir().unwrap(), None),
    };
    let feed = FeedCounts { name: "udp".to_owned(), kind: "udp".to_owned(), ..Default::default() };
    let status = Status::new(NOW_US - 5_000_000);
    status.set(State::Ready);
    let sources = Sources {
        counts: Arc::new(Counts { feeds: vec![feed], ..Counts::default() }),
        latency: Arc::default(),
        stages: Vec::new(),
        status: Arc::new(status),
        clock: Clock::manual(NOW_US),
        process: ProcessWatch::default(),
    };
    let face = Face {
        sources,
        fleet: Arc::new(OneVessel),
        reader: Mutex::new(Box::new(Points)),
        admin: Admin::new(Keys::new(secret, LOCAL_KEY), letters, dir.path(), Clock::System),
        tokens,
    };
    (Arc::new(face), dir)
}

/// The face on two threads of its own, until it is dropped.
pub(super) struct Served {
    address: SocketAddr,
    pub(super) face: Arc<Face>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _dir: TempDir,
}

impl Served {
    pub(super) fn new(connections_max: usize, request_seconds: u64) -> Self {
        Self::with(connections_max, request_seconds, "", None)
    }

    /// With feeds that take posts.
    pub(super) fn posted(
        connections_max: usize,
        request_seconds: u64,
        doors: (Vec<Door>, Tokens),
    ) -> Self {
        Self::made((connections_max, request_seconds), "", None, doors)
    }

    /// With a secret for tokens, and letters.
    pub(super) fn with(
        connections_max: usize,
        request_seconds: u64,
        secret: &str,
        letters: Option<(TempDir, Arc<Mutex<DeadLetters>>)>,
    ) -> Self {
        Self::made(
            (connections_max, request_seconds),
            secret,
            letters,
            (Vec::new(), Tokens::of(&[])),
        )
    }

    fn made(
        (connections_max, request_seconds): (usize, u64),
        secret: &str,
        letters: Option<(TempDir, Arc<Mutex<DeadLetters>>)>,
        (doors, tokens): (Vec<Door>, Tokens),
    ) -> Self {
        let (face, dir) = face(secret, letters, tokens);
        let stopping = Arc::new(AtomicBool::new(false));
        let (front_spot, _) = parking();
        let (api_spot, api_waker) = parking();
        let config = HttpConfig {
            address: "127.0.0.1:0".to_owned(),
            connections_max,
            request_seconds,
            ..HttpConfig::default()
        };
        let (answers, mailbox) = mailbox(connections_max, 1).unwrap();
        let joined = (answers, mailbox, doors);
        let (front, api) = open((&config, None), &face, joined, &api_waker, &stopping).unwrap();
        let address = front.address();
        let threads = vec![run(front, front_spot), run(api, api_spot)];
        Self { address, face, stopping, threads, _dir: dir }
    }

    pub(super) fn http(&self) -> &HttpCounts {
        &self.face.sources.counts.http
    }

    pub(super) fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    /// Sends bytes on a connection of their own and reads to its end.
    pub(super) fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = self.connect();
        // The peer may refuse before it has taken everything.
        let _ = socket.write_all(bytes);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(super) fn ask(&self, method: &str, target: &str, headers: &str) -> (u16, String, String) {
        let request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        let answer = self.raw(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    pub(super) fn get(&self, target: &str) -> (u16, Value) {
        let (status, _, body) = self.ask("GET", target, "");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn run(mut stage: impl Stage + 'static, spot: stage::Spot) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let counts = Arc::new(StageCounts::new(stage.name()));
        stage::run(&mut stage, &spot, &counts).unwrap();
    })
}
