//! The rules of the house that no compiler knows: sizes, layers, words, comments, and documents that tell the truth.
//!
//! Sizes are a ratchet: what is over a bound stands in a list with its present size, and may only shrink. A list that is
//! larger than what it describes fails as well, so that it is lowered together with the code.

mod documents;
mod layers;
mod source;

use source::{Source, all, named};

/// Lines of a file at most.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function at most, from `fn` to its brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Longer files, with their lines. Only lower these.
const LONGER_FILES: &[(&str, usize)] = &[];
/// Longer functions as `file: name`, with their lines. Only lower these.
const LONGER_FUNCTIONS: &[(&str, usize)] = &[];
/// Files that are tables of cases, which may be of any length.
const TABLES: &[&str] = &[];

/// Where `unsafe` is needed, and for what.
const UNSAFE: &[(&str, &str)] = &[
    ("src/feed/udp/receive.rs", "recvmmsg and its control messages"),
    ("src/shard/prefetch.rs", "a hint to the processor"),
    ("src/supervisor/limits.rs", "mallopt"),
    ("src/given.rs", "sockets that systemd passes, by their numbers"),
];

/// Says everything that is wrong at once.
fn nothing(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n{}", wrong.join("\n"));
}

/// What is over a bound and not in the list at its present size.
fn ratchet(found: &[(String, usize)], bound: usize, listed: &[(&str, usize)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, lines) in found.iter().filter(|(_, lines)| *lines > bound) {
        match listed.iter().find(|(name, _)| name == what) {
            None => wrong.push(format!("{what} has {lines} lines, at most {bound} are allowed")),
            Some((_, known)) if lines > known => {
                wrong.push(format!("{what} has grown from {known} lines to {lines}"));
            }
            Some((_, known)) if lines < known => {
                wrong.push(format!("{what} has {lines} lines now, lower its entry from {known}"));
            }
            Some(_) => {}
        }
    }
    let still = |name: &str| found.iter().any(|(what, lines)| what == name && *lines > bound);
    let gone = listed.iter().filter(|(name, _)| !still(name));
    wrong.extend(gone.map(|(name, _)| format!("{name} is within the bound, remove its entry")));
    wrong
}

#[test]
fn a_ratchet_goes_one_way() {
    let check = |lines, listed: &[(&str, usize)], expected: usize| {
        let found = [("a.rs".to_owned(), lines)];
        assert_eq!(ratchet(&found, 10, listed).len(), expected, "{lines} {listed:?}");
    };
    check(10, &[], 0);
    check(11, &[], 1);
    check(12, &[("a.rs", 12)], 0);
    check(13, &[("a.rs", 12)], 1);
    check(11, &[("a.rs", 12)], 1);
    check(10, &[("a.rs", 12)], 1);
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    let opens = |source: &Source| source.text.lines().next().is_some_and(is_doc);
    let wrong = named(all().iter().filter(|source| !opens(source)));
    nothing(&wrong, "the first line of a source file is its //! doc");
}

fn is_doc(line: &str) -> bool {
    line.strip_prefix("//! ").is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn every_file_of_tests_is_run() {
    let declared = source::read("tests/main.rs").text + &source::read("Cargo.toml").text;
    let mut wrong = Vec::new();
    for source in all() {
        let Some(name) = source.path.strip_prefix("tests/").and_then(|it| it.strip_suffix(".rs"))
        else {
            continue;
        };
        let named = [format!("mod {name};"), format!("path = \"tests/{name}.rs\"")];
        let run = name.contains('/') || named.iter().any(|it| declared.contains(it));
        wrong.extend((!run).then_some(source.path));
    }
    nothing(&wrong, "tests/main.rs or Cargo.toml names every file of tests");
}

#[test]
fn no_file_is_longer_than_its_bound() {
    let sources = all();
    let files = sources.iter().filter(|source| !TABLES.contains(&source.path.as_str()));
    let lengths: Vec<_> = files.map(|it| (it.path.clone(), it.text.lines().count())).collect();
    nothing(&ratchet(&lengths, FILE_LINES_MAX, LONGER_FILES), "files are short");
}

#[test]
fn no_function_is_longer_than_its_bound() {
    let lengths: Vec<_> = all().iter().flat_map(Source::functions).collect();
    assert!(lengths.len() > 500, "only {} functions found", lengths.len());
    nothing(&ratchet(&lengths, FUNCTION_LINES_MAX, LONGER_FUNCTIONS), "functions are short");
}

#[test]
fn unsafe_stands_only_where_it_is_listed() {
    let word = concat!("un", "safe ");
    let mut wrong = Vec::new();
    for source in all() {
        let uses = source.code().any(|line| line.contains(word));
        let listed = UNSAFE.iter().any(|(path, _)| *path == source.path);
        if uses != listed {
            wrong.push(format!("{}: uses it: {uses}, listed: {listed}", source.path));
        }
    }
    nothing(&wrong, "the list is what the code says");
}

#[test]
fn nothing_names_a_machine_or_is_left_for_later() {
    let later = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X ")];
    let machines = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut wrong = Vec::new();
    for source in all().into_iter().chain(source::texts()) {
        for (n, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}: {line}", source.path, n + 1);
            let in_engine = source.path.starts_with("src/");
            if machines.iter().any(|path| line.contains(path))
                || (in_engine && line.contains("/tmp/"))
                || later.iter().any(|word| line.contains(word))
            {
                wrong.push(place);
            }
        }
    }
    nothing(&wrong, "paths of machines and notes to self have no place here");
}

#[test]
fn every_direct_dependency_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for manifest in source::manifests() {
        let (mut in_table, mut before) = (false, "");
        for line in manifest.text.lines() {
            if line.starts_with('[') {
                in_table = line.ends_with("dependencies]");
            } else if in_table && line.contains(" = ") && !line.starts_with('#') {
                let explained = before.starts_with("# ");
                wrong.extend((!explained).then(|| format!("{}: {line}", manifest.path)));
            }
            before = line;
        }
    }
    nothing(&wrong, "one line over each dependency says what for");
}

#[test]
fn every_bench_opens_with_the_question_that_it_answers() {
    let benches = all();
    let benches = benches.iter().filter(|source| source.path.starts_with("benches/"));
    let asks = |source: &&Source| {
        let doc = source.text.lines().map_while(|line| line.strip_prefix("//! "));
        doc.collect::<String>().contains('?')
    };
    nothing(&named(benches.filter(|source| !asks(source))), "a bench opens with a question");
}
