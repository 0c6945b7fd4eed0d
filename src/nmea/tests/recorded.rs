//! Recorded traffic of other projects, with counts that were checked against the files.

use super::{Kept, assemble, data};

/// What must come of a file. `refused` lists reasons in alphabetical order.
struct Case {
    file: &'static str,
    messages: usize,
    joined: usize,
    /// Messages with an explicit time.
    timed: usize,
    refused: &'static [(&'static str, u64)],
    ignored: u64,
    expired: u64,
}

const fn clean(file: &'static str, messages: usize, joined: usize, timed: usize) -> Case {
    Case { file, messages, joined, timed, refused: &[], ignored: 0, expired: 0 }
}

const CASES: &[Case] = &[
    // Cut lines are refused as malformed; one is cut right before its star.
    Case {
        refused: &[("checksum", 3), ("checksum_missing", 1), ("malformed", 12)],
        ignored: 10_632,
        expired: 4,
        ..clean("amsa/ais.txt", 34_009, 0, 866)
    },
    // The checksums of its 246 grouped tag blocks leave out the group field.
    clean("kystverket/Ais1000Lines.nm4", 877, 123, 877),
    Case { ignored: 3, ..clean("gfw/bad-type5.nmea", 3, 3, 3) },
    clean("gfw/ee-multiline.nmea", 8, 2, 8),
    Case { refused: &[("checksum", 2)], ..clean("gfw/errors.nmea", 3, 0, 3) },
    clean("gfw/mixed_types.nmea", 99, 10, 0),
    clean("gfw/multi-part.nmea", 43, 43, 0),
    clean("gfw/sample.nmea", 3, 0, 3),
    // All its tag blocks have a checksum of 00.
    clean("gfw/spire-test.nmea", 2, 2, 0),
    clean("gfw/type1-bad-bitcount.nmea", 12, 0, 12),
    // One of its kinds of stamp line has a wrong checksum.
    Case { ignored: 2, ..clean("pyais/gatehouse.nmea", 4, 0, 1) },
    Case { refused: &[("checksum_missing", 1)], ignored: 12, ..clean("pyais/mixed.txt", 12, 2, 2) },
    // The second parts are not in the file, and a hundred payloads are empty.
    Case {
        refused: &[("too_short", 100)],
        expired: 20,
        ..clean("pyais/nmea_data_sample.txt", 778, 0, 0)
    },
    Case {
        refused: &[("checksum_missing", 1), ("fragment", 1)],
        ignored: 7,
        ..clean("pyais/sample.ais", 11, 1, 1)
    },
    Case { ignored: 2, ..clean("pyais/timestamped.ais", 4, 0, 1) },
    // Nine lines hold two sentences with the text `\r\n` between them.
    clean("aislib/ais250.txt", 243, 8, 0),
    clean("aislib/decode_encode_messages.txt", 601, 45, 0),
    clean("aislib/replay_dump.txt", 50, 1, 50),
    Case { ignored: 1, expired: 1, ..clean("aislib/small_cb_example.txt", 11, 4, 11) },
    clean("aislib/stream_example.txt", 4_051, 449, 4_051),
    // Comments, and one sentence that lost its first character.
    Case { ignored: 1_002, ..clean("gpsd/sample.aivdm", 102, 14, 3) },
    Case { ignored: 4, ..clean("gpsd/ais-18-27.log", 276, 0, 0) },
    Case { ignored: 7, ..clean("gpsd/ais-nmea-type6-fid55.log", 1_326, 154, 0) },
    Case { ignored: 1_317, ..clean("gpsd/ais-nmea.log", 171, 12, 0) },
    Case { ignored: 7, ..clean("gpsd/ais-raw-messages.log", 109, 5, 0) },
    Case { ignored: 7, ..clean("gpsd/ais_unpack_sixbit.log", 13, 7, 0) },
    Case { refused: &[("too_short", 1)], ignored: 47, ..clean("libais/test.aivdm", 260, 2, 260) },
];

#[test]
fn recorded_files_give_their_counts() {
    for case in CASES {
        let kept = assemble(&data(case.file));
        let file = case.file;
        assert_eq!(kept.messages.len(), case.messages, "{file}");
        assert_eq!(kept.messages.iter().filter(|got| got.parts > 1).count(), case.joined, "{file}");
        let timed = kept.messages.iter().filter(|got| got.sent_us.is_some()).count();
        assert_eq!(timed, case.timed, "{file}");
        let refused: Vec<(&str, u64)> = kept.by_reason().into_iter().collect();
        assert_eq!(refused, case.refused, "{file}");
        assert_eq!((kept.ignored, kept.expired), (case.ignored, case.expired), "{file}");
    }
}

/// Sentences in a file, counted without the code under test: `!` or `$`, two characters, `VDM` or `VDO`, in lines that
/// are no comments.
fn sentences(bytes: &[u8]) -> usize {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#"));
    lines
        .flat_map(|line| line.windows(6))
        .filter(|six| matches!(six, [b'!' | b'$', _, _, b'V', b'D', b'M' | b'O']))
        .count()
}

fn accounted(kept: &Kept) -> usize {
    let parts: usize = kept.messages.iter().map(|got| usize::from(got.parts)).sum();
    parts + kept.rejects.len() + usize::try_from(kept.expired).unwrap()
}

#[test]
fn every_sentence_of_every_file_is_accounted_for() {
    for case in CASES {
        let bytes = data(case.file);
        assert_eq!(accounted(&assemble(&bytes)), sentences(&bytes), "{}", case.file);
    }
}

#[test]
fn stamp_lines_date_the_sentence_that_follows() {
    let kept = assemble(&data("aislib/replay_dump.txt"));
    // 2013-03-18 09:19:09.499.
    assert_eq!(kept.messages[0].sent_us, Some(1_363_598_349_499_000));
    let kept = assemble(&data("pyais/gatehouse.nmea"));
    let times: Vec<bool> = kept.messages.iter().map(|got| got.sent_us.is_some()).collect();
    assert_eq!(times.iter().filter(|timed| **timed).count(), 1);
}
