//! How does aisd compare with other decoders, with a bare client of its store, with itself on fewer shards, and with its goals?
//!
//! `benches/run` builds what is needed, runs this, and writes `BENCHMARKS.md`. Each part is one word: `decode`, `store`, `engine`,
//! `latency`; without one all of them run. What is compared runs in turn in this one run, on the same bytes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss
)]

mod side_by_side {
    pub mod cost;
    pub mod decode;
    pub mod disk;
    pub mod engine;
    pub mod goals;
    pub mod latency;
    pub mod load;
    pub mod machine;
    pub mod report;
    pub mod store;
}
#[allow(dead_code, unused_imports, reason = "the tests need more of it")]
#[path = "../tests/support"]
mod support {
    pub mod http;
    pub mod process;
    pub mod servers;
}

use std::path::PathBuf;

use side_by_side::{cost, decode, disk, engine, goals, latency, load, machine, report, store};

/// How much of everything.
pub struct Lengths {
    pub runs: usize,
    /// Of the daemon and bare clients in turn.
    pub pairs: usize,
    /// Times that the programs read the recording.
    pub decode_times: usize,
    /// Of a run at the highest rate.
    pub messages: u64,
    /// Rows that are inserted one by one.
    pub inserts: u64,
    /// At 10 000 messages a second, and at 100 000.
    pub seconds: u64,
    pub seconds_fast: u64,
    /// A Python that has pyais.
    pub python: Option<PathBuf>,
}

const REAL: Lengths = Lengths {
    runs: 3,
    pairs: 5,
    decode_times: 20,
    messages: 4_000_000,
    inserts: 20_000,
    seconds: 60,
    seconds_fast: 20,
    python: None,
};
const SHORT: Lengths = Lengths {
    runs: 1,
    pairs: 1,
    decode_times: 1,
    messages: 300_000,
    inserts: 1_000,
    seconds: 3,
    seconds_fast: 2,
    python: None,
};

fn main() {
    let (mut lengths, mut output, mut parts) = (REAL, PathBuf::from("BENCHMARKS.md"), Vec::new());
    let mut arguments = std::env::args().skip(1);
    let mut command = "benches/run".to_owned();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo's own word.
            "--bench" => {}
            "--short" => {
                lengths = Lengths { python: lengths.python, ..SHORT };
                command += " --short";
            }
            "--output" => output = arguments.next().expect("--output FILE").into(),
            "--python" => lengths.python = arguments.next().map(PathBuf::from),
            part if ["decode", "store", "engine", "latency"].contains(&part) => {
                command += &format!(" {part}");
                parts.push(argument);
            }
            other => panic!("{other} is no part, see benches/run"),
        }
    }
    let is_asked = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let mut report = report::Report::default();
    machine::tell(&mut report, &command, lengths.runs);
    if is_asked("decode") {
        decode::measure(&mut report, &lengths);
    }
    let store = is_asked("store").then(|| store::measure(&mut report, &lengths));
    let engine = is_asked("engine").then(|| engine::measure(&mut report, &lengths));
    let latency = is_asked("latency").then(|| latency::measure(&mut report, &lengths));
    if store.is_some() || engine.is_some() || latency.is_some() {
        goals::tell(&mut report, store.as_ref(), engine.as_ref(), latency.as_ref());
    }
    std::fs::write(&output, report.into_text()).unwrap();
    println!("{} is written", output.display());
}
