//! Files and pipes, read turn by turn.

mod again;

use std::io::Write;
use std::os::fd::AsRawFd;

use tempfile::NamedTempFile;

use super::super::testing::{Bench, SENTENCE, lines, turn_until};
use super::*;
use crate::clock::{Clock, SECOND_US};

/// The time of the first line of files, in seconds.
const RECORDED: i64 = 1_600_000_000;
const FULL_SPEED: Reading =
    Reading { pace: None, start_us: Some(RECORDED * SECOND_US), again: false };

fn open(bench: &Bench, content: &[u8], reading: Reading) -> FileFeed {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    FileFeed::open(bench.context(), "file", file.path(), reading).unwrap()
}

/// The good sentence as it was sent at this many seconds after the recording began.
fn stamped(seconds: i64) -> Vec<u8> {
    let tags = format!("c:{}", RECORDED + seconds);
    let checksum = tags.bytes().fold(0, |sum, byte| sum ^ byte);
    [format!("\\{tags}*{checksum:02X}\\").as_bytes(), SENTENCE, b"\n"].concat()
}

#[test]
fn a_file_is_read_to_its_end_and_then_the_feed_is_finished() {
    let bench = Bench::new(64);
    let content = [lines(5000, "\r\n"), SENTENCE.to_vec()].concat();
    let mut feed = open(&bench, &content, FULL_SPEED);
    assert_eq!(bench.counts().bytes_expected.get(), i64::try_from(content.len()).unwrap());
    while feed.turn().unwrap() != Turn::Finished {}
    assert_eq!(bench.records().len(), 5001);
    assert_eq!(bench.counts().bytes.get(), content.len() as u64);
}

#[test]
fn an_empty_file_is_finished_at_once() {
    let bench = Bench::new(1);
    let mut feed = open(&bench, b"", FULL_SPEED);
    assert_eq!(feed.turn().unwrap(), Turn::Moved(0));
    assert_eq!(feed.turn().unwrap(), Turn::Finished);
}

#[test]
fn a_file_waits_while_the_queue_is_full() {
    let bench = Bench::new(1);
    let mut feed = open(&bench, &lines(10_000, "\n"), FULL_SPEED);
    let (mut stalled, mut records) = (0, 0);
    loop {
        match feed.turn().unwrap() {
            Turn::Stalled => {
                stalled += 1;
                records += bench.records().len();
            }
            Turn::Finished => break,
            _ => {}
        }
    }
    assert!(stalled > 5);
    assert_eq!(records + bench.records().len(), 10_000);
    assert_eq!(bench.counts().dropped.total(), 0);
}

#[test]
fn a_pipe_is_read_as_it_is_written_and_a_stop_does_not_wait_for_it() {
    let bench = Bench::new(8);
    let (outgoing, incoming) = nix::unistd::pipe().map(|(read, write)| (write, read)).unwrap();
    let path = format!("/dev/fd/{}", incoming.as_raw_fd());
    let mut feed = FileFeed::open(bench.context(), "pipe", path.as_ref(), FULL_SPEED).unwrap();
    let mut pipe = std::fs::File::from(outgoing);
    let (head, tail) = SENTENCE.split_at(9);
    pipe.write_all(head).unwrap();
    turn_until(&mut feed, || bench.counts().bytes.get() == 9);
    pipe.write_all(tail).unwrap();
    pipe.write_all(b"\nthis is cut").unwrap();
    turn_until(&mut feed, || bench.counts().received.get() == 1);
    assert_eq!(feed.turn().unwrap(), Turn::Moved(0));
    bench.stop();
    assert_eq!(feed.turn().unwrap(), Turn::Finished);
    assert_eq!((bench.records().len(), bench.counts().ignored.get()), (1, 0));
}

#[test]
fn lines_without_a_time_are_dated_from_the_start_on() {
    let clock = Clock::manual(1_700_000_000 * SECOND_US);
    let bench = Bench::with_clock(8, clock.clone());
    let content = [lines(1, "\n"), stamped(77)].concat();
    let mut feed = open(&bench, &content, FULL_SPEED);
    clock.set_us(1_700_000_003 * SECOND_US);
    while feed.turn().unwrap() != Turn::Finished {}
    let times = bench.times();
    assert_eq!(times, [Some((RECORDED + 3) * SECOND_US), Some((RECORDED + 77) * SECOND_US)]);
}

#[test]
fn a_recording_that_nobody_dates_is_refused() {
    let bench = Bench::new(8);
    let content = [lines(3, "\n"), stamped(77)].concat();
    let mut feed = open(&bench, &content, Reading::default());
    while feed.turn().unwrap() != Turn::Finished {}
    assert_eq!(bench.records().len(), 1);
    let refused = bench.counts().rejected.of(crate::reject::Reject::TimeMissing as usize).get();
    assert_eq!((refused, bench.counts().received.get()), (3, 4));
}

#[test]
fn at_a_pace_each_message_is_handed_on_when_it_is_due() {
    let began_us = 1_700_000_000 * SECOND_US;
    let clock = Clock::manual(began_us);
    let bench = Bench::with_clock(8, clock.clone());
    let content = [stamped(0), stamped(0), stamped(20), stamped(40)].concat();
    let mut feed = open(&bench, &content, Reading { pace: Some(10.0), ..Reading::default() });
    let mut handed_on: Vec<Vec<i64>> = Vec::new();
    for seconds in 0..5 {
        clock.set_us(began_us + seconds * SECOND_US);
        for _ in 0..3 {
            feed.turn().unwrap();
        }
        handed_on.push(bench.records().iter().map(|(us, _)| (us - began_us) / SECOND_US).collect());
    }
    let expected: [Vec<i64>; 5] = [vec![0, 0], vec![], vec![2], vec![], vec![4]];
    assert_eq!(handed_on, expected);
    while feed.turn().unwrap() != Turn::Finished {}
    assert_eq!(bench.counts().bytes.get(), content.len() as u64);
}
