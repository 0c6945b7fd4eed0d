//! The gate over the instructions of each step (`benches/count`): what got dearer does not pass.
//!
//! Counting takes a minute and is left to `.ci/run`; what is tested is the judgement, on counts that are made up.

use std::path::Path;
use std::process::Command;

const HEAD: &str = "# allowed per cent\t2\n# allowed per cent with another compiler\t10\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares counts with a reference; whether they pass, and what is said.
fn judged(reference: &str, found: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let (before, now) = (dir.path().join("before"), dir.path().join("now"));
    std::fs::write(&before, reference).unwrap();
    std::fs::write(&now, found).unwrap();
    let mut gate = Command::new(root().join("benches/count"));
    let out = gate.arg("--compare").args([&before, &now]).output().unwrap();
    (out.status.success(), String::from_utf8(out.stdout).unwrap())
}

fn counts(compiler: &str, counts: &[(&str, u32)]) -> String {
    let rows = counts.iter().map(|(name, count)| format!("{name}\t{count}\t1000\t0\n"));
    format!("{HEAD}# rustc\t{compiler}\n{}", rows.collect::<String>())
}

#[test]
fn a_count_that_rises_beyond_what_is_allowed_fails_and_is_named() {
    let check = |compiler, found: &[(&str, u32)], passes, says: &str| {
        let reference = counts("1.95.0", &[("decode/all", 100_000), ("route/all", 20_000)]);
        let (passed, said) = judged(&reference, &counts(compiler, found));
        assert_eq!(passed, passes, "{found:?}: {said}");
        assert!(said.contains(says), "{says} in {said}");
    };
    let same = &[("decode/all", 100_000), ("route/all", 20_000)];
    check("1.95.0", same, true, "2 cases");
    check("1.95.0", &[("decode/all", 101_900), ("route/all", 20_000)], true, "+1.90 %");
    let dearer = &[("decode/all", 102_100), ("route/all", 20_000)];
    check("1.95.0", dearer, false, "DEARER  decode/all");
    // Another compiler makes other code.
    check("1.96.0", dearer, true, "10 % is allowed");
    check("1.96.0", &[("decode/all", 111_000), ("route/all", 20_000)], false, "DEARER");
    check("1.95.0", &[("decode/all", 90_000), ("route/all", 20_000)], true, "cheaper decode/all");
    check("1.95.0", &[("decode/all", 100_000)], false, "GONE    route/all");
    check("1.95.0", &[same[0], same[1], ("more/all", 1000)], false, "NEW     more/all");
    check("1.95.0", &[], false, "nothing to compare");
}

#[test]
fn the_reference_passes_against_itself() {
    let reference = std::fs::read_to_string(root().join("benches/counts.tsv")).unwrap();
    let (passed, said) = judged(&reference, &reference);
    assert!(passed && said.contains("+0.00 %"), "{said}");
    for step in ["framer", "checksum", "route", "journal", "decode", "json", "dedup", "vessels"]
        .iter()
        .chain(&["decide", "copy", "sqlite", "pipeline"])
    {
        assert!(reference.contains(&format!("\n{step}/")), "{step} is not counted");
    }
}
