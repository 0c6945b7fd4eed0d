//! How fast are the decoders, each with the same bytes?
//!
//! Lines that are one whole sentence, from the recording of a coast station. Libraries decode them in this process, on one thread, line
//! to struct. Programs read them from a file and write JSON, or what their language has; their processor time has their start in it.

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use aisd::ais::{Scratch, decode};
use aisd::config::NmeaConfig;
use aisd::nmea::line::Lines;
use aisd::nmea::{Assembler, Message, Note, Sink};
use aisd::record::Payload;
use aisd::reject::Reject;

use crate::Lengths;
use crate::cost::{children, thread};
use crate::machine::said;
use crate::report::{Report, Runs, rate, row};

const RECORDED: &[u8] = include_bytes!("../../tests/data/amsa/ais.txt");

/// Decodes each line of a file, and tells how many were decoded.
const PYAIS: &str = "
import sys
from pyais import decode
count = 0
for line in open(sys.argv[1], 'rb'):
    try:
        decode(line.strip())
        count += 1
    except Exception:
        pass
print(count)
";

pub fn measure(report: &mut Report, lengths: &Lengths) {
    report.heading("Decoders");
    let lines = lines();
    report.text(&format!(
        "{} lines of one sentence each out of `tests/data/amsa/ais.txt`, {} times for the programs. The rate is per second of processor \
         time.",
        lines.len(),
        lengths.decode_times
    ));
    let mut rows =
        vec![row(["decoder", "version", "decoded", "messages/s", "CPU s per million", "aisd is"])];
    let mut found = libraries(&lines, lengths.runs);
    let ours = found[0].1.seconds.median();
    let libraries = found.len();
    found.extend(programs(&lines, lengths));
    let our_program = found[libraries].1.seconds.median();
    for (number, ((name, version), decoded)) in found.iter().enumerate() {
        let ours = if number < libraries { ours } else { our_program };
        rows.push(vec![
            name.clone(),
            version.clone(),
            format!("{:.2} %", decoded.share * 100.0),
            decoded.seconds.told(|seconds| rate(1.0 / seconds)),
            decoded.seconds.told(|seconds| format!("{:.2}", seconds * 1e6)),
            format!("{:.1} times as fast", decoded.seconds.median() / ours),
        ]);
    }
    report.table(&rows);
}

/// What came of a decoder.
struct Decoded {
    /// Of the messages.
    share: f64,
    /// For one message.
    seconds: Runs,
}

type Found = Vec<((String, String), Decoded)>;

fn lines() -> Vec<&'static [u8]> {
    let is_wanted = |line: &&[u8]| {
        let head = line.get(3..11);
        head == Some(b"VDM,1,1,") && line.len() < 60 && line[line.len() - 3] == b'*'
    };
    Lines::new(RECORDED).filter(is_wanted).collect()
}

