//! Made-up lines for every rule of the assembler.

use super::{Got, Kept, NOW_US, assemble, assemble_with, sealed, tagged};
use crate::config::NmeaConfig;
use crate::nmea::Assembler;

const BODY: &str = "AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0";
const FIRST: &str =
    "AIVDM,2,1,3,A,56K8@vh2:w;D`OG??R0dTq9UF0l59F222222221@:HE694o`0@ORT80j0`<r3PDR,0";
const SECOND: &str = "AIVDM,2,2,3,A,E0JH882,2";

fn only(line: &str) -> Got {
    let mut kept = assemble(line.as_bytes());
    assert_eq!((kept.messages.len(), kept.rejects.len()), (1, 0), "{line}: {kept:?}");
    kept.messages.remove(0)
}

fn check_refused(line: &str, reason: &str) {
    let kept = assemble(line.as_bytes());
    assert_eq!(kept.messages.len(), 0, "{line}");
    let reasons: Vec<&str> = kept.rejects.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, [reason], "{line}");
}

#[test]
fn a_plain_sentence_gives_its_fields() {
    let line = sealed(BODY);
    let got = only(&line);
    assert_eq!(got.raw, line.as_bytes());
    assert_eq!(got.payload, b"13HOI:0P0000VOHLCnHQKwvL05Ip");
    assert_eq!((got.mmsi, got.channel, got.parts), (227_006_760, b'A', 1));
    assert!(!got.own_ship);
    assert!(only(&sealed(&BODY.replace("VDM", "VDO"))).own_ship);
    assert_eq!(only(&sealed(&BODY.replace(",A,", ",,"))).channel, 0);
    assert_eq!(only(&sealed(&BODY.replace(",A,", ",1,"))).channel, b'1');
    assert_eq!(only(&sealed(&BODY.replace(",A,", ",2087,"))).channel, 0);
}

