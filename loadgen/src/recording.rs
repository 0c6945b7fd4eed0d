//! A recorded file as traffic: every line as it was, at any speed, without what dates it.
//!
//! In:    a file of NMEA lines; tag blocks, prefixes and what stands behind the checksum are taken off
//! Out:   the lines that hold a sentence, in order; when each was heard; which positions must come of them
//! Drops: lines without a sentence of AIS
//!
//! Without its dates a recording is of now to whoever receives it. A position is expected when its message is whole, its
//! checksums are right and it is as long as the standard wants it; once for all that say the same within the window in
//! which a daemon takes them for one. Where the window ends within a second of a copy, either is right. What else the
//! lines hold is sent, and not looked at in the store.
//!
//! Memory: the whole file, and 40 bytes a line.

mod fields;

use crate::arguments::WINDOW_S;
use crate::digest::{self, When};
use crate::ledger::{Entry, Expect};
use crate::schedule::Schedule;
use crate::stream::whole;
use fields::{NO_SECOND, Payload};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// How exactly the end of the window is known, in seconds.
const UNSURE_S: f64 = 1.0;
/// Messages that may wait for their parts.
const OPEN_MAX: usize = 256;

/// All lines of a file.
pub struct Recording {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    at: usize,
}

/// One line: where it is in the bytes, when it was heard if it says so, and what it completes.
struct Line {
    from: usize,
    length: u16,
    heard_us: Option<u64>,
    payload: Option<Payload>,
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(file: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::read(file)?))
    }

    /// From the content of a file.
    pub fn of(text: &[u8]) -> Self {
        let mut recording =
            Self { bytes: Vec::with_capacity(text.len()), lines: Vec::new(), at: 0 };
        let mut open = HashMap::new();
        for line in text.split(|byte| *byte == b'\n') {
            let Some(found) = Found::of(line) else { continue };
            let payload = found.payload.and_then(|payload| payload.joined(&mut open));
            let from = recording.bytes.len();
            recording.bytes.extend_from_slice(found.sentence);
            recording.bytes.extend_from_slice(b"\r\n");
            let length = u16::try_from(found.sentence.len() + 2).unwrap_or(u16::MAX);
            recording.lines.push(Line { from, length, heard_us: found.heard_us, payload });
        }
        recording
    }

    /// When the lines are due at so many times the speed at which they were heard; `None` when none says when it was.
    pub fn schedule(&self, speed: f64) -> Option<Schedule> {
        let first = self.lines.iter().find_map(|line| line.heard_us)?;
        let mut latest = first;
        let due = |line: &Line| {
            latest = latest.max(line.heard_us.unwrap_or(latest));
            whole((latest - first) as f64 / speed)
        };
        Some(Schedule::Listed(self.lines.iter().map(due).collect()))
    }

    /// How many lines it has.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Decides which lines must be stored, when they are sent by this schedule.
    pub fn decide(&self, schedule: &Schedule) -> Vec<Expect> {
        let mut heard = HashMap::new();
        let decide = |(number, line): (u64, &Line)| {
            let Some(payload) = &line.payload else { return Expect::Unknown };
            let at_s = schedule.at_s(number);
            let since = heard.insert(payload.key, at_s).map_or(f64::INFINITY, |last| at_s - last);
            match since {
                _ if payload.fix.is_none() => Expect::Unknown,
                ..WINDOW_LEAST_S => Expect::Again,
                WINDOW_LEAST_S..WINDOW_MOST_S => Expect::Perhaps,
                _ if payload.sure => Expect::Surely,
                _ => Expect::Perhaps,
            }
        };
        (0..).zip(&self.lines).map(decide).collect()
    }

    /// The next line; after the last one the first again.
    pub fn next(&mut self, expect: Expect, second: u8, out: &mut Vec<u8>) -> Entry {
        let Some(line) = self.lines.get(self.at) else { return Entry::NONE };
        self.at = (self.at + 1) % self.lines.len();
        out.extend_from_slice(&self.bytes[line.from..line.from + usize::from(line.length)]);
        let mut entry = Entry { length: line.length, lines: 1, expect, ..Entry::NONE };
        if let Some(fix) = line.payload.as_ref().and_then(|payload| payload.fix) {
            let told = fix.second < NO_SECOND;
            let when = if told { When::Second(fix.second) } else { When::Received };
            entry.digest = digest::dated(fix.digest(), when);
            (entry.mmsi, entry.msg_type, entry.second) = (fix.mmsi, fix.msg_type, second);
            if expect == Expect::Surely {
                entry.at = (fix.lon, fix.lat);
            }
        }
        entry
    }
}