/// Those that are linked in here, ours first.
fn libraries(lines: &[&'static [u8]], runs: usize) -> Found {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let all = lines.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect::<Vec<u8>>();
    let ours = timed(lines.len(), runs, || ours(&all));
    let ais = timed(lines.len(), runs, || {
        let mut parser = ais::AisParser::new();
        lines.iter().filter(|line| black_box(parser.parse(line, true)).is_ok()).count()
    });
    let nmea_parser = timed(lines.len(), runs, || {
        let mut parser = nmea_parser::NmeaParser::new();
        let text = |line: &[u8]| {
            std::str::from_utf8(line)
                .is_ok_and(|text| black_box(parser.parse_sentence(text)).is_ok())
        };
        lines
            .iter()
            .copied()
            .filter({
                let mut text = text;
                move |line| text(line)
            })
            .count()
    });
    vec![
        (("aisd, line to struct".to_owned(), version), ours),
        (("crate `ais`, line to struct".to_owned(), locked("ais")), ais),
        (("crate `nmea-parser`, line to struct".to_owned(), locked("nmea-parser")), nmea_parser),
    ]
}

fn timed(count: usize, runs: usize, mut run: impl FnMut() -> usize) -> Decoded {
    const ENOUGH_S: f64 = 0.5;
    let decoded = run();
    let seconds = Runs::of(runs, |_| {
        let (began, mut times) = (thread(), 0);
        while thread() - began < ENOUGH_S {
            black_box(run());
            times += 1;
        }
        (thread() - began) / (count * times) as f64
    });
    Decoded { share: decoded as f64 / count as f64, seconds }
}

fn ours(all: &[u8]) -> usize {
    #[derive(Default)]
    struct ToStruct {
        scratch: Scratch,
        decoded: usize,
    }
    impl Sink for ToStruct {
        fn message(&mut self, message: &Message<'_>) {
            let payload = match message.payload {
                Payload::Within(at, len) => &message.raw[at..at + len],
                Payload::Joined(payload) | Payload::Report(payload) => payload,
            };
            if let Ok(message) = decode(payload, message.fill, &mut self.scratch) {
                black_box(&message);
                self.decoded += 1;
            }
        }
        fn reject(&mut self, _: Reject, _: &[u8]) {}
        fn note(&mut self, _: Note, _: u64) {}
    }
    let mut sink = ToStruct::default();
    let mut assembler = Assembler::new(&NmeaConfig::default());
    for line in Lines::new(all) {
        assembler.line(line, 0, 1_700_000_000_000_000, &mut sink);
    }
    sink.decoded
}

/// The version of a crate that is locked.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let after = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |it| it.1);
    after.split('"').next().unwrap_or_default().to_owned()
}

/// Those that are programs, ours first; who is not installed is left out and said so.
fn programs(lines: &[&'static [u8]], lengths: &Lengths) -> Found {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let once: Vec<u8> = lines.iter().flat_map(|line| [line, &b"\r\n"[..]].concat()).collect();
    let file = dir.path().join("lines.nmea");
    std::fs::write(&file, once.repeat(lengths.decode_times)).unwrap();
    let count = lines.len() * lengths.decode_times;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let mut found = Found::new();
    let mut aisd = Command::new(env!("CARGO_BIN_EXE_aisd"));
    aisd.arg("decode");
    found.push((
        ("`aisd decode`, to JSON".to_owned(), version),
        run(&mut aisd, &file, count, lengths.runs),
    ));
    let gpsdecode =
        said("sh", &["-c", "gpsdecode -V 2>&1 | sed 's/.*revision //; s/.*: //; s/ .*//'"]);
    if gpsdecode == "-" || gpsdecode.is_empty() {
        println!("gpsdecode is not installed and is left out");
    } else {
        let mut program = Command::new("gpsdecode");
        let decoded = run(program.arg("-j"), &file, count, lengths.runs);
        found.push((("`gpsdecode -j`, to JSON".to_owned(), gpsdecode), decoded));
    }
    let python = lengths.python.clone().unwrap_or_else(|| "python3".into());
    let python = python.to_string_lossy().into_owned();
    let pyais =
        said(&python, &["-c", "from importlib.metadata import version; print(version('pyais'))"]);
    if pyais == "-" {
        println!("pyais is not installed and is left out");
    } else {
        let mut program = Command::new(python);
        program.args(["-c", PYAIS]).arg(&file);
        found.push((
            ("`pyais`, line to object".to_owned(), pyais),
            run(&mut program, &file, count, lengths.runs),
        ));
    }
    found
}

/// Runs a program with the file as its input. It writes a line for each message that it decodes, or how many those are.
fn run(program: &mut Command, file: &Path, count: usize, runs: usize) -> Decoded {
    let mut decoded = 0;
    let seconds = Runs::of(runs, |_| {
        let out = tempfile::tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        program
            .stdin(File::open(file).unwrap())
            .stdout(out.try_clone().unwrap())
            .stderr(Stdio::null());
        let before = children();
        let status = program.status().unwrap();
        let seconds = children() - before;
        assert!(status.success(), "{program:?}: {status}");
        decoded = told(out);
        seconds / count as f64
    });
    Decoded { share: decoded as f64 / count as f64, seconds }
}

fn told(mut out: File) -> usize {
    use std::io::{Read, Seek};
    let mut text = String::new();
    out.rewind().unwrap();
    out.read_to_string(&mut text).unwrap();
    text.trim().parse().unwrap_or_else(|_| text.lines().count())
}
