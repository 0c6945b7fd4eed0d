//! The single cases that programs stumble over, each against the right number of messages.

use super::{assemble, assemble_with, data};
use crate::config::NmeaConfig;

/// File, messages, and the reason of a refusal if there is one.
const CASES: &[(&str, usize, &str)] = &[
    ("plain", 1, ""),
    ("bad_checksum", 0, "checksum"),
    ("no_checksum", 0, "checksum_missing"),
    ("lowerhex", 1, ""),
    ("tagblock_s_c", 1, ""),
    ("tagblock_bad_ck", 1, ""),
    ("tag_group_multi", 1, ""),
    ("two_tagged_on_one_line", 1, ""),
    ("ns_timestamp_prefix", 1, ""),
    ("suffix_unix_ts", 1, ""),
    ("suffix_uscg", 1, ""),
    ("dollar_aivdm", 1, ""),
    ("two_frag_inorder", 1, ""),
    ("two_frag_reversed", 1, ""),
    ("interleaved_diff_seq", 2, ""),
    ("interleaved_same_seq_diff_chan", 2, ""),
    ("frag_interrupted_by_single", 2, ""),
    ("frag_wrong_seq_second", 0, ""),
    ("frag_lost_first", 0, ""),
    ("type1_204bit", 1, ""),
    ("type24A_162", 1, ""),
    ("type24A_160", 1, ""),
    ("type5_426", 1, ""),
    ("fill_6", 0, "fill_bits"),
    ("type28", 1, ""),
    ("empty_2nd_payload", 1, ""),
    ("aavdm_0_1", 0, "fragment"),
    ("pos_na_91_181", 1, ""),
];

#[test]
fn every_case_gives_the_right_number_of_messages() {
    for (name, messages, reason) in CASES {
        let kept = assemble(&data(&format!("lines/{name}.nmea")));
        assert_eq!(kept.messages.len(), *messages, "{name}: {kept:?}");
        let reasons: Vec<&str> = kept.rejects.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons.join(" "), *reason, "{name}");
        assert_eq!(kept.ignored, 0, "{name}");
        assert_eq!(kept.dollars, u64::from(*name == "dollar_aivdm"), "{name}");
        assert_eq!(kept.tag_blocks, u64::from(*name == "tagblock_bad_ck"), "{name}");
    }
}

#[test]
fn every_case_file_is_in_the_table() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/lines");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".nmea");
        assert!(CASES.iter().any(|(case, ..)| *case == name), "{name}");
    }
}

#[test]
fn a_sentence_without_checksum_is_taken_when_the_configuration_says_so() {
    let config = NmeaConfig { require_checksum: false, ..NmeaConfig::default() };
    assert_eq!(assemble_with(&config, &data("lines/no_checksum.nmea")).messages.len(), 1);
    assert_eq!(assemble_with(&config, &data("lines/bad_checksum.nmea")).messages.len(), 0);
}

#[test]
fn explicit_times_are_read_wherever_they_stand() {
    for (name, us) in [
        ("plain", None),
        ("tagblock_s_c", Some(1_654_088_303_000_000)),
        ("tagblock_bad_ck", None),
        ("tag_group_multi", Some(1_661_782_369_000_000)),
        ("two_tagged_on_one_line", Some(1_698_785_948_000_000)),
        ("ns_timestamp_prefix", Some(1_550_303_566_167_726)),
        ("suffix_unix_ts", Some(1_328_133_720_087_000)),
        ("suffix_uscg", Some(1_325_394_060_000_000)),
    ] {
        let kept = assemble(&data(&format!("lines/{name}.nmea")));
        assert_eq!(kept.messages[0].sent_us, us, "{name}");
    }
}
