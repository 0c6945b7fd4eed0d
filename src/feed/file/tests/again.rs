//! What was taken of a file before is not taken again, and nothing else is left out.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::record::{Record, Walk};
use crate::taken::Taken;

const PARTS: [&[u8]; 2] = [
    b"!AIVDM,2,1,3,A,56K8@vh2:w;D`OG??R0dTq9UF0l59F222222221@:HE694o`0@ORT80j0`<r3PDR,0*0D\n",
    b"!AIVDM,2,2,3,A,E0JH882,2*52\n",
];

/// What a run brought, in its order: lines as they came, and their marks.
type Brought = Vec<(Vec<u8>, Mark)>;

/// Reads a file, knowing these marks of earlier runs; what it brought, and the counters.
fn run(path: &Path, known: &[Mark]) -> (Brought, Bench) {
    let mut bench = Bench::new(64);
    bench.taken = Arc::new(Taken::default());
    bench.taken.add(known.to_vec());
    let mut feed = FileFeed::open(bench.context(), "file", path, FULL_SPEED).unwrap();
    assert_eq!(feed.turn().unwrap(), Turn::Idle, "the store has not told yet");
    bench.taken.tell(Vec::new());
    while feed.turn().unwrap() != Turn::Finished {}
    let mut brought = Vec::new();
    for batch in bench.batches() {
        for record in Walk::new(batch.bytes()).map(Record::view) {
            brought.push((record.raw.to_vec(), record.mark.unwrap()));
        }
    }
    (brought, bench)
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn raws(brought: &Brought) -> Vec<&[u8]> {
    brought.iter().map(|(raw, _)| &raw[..]).collect()
}

/// Lines of every sort: single ones, two sentences in one, parts with others between them, lines that are refused.
fn mixed() -> Vec<u8> {
    let mut content = Vec::new();
    for n in 0..200 {
        content.extend(stamped(n));
        content.extend([PARTS[0], SENTENCE, b" ", SENTENCE, b"\r\n", b"no AIS\n"].concat());
        content.extend([&stamped(n)[..], PARTS[1], b"!AIVDM,1,1,,A,1,0*00\n"].concat());
    }
    content
}

#[test]
fn wherever_a_run_was_killed_the_next_takes_exactly_the_rest() {
    let content = mixed();
    let file = file(&content);
    let (all, bench) = run(file.path(), &[]);
    assert_eq!(all.len(), 200 * 5, "{:?}", bench.counts());
    assert!(all.iter().any(|(_, mark)| mark.place.nth == 2), "no line has two messages");
    // What a killed run left is what it had appended: any first part of what it brought.
    for left in (0..=all.len()).step_by(7).chain([all.len(), 1, 2, 3, 4]) {
        let known: Vec<Mark> = all[..left].iter().map(|(_, mark)| *mark).collect();
        let (rest, _) = run(file.path(), &known);
        assert_eq!(raws(&rest), raws(&all)[left..], "after {left}");
    }
    let (none, bench) = run(file.path(), &[all.last().unwrap().1]);
    let counts = bench.counts();
    let last = (counts.received.get(), counts.ignored.get(), counts.fragments_expired.get());
    assert_eq!((none.len(), last), (0, (1, 0, 0)), "only the last line, which is refused");
}

#[test]
fn a_file_that_grew_is_read_on_and_another_of_the_same_name_whole() {
    let content: Vec<u8> = (0..300).flat_map(stamped).collect();
    let grown = [&content[..], &stamped(300), &stamped(301)].concat();
    let file = file(&content);
    let known = run(file.path(), &[]).0.last().unwrap().1;
    std::fs::write(file.path(), &grown).unwrap();
    assert_eq!(run(file.path(), &[known]).0.len(), 2);

    // One byte in its first line, which leaves its length and its last lines as they were.
    let mut other = grown;
    other[3] = b'4';
    std::fs::write(file.path(), &other).unwrap();
    assert_eq!(run(file.path(), &[known]).0.len(), 302);
    std::fs::write(file.path(), &content[..content.len() / 2]).unwrap();
    assert_eq!(run(file.path(), &[known]).0.len(), 150, "shorter than what is known");
}

#[test]
fn a_line_that_was_not_yet_whole_is_taken_when_it_is() {
    let content: Vec<u8> = (0..3).flat_map(stamped).collect();
    let file = file(&content[..content.len() - 9]);
    let (first, bench) = run(file.path(), &[]);
    assert_eq!((first.len(), bench.counts().received.get()), (2, 3));
    std::fs::write(file.path(), &content).unwrap();
    let known: Vec<Mark> = first.iter().map(|(_, mark)| *mark).collect();
    assert_eq!(run(file.path(), &known).0.len(), 1);
}

#[test]
fn what_is_wanted_again_is_taken_again() {
    let file = file(&stamped(0));
    let known = run(file.path(), &[]).0[0].1;
    let bench = Bench::new(8);
    bench.taken.add(vec![known]);
    let reading = Reading { again: true, ..FULL_SPEED };
    let mut feed = FileFeed::open(bench.context(), "file", file.path(), reading).unwrap();
    while feed.turn().unwrap() != Turn::Finished {}
    assert_eq!(bench.records().len(), 1);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn an_archive_holds_what_it_was_made_of_and_is_known_by_that() {
    let content = mixed();
    let (half, rest) = content.split_at(content.len() / 2);
    let (plain, _) = run(file(&content).path(), &[]);
    for archive in [
        gzip(&content),
        zstd(&content),
        [gzip(half), gzip(rest)].concat(),
        [zstd(half), zstd(rest)].concat(),
    ] {
        let file = file(&archive);
        let (all, bench) = run(file.path(), &[]);
        assert_eq!(raws(&all), raws(&plain));
        let length = i64::try_from(archive.len()).unwrap();
        let counts = bench.counts();
        assert_eq!((counts.file_read.get(), counts.bytes_expected.get()), (length, length));
        assert_eq!(counts.damaged.get(), 0);
        // The same content out of another archive is the same.
        let known: Vec<Mark> = plain[..500].iter().map(|(_, mark)| *mark).collect();
        assert_eq!(raws(&run(file.path(), &known).0), raws(&plain)[500..]);
    }
}

#[test]
fn of_an_archive_that_is_cut_off_or_damaged_what_was_whole_is_kept() {
    let content: Vec<u8> = (0..4000).flat_map(stamped).collect();
    let plain = run(file(&content).path(), &[]).0;
    for whole in [gzip(&content), zstd(&content)] {
        let cut = whole[..whole.len() * 2 / 3].to_vec();
        let mut damaged = whole.clone();
        let middle = whole.len() * 2 / 3;
        damaged[middle..middle + 40].iter_mut().for_each(|byte| *byte ^= 0x5A);
        for (archive, least) in [(cut, 500), (damaged, 0)] {
            let (some, bench) = run(file(&archive).path(), &[]);
            assert_eq!(bench.counts().damaged.get(), 1);
            assert!((least..4000).contains(&some.len()), "{} were whole", some.len());
            // Damage may be found later than it begins; up to there every line is as it was.
            let right = some.iter().zip(&plain).take_while(|(one, other)| one.0 == other.0).count();
            assert!(right >= least, "{right} of {}", some.len());
            if right == some.len() {
                let known: Vec<Mark> = some.iter().map(|(_, mark)| *mark).collect();
                let rest = run(file(&whole).path(), &known).0;
                assert_eq!(rest.len(), 4000 - some.len(), "the whole one brings the rest");
            }
        }
    }
}

#[test]
fn a_zip_is_refused_with_the_way_out() {
    let file = file(b"PK\x03\x04 and more");
    let opened = FileFeed::open(Bench::new(1).context(), "file", file.path(), FULL_SPEED);
    let text = opened.err().unwrap().to_string();
    assert!(text.starts_with("a zip archive is not read") && text.contains("unzip -p"), "{text}");
}
