//! Whatever lies where the dead letters should, they are opened, refused or put aside, and what was opened works.
//!
//! Input: one byte that says what: bits 0-1 the bytes as they are, a good file changed in places, a good file cut, or values for
//! its rows; then the bytes. A change is three bytes: two for the place, one for the value.
//!
//! Holds: no panic; a file that was opened is read whole; everything in it can be marked, given back, hurried and cleared, and then
//! it is empty as far as its rows were passed; counters say what it holds; a file that was put aside is there byte by byte.
#![no_main]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use aisd::config::DeadLetterConfig;
use aisd::observe::counts::{Counts, FeedCounts};
use aisd::resilience::dead_letters::{DeadLetters, FILE_NAME, Fate, Owned, Reader, Which};
use libfuzzer_sys::fuzz_target;
use rusqlite::{Connection, params};

fuzz_target!(|input: &[u8]| {
    let Some((what, bytes)) = input.split_first() else { return };
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let path = dir.path().join(FILE_NAME);
    let file = match what & 3 {
        0 => bytes.to_vec(),
        1 => changed(bytes),
        2 => cut(bytes),
        _ => with_values(bytes),
    };
    std::fs::write(&path, &file).expect("write it");
    if let Ok(Some(reader)) = Reader::open(dir.path()) {
        let _ = (reader.stats(), reader.peek(100));
    }
    let counts = Arc::new(Counts { feeds: vec![FeedCounts::default()], ..Counts::default() });
    let config = DeadLetterConfig::default();
    let Ok(letters) = DeadLetters::open(dir.path(), &config, &counts) else { return };
    if counts.dead_letters.quarantined.get() > 0 {
        let aside = dir.path().join("journal/quarantine").join(format!("{FILE_NAME}.1"));
        assert_eq!(std::fs::read(aside).expect("it is kept"), file);
        assert!(letters.is_empty());
    }
    // A table of the right name may lack columns; then every step says so.
    let _ = use_up(letters, &counts, dir.path());
});

fn use_up(
    mut letters: DeadLetters,
    counts: &Counts,
    dir: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    letters.settle((0..64).map(|partition| (partition, u64::MAX >> 1)))?;
    let owned = Owned::of(&(0..64).collect::<Vec<u8>>());
    let in_doubt: Vec<_> =
        letters.in_doubt(owned)?.into_iter().map(|seq| (seq, Fate::Nothing)).collect();
    letters.tried(&in_doubt, 1)?;
    let due = letters.take_due(i64::MAX, owned, 100)?;
    for letter in &due {
        let _ = (letter.parsed(), letter.to_json().to_string());
    }
    let fates: Vec<_> = due.iter().map(|letter| (letter.seq, fate(letter.seq))).collect();
    letters.tried(&fates, 1)?;
    let stats = Reader::open(dir)?.ok_or("no file")?.stats()?;
    assert_eq!([stats.rows, stats.messages], [letters.len(), letters.messages()]);
    assert_eq!(counts.dead_letters.dead.get().unsigned_abs(), stats.dead);
    letters.hurry(Which::Pending, i64::MAX)?;
    letters.hurry(Which::Dead, i64::MAX)?;
    while letters.clear(Which::Pending, i64::MAX)? + letters.clear(Which::Dead, i64::MAX)? > 0 {}
    Ok(())
}

fn fate(seq: u64) -> Fate {
    match seq % 3 {
        0 => Fate::Delivered,
        1 => Fate::Expired,
        _ => Fate::Refused { sqlstate: "23514".to_owned(), reason: "no".to_owned() },
    }
}

/// A good file with a few letters, closed.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| file_with(&[(1, "position"), (2, "vessel"), (3, "message")], b"{}"))
}

fn file_with(rows: &[(i64, &str)], bytes: &[u8]) -> Vec<u8> {
    let dir = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let counts = Arc::new(Counts::default());
    drop(DeadLetters::open(dir.path(), &DeadLetterConfig::default(), &counts).expect("a new file"));
    let path = dir.path().join(FILE_NAME);
    let file = Connection::open(&path).expect("open it");
    let byte = |at: usize| i64::from(bytes.get(at).copied().unwrap_or(0));
    let spread = |at: usize| match byte(at + 1) {
        255 => i64::MAX - byte(at),
        254 => i64::MIN + byte(at),
        shift => byte(at) << (shift % 63),
    };
    let _ = file.pragma_update(None, "ignore_check_constraints", byte(0) & 1);
    let text = String::from_utf8_lossy(bytes.get(24..).unwrap_or(bytes));
    for (nth, (seq, kind)) in rows.iter().enumerate() {
        let at = nth * 6;
        let row = params![
            seq + byte(at), kind, byte(at + 1) % 65, spread(at + 2), byte(at + 3), spread(at + 4), text, "23514", text,
            byte(at + 5), spread(at), spread(at + 1), byte(at) & 1, byte(at + 2), spread(at + 3), byte(at + 1) & 1,
            byte(at + 4) & 1
        ];
        let marks = ["?"; 17].join(", ");
        let _ = file.execute(&format!("INSERT INTO letters VALUES ({marks})"), row);
    }
    let _ = file.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(file);
    std::fs::read(&path).expect("read it")
}

fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut file = good().to_vec();
    for change in bytes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        file[at] = change[2];
    }
    file
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    let at = bytes.first_chunk().map_or(0, |two| usize::from(u16::from_le_bytes(*two)));
    good()[..at.min(good().len())].to_vec()
}

fn with_values(bytes: &[u8]) -> Vec<u8> {
    file_with(&[(1, "position"), (1, "vessel"), (2, "message"), (3, "position")], bytes)
}
