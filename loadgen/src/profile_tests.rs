//! What the profiles promise: generated traffic is like what was recorded, within a stated tolerance.

use crate::civil::now_us;
use crate::fleet::Fleet;
use crate::profile::Profile;
use crate::traffic::{Moment, Style, Traffic};
use std::collections::BTreeMap;
use std::path::Path;

/// Percentage points by which the share of a type may differ.
const TYPE_POINTS: f64 = 0.5;
/// The same of lines that hold a part of a message.
const PARTS_POINTS: f64 = 0.5;
/// Bytes by which the mean length of a line may differ.
const LINE_BYTES: f64 = 1.5;
/// Percentage points by which the share of a channel may differ.
const CHANNEL_POINTS: f64 = 1.0;

/// The figures of a feed, in per cent of messages or lines.
#[derive(Debug, Default)]
struct Figures {
    types: BTreeMap<u8, f64>,
    parts: f64,
    line_bytes: f64,
    channels: BTreeMap<String, f64>,
}

impl Figures {
    /// Of lines, whatever stands before and between the sentences; what is no sentence does not count.
    fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        let (mut messages, mut count) = (0.0, 0.0);
        for line in lines {
            let sentence = line.rsplit('\\').next().unwrap();
            let fields: Vec<&str> = sentence.split(',').collect();
            let is_ais = sentence.get(3..6).is_some_and(|it| it == "VDM" || it == "VDO");
            if !is_ais || fields.len() < 7 || fields[5].is_empty() {
                continue;
            }
            count += 1.0;
            found.line_bytes += line.len() as f64;
            found.parts += f64::from(u8::from(fields[1] != "1"));
            *found.channels.entry(fields[4].to_owned()).or_default() += 1.0;
            if fields[2] == "1" {
                messages += 1.0;
                let byte = fields[5].as_bytes()[0];
                let msg_type = if byte < 88 { byte - 48 } else { byte - 56 };
                *found.types.entry(msg_type).or_default() += 1.0;
            }
        }
        found.types.values_mut().for_each(|it| *it *= 100.0 / messages);
        found.channels.values_mut().for_each(|it| *it *= 100.0 / count);
        found.parts *= 100.0 / count;
        found.line_bytes /= count;
        found
    }

    fn noted(types: &[(u8, f64)], parts: f64, line_bytes: f64) -> Self {
        Self { types: types.iter().copied().collect(), parts, line_bytes, ..Self::default() }
    }

    /// Everything that differs by more than the tolerance.
    fn differs(&self, from: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut check = |what: String, found: f64, expected: f64, within: f64| {
            if (found - expected).abs() > within {
                wrong.push(format!("{what}: {found:.2}, recorded {expected:.2}"));
            }
        };
        let share = |types: &BTreeMap<u8, f64>, it| types.get(&it).copied().unwrap_or(0.0);
        for msg_type in 0..64 {
            let [found, recorded] = [self, from].map(|it| share(&it.types, msg_type));
            check(format!("type {msg_type}"), found, recorded, TYPE_POINTS);
        }
        check("lines of parts".into(), self.parts, from.parts, PARTS_POINTS);
        check("bytes a line".into(), self.line_bytes, from.line_bytes, LINE_BYTES);
        for (channel, recorded) in &from.channels {
            let found = self.channels.get(channel).copied().unwrap_or(0.0);
            check(format!("channel {channel:?}"), found, *recorded, CHANNEL_POINTS);
        }
        wrong
    }
}

fn generated(profile: Profile) -> Figures {
    let style = Style::clean(profile, 11, 100_000);
    let mut traffic = Traffic::new(Fleet::of(profile, 5000, 11, 0), style);
    let mut lines = Vec::new();
    for number in 0..150_000 {
        let virtual_s = f64::from(number) / 10_000.0;
        traffic.next(Moment { virtual_s, wall_us: now_us() }, &mut lines);
    }
    Figures::of(String::from_utf8(lines).unwrap().lines())
}

fn recorded(file: &str) -> Figures {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data").join(file);
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    Figures::of(text.lines())
}

fn check(profile: Profile, recorded: &Figures) {
    let wrong = generated(profile).differs(recorded);
    assert!(wrong.is_empty(), "{profile:?}:\n{}", wrong.join("\n"));
}

#[test]
fn norway_is_like_its_recording() {
    check(Profile::Norway, &recorded("kystverket/Ais1000Lines.nm4"));
}

#[test]
fn australia_is_like_its_recording() {
    check(Profile::Australia, &recorded("amsa/ais.txt"));
}

/// AISHub's feed, 473 lines a second, 11 077 ships in three minutes; it may not be passed on.
#[test]
fn the_world_is_like_the_feed_of_the_world() {
    let types = [
        (1, 74.2),
        (2, 2.4),
        (3, 10.6),
        (4, 4.9),
        (5, 2.7),
        (6, 0.54),
        (8, 1.3),
        (17, 0.38),
        (18, 1.6),
        (19, 0.13),
        (20, 0.33),
        (21, 0.46),
        (24, 0.37),
    ];
    check(Profile::World, &Figures::noted(&types, 5.7, 48.7));
}

#[test]
fn from_orbit_it_is_like_an_operators_feed() {
    let types = [
        (1, 62.1),
        (3, 10.6),
        (4, 0.5),
        (5, 1.8),
        (6, 0.1),
        (8, 0.1),
        (18, 7.6),
        (19, 0.4),
        (21, 1.1),
        (24, 2.5),
        (27, 13.0),
    ];
    check(Profile::Satellite, &Figures::noted(&types, 3.6, 83.9));
}

#[test]
fn figures_that_differ_are_noticed() {
    let mut other = recorded("kystverket/Ais1000Lines.nm4");
    *other.types.get_mut(&5).unwrap() += 1.0;
    other.parts -= 1.0;
    other.line_bytes += 3.0;
    let wrong = other.differs(&recorded("kystverket/Ais1000Lines.nm4"));
    assert_eq!(wrong.len(), 3, "{wrong:?}");
}
