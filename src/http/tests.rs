//! The HTTP face through real sockets.

mod admin;
mod described;
mod posts;
pub(in crate::http) mod served;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::config::BreakerConfig;
use crate::observe::status::State;
use crate::resilience::attempts::Attempts;
use crate::resilience::backoff::Backoff;
use served::Served;

/// Reads until as many whole answers came.
fn read_answers(socket: &mut TcpStream, count: usize) -> Vec<u8> {
    let (mut read, mut chunk) = (Vec::new(), [0; 4096]);
    while String::from_utf8_lossy(&read).matches("HTTP/1.1 ").count() < count
        || !read.ends_with(b"\n")
    {
        let length = socket.read(&mut chunk).unwrap();
        assert!(length > 0, "closed after {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&chunk[..length]);
    }
    read
}

#[test]
fn every_route_answers() {
    let served = Served::new(16, 5);
    for target in [
        "/",
        "/livez",
        "/readyz",
        "/readyz?verbose",
        "/healthz",
        "/metrics",
        "/metrics?format=json",
        "/metrics/prometheus",
        "/metrics/prometheus/summary",
        "/api/vessels",
        "/api/vessels/244660000",
        "/api/vessels/244660000/track",
    ] {
        let (status, head, body) = served.ask("GET", target, "");
        assert_eq!(status, 200, "{target}: {body}");
        let (head_status, head_only, nothing) = served.ask("HEAD", target, "");
        assert_eq!((head_status, nothing.as_str()), (200, ""), "{target}");
        let kind = |head: &str| {
            head.lines().find(|line| line.starts_with("Content-Type")).map(str::to_owned)
        };
        assert_eq!(kind(&head), kind(&head_only), "{target}");
    }
    let (_, root) = served.get("/");
    assert_eq!((root["name"].as_str(), root["state"].as_str()), (Some("aisd"), Some("ready")));
    assert_eq!(root["uptime_seconds"], 5);
    assert_eq!(served.http().refused.get(), 0);
}

#[test]
fn wrong_requests_get_a_clear_answer() {
    let served = Served::new(16, 5);
    let check = |target: &str, expected: u16| {
        let (status, body) = served.get(target);
        assert_eq!(status, expected, "{target}: {body}");
        assert!(body["error"].as_str().is_some_and(|text| text.len() > 8), "{target}: {body}");
    };
    check("/nowhere", 404);
    check("/metrics/", 404);
    check("/api/vessels/", 404);
    check("/api/vesselsx", 404);
    check("/api/other", 404);
    check("/api/vessels/244660000/", 404);
    check("/api/vessels/244660000/track/", 404);
    check("/api/vessels/1", 404);
    check("/api/vessels/244660000x", 400);
    check("/api/vessels/0", 400);
    check("/api/vessels?bbox=1,2,3", 400);
    check("/api/vessels?bbox=1,2,3,4;", 400);
    check("/api/vessels?limit=0", 400);
    check("/api/vessels?limt=5", 400);
    check("/api/vessels/1/track?from=x", 400);
    check("/api/vessels/1/track?from=2000&to=1000", 400);
    check("/api/vessels/3", 503);
    check("/api/vessels/3/track", 503);
    check("/metrics?format=xml", 400);
    for method in ["POST", "DELETE", "BREW"] {
        let (status, head, _) = served.ask(method, "/metrics", "");
        assert!(status == 405 && head.contains("Allow: GET, HEAD"), "{head}");
        assert_eq!(served.ask(method, "/nowhere", "").0, 404);
        assert_eq!(served.ask(method, "/api/vessels", "").0, 405);
    }
}

#[test]
fn ready_follows_the_state() {
    let served = Served::new(16, 5);
    for (state, expected) in [(State::Starting, 503), (State::Ready, 200), (State::Draining, 503)] {
        served.face.sources.status.set(state);
        assert_eq!(served.ask("GET", "/readyz", "").0, expected);
        assert_eq!(served.ask("GET", "/healthz", "").0, expected);
        assert_eq!(served.ask("GET", "/livez", "").0, 200);
    }
    let (_, _, body) = served.ask("GET", "/readyz?verbose", "");
    assert!(body.contains("[-]store sqlite is away") && body.contains("[+]feed udp"), "{body}");
    assert!(body.ends_with("draining\n"), "{body}");
}

#[test]
fn a_neighbour_that_is_away_is_named_with_its_cause_and_leaves_the_daemon_ready() {
    let served = Served::new(16, 5);
    let neighbours = &served.face.sources.counts.neighbours;
    let verbose = || served.ask("GET", "/readyz?verbose", "");
    let shows = |line: &str| {
        let (status, _, body) = verbose();
        assert_eq!(status, 200);
        assert!(body.lines().any(|shown| shown.starts_with(line)), "no line `{line}` in {body}");
    };
    shows("[+]neighbour sqlite: breaker closed");
    shows("[+]neighbour redis: not configured");
    let limits = BreakerConfig { failures_to_open: 2, ..BreakerConfig::default() };
    let mut attempts = Attempts::new(Arc::clone(&neighbours.store), &limits, Backoff::default());
    let cause = "connect to postgres at db-1:5432: password authentication failed for user \"ais\"";
    attempts.failed(cause);
    shows(&format!("[-]neighbour sqlite: breaker closed: {cause} (attempt 1, next "));
    attempts.failed(cause);
    shows(&format!("[-]neighbour sqlite: breaker open: {cause} (attempt 2, next in "));
    assert_eq!(served.ask("GET", "/readyz", "").0, 200);
    assert!(!served.ask("GET", "/readyz", "").2.contains("password"));
    drop(attempts);
    shows("[-]neighbour sqlite: breaker open");
}

#[test]
fn full_dead_letters_are_named() {
    let served = Served::new(16, 5);
    let counts = &served.face.sources.counts.dead_letters;
    let body = || served.ask("GET", "/readyz?verbose", "").2;
    assert!(!body().contains("dead letters"));
    counts.rows_max.set(3);
    assert!(body().contains("[+]dead letters 0 of at most 3\n"));
    counts.rows.set(3);
    let full = "[-]dead letters 3 of at most 3, the store waits until there is room\n";
    assert!(body().contains(full));
}

#[test]
fn metrics_come_as_asked() {
    let served = Served::new(16, 5);
    let (_, head, body) =
        served.ask("GET", "/metrics", "Accept: text/plain;version=0.0.4,*/*;q=0.1\r\n");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("\nais_dlq_size 0\n"));
    let (_, head, body) = served.ask("GET", "/metrics", "Accept: application/json\r\n");
    assert!(head.contains("Content-Type: application/json") && body.starts_with('{'), "{head}");
    served.face.sources.latency.lock().record(2000, 3);
    let window = |target: &str| served.get(target).1["latency_ms"]["window"]["count"].clone();
    assert_eq!(served.ask("HEAD", "/metrics?window=reset", "").0, 200);
    assert_eq!(window("/metrics?format=json&window=reset"), 3);
    assert_eq!(window("/metrics?format=json"), 0);
}

