//! A thousand clients that send one byte now and then hold up nobody: no thread is made for them, others are answered as fast
//! as before, and each is closed at its deadline and counted.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of a test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aisd::clock::Clock;
use aisd::config::HttpConfig;
use aisd::http::token::Keys;
use aisd::http::{Admin, Face, Tokens, mailbox, open};
use aisd::observe::counts::{Counts, StageCounts};
use aisd::observe::metrics::Sources;
use aisd::observe::process::ProcessWatch;
use aisd::observe::status::Status;
use aisd::picture::{Area, Fleet, VesselView};
use aisd::stage::{self, Stage, parking};
use aisd::store::{StoreError, StoreReader, TrackPoint};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use parking_lot::Mutex;

const CLIENTS: usize = 1000;
/// What a request may take. The clients send one byte in each third of it.
const REQUEST_SECONDS: u64 = 3;

struct Nothing;

impl Fleet for Nothing {
    fn vessel(&self, _mmsi: u32) -> Option<VesselView> {
        None
    }
    fn within(&self, _area: &Area, _limit: usize) -> Vec<VesselView> {
        Vec::new()
    }
    fn len(&self) -> usize {
        0
    }
}

impl StoreReader for Nothing {
    fn vessel(&mut self, _: u32) -> Result<Option<VesselView>, StoreError> {
        Ok(None)
    }
    fn newest(&mut self, _: i64, _: u32, _: usize) -> Result<Vec<VesselView>, StoreError> {
        Ok(Vec::new())
    }
    fn track(&mut self, _: u32, _: i64, _: i64, _: usize) -> Result<Vec<TrackPoint>, StoreError> {
        Ok(Vec::new())
    }
}

fn face() -> Arc<Face> {
    let sources = Sources {
        counts: Arc::new(Counts::default()),
        latency: Arc::default(),
        stages: Vec::new(),
        status: Arc::new(Status::new(0)),
        clock: Clock::System,
        process: ProcessWatch::default(),
    };
    let admin = Admin::new(Keys::new("", ""), None, Path::new("."), Clock::System);
    let reader: Box<dyn StoreReader> = Box::new(Nothing);
    let reader = Mutex::new(reader);
    let tokens = Tokens::of(&[]);
    Arc::new(Face { sources, fleet: Arc::new(Nothing), reader, admin, tokens })
}

fn serve(mut stage: impl Stage + 'static, spot: stage::Spot) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let counts = Arc::new(StageCounts::new(stage.name()));
        stage::run(&mut stage, &spot, &counts).unwrap();
    })
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How long a normal client waits for `/metrics` on a connection of its own.
fn scrape(address: SocketAddr) -> Duration {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.100}");
    began.elapsed()
}

fn median_scrape(address: SocketAddr) -> Duration {
    let mut took: Vec<Duration> = (0..25).map(|_| scrape(address)).collect();
    took.sort();
    took[took.len() / 2]
}

fn check(connections_max: usize) {
    let face = face();
    let http = &face.sources.counts.http;
    let stopping = Arc::new(AtomicBool::new(false));
    let (front_spot, _) = parking();
    let (api_spot, api_waker) = parking();
    let config = HttpConfig {
        address: "127.0.0.1:0".to_owned(),
        connections_max,
        request_seconds: REQUEST_SECONDS,
        ..HttpConfig::default()
    };
    let (answers, mailbox) = mailbox(connections_max, 0).unwrap();
    let joined = (answers, mailbox, Vec::new());
    let (front, api) = open((&config, None), &face, joined, &api_waker, &stopping).unwrap();
    let address = front.address();
    let serving = [serve(front, front_spot), serve(api, api_spot)];
    let (threads_before, scrape_before) = (threads(), median_scrape(address));

    let connecting = Instant::now();
    let mut slow: Vec<TcpStream> =
        (0..CLIENTS).map(|_| TcpStream::connect(address).unwrap()).collect();
    println!("{CLIENTS} connected in {:?}", connecting.elapsed());
    let began = Instant::now();
    let third = Duration::from_secs(REQUEST_SECONDS) / 3;
    for byte in 0..3_u32 {
        for socket in &mut slow {
            // Those that had to give way are closed already.
            let _ = socket.write_all(b"G");
        }
        assert_eq!(threads(), threads_before);
        let scrape_under_load = median_scrape(address);
        println!("/metrics: {scrape_before:?} before, {scrape_under_load:?} beside the slow ones");
        assert!(scrape_under_load < scrape_before + Duration::from_millis(5));
        std::thread::sleep((third * (byte + 1)).saturating_sub(began.elapsed()));
    }

    let deadline = began + Duration::from_secs(REQUEST_SECONDS) + Duration::from_secs(1);
    while http.connections.get() > 0 {
        assert!(Instant::now() < deadline, "{} are still open", http.connections.get());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(http.refused.get(), CLIENTS as u64);
    assert_eq!(threads(), threads_before);
    stopping.store(true, Ordering::Release);
    serving.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_thousand_slow_clients_hold_up_nobody() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).unwrap();
    // Below the bound of connections, and far above it.
    check(2048);
    check(256);
}
