//! Every recording goes through the whole engine, and every message in it is accounted for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::database::Database;
use crate::support::log::totals;
use crate::support::process::{Home, wait_for};

/// Recordings, whatever their names end with; answers of other decoders are no recordings.
fn recordings(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recordings(&path, found);
        } else if path.extension().is_none_or(|it| it != "chk" && it != "json" && it != "md") {
            found.push(path);
        }
    }
}

/// Replays files, each a feed, and checks the sums of each; everything that was received, by what became of it.
fn replay(files: &[PathBuf]) -> BTreeMap<String, u64> {
    let home = Home::new("");
    let mut replay = home.command("replay");
    replay.args(["--start", "2024-01-01T00:00:00Z"]).args(files);
    let status = wait_for(&mut replay.spawn().unwrap(), &home.config().with_file_name("log"));
    assert_eq!(status.code(), Some(0), "{files:?}\n{}", home.log());
    let mut sums = BTreeMap::new();
    for (feed, total) in totals(&home.log()) {
        let left = ["stored", "repeats", "rejected", "dropped"].iter().map(|name| total[*name]);
        assert_eq!(left.sum::<u64>(), total["received"], "{feed} of {files:?}: {total:?}");
        assert_eq!((total["dropped"], total["recovered"]), (0, 0), "{feed} of {files:?}");
        for (name, count) in total {
            *sums.entry(name).or_default() += count;
        }
    }
    let store = Database::open(&home.data());
    store.assert_nothing_is_twice();
    assert_eq!(store.messages(), sums.get("stored").copied().unwrap_or(0), "{files:?}");
    sums
}

#[test]
fn every_recording_is_replayed_to_its_end_and_its_sums_come_out() {
    let mut files = Vec::new();
    recordings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"), &mut files);
    files.sort();
    assert!(files.len() > 50, "{}", files.len());
    let mut received = 0;
    // Large ones alone; small ones many at once, as feeds of one engine.
    let large = |path: &&PathBuf| path.metadata().unwrap().len() > 100_000;
    for file in files.iter().filter(large) {
        let sums = replay(std::slice::from_ref(file));
        eprintln!("{}: {sums:?}", file.file_name().unwrap().display());
        received += sums["received"];
    }
    let small: Vec<PathBuf> = files.iter().filter(|path| !large(path)).cloned().collect();
    for files in small.chunks(48) {
        received += replay(files)["received"];
    }
    assert!(received > 40_000, "{received}");
}
