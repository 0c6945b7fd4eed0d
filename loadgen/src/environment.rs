//! On what machine and when a result came about.

use crate::civil::{Civil, now_us};
use serde_json::{Value, json};
use std::fs::read_to_string;

/// The environment block of the results.
pub fn block() -> Value {
    let file = |path| read_to_string(path).unwrap_or_default();
    let info = file("/proc/cpuinfo");
    let model = after(&info, "model name").or_else(|| after(&info, "CPU part"));
    let memory = after(&file("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map(|kib| kib * 1024);
    json!({
        "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        "cpu": model,
        "memory_bytes": memory,
        "kernel": file("/proc/sys/kernel/osrelease").trim(),
        "date": Civil::from_seconds(now_us() / 1_000_000).to_string(),
        "loadgen": env!("CARGO_PKG_VERSION"),
    })
}

/// The text behind the colon of the first line that begins so.
fn after(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
