//! What is wrong with a configuration, and where: one line for each fault, all of them at once.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `FILE:LINE`, the environment variable, or the flag.
    pub place: String,
    /// What is wrong, what is allowed, and the way out.
    pub text: String,
}

impl Fault {
    /// A fault at this place. The text becomes one line: what would end it, or steer a terminal, is escaped.
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: one_line(text.into()) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.text)
    }
}

fn one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        if char.is_control() { line.extend(char.escape_default()) } else { line.push(char) }
    }
    line
}

/// The known name that looks most like this one, if any does.
#[must_use]
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const SIMILAR: f64 = 0.7;
    // The first measure forgives what is missing at the end, the second what changed places.
    let likeness = |name: &str| {
        strsim::jaro_winkler(unknown, name)
            .max(strsim::normalized_damerau_levenshtein(unknown, name) + 0.1)
    };
    known
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The end of a text about an unknown name: the nearest one, or all of them.
#[must_use]
pub fn suggestion<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> String {
    let known = known.into_iter();
    nearest(unknown, known.clone()).map_or_else(
        || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        |name| format!("did you mean {name}?"),
    )
}
