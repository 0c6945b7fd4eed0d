//! What must hold for any bytes.

use proptest::prelude::*;

use super::{Got, Kept, NOW_US, assemble, data, sealed, tagged};
use crate::config::NmeaConfig;
use crate::nmea::Assembler;
use crate::nmea::line::{Framer, LineEvent, Lines};

/// A line of recorded traffic, of every kind there is.
fn any_recorded_line() -> impl Strategy<Value = Vec<u8>> {
    let files =
        ["amsa/ais.txt", "aislib/stream_example.txt", "gfw/ee-multiline.nmea", "libais/test.aivdm"];
    let lines: Vec<Vec<u8>> = files
        .iter()
        .flat_map(|file| Lines::new(&data(file)).map(<[u8]>::to_vec).take(2000).collect::<Vec<_>>())
        .collect();
    prop::sample::select(lines)
}

/// The same with some bytes changed, put in or taken out, and its checksum maybe made right again.
fn mutated_line() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![prop::sample::select(b"!$\\*,0159AVDMOw`X ".to_vec()), any::<u8>()];
    let change = (any::<prop::sample::Index>(), byte, 0..3_u8);
    (any_recorded_line(), prop::collection::vec(change, 0..3), any::<bool>()).prop_map(
        |(mut line, changes, seal)| {
            for (at, byte, how) in changes {
                let at = at.index(line.len().max(1)).min(line.len());
                match how {
                    0 if at < line.len() => line[at] = byte,
                    1 if at < line.len() => drop(line.remove(at)),
                    _ => line.insert(at, byte),
                }
            }
            if seal && line.first() == Some(&b'!') && line.len() > 4 {
                let sum = crate::nmea::sentence::checksum(&line[1..line.len() - 3]);
                line.truncate(line.len() - 3);
                line.extend_from_slice(format!("*{sum:02x}").as_bytes());
            }
            line
        },
    )
}

/// The line as it is, and so that it must go the long way: a blank behind it changes nothing but the way.
fn both_ways(line: &[u8]) -> (Kept, Kept) {
    let trimmed = line.trim_ascii_end();
    (assemble(trimmed), assemble(&[trimmed, b" "].concat()))
}

fn events(reads: &[&[u8]], bytes_max: usize) -> Vec<(bool, Vec<u8>)> {
    let mut framer = Framer::new(bytes_max);
    let mut events = Vec::new();
    let mut keep = |event: LineEvent<'_>| match event {
        LineEvent::Line(line) => events.push((true, line.to_vec())),
        LineEvent::TooLong(head) => events.push((false, head.to_vec())),
    };
    for read in reads {
        framer.feed(read, &mut keep);
        assert!(framer.kept_bytes() <= bytes_max);
    }
    framer.finish(&mut keep);
    events
}

/// A message of `total` parts whose payload says which one it is.
fn message(id: u32, total: u8) -> (Vec<String>, String) {
    let payloads: Vec<String> = (1..=total).map(|n| format!("1{id:07}{n}000")).collect();
    let sentence = |(n, payload): (usize, &String)| {
        sealed(&format!("AIVDM,{total},{},{},A,{payload},0", n + 1, id % 10_000))
    };
    (payloads.iter().enumerate().map(sentence).collect(), payloads.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_short_way_and_the_long_way_agree(line in mutated_line()) {
        let (short, long) = both_ways(&line);
        prop_assert_eq!(short, long);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        assemble(&bytes);
    }

    #[test]
    fn any_mix_of_the_reserved_bytes_is_survived(text in "[!$\\\\*,:0-9A-Gcgs \n-]{0,120}(AIVDM|PGHP|VDO)?[!$\\\\*,0-9cg: -]{0,80}") {
        assemble(text.as_bytes());
        assemble(text.replace('$', "!AIVDM,").as_bytes());
        assemble(tagged(&text).as_bytes());
    }

    #[test]
    fn payloads_lie_where_messages_say(line in mutated_line()) {
        let kept = assemble(&[&line[..], b" ", &line[..]].concat());
        for Got { raw, payload, .. } in kept.messages.iter().filter(|got| got.parts == 1) {
            prop_assert!(raw.windows(payload.len()).any(|window| window == payload));
        }
    }

    #[test]
    fn lines_do_not_depend_on_how_bytes_are_cut(
        text in "([a-z]{0,12}(\r\n|\n|\r|)){0,12}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = text.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let reads: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(events(&reads, 8), events(&[bytes], 8));
        let lines: Vec<(bool, Vec<u8>)> = Lines::new(bytes).map(|line| (true, line.to_vec())).collect();
        prop_assert_eq!(events(&reads, 1024), lines);
    }

    #[test]
    fn every_message_is_joined_once_in_any_order_of_its_parts(
        totals in prop::collection::vec(2..=9_u8, 1..4),
        seed in any::<u64>(),
    ) {
        let messages: Vec<_> = (0..).zip(&totals).map(|(id, total)| message(id, *total)).collect();
        let mut lines: Vec<&String> = messages.iter().flat_map(|(lines, _)| lines).collect();
        let mut state = seed | 1;
        for at in (1..lines.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            lines.swap(at, (state >> 33) as usize % (at + 1));
        }
        let kept = assemble(lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().as_bytes());
        let mut got: Vec<&[u8]> = kept.messages.iter().map(|got| &got.payload[..]).collect();
        got.sort_unstable();
        prop_assert_eq!(got, messages.iter().map(|(_, payload)| payload.as_bytes()).collect::<Vec<_>>());
        prop_assert_eq!((kept.rejects.len(), kept.expired, kept.ignored), (0, 0, 0));
    }
}

#[test]
fn a_flood_of_parts_stays_within_its_bounds_and_every_part_is_counted() {
    let config = NmeaConfig { fragments_max: 64, ..NmeaConfig::default() };
    let mut assembler = Assembler::new(&config);
    let mut kept = Kept::default();
    let payload = "1".repeat(170);
    for n in 0..20_000_u32 {
        let body = format!("AIVDM,9,{},{},A,{payload},0", n % 8 + 1, n / 3 % 10_000);
        let line = format!("{}{}{}", tagged(&format!("g:1-2-{n}")), "x".repeat(600), sealed(&body));
        assembler.line(line.as_bytes(), u64::from(n % 5), NOW_US + i64::from(n), &mut kept);
        assert!(assembler.held_bytes() <= 64 * 512, "{}", assembler.held_bytes());
        assert!(assembler.held_messages() <= 64);
    }
    assembler.finish(&mut kept);
    assert_eq!((kept.messages.len(), kept.rejects.len()), (0, 0));
    assert_eq!(kept.expired, 20_000);
    assert_eq!((assembler.held_bytes(), assembler.held_messages()), (0, 0));
}

#[test]
fn a_long_line_is_reported_once_and_the_next_one_is_whole() {
    let found = events(&[b"0123456789", b"0123456789", b"01\nnext\n"], 8);
    assert_eq!(found, [(false, b"01234567".to_vec()), (true, b"next".to_vec())]);
}
