//! What no journal writes but disks and people can leave in its directory. Found by the fuzz target `segment_reader`.

use super::{NOW, config, rig};
use crate::journal::directory::Directory;
use crate::journal::first_of;
use crate::journal::segment::{Header, Segment};

/// Puts a segment with an intact header into a data directory; its first record is to have this number.
fn put_segment(root: &std::path::Path, index: u32, first_seq: u64) {
    let directory = Directory::take(root).unwrap();
    let instance = *directory.instance().as_bytes();
    let header = Header { instance, first_seq, created_us: NOW };
    Segment::create(&root.join("journal"), index, header, 4096).unwrap();
}

/// The file `generation` was lost after a million starts: the start went through a million generations to find one
/// that no segment had used, each of them synced, and took hours.
#[test]
fn a_lost_generation_is_made_up_for_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    put_segment(dir.path(), 1, first_of(1_000_000));
    std::fs::remove_file(dir.path().join("generation")).unwrap();
    let rig = rig(dir.path(), config(), 64);
    assert_eq!(rig.shared.next_seq(), first_of(1_000_001));
    drop(rig);
    assert_eq!(Directory::take(dir.path()).unwrap().generation(), 1_000_002);
}
