//! On which machine, when, and with which versions was it measured?

use std::fs::read_to_string;
use std::process::Command;

use crate::report::{Report, row};

/// Tells it.
pub fn tell(report: &mut Report, command: &str, runs: usize) {
    report.text(&format!(
        "# Benchmarks\n\nWritten by `{command}`, which does all of it again; nothing here is edited by hand. Figures are medians of {runs} \
         {}, with their range. What is compared was measured in one run, on the same bytes, one after the other: ratios last, \
         absolute figures are this machine's. Generator, engine and servers share its cores.",
        if runs == 1 { "run" } else { "runs" }
    ));
    if runs == 1 {
        report.text("**Short runs, each made once: they show that it works. Their figures, and what they say of goals, mean nothing.**");
    }
    let file = |path| read_to_string(path).unwrap_or_default();
    let info = file("/proc/cpuinfo");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kib = after(&file("/proc/meminfo"), "MemTotal");
    let kib: u64 = kib.trim_end_matches(" kB").parse().unwrap_or(0);
    let memory = format!("{:.1} GB", kib as f64 * 1024.0 / 1e9);
    let cpu = format!("{} x {}", cores, after(&info, "model name"));
    let told = [
        ("date", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("processor", cpu),
        ("memory", memory),
        ("disk", said("sh", &["-c", "df --output=fstype,source ${TMPDIR:-/tmp} | tail -1"])),
        ("kernel", file("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("busy before it began (load of the last minute)", load()),
        (
            "aisd",
            format!(
                "{} at {}",
                env!("CARGO_PKG_VERSION"),
                said("git", &["rev-parse", "--short", "HEAD"])
            ),
        ),
        ("compiler", said("rustc", &["-V"])),
        (
            "Postgres",
            said("sh", &["-c", "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/postgres -V"]),
        ),
        ("Redis", said("sh", &["-c", "redis-server --version | cut -d ' ' -f 3"])),
    ];
    let mut rows = vec![row(["what", ""])];
    rows.extend(told.iter().map(|(name, value)| row([name, value])));
    report.table(&rows);
}

fn load() -> String {
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// The text behind the colon of the first line that begins so.
fn after(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("-", |it| it.1).trim().to_owned()
}

/// What a program writes; a dash when it is not there.
pub fn said(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output();
    let text = out.ok().filter(|out| out.status.success()).map(|out| out.stdout);
    text.map_or("-".to_owned(), |text| String::from_utf8_lossy(&text).trim().to_owned())
}
