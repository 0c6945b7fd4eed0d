//! Recorded traffic of other projects, with counts that were checked against the files by hand.

use super::{assemble, data};

#[test]
fn recorded_files_give_their_counts() {
    for file in [
        "amsa/ais.txt",
        "kystverket/Ais1000Lines.nm4",
        "gfw/bad-type5.nmea",
        "gfw/ee-multiline.nmea",
        "gfw/errors.nmea",
        "gfw/mixed_types.nmea",
        "gfw/multi-part.nmea",
        "gfw/sample.nmea",
        "gfw/spire-test.nmea",
        "gfw/type1-bad-bitcount.nmea",
        "pyais/gatehouse.nmea",
        "pyais/mixed.txt",
        "pyais/nmea_data_sample.txt",
        "pyais/sample.ais",
        "pyais/timestamped.ais",
        "aislib/ais250.txt",
        "aislib/decode_encode_messages.txt",
        "aislib/replay_dump.txt",
        "aislib/small_cb_example.txt",
        "aislib/stream_example.txt",
        "gpsd/sample.aivdm",
        "gpsd/ais-18-27.log",
        "gpsd/ais-nmea-type6-fid55.log",
        "gpsd/ais-nmea.log",
        "gpsd/ais-raw-messages.log",
        "gpsd/ais_unpack_sixbit.log",
        "libais/test.aivdm",
    ] {
        let kept = assemble(&data(file));
        println!(
            "{file}: messages {} (joined {}, timed {}) rejects {:?} ignored {} expired {} tags {} dollars {}",
            kept.messages.len(),
            kept.messages.iter().filter(|m| m.parts > 1).count(),
            kept.messages.iter().filter(|m| m.sent_us.is_some()).count(),
            kept.by_reason(),
            kept.ignored,
            kept.expired,
            kept.tag_blocks,
            kept.dollars
        );
        for (r, l) in kept.rejects.iter().filter(|r| r.0 != "too_short").take(12) {
            println!("    {r} {}", String::from_utf8_lossy(l));
        }
    }
}