const WINDOW_LEAST_S: f64 = WINDOW_S - UNSURE_S;
const WINDOW_MOST_S: f64 = WINDOW_S + UNSURE_S;

/// A sentence in a line.
struct Found<'a> {
    sentence: &'a [u8],
    heard_us: Option<u64>,
    payload: Option<Part<'a>>,
}

/// The payload of a sentence whose checksum is right.
struct Part<'a> {
    total: u8,
    number: u8,
    key: (u8, &'a [u8], &'a [u8]),
    payload: &'a [u8],
    fill: u8,
}

impl<'a> Found<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let line = line.trim_ascii();
        let is_sentence = |at: &usize| {
            let rest = &line[*at..];
            matches!(rest.first(), Some(b'!' | b'$'))
                && matches!(rest.get(3..7), Some(b"VDM," | b"VDO,"))
        };
        let start = (0..line.len()).find(is_sentence)?;
        let sentence = &line[start..];
        let star = sentence.iter().position(|byte| *byte == b'*');
        let end = star.map_or(sentence.len(), |star| sentence.len().min(star + 3));
        let (sentence, behind) = sentence.split_at(end);
        let heard_us = tagged_us(&line[..start]).or_else(|| epoch_us(behind.strip_prefix(b",")?));
        Some(Self { sentence, heard_us, payload: star.and_then(|star| part(sentence, star)) })
    }
}

fn part(sentence: &[u8], star: usize) -> Option<Part<'_>> {
    let sum = str::from_utf8(sentence.get(star + 1..)?).ok()?;
    let right = crate::encode::checksum(&sentence[1..star]);
    if u8::from_str_radix(sum, 16).ok()? != right {
        return None;
    }
    let fields: Vec<&[u8]> = sentence[..star].split(|byte| *byte == b',').collect();
    let [_, total, number, sequence, channel, payload, fill] = fields[..] else { return None };
    let digit = |field: &[u8]| match field {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        _ => None,
    };
    let (total, number, fill) = (digit(total)?, digit(number)?, digit(fill)?);
    let whole = (1..=9).contains(&total) && (1..=total).contains(&number) && fill < 6;
    whole.then_some(Part { total, number, key: (total, sequence, channel), payload, fill })
}

/// Parts of messages that are not whole yet.
type Open<'a> = HashMap<(u8, &'a [u8], &'a [u8]), Vec<Option<&'a [u8]>>>;

impl<'a> Part<'a> {
    /// The message that it completes.
    fn joined(self, open: &mut Open<'a>) -> Option<Payload> {
        if self.total == 1 {
            return Payload::of(self.payload, self.fill);
        }
        if open.len() > OPEN_MAX {
            open.clear();
        }
        let parts = open.entry(self.key).or_insert_with(|| vec![None; usize::from(self.total)]);
        let part = &mut parts[usize::from(self.number) - 1];
        if part.is_some() {
            parts.fill(None);
        }
        parts[usize::from(self.number) - 1] = Some(self.payload);
        let whole: Vec<&[u8]> = parts.iter().copied().collect::<Option<_>>()?;
        open.remove(&self.key);
        // Which part came last says nothing of the fill of the whole: a message of several parts is no position but of
        // type 19, whose length is looked at without it.
        Payload::of(&whole.concat(), 0)
    }
}

/// The time of a tag block, in seconds or milliseconds.
fn tagged_us(before: &[u8]) -> Option<u64> {
    let at = before.windows(2).position(|it| it == b"c:")?;
    epoch_us(&before[at + 2..])
}

