//! The files of this repository as the rules look at them.

use std::path::{Path, PathBuf};

/// Folders with code of ours.
const CODE: &[&str] = &["src", "loadgen/src", "loadgen/tests", "benches", "fuzz", "tests"];
/// Folders that are not ours, or are data.
const SKIPPED: &[&str] = &["target", "data", "corpus", "artifacts", "coverage"];

/// A file: its path from the root, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// With `/` between its parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Source {
    /// Lines that are not comments.
    pub fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//"))
    }

    /// The text before the tests that stand at its end.
    pub fn without_tests(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// Whether it is there for tests alone.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.split(['/', '.']);
        parts.any(|part| part == "tests" || part == "testing" || part.ends_with("_tests"))
    }

    /// Every function with its lines, as `file: name`. The formatter puts a function's brace under its first letter.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let margin = &line[..line.len() - line.trim_start().len()];
            let length = function_lines(&lines[at..], margin);
            found.push((format!("{}: {name}", self.path), length));
        }
        found
    }
}

/// From the first line of a function to its closing brace, or to the semicolon of one without a body.
fn function_lines(lines: &[&str], margin: &str) -> usize {
    let opens = |line: &&str| line.ends_with(['{', ';']) || line.ends_with("{}");
    let head = lines.iter().position(opens).unwrap_or(0);
    if !lines[head].ends_with('{') {
        return head + 1;
    }
    let closes = |line: &&str| line.strip_prefix(margin) == Some("}");
    lines[head..].iter().position(closes).map_or(0, |body| head + body + 1)
}

fn function_name(line: &str) -> Option<&str> {
    const BEFORE: &[&str] =
        &["pub", "pub(super)", "pub(crate)", "const", concat!("un", "safe"), "fn"];
    let (before, after) = line.trim_start().split_once("fn ")?;
    before.split_whitespace().all(|word| BEFORE.contains(&word)).then_some(())?;
    let end = after.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    (end > 0).then(|| &after[..end])
}

/// All code of ours.
pub fn all() -> Vec<Source> {
    CODE.iter().flat_map(|folder| files(folder, &["rs"])).collect()
}

/// Documents, settings and scripts.
pub fn texts() -> Vec<Source> {
    let root = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/FAULTS.md",
        "docs/OPERATIONS.md",
        "deny.toml",
    ];
    let scripts = ["demo", "tests/run", "tests/package", ".ci/run", "benches/count", "benches/run"];
    let packaging = ["build", "postinst", "prerm", "postrm", "copyright", "changelog"];
    let packaging = packaging.map(|name| read(&format!("config/debian/{name}")));
    let single = root.iter().chain(&scripts).map(|path| read(path));
    single
        .chain(files("config", &["toml", "yml", "json", "service", "socket", "sql", "acl"]))
        .chain(manifests())
        .chain(packaging)
        .chain([read("config/docker/Dockerfile")])
        .collect()
}

/// Every `Cargo.toml`.
pub fn manifests() -> Vec<Source> {
    let paths = ["Cargo.toml", "loadgen/Cargo.toml", "fuzz/Cargo.toml"];
    paths.iter().filter(|path| root().join(path).exists()).map(|path| read(path)).collect()
}

/// A file of this repository.
pub fn read(path: &str) -> Source {
    let text = std::fs::read_to_string(root().join(path));
    let text = text.unwrap_or_else(|error| panic!("read {path}: {error}"));
    Source { path: path.to_owned(), text }
}

/// The folder of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Their paths.
pub fn named<'a>(sources: impl Iterator<Item = &'a Source>) -> Vec<String> {
    sources.map(|source| source.path.clone()).collect()
}

/// Files under a folder with one of these extensions, in order; none when the folder is not there.
fn files(folder: &str, extensions: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root().join(folder)) else { return found };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy();
        let inner = format!("{folder}/{name}");
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !SKIPPED.contains(&name.as_ref()) {
            found.extend(files(&inner, extensions));
        } else if path.is_file() && extensions.contains(&extension.as_ref()) {
            found.push(read(&inner));
        }
    }
    found
}

#[test]
fn functions_are_measured_from_their_name_to_their_brace() {
    let text = "impl A {\n    pub const fn one(\n        a: u8,\n    ) -> u8 {\n        if a > 0 {\n            1\n        }\n    }\n\
                \n    fn two(&self);\n    fn three() -> u8\n    where\n        Self: Sized;\n    fn four() {}\n}\n";
    let source = Source { path: "a.rs".to_owned(), text: text.to_owned() };
    let expected = [("a.rs: one", 7), ("a.rs: two", 1), ("a.rs: three", 3), ("a.rs: four", 1)];
    assert_eq!(source.functions(), expected.map(|(name, lines)| (name.to_owned(), lines)));
}