#[test]
fn a_vessel_is_described_in_degrees_and_knots() {
    let served = Served::new(16, 5);
    let (_, vessel) = served.get("/api/vessels/244660000");
    assert_eq!((vessel["lon"].as_f64(), vessel["lat"].as_f64()), (Some(4.5), Some(52.0001)));
    assert_eq!((vessel["sog"].as_f64(), vessel["cog"].as_f64()), (Some(12.3), Some(359.9)));
    assert_eq!(vessel["name"], "A\"B");
    assert_eq!(vessel["draught"], 5.7);
    assert_eq!(vessel["time"], "2023-11-14T22:13:18.5Z");
    assert_eq!(vessel["flags"].to_string(), "[\"jump\",\"late\"]");
    assert_eq!(vessel["source"], "udp");
    assert!(vessel.get("heading").is_none());
}

#[test]
fn a_vessel_that_is_not_in_memory_is_asked_of_the_store() {
    let served = Served::new(16, 5);
    assert_eq!(served.get("/api/vessels/244660000").1["from"], "memory");
    let (_, vessel) = served.get("/api/vessels/4");
    assert_eq!((vessel["from"].as_str(), vessel["mmsi"].as_u64()), (Some("store"), Some(4)));
    assert!(vessel.get("first_seen").is_none());
    let (_, feature) = served.get("/api/vessels/4?format=geojson");
    assert_eq!(feature["properties"]["from"], "store");
    let (status, head, body) = served.ask("GET", "/api/vessels/3", "");
    assert_eq!(body, "{\"error\":\"the store cannot answer: busy\"}\n");
    assert!(status == 503 && head.contains("Retry-After: 5"), "{head}");
}