/// Microseconds since 1970 from the digits that something begins with.
fn epoch_us(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number: u64 = str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    match digits {
        9..=10 => number.checked_mul(1_000_000),
        12..=13 => number.checked_mul(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fix;

    const LINE: &str = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C";

    fn expected(lines: &[String], schedule: &Schedule) -> Vec<Expect> {
        Recording::of(lines.join("\n").as_bytes()).decide(schedule)
    }

    #[test]
    fn lines_are_sent_bare_and_dated_by_what_stood_around_them() {
        let text = format!("\\c:1700000000*53\\{LINE}\nnothing\n{LINE},1700000004\r\n{LINE}\n");
        let mut recording = Recording::of(text.as_bytes());
        assert_eq!(recording.schedule(2.0), Some(Schedule::Listed(vec![0, 2_000_000, 2_000_000])));
        let mut out = Vec::new();
        for _ in 0..4 {
            let entry = recording.next(Expect::Surely, 7, &mut out);
            assert_eq!((entry.mmsi, entry.msg_type, entry.second), (477_553_000, 1, 7));
            assert_eq!(entry.place(), Some((-73_407_500, 28_549_700)));
        }
        assert_eq!(String::from_utf8(out).unwrap(), format!("{LINE}\r\n").repeat(4));
        assert!(Recording::of(LINE.as_bytes()).schedule(1.0).is_none());
    }

    #[test]
    fn copies_within_the_window_are_one_and_at_its_end_either_is_right() {
        let lines = vec![LINE.to_owned(); 5];
        let times = [0, 8, 16, 26, 40].map(|s| s * 1_000_000).to_vec();
        let found = expected(&lines, &Schedule::Listed(times));
        let [surely, again, perhaps] = [Expect::Surely, Expect::Again, Expect::Perhaps];
        assert_eq!(found, [surely, again, again, perhaps, surely]);
    }

    /// A line that lacked its last bits, and had them as fill, made the whole one behind it a copy: the daemon stored that, and it
    /// was a row that nobody sent.
    #[test]
    fn a_line_that_is_cut_short_is_no_copy_of_the_whole_one() {
        let lines =
            ["5*63", "0*66"].map(|end| format!("!AIVDM,1,1,,A,13aIkM@P00PJ@qPNL=e@0?wJ28JO,{end}"));
        let found = expected(&lines, &Schedule::even(1.0));
        assert_eq!(found, [Expect::Unknown, Expect::Surely]);
    }

    #[test]
    fn what_is_wrong_or_no_position_is_not_looked_at() {
        let lines = [
            &LINE.replace("*5C", "*5D"),
            &LINE[..30],
            "!AIVDM,1,1,,A,402M??AvAPP000h0MJR07Ug02H0I,0*10",
        ];
        let found = expected(&lines.map(str::to_owned), &Schedule::even(1.0));
        assert_eq!(found, [Expect::Unknown; 3]);
    }

    /// Against gpsd's answers, bit by bit: `mmsi`, place, speed, course and heading of each position of a log.
    #[test]
    fn positions_are_read_as_gpsd_reads_them() {
        let file =
            |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/gpsd").join(name);
        let recording = Recording::read(&file("sample.aivdm")).unwrap();
        let fixes: Vec<Fix> = recording
            .lines
            .iter()
            .filter_map(|line| line.payload.as_ref()?.fix.filter(|fix| fix.msg_type != 27))
            .collect();
        let answers = std::fs::read_to_string(file("sample.aivdm.ju.chk")).unwrap();
        let answers = answers.lines().filter_map(|line| serde_json::from_str(line).ok());
        let positions = answers.filter(|it: &serde_json::Value| {
            matches!(it["type"].as_u64(), Some(1..=3 | 9 | 18 | 19)) && it["class"] == "AIS"
        });
        let mut compared = 0;
        for told in positions {
            let number = |name: &str| told[name].as_i64().unwrap();
            let found = fixes.iter().any(|fix| {
                i64::from(fix.mmsi) == number("mmsi")
                    && i64::from(fix.msg_type) == number("type")
                    && (i64::from(fix.lon), i64::from(fix.lat)) == (number("lon"), number("lat"))
                    && i64::from(fix.cog) == number("course")
            });
            assert!(found, "{told}");
            compared += 1;
        }
        assert!(compared > 10, "{compared}");
    }
}
