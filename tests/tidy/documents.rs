//! What the documents name is there: files, tests, metrics and exit codes.

use super::nothing;
use super::source::{Source, all, read, root};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/FAULTS.md",
    "docs/OPERATIONS.md",
];
/// Beginnings of paths of this repository.
const FOLDERS: &[&str] =
    &["src/", "tests/", "loadgen/", "benches/", "config/", "docs/", "fuzz/", ".ci/", "./"];

/// What stands between single backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    let lines = text.lines().filter(move |line| {
        in_block ^= line.starts_with("```");
        !in_block
    });
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn documents() -> impl Iterator<Item = Source> {
    DOCUMENTS.iter().map(|path| read(path))
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    let mut wrong = Vec::new();
    for document in documents() {
        for path in quoted(&document.text) {
            let path = path.split([' ', ':']).next().unwrap_or(path);
            let ours = FOLDERS.iter().any(|folder| path.starts_with(folder) && path != *folder);
            let pattern = path.contains(['*', '{', '<', 'X']);
            if ours && !pattern && !root().join(path).exists() {
                wrong.push(format!("{}: {path}", document.path));
            }
        }
    }
    nothing(&wrong, "files that documents name exist");
}

/// The tests that a text names between backticks.
fn tests_named(text: &str) -> Vec<&str> {
    let is_name = |text: &str| {
        text.matches('_').count() > 2
            && text.chars().all(|it| it.is_ascii_lowercase() || it == '_' || it.is_ascii_digit())
    };
    quoted(text)
        .filter(|text| is_name(text) && !text.starts_with("ais_") && !text.ends_with("_total"))
        .collect()
}

fn assert_tests_exist(names: &[&str]) {
    let code: String = all().into_iter().map(|source| source.text).collect();
    let missing = names.iter().filter(|name| !code.contains(&format!("fn {name}(")));
    let wrong: Vec<String> = missing.map(|name| (*name).to_owned()).collect();
    nothing(&wrong, "a promise is held by tests that exist");
}

#[test]
fn every_test_that_the_readme_names_is_there() {
    let readme = read("README.md").text;
    let promises = readme.split("\n## ").find(|part| part.starts_with("Promises"));
    let names = tests_named(promises.expect("README has a section on promises"));
    assert!(names.len() >= 10, "only {} tests named", names.len());
    assert_tests_exist(&names);
}

#[test]
fn every_test_that_the_guides_name_is_there() {
    for path in ["SECURITY.md", "docs/OPERATIONS.md"] {
        let text = read(path).text;
        let names = tests_named(&text);
        assert!(!names.is_empty(), "{path} names none");
        assert_tests_exist(&names);
    }
}

/// One row for each fault, and each says which tests hold it or what is missing.
#[test]
fn every_fault_has_its_row_with_tests_that_are_there() {
    let text = read("docs/FAULTS.md").text;
    let mut wrong = Vec::new();
    for fault in 1..=37 {
        let begins = format!("| F{fault} ");
        let mut rows = text.lines().filter(|line| line.starts_with(&begins));
        let (row, another) = (rows.next().unwrap_or_default(), rows.next());
        let answered = !tests_named(row).is_empty() || row.contains("pending");
        wrong.extend((!answered || another.is_some()).then(|| format!("F{fault}: {row}")));
    }
    nothing(&wrong, "each fault has one row, with tests or with what is pending");
    assert_tests_exist(&tests_named(&text));
}

#[test]
fn every_metric_that_the_documents_name_is_exported() {
    let known: String = all()
        .into_iter()
        .filter(|source| source.path.starts_with("src/observe/"))
        .map(|source| source.text)
        .collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for name in quoted(&document.text).filter(|name| name.starts_with("ais_")) {
            let name = name.split(['{', ' ']).next().unwrap_or(name);
            if !name.contains('*') && !known.contains(&format!("\"{name}\"")) {
                wrong.push(format!("{}: {name}", document.path));
            }
        }
    }
    nothing(&wrong, "metrics that documents name exist");
}

#[test]
fn every_exit_code_is_in_the_readme() {
    let readme = read("README.md").text;
    let mut wrong = Vec::new();
    for line in read("src/exit.rs").text.lines() {
        let Some(code) = line.strip_prefix("pub const ").and_then(|it| it.split_once(" = ")) else {
            continue;
        };
        let row = format!("| {} |", code.1.trim_end_matches(';'));
        if !readme.contains(&row) {
            wrong.push(line.to_owned());
        }
    }
    nothing(&wrong, "README lists every exit code");
}