#[test]
fn vessels_are_found_by_area_and_cut_at_the_limit() {
    let served = Served::new(16, 5);
    let count = |query: &str| {
        let (_, found) = served.get(&format!("/api/vessels{query}"));
        (found["count"].as_u64().unwrap(), found["more"].as_bool().unwrap())
    };
    assert_eq!(count(""), (2, false));
    assert_eq!(count("?limit=1"), (1, true));
    assert_eq!(count("?bbox=4,51,5,53"), (2, false));
    assert_eq!(count("?bbox=5,51,4,53"), (0, false));
    assert_eq!(count("?bbox=4.5,52.0001,-170,53"), (2, false));
    let (_, head, body) = served.ask("GET", "/api/vessels", "Accept: application/geo+json\r\n");
    let found: Value = serde_json::from_str(&body).unwrap();
    assert!(head.contains("Content-Type: application/geo+json"), "{head}");
    assert_eq!(found["features"][0]["geometry"]["coordinates"].to_string(), "[4.5,52.0001]");
    assert!(found["features"][0]["properties"].get("lon").is_none());
}

#[test]
fn a_track_is_asked_for_by_time() {
    let served = Served::new(16, 5);
    let (_, track) = served.get("/api/vessels/1/track?from=1700000000&to=2023-11-14T22:13:23Z");
    assert_eq!((track["count"].as_u64(), track["more"].as_bool()), (Some(3), Some(false)));
    assert_eq!(track["points"][1]["time"], "2023-11-14T22:13:21Z");
    let (_, day) = served.get("/api/vessels/1/track?limit=10000");
    assert_eq!((day["count"].as_u64(), day["more"].as_bool()), (Some(10_000), Some(true)));
    let (_, line) = served.get("/api/vessels/1/track?format=geojson&limit=2");
    assert_eq!(line["geometry"]["type"], "LineString");
    assert_eq!(served.get("/api/vessels/2/track").1["count"], 0);
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let served = Served::new(16, 5);
    let mut socket = served.connect();
    let targets = ["/livez", "/api/vessels/1", "/", "/api/vessels/2/track", "/nowhere"];
    let all: String =
        targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\n\r\n")).collect();
    socket.write_all(all.as_bytes()).unwrap();
    let read = String::from_utf8(read_answers(&mut socket, targets.len())).unwrap();
    let statuses: Vec<&str> = read.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "200", "200", "404"]);
    // The same connection goes on, also byte by byte, and a body is passed over.
    for byte in
        b"POST /livez HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET / HTTGET /livez HTTP/1.1\r\n\r\n"
    {
        socket.write_all(&[*byte]).unwrap();
    }
    let read = String::from_utf8(read_answers(&mut socket, 2)).unwrap();
    assert!(read.contains("HTTP/1.1 405") && read.contains("HTTP/1.1 200"), "{read}");
    assert_eq!(served.http().connections.get(), 1);
}

/// The end of the requests was taken for the end of the connection while some of them waited: of three the third was never answered.
#[test]
fn requests_that_came_before_the_client_closed_its_side_are_all_answered() {
    let served = Served::new(16, 5);
    for count in [1, 3, 5, 200] {
        let mut socket = served.connect();
        socket.write_all("GET /livez HTTP/1.1\r\n\r\n".repeat(count).as_bytes()).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut read = String::new();
        socket.read_to_string(&mut read).unwrap();
        assert_eq!(read.matches("HTTP/1.1 200 ").count(), count);
    }
}

