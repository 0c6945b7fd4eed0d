//! What systemd is told, by a socket that stands in for it.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use super::shim::{Number, Shim};
use super::{KEEP_ALL, assert_stored, send_in_pieces, wait_decided};
use crate::support::process::{Daemon, Home, PATIENCE};

/// What the unit says as `WatchdogSec`: a thread that has not turned for half of it stands still.
const WATCHDOG: Duration = Duration::from_secs(1);
const WATCHDOG_US: &str = "1000000";
const STALL: Duration = Duration::from_millis(2_500);

/// The service manager.
struct Manager {
    socket: UnixDatagram,
    /// All that was heard, line by line, and when.
    heard: Vec<(Instant, String)>,
}

impl Manager {
    /// Starts a daemon as its service, under the shim.
    fn spawn(home: &Home, shim: &Shim) -> (Self, Daemon) {
        let path = home.config().with_file_name("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let more = [("NOTIFY_SOCKET", path.as_path()), ("WATCHDOG_USEC", Path::new(WATCHDOG_US))];
        let daemon = shim.spawn_with(home, &more);
        (Self { socket, heard: Vec::new() }, daemon)
    }

    /// Hears what has come.
    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        while let Ok(count) = self.socket.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..count]).unwrap();
            self.heard.extend(text.lines().map(|line| (Instant::now(), line.to_owned())));
        }
    }

    fn listen_for(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.listen();
        }
    }

    /// Waits for a line that begins so; when it came.
    fn wait_for(&mut self, begin: &str) -> Instant {
        let began = Instant::now();
        loop {
            self.listen();
            if let Some(at) = self.first(begin) {
                return at;
            }
            assert!(began.elapsed() < PATIENCE, "no {begin} in {:?}", self.heard);
        }
    }

    fn first(&self, begin: &str) -> Option<Instant> {
        self.heard.iter().find(|(_, line)| line.starts_with(begin)).map(|(at, _)| *at)
    }

    fn is_fed_since(&self, since: Instant) -> bool {
        self.heard.iter().any(|(at, line)| *at > since && line == "WATCHDOG=1")
    }

    /// The longest time in which it was not fed, since then.
    fn longest_hunger(&self, since: Instant) -> Duration {
        let fed = self.heard.iter().filter(|(at, line)| *at >= since && line == "WATCHDOG=1");
        let times: Vec<Instant> = std::iter::once(since).chain(fed.map(|(at, _)| *at)).collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.chain(times.last().map(Instant::elapsed)).max().unwrap()
    }
}

#[test]
fn systemd_is_told_when_it_is_ready_how_it_is_and_that_it_stops() {
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    // A shard that comes late: what is left to look at is not looked at until then.
    shim.aim("shard-0");
    shim.set(Number::StallMs, STALL.as_millis().try_into().unwrap());
    let began = Instant::now();
    let (mut manager, mut daemon) = Manager::spawn(&home, &shim);
    let ready = manager.wait_for("READY=1");
    assert!(ready - began >= STALL, "ready after {:?}", ready - began);
    assert_eq!(shim.get(Number::Fired), 1);
    assert!(manager.first("STATUS=starting").is_some_and(|at| at < ready), "{:?}", manager.heard);
    let extended = manager.first("EXTEND_TIMEOUT_USEC=30000000");
    assert!(extended.is_some_and(|at| at < ready), "{:?}", manager.heard);
    daemon.wait_until_ready();
    send_in_pieces(&daemon, 0..1_000, 100);
    wait_decided(&daemon, 1_000);
    manager.wait_for("STATUS=ready: ");
    manager.listen_for(2 * WATCHDOG);
    assert!(manager.longest_hunger(ready) < WATCHDOG, "{:?}", manager.heard);
    assert!(manager.first("STOPPING=1").is_none());
    assert_eq!(daemon.stop(), Some(0));
    manager.wait_for("STOPPING=1");
    // Ten seconds of drain, and thirty.
    manager.wait_for("EXTEND_TIMEOUT_USEC=40000000");
    assert_eq!(manager.heard.iter().filter(|(_, line)| line == "READY=1").count(), 1);
    assert_stored(&home, 0..1_000);
}

#[test]
fn a_thread_that_stands_still_is_not_fed_for() {
    let home = Home::new(KEEP_ALL);
    let shim = Shim::new(&home);
    let (mut manager, mut daemon) = Manager::spawn(&home, &shim);
    daemon.wait_until_ready();
    manager.wait_for("WATCHDOG=1");
    for (nth, name) in (1..).zip(["journal", "shard-0", "feed0-udp"]) {
        shim.aim(name);
        let began = Instant::now();
        shim.set(Number::StallMs, STALL.as_millis().try_into().unwrap());
        manager.listen_for(STALL);
        assert_eq!(shim.get(Number::Fired), nth, "{name} did not stand still");
        let hunger = manager.longest_hunger(began);
        assert!(hunger > WATCHDOG, "fed for {name}, at most {hunger:?} apart");
        let said = format!("{name} has stood still for ");
        assert!(home.log().contains(&said), "no `{said}` in {}", home.log());
        // Once it turns again all is well.
        let over = Instant::now();
        manager.listen_for(WATCHDOG);
        assert!(manager.is_fed_since(over), "{name}: {:?}", manager.heard);
    }
    assert_eq!(daemon.stop(), Some(0));
}
