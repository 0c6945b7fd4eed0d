//! What does each step on the way of a message cost, in time and in instructions?
//!
//! ```text
//! cargo bench --bench steps                        # time, all of them
//! cargo bench --bench steps -- decode              # time, those whose name has this in it
//! benches/count                                    # instructions, compared with benches/counts.tsv
//! ```
//!
//! One file for each step, in the order of the flow, and each opens with its question. Time is the machine's, and told by
//! criterion; instructions are the program's, and are what continuous integration looks at (`benches/count`). Both run the
//! same cases on the same bytes: recorded traffic (`tests/data`), or made-up rows where the step begins with rows.
//!
//! For `benches/count`: `--cases` lists the names; `--count NAME` prepares a case, runs it once to warm it up, and once more in
//! `counted`, which is what callgrind looks at, and tells how many elements that were.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod case {
    //! What does a bench consist of?

    /// Something that is measured.
    pub struct Case {
        /// `step/case`.
        pub name: String,
        /// Does everything that is not to be measured.
        pub prepare: Box<dyn Fn() -> Prepared>,
    }

    /// What is run again and again, each time at the same cost.
    pub struct Prepared {
        /// What it goes through each time: lines, messages, rows.
        pub elements: usize,
        /// One time.
        pub run: Box<dyn FnMut()>,
    }

    impl Case {
        pub fn new(name: impl Into<String>, prepare: impl Fn() -> Prepared + 'static) -> Self {
            Self { name: name.into(), prepare: Box::new(prepare) }
        }
    }

    impl Prepared {
        pub fn new(elements: usize, run: impl FnMut() + 'static) -> Self {
            Self { elements, run: Box::new(run) }
        }
    }
}

#[path = "steps/rows.rs"]
mod rows;
#[path = "steps/traffic.rs"]
mod traffic;

// The steps, in the order of the flow.
#[path = "steps/checksum.rs"]
mod checksum;
#[path = "steps/copy.rs"]
mod copy;
#[path = "steps/decide.rs"]
mod decide;
#[path = "steps/decode.rs"]
mod decode;
#[path = "steps/dedup.rs"]
mod dedup;
#[path = "steps/framer.rs"]
mod framer;
#[path = "steps/journal.rs"]
mod journal;
#[path = "steps/json.rs"]
mod json;
#[path = "steps/pipeline.rs"]
mod pipeline;
#[path = "steps/route.rs"]
mod route;
#[path = "steps/sqlite.rs"]
mod sqlite;
#[path = "steps/vessels.rs"]
mod vessels;

use std::hint::black_box;
use std::time::Duration;

use case::Case;
use criterion::{Criterion, Throughput};

fn cases() -> Vec<Case> {
    let steps = [
        framer::cases(),
        checksum::cases(),
        route::cases(),
        journal::cases(),
        decode::cases(),
        json::cases(),
        dedup::cases(),
        vessels::cases(),
        decide::cases(),
        copy::cases(),
        sqlite::cases(),
        pipeline::cases(),
    ];
    steps.into_iter().flatten().collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [list] if list == "--cases" => cases().iter().for_each(|case| println!("{}", case.name)),
        [count, name] if count == "--count" => count_one(name),
        _ => measure(),
    }
}

fn count_one(name: &str) {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == name);
    let case = case.unwrap_or_else(|| panic!("{name} is no case, see --cases"));
    let mut prepared = (case.prepare)();
    (prepared.run)();
    counted(&mut *prepared.run);
    println!("{}", prepared.elements);
}

/// Callgrind counts what is done in here; it knows it by its name.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) {
    run();
    // Not in the place of the caller: without something behind the call there would be no frame of this name.
    black_box(());
}

fn measure() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    // Preparing takes longer than measuring: only what is asked for.
    let asked = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_asked = |name: &str| asked.as_ref().is_none_or(|asked| name.contains(asked.as_str()));
    for case in cases().iter().filter(|case| is_asked(&case.name)) {
        let (step, name) = case.name.split_once('/').unwrap();
        let mut prepared = (case.prepare)();
        let mut group = criterion.benchmark_group(step);
        group.throughput(Throughput::Elements(prepared.elements as u64));
        group.bench_function(name, |bencher| bencher.iter(&mut prepared.run));
        group.finish();
    }
    criterion.final_summary();
}
