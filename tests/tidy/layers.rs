//! The steps of the engine do not know one another; they meet in the supervisor.
//!
//! Every `crate::` path in `src` that leads out of its own module is looked at, tests apart. What is no step, face or
//! supervisor is common ground: anybody may use it, and it uses nothing but common ground.

use super::nothing;
use super::source::{Source, all};

/// The steps of the flow.
const STEPS: &[&str] = &["feed", "nmea", "journal", "ais", "shard", "store", "live", "forward"];
/// What looks at the engine from outside.
const FACES: &[&str] = &["http", "command"];

/// The few paths that lead from one step to another, and why each is there.
const ARROWS: &[(&str, &str, &str)] = &[
    ("feed", "nmea", "a feed cuts its bytes into messages on its own thread"),
    ("feed", "ais", "who waits for an answer is told what the shard would refuse"),
    ("feed", "shard::event_time", "and which times it would not believe"),
    ("forward", "feed::dial", "an output connects as a feed that is a client does"),
    ("forward", "feed::sockets", "and says the same of what fails"),
    ("nmea", "ais::bits", "the length of the longest payload is the standard's"),
    ("journal", "ais::json", "journal dump writes its objects with the writer of decoded messages"),
    ("shard", "ais", "decoding happens in the shard, so that it spreads over the cores"),
    ("shard", "journal::tail", "a shard reads the journal through its tail"),
    ("shard", "journal::Place", "and knows where it stands in it"),
    ("shard", "store::Offsets", "a shard makes rows only from where the store ends"),
    ("store", "journal::Shared", "the writer tells the journal what need not be kept"),
    ("store", "journal::COUNTER_BITS", "and counts what waits in it"),
];

/// Whether code of one module may use a path of another.
fn may(from: &str, path: &str) -> bool {
    let to = path.split("::").next().unwrap_or(path);
    let starts = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let is_common =
        |name: &str| !STEPS.contains(&name) && !FACES.contains(&name) && name != "supervisor";
    match from {
        "command" => true,
        "supervisor" => to != "command",
        "http" => !["supervisor", "command"].contains(&to),
        _ if is_common(to) => true,
        _ => ARROWS.iter().any(|(source, target, _)| *source == from && starts(target)),
    }
}

/// The module of a file: the first part of its path in `src`.
fn module(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.split(['/', '.']).next()
}

/// Every path behind `crate::`, groups taken apart.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, start) in text.match_indices("crate::") {
        let named = text[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        if !named {
            expand("", &text[at + start.len()..], &mut found);
        }
    }
    found
}

/// Adds the paths that begin here; says how many bytes they take.
fn expand(prefix: &str, text: &str, found: &mut Vec<String>) -> usize {
    let Some(group) = text.strip_prefix('{') else {
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = text.find(|letter| !word(letter)).unwrap_or(text.len());
        let path = format!("{prefix}{}", &text[..length]);
        return match text[length..].strip_prefix("::") {
            Some(rest) => length + 2 + expand(&format!("{path}::"), rest, found),
            None => {
                found.push(path);
                length
            }
        };
    };
    let mut at = 0;
    while !group[at..].starts_with('}') {
        let gap = group[at..].find(|letter: char| !letter.is_whitespace() && letter != ',');
        at += gap.unwrap_or(group.len() - at);
        if at >= group.len() || group[at..].starts_with('}') {
            break;
        }
        at += expand(prefix, &group[at..], found).max(1);
    }
    at + 2
}

#[test]
fn groups_of_paths_are_taken_apart() {
    let text = "use crate::a::{B, c::{self, D},\n    E};\nlet x = crate::f::g(1);";
    assert_eq!(paths(text), ["a::B", "a::c::self", "a::c::D", "a::E", "f::g"]);
}

#[test]
fn the_rule_knows_what_it_refuses() {
    let check = |from, path, expected| assert_eq!(may(from, path), expected, "{from} {path}");
    check("feed", "shard::Shard", false);
    check("feed", "queue::Outlet", true);
    check("shard", "journal::append::Append", false);
    check("shard", "journal::tail::Tail", true);
    check("journal", "supervisor::run", false);
    check("observe", "journal::Shared", false);
    check("http", "store::StoreReader", true);
    check("supervisor", "http::open", true);
}

#[test]
fn steps_do_not_import_one_another() {
    let sources = all();
    let ours = |source: &&Source| !source.is_test() && source.path != "src/main.rs";
    let (mut wrong, mut used) = (Vec::new(), Vec::new());
    for source in sources.iter().filter(ours) {
        let Some(from) = module(&source.path) else { continue };
        let text: Vec<&str> = source
            .without_tests()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for path in paths(&text.join("\n")) {
            let outside = !path.starts_with(&format!("{from}::"));
            if outside && !may(from, &path) {
                wrong.push(format!("{}: crate::{path}", source.path));
            }
            used.push((from.to_owned(), path));
        }
    }
    assert!(used.len() > 100, "only {} paths found", used.len());
    let unused = ARROWS.iter().filter(|(from, to, _)| {
        !used.iter().any(|(source, path)| source == from && path.starts_with(to))
    });
    wrong.extend(unused.map(|(from, to, _)| format!("nobody uses {from} -> {to} any more")));
    nothing(&wrong, "steps meet in the supervisor, and what they share is common ground");
}
