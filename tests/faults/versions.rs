//! Files of another version of this program, older and newer: not read by guessing, not changed, and named.

use std::path::PathBuf;
use std::process::Stdio;

use rusqlite::Connection;

use super::{KEEP_ALL, assert_stored, store};
use crate::support::http::metrics;
use crate::support::process::{Home, aisd};

const EACH: u32 = 500;

fn first_segment(home: &Home) -> PathBuf {
    home.data().join("journal").join(aisd::journal::segment::file_name(1))
}

#[test]
fn a_segment_of_another_version_is_kept_untouched_and_named_and_the_rest_goes_on() {
    for version in [0_u32, 2, 7] {
        let home = Home::new(KEEP_ALL);
        store(&home, 0..EACH);
        let segment = first_segment(&home);
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        std::fs::write(&segment, &bytes).unwrap();
        let daemon = home.start();
        assert_eq!(metrics(daemon.http()).number("/journal/quarantined"), 1);
        assert_eq!(daemon.stop(), Some(0));
        let kept = home.data().join("journal/quarantine").join(segment.file_name().unwrap());
        assert_eq!(std::fs::read(&kept).unwrap(), bytes, "untouched");
        let said = format!("format version {version}, this program reads only version 1");
        assert!(home.log().contains(&said), "{}", home.log());

        // The program that wrote it reads it again: what is stored is known by number, so nothing is twice.
        bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
        std::fs::write(&segment, &bytes).unwrap();
        store(&home, EACH..2 * EACH);
        assert_stored(&home, 0..2 * EACH);
    }
}

#[test]
fn tables_of_another_version_are_refused_untouched_with_the_way_out() {
    for version in [0, 3, 9] {
        let home = Home::new(KEEP_ALL);
        store(&home, 0..EACH);
        let path = home.data().join("aisd.db");
        let set = |version: i32| {
            let database = Connection::open(&path).unwrap();
            database.pragma_update(None, "user_version", version).unwrap();
        };
        set(version);
        let before = std::fs::read(&path).unwrap();
        let mut run = aisd();
        run.arg("run").arg("--config").arg(home.config()).arg("--data-dir").arg(home.data());
        run.args(["--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"]).stdin(Stdio::null());
        let output = run.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(74), "{text}");
        let said = format!("has tables of version {version}, this program knows version 2");
        assert!(text.contains(&said) && text.contains("run the program that made it"), "{text}");
        assert!(std::fs::read(&path).unwrap() == before, "the file is untouched");
        set(2);
        store(&home, EACH..2 * EACH);
        assert_stored(&home, 0..2 * EACH);
    }
}
