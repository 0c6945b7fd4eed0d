//! What no journal writes but disks and people can leave in its directory. Found by the fuzz target `segment_reader`.

use std::os::unix::fs::FileExt;

use super::{NOW, batch, config, rig};
use crate::journal::directory::Directory;
use crate::journal::segment::{HEADER_BYTES, Header, Segment};
use crate::journal::{GENERATIONS_MAX, first_of};
use crate::record;
use crate::stage::Stage;

/// Puts a segment into a data directory: an intact header that states this number, and intact records of these.
fn put_segment(root: &std::path::Path, index: u32, first_seq: u64, seqs: &[u64]) {
    let directory = Directory::take(root).unwrap();
    let instance = *directory.instance().as_bytes();
    let header = Header { instance, first_seq, created_us: NOW, is_again: false };
    let (_, file) = Segment::create(&root.join("journal"), index, header, 4096).unwrap();
    let mut at = u64::from(HEADER_BYTES);
    for seq in seqs {
        let mut bytes = batch(1, NOW).into_bytes();
        let length = record::length(&bytes).unwrap();
        record::number(&mut bytes[..length], *seq);
        file.write_all_at(&bytes, at).unwrap();
        at += bytes.len() as u64;
    }
}

/// The file `generation` was lost after a million starts: the start went through a million generations to find one
/// that no segment had used, each of them synced, and took hours.
#[test]
fn a_lost_generation_is_made_up_for_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    put_segment(dir.path(), 1, first_of(1_000_000), &[]);
    std::fs::remove_file(dir.path().join("generation")).unwrap();
    let rig = rig(dir.path(), config(), 64);
    assert_eq!(rig.shared.next_seq(), first_of(1_000_001));
    drop(rig);
    assert_eq!(Directory::take(dir.path()).unwrap().generation(), 1_000_002);
}

/// A record with an intact checksum and the highest number there is: the reader added one to it and overflowed. As the
/// first number of a segment it made the next start count from 0 again.
#[test]
fn numbers_that_no_journal_reaches_are_not_taken_for_its_own() {
    let dir = tempfile::tempdir().unwrap();
    put_segment(dir.path(), 1, first_of(1), &[first_of(1), u64::MAX, first_of(1) + 1]);
    put_segment(dir.path(), 2, first_of(GENERATIONS_MAX), &[]);
    let mut rig = rig(dir.path(), config(), 64);
    assert_eq!(rig.read_all(), [first_of(1), first_of(1) + 1]);
    assert_eq!(rig.counts.journal.corrupt_records.get(), 1);
    assert_eq!(rig.counts.journal.quarantined.get(), 1);
}

#[test]
fn a_directory_whose_generations_are_used_up_says_so() {
    let dir = tempfile::tempdir().unwrap();
    drop(Directory::take(dir.path()).unwrap());
    std::fs::write(dir.path().join("generation"), (GENERATIONS_MAX - 1).to_string()).unwrap();
    let refused = Directory::take(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("generations of this data directory are used up"), "{refused}");
}

/// A file with the highest index there is: the next one went round to 0, its segment came before all others in the order of
/// places, and what was appended to it was never read.
#[test]
fn a_segment_after_which_there_is_no_other_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    put_segment(dir.path(), u32::MAX, first_of(1), &[first_of(1)]);
    let mut first = rig(dir.path(), config(), 64);
    assert_eq!(first.counts.journal.quarantined.get(), 1);
    first.offer(2);
    first.append_all();
    assert_eq!(first.read_all().len(), 2);
    drop(first);
    put_segment(dir.path(), u32::MAX - 1, first_of(9), &[]);
    let mut last = rig(dir.path(), config(), 64);
    last.offer(1);
    let broken = last.append.turn().unwrap_err().to_string();
    assert_eq!(broken, "the journal has a segment 4294967294, and no index is left for the next");
}