#[test]
fn wrong_sentences_are_refused_with_their_reason() {
    let long = format!("AIVDM,1,1,,A,{},0", "1".repeat(178));
    for (body, reason) in [
        ("AIVDM,1,1,,A,13HOI:,0", "too_short"),
        ("AIVDM,1,1,,A,,0", "too_short"),
        ("AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,6", "fill_bits"),
        ("AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,", "fill_bits"),
        ("AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,00", "fill_bits"),
        ("AIVDM,1,1,,A,13x, OI:0P", "fill_bits"),
        ("AIVDM,1,1,,A,1~HOI:0P0000VOHLCnHQKwvL05Ip,0", "armor"),
        ("AIVDM,0,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "fragment"),
        ("AIVDM,1,2,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "fragment"),
        ("AIVDM,2,0,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "fragment"),
        ("AIVDM,10,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "fragment"),
        ("AIVDM,99999999999,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "fragment"),
        ("AIVDM,,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0", "malformed"),
        ("AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip", "malformed"),
        ("AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0,0", "malformed"),
        ("AIVDM1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0,0", "malformed"),
        ("AIVDM", "malformed"),
        (&long, "too_long"),
    ] {
        check_refused(&sealed(body), reason);
    }
    assert_eq!(only(&sealed(&long.replace(",0", ",4"))).payload.len(), 178);
}

#[test]
fn a_cut_sentence_is_malformed_and_the_next_one_is_taken() {
    for cut in ["!AIVDM", "!AIVDM,1,1,,A,13HO", "!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*2"] {
        check_refused(cut, "malformed");
        let kept = assemble(format!("{cut}{}", sealed(BODY)).as_bytes());
        assert_eq!((kept.messages.len(), kept.rejects.len()), (1, 1), "{cut}");
    }
}

#[test]
fn what_is_no_ais_is_ignored_once_a_line() {
    let lines = "# a comment\n  # !AIVDM,1\n$GPGGA,1,2,3*00\n!AIVD\nfoo\n\\x\n!!!$$$\\\\\\\n\n\r\n";
    let kept = assemble(lines.as_bytes());
    assert_eq!(kept, Kept { ignored: 7, ..Kept::default() });
}

#[test]
fn junk_around_sentences_does_no_harm() {
    let (plain, tag) = (sealed(BODY), tagged("s:x,c:1661782369"));
    for (line, messages, timed) in [
        (format!("junk {plain} junk"), 1, 0),
        (format!("\\junk{plain}\\junk"), 1, 0),
        (format!("{plain}{plain}"), 2, 0),
        (format!("{plain}\\r\\n{plain}\\r\\n"), 2, 0),
        (format!("{tag}{plain}{tag}{plain}"), 2, 2),
        (format!("{plain}{tag}{plain}"), 2, 1),
        (format!("1661782369,{plain} 1661782370 {plain},1661782369"), 2, 2),
        (format!("1661782369 \\s:x*00\\{plain}"), 1, 1),
        (format!("s:x*00\\{tag}{plain}"), 1, 1),
    ] {
        let kept = assemble(line.as_bytes());
        assert_eq!((kept.messages.len(), kept.rejects.len()), (messages, 0), "{line}");
        let count = kept.messages.iter().filter(|got| got.sent_us.is_some()).count();
        assert_eq!(count, timed, "{line}");
        assert!(kept.messages.iter().all(|got| got.payload.len() == 28), "{line}");
    }
}

#[test]
fn a_time_in_a_tag_block_that_cannot_be_read_refuses_the_sentence() {
    check_refused(&format!("{}{}", tagged("c:soon"), sealed(BODY)), "time_unparsable");
    // With a wrong checksum the block says nothing at all.
    assert_eq!(only(&format!("\\c:soon*00\\{}", sealed(BODY))).sent_us, None);
}

#[test]
fn a_tag_block_on_a_line_of_its_own_dates_the_next_sentence_only() {
    let lines = format!("{}\n{}\n{}", tagged("c:1661782369"), sealed(BODY), sealed(BODY));
    let kept = assemble(lines.as_bytes());
    let times: Vec<Option<i64>> = kept.messages.iter().map(|got| got.sent_us).collect();
    assert_eq!(times, [Some(1_661_782_369_000_000), None]);
    assert_eq!(kept.ignored, 0);
}

#[test]
fn the_sentences_of_a_group_share_its_first_time() {
    let lines = format!(
        "{}{}\n{}{}\n{}{}",
        tagged("g:1-2-77,c:1661782369"),
        sealed(BODY),
        tagged("g:2-2-77"),
        sealed(BODY),
        tagged("g:2-2-78"),
        sealed(BODY)
    );
    let kept = assemble(lines.as_bytes());
    let times: Vec<bool> = kept.messages.iter().map(|got| got.sent_us.is_some()).collect();
    assert_eq!(times, [true, true, false]);
}

#[test]
fn parts_of_two_groups_are_not_joined_even_with_one_sequence_id() {
    let part = |group: &str, body: &str| format!("{}{}\n", tagged(group), sealed(body));
    let other = FIRST.replace("56K8", "57K8");
    let lines = [
        part("g:1-2-1", FIRST),
        part("g:1-2-2", &other),
        part("g:2-2-1", SECOND),
        part("g:2-2-2", SECOND),
    ];
    let kept = assemble(lines.concat().as_bytes());
    assert_eq!((kept.messages.len(), kept.expired), (2, 0));
    assert!(kept.messages[0].payload.starts_with(b"56K8"));
    assert!(kept.messages[1].payload.starts_with(b"57K8"));
    // A part without a group joins one that has it, either way round.
    for lines in
        [[part("g:1-2-1", FIRST), sealed(SECOND)], [sealed(FIRST) + "\n", part("g:2-2-1", SECOND)]]
    {
        assert_eq!(assemble(lines.concat().as_bytes()).messages.len(), 1);
    }
}

#[test]
fn a_joined_message_has_its_raw_lines_as_they_came_and_its_payload_in_order() {
    let lines = format!("{}\r\n{}\r\n", sealed(SECOND), sealed(FIRST));
    let got = only(&lines);
    assert_eq!(got.raw, format!("{}\n{}", sealed(SECOND), sealed(FIRST)).as_bytes());
    assert!(got.payload.starts_with(b"56K8") && got.payload.ends_with(b"E0JH882"));
    assert_eq!((got.fill, got.parts), (2, 2));
}

#[test]
fn a_part_that_contradicts_one_that_waits_begins_anew() {
    let other = FIRST.replace("56K8", "57K8");
    let lines = [sealed(FIRST), sealed(&other), sealed(SECOND)].join("\n");
    let kept = assemble(lines.as_bytes());
    assert_eq!((kept.messages.len(), kept.expired), (1, 1));
    assert!(kept.messages[0].payload.starts_with(b"57K8"));
    // One that says the same is a repeat.
    let lines = [sealed(FIRST), sealed(FIRST), sealed(SECOND)].join("\n");
    let kept = assemble(lines.as_bytes());
    assert_eq!((kept.messages.len(), kept.expired), (1, 1));
}

#[test]
fn parts_of_different_senders_are_not_joined() {
    let mut kept = Kept::default();
    let mut assembler = Assembler::new(&NmeaConfig::default());
    assembler.line(sealed(FIRST).as_bytes(), 1, NOW_US, &mut kept);
    assembler.line(sealed(SECOND).as_bytes(), 2, NOW_US, &mut kept);
    assert_eq!(kept.messages.len(), 0);
    assembler.line(sealed(SECOND).as_bytes(), 1, NOW_US, &mut kept);
    assert_eq!(kept.messages.len(), 1);
    assembler.finish(&mut kept);
    assert_eq!(kept.expired, 1);
}

fn after(first: &str, wait_us: i64, second: &str) -> Kept {
    let mut kept = Kept::default();
    let mut assembler = Assembler::new(&NmeaConfig::default());
    assembler.line(sealed(first).as_bytes(), 1, NOW_US, &mut kept);
    assembler.line(sealed(second).as_bytes(), 1, NOW_US + wait_us, &mut kept);
    assembler.expire(NOW_US + 100_000_000, &mut kept);
    kept
}

#[test]
fn a_part_waits_for_its_time_and_a_later_part_for_less() {
    let (second_us, joined) = (1_000_000, |kept: Kept| (kept.messages.len(), kept.expired));
    assert_eq!(joined(after(FIRST, 30 * second_us, SECOND)), (1, 0));
    assert_eq!(joined(after(FIRST, 31 * second_us, SECOND)), (0, 2));
    assert_eq!(joined(after(SECOND, 2 * second_us, FIRST)), (1, 0));
    assert_eq!(joined(after(SECOND, 3 * second_us, FIRST)), (0, 2));
}

#[test]
fn a_part_left_over_does_not_join_a_message_that_comes_much_later() {
    let (left_over, single) = (sealed(SECOND), sealed(FIRST));
    let between: String = (0..40).map(|n| sealed(&format!("AIVDM,3,1,{n},B,1,0")) + "\n").collect();
    let kept = assemble(format!("{left_over}\n{between}{single}").as_bytes());
    assert_eq!(kept.messages.len(), 0);
    // Nor one whose explicit time is far from its own.
    let lines = format!("{left_over},1661782369\n{single},1661782469");
    assert_eq!(assemble(lines.as_bytes()).messages.len(), 0);
}

#[test]
fn nine_parts_join_and_a_message_over_five_slots_is_refused() {
    let part =
        |n: usize, chars: usize| sealed(&format!("AIVDM,9,{n},,A,{},0", "1".repeat(chars))) + "\n";
    let lines: String = (1..=9).rev().map(|n| part(n, 19)).collect();
    assert_eq!(assemble(lines.as_bytes()).messages[0].payload.len(), 171);
    let lines: String = (1..=9).map(|n| part(n, 20)).collect();
    check_refused(&lines, "too_long");
    check_refused(&part(1, 179), "too_long");
}

#[test]
fn the_oldest_incomplete_message_goes_when_there_is_no_room() {
    let config = NmeaConfig { fragments_max: 2, ..NmeaConfig::default() };
    let firsts = ["1", "2", "3"].map(|id| sealed(&FIRST.replace(",3,", &format!(",{id},"))));
    let seconds = ["1", "2", "3"].map(|id| sealed(&SECOND.replace(",3,", &format!(",{id},"))));
    let lines = [firsts.join("\n"), seconds[1..].join("\n")].join("\n");
    let kept = assemble_with(&config, lines.as_bytes());
    assert_eq!((kept.messages.len(), kept.expired), (2, 1));
}

#[test]
fn a_line_over_the_bound_is_refused() {
    check_refused(&format!("{}{}", sealed(BODY), " ".repeat(1024)), "line_too_long");
    let config = NmeaConfig { line_bytes_max: 40, ..NmeaConfig::default() };
    let kept = assemble_with(&config, sealed(BODY).as_bytes());
    assert_eq!(kept.rejects[0].0, "line_too_long");
}
