//! 256 MiB of memory and twice the load: the daemon keeps within it, for five minutes with `FAULTS=all`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::at_full_length;
use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::log::totals;
use crate::support::process::Home;
use crate::support::traffic::Traffic;

const LIMIT: u64 = 256 << 20;
/// Over each of TCP and UDP: 20 000 messages a second together.
const RATE: u32 = 10_000;

/// A control group with a limit of memory; removed when it goes out of scope, when its processes are gone.
struct Group(PathBuf);

impl Group {
    fn new() -> std::io::Result<Self> {
        let path = PathBuf::from(format!("/sys/fs/cgroup/memory/aisd-test-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        let group = Self(path);
        std::fs::write(group.0.join("memory.limit_in_bytes"), LIMIT.to_string())?;
        Ok(group)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// What starts a daemon that is bound: in the group, or where none can be made with a limit of its data.
fn wrapper(group: Option<&Group>) -> Vec<String> {
    match group {
        Some(group) => {
            let procs = group.0.join("cgroup.procs").display().to_string();
            ["sh", "-c", "echo $$ > \"$0\" && exec \"$@\"", &procs].map(str::to_owned).into()
        }
        None => vec!["prlimit".to_owned(), format!("--data={LIMIT}")],
    }
}

#[test]
fn with_256_mebibytes_and_twice_the_load_nothing_is_killed_and_nothing_lost() {
    let length = Duration::from_secs(if at_full_length() { 300 } else { 4 });
    let home = Home::alone("[log]\nlevel = \"info\"\n");
    let group = Group::new();
    let mut daemon = home.spawn_under(&wrapper(group.as_ref().ok()), &[]);
    daemon.wait_until_ready();
    match &group {
        Ok(group) => {
            let inside = group.read("cgroup.procs");
            assert!(inside.lines().any(|pid| pid == daemon.pid().to_string()), "{inside}");
        }
        Err(error) => eprintln!("no control group ({error}): its data is bound instead"),
    }
    let traffic = Traffic::start(RATE);
    traffic.aim(&daemon);
    let (began, mut peak) = (Instant::now(), 0);
    while began.elapsed() < length {
        std::thread::sleep(Duration::from_millis(100));
        assert!(daemon.is_alive(), "{}", home.log());
        peak = peak.max(daemon.status("VmRSS"));
    }
    let sent = traffic.sent();
    traffic.stop();
    let dropped = metrics(daemon.http()).feed("udp", "kernel_drops");
    eprintln!("{sent} sent, {dropped} dropped in the kernel; {peak} kB resident at most");
    assert!(peak < LIMIT / 1024, "{peak} kB");
    assert!(u64::from(sent) > u64::from(RATE) * length.as_secs(), "{sent} is not twice the load");
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    if let Ok(group) = &group {
        let control = group.read("memory.oom_control");
        assert!(!control.contains("oom_kill ") || control.contains("oom_kill 0"), "{control}");
        eprintln!(
            "at most {} bytes with its files",
            group.read("memory.max_usage_in_bytes").trim()
        );
    }
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    let stored: u64 = totals(&home.log()).values().map(|feed| feed["stored"]).sum();
    assert_eq!(store.number("SELECT count(*) FROM positions"), stored);
    let over_tcp = &totals(&home.log())["tcp"];
    assert_eq!(over_tcp["received"], over_tcp["stored"] + over_tcp["repeats"]);
}
