//! What becomes of a file that is not what was written: put aside when it is damaged, brought up when it is older.

use super::*;

/// A file with letters, closed.
fn written(dir: &Path) -> Vec<u8> {
    let (mut letters, _) = open(dir, 1000);
    let kept: Vec<Letter> = (0..200).map(|seq| letter(seq, Kind::Position, 1)).collect();
    letters.keep(&kept).unwrap();
    drop(letters);
    std::fs::read(dir.join(FILE_NAME)).unwrap()
}

fn put_aside(dir: &Path) -> Vec<std::path::PathBuf> {
    let Ok(files) = std::fs::read_dir(dir.join("journal/quarantine")) else { return Vec::new() };
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_damaged_file_is_put_aside_untouched_and_counted_and_a_new_one_begun() {
    let whole = written(tempfile::tempdir().unwrap().path());
    assert!(whole.len() > 3 * 4096, "{} bytes", whole.len());
    let check = |what: &str, bytes: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE_NAME), bytes).unwrap();
        assert!(is_unreadable(dir.path()));
        let (mut letters, counts) = open(dir.path(), 1000);
        assert_eq!((letters.len(), counts.dead_letters.quarantined.get()), (0, 1), "{what}");
        let aside = put_aside(dir.path());
        assert_eq!(aside.len(), 1, "{what}");
        assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes, "{what}");
        letters.keep(&[letter(1, Kind::Position, 1)]).unwrap();
        drop(letters);
        assert_eq!(open(dir.path(), 10).0.len(), 1, "{what}");
        assert_eq!(put_aside(dir.path()).len(), 1, "{what}");
    };
    check("cut in the middle", &whole[..whole.len() / 2]);
    check("cut within the header", &whole[..50]);
    check("cut by a page", &whole[..whole.len() - 4096]);
    check("no such file", b"this is no database, and long enough to be taken for one");
    let mut zeroed = whole.clone();
    zeroed[4096..8192].fill(0);
    check("a page of zeros", &zeroed);
}

/// Whether who only reads is told so, at one step or the other.
fn is_unreadable(dir: &Path) -> bool {
    match Reader::open(dir) {
        Ok(Some(reader)) => reader.peek(usize::MAX).is_err(),
        Ok(None) => false,
        Err(_) => true,
    }
}

#[test]
fn what_no_program_of_ours_writes_counts_as_damage() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let file = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    file.execute_batch(
        "PRAGMA ignore_check_constraints = 1; UPDATE letters SET partition = 99 WHERE seq = 7",
    )
    .unwrap();
    drop(file);
    let (letters, counts) = open(dir.path(), 10);
    assert_eq!((letters.len(), counts.dead_letters.quarantined.get()), (0, 1));
}

#[test]
fn a_file_of_the_first_version_is_brought_up_with_its_letters() {
    let dir = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    file.execute_batch(
        "CREATE TABLE letters (seq INTEGER NOT NULL, kind TEXT NOT NULL, partition INTEGER NOT NULL, mmsi INTEGER NOT NULL,
           source INTEGER NOT NULL, received_us INTEGER NOT NULL, row TEXT NOT NULL, sqlstate TEXT NOT NULL,
           reason TEXT NOT NULL, attempts INTEGER NOT NULL, first_failed_us INTEGER NOT NULL, last_failed_us INTEGER NOT NULL,
           passed INTEGER NOT NULL, PRIMARY KEY (seq, kind)) STRICT;
         CREATE INDEX letters_of_partition ON letters (partition, seq, source);
         CREATE INDEX letters_to_pass ON letters (partition, seq) WHERE passed = 0;
         INSERT INTO letters VALUES (7, 'message', 1, 5, 0, 5, '{}', '23514', 'no', 1, 10, 10, 1);
         PRAGMA application_id = 0x4149534C; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(file);
    let says = Reader::open(dir.path()).err().unwrap().to_string();
    assert!(says.contains("of version 1, which the next start brings up"), "{says}");
    let (mut letters, _) = open(dir.path(), 10);
    let due = letters.take_due(0, Owned::of(&[1]), 10).unwrap();
    assert_eq!((due.len(), due[0].seq, due[0].retries, due[0].is_dead), (1, 7, 0, false));
    assert_eq!(put_aside(dir.path()).len(), 0);
}