#[test]
fn what_is_no_request_is_refused_and_counted() {
    let served = Served::new(16, 5);
    let refused = |bytes: &[u8], expected: &str| {
        let before = served.http().refused.get();
        let answer = served.raw(bytes);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{expected}: {answer:.200}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert_eq!(served.http().refused.get(), before + 1);
    };
    refused(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 0xff], "400");
    refused(format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(64 * 1024)).as_bytes(), "431");
    let mut large = b"POST / HTTP/1.1\r\nContent-Length: 2097152\r\n\r\n".to_vec();
    large.resize(2 << 20, b'x');
    refused(&large, "413");
    refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411");
    assert_eq!(served.get("/").0, 200);
}

#[test]
fn random_bytes_never_stop_it() {
    let served = Served::new(16, 5);
    let mut state = 88_172_645_463_325_252_u64;
    for round in 0..200 {
        let bytes: Vec<u8> = (0..round * 3 + 1)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .chain(*b"\r\n\r\n")
            .collect();
        let answer = served.raw(&bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(served.get("/").0, 200);
}

#[test]
fn a_request_that_is_not_whole_in_time_is_closed() {
    let served = Served::new(16, 1);
    let began = Instant::now();
    let mut half_head = served.connect();
    half_head.write_all(b"GET / HT").unwrap();
    let mut half_body = served.connect();
    half_body.write_all(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    let mut silent = served.connect();
    let mut idle = served.connect();
    idle.write_all(b"GET /livez HTTP/1.1\r\n\r\n").unwrap();
    let mut never_reads = served.connect();
    let many = "GET /metrics HTTP/1.1\r\n\r\n".repeat(600);
    never_reads.write_all(many.as_bytes()).unwrap();
    let end = |socket: &mut TcpStream| {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(end(&mut half_head).starts_with("HTTP/1.1 408 "));
    assert!(end(&mut half_body).starts_with("HTTP/1.1 408 "));
    assert_eq!(end(&mut silent), "");
    assert!(end(&mut idle).starts_with("HTTP/1.1 200 "));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    while served.http().connections.get() > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "a reader that never reads is held");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The idle one had nothing open; the others are counted.
    assert_eq!(served.http().refused.get(), 4);
}

#[test]
fn at_the_bound_the_oldest_open_request_gives_way() {
    let served = Served::new(4, 30);
    let mut slow: Vec<TcpStream> = (0..4).map(|_| served.connect()).collect();
    for socket in &mut slow {
        socket.write_all(b"GET / HT").unwrap();
    }
    while served.http().connections.get() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(served.get("/").0, 200);
    assert_eq!(served.http().refused.get(), 1);
    let mut answer = String::new();
    assert!(slow[0].read_to_string(&mut answer).is_err() || answer.is_empty());
}

/// All of them answered in one go, the last answer found no room and its client waited for ever.
#[test]
fn questions_beyond_those_that_may_wait_get_503_and_health_is_answered_meanwhile() {
    let served = Served::new(256, 30);
    let reader = served.face.reader.lock();
    let ask = || {
        let mut client = served.connect();
        client.write_all(b"GET /api/vessels/4 HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        client
    };
    let mut asking: Vec<TcpStream> = Vec::new();
    while served.http().refused.get() == 0 {
        assert!(asking.len() < 200, "nobody is refused");
        asking.push(ask());
        assert_eq!(served.ask("GET", "/livez", "").0, 200);
    }
    drop(reader);
    let read = |mut client: TcpStream| {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let answers: Vec<String> = asking.into_iter().map(read).collect();
    let refused: Vec<&String> =
        answers.iter().filter(|it| it.starts_with("HTTP/1.1 503 ")).collect();
    assert!(refused.len() == 1 && refused[0].contains("\r\nRetry-After: 1\r\n"), "{refused:?}");
    assert!(answers.iter().filter(|it| it.starts_with("HTTP/1.1 200 ")).count() > 1);
}
