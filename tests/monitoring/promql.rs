//! Just enough of `PromQL` to tell the metrics and labels that a query names.

use std::collections::BTreeMap;

/// Words between metrics, and those before a list of labels.
const WORDS: &[&str] = &["and", "or", "unless", "bool", "offset"];
const BEFORE_LABELS: &[&str] = &["by", "on", "without", "ignoring", "group_left", "group_right"];

/// Every series of an exposition by its name, with the names of its labels.
pub fn exposed(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
        found.insert(name.to_owned(), label_names(labels));
    }
    found
}

/// The names in `a="x",b=~"y"`.
fn label_names(labels: &str) -> Vec<String> {
    let parts = labels.split('"').step_by(2).filter_map(|part| part.split(['=', '!']).next());
    let names = parts.map(|name| name.trim_matches([',', ' ']).to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Every metric that a query names, with the labels that it is picked by.
pub fn selectors(query: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find(|it: char| it.is_ascii_alphabetic() || it == '_') {
        // A duration such as 5m, or a number such as 2e9, is no name.
        let in_number = rest[..at].ends_with(|it: char| it.is_ascii_digit());
        rest = &rest[at..];
        let end = rest.find(|it: char| !(it.is_alphanumeric() || it == '_' || it == ':'));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if in_number || WORDS.contains(&word) {
            continue;
        }
        if BEFORE_LABELS.contains(&word) {
            rest = after.split_once(')').unwrap().1;
        } else if let Some(labels) = after.strip_prefix('{') {
            // A value may hold anything but a quote.
            let closing =
                labels.match_indices('}').find(|(at, _)| quotes(&labels[..*at]).is_multiple_of(2));
            let (inner, after) = labels.split_at(closing.unwrap().0);
            found.push((word.to_owned(), label_names(inner)));
            rest = after;
        } else if !after.trim_start().starts_with('(') && !is_function_of_labels(after) {
            found.push((word.to_owned(), vec![]));
        }
    }
    found
}

/// As in `sum by (le) (...)`, where the word before `by` is no metric.
fn is_function_of_labels(after: &str) -> bool {
    after.trim_start().starts_with("by ") || after.trim_start().starts_with("without ")
}

fn quotes(text: &str) -> usize {
    text.matches('"').count()
}

#[test]
fn names_and_labels_are_found_wherever_they_stand() {
    let check = |query: &str, expected: &[(&str, &[&str])]| {
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let expected = expected.iter().map(|(name, labels)| ((*name).to_owned(), owned(labels)));
        assert_eq!(selectors(query), expected.collect::<Vec<_>>(), "{query}");
    };
    check("up == 0 or absent(up{job=\"a\"})", &[("up", &[]), ("up", &["job"])]);
    check(
        "sum by (le) (rate(a_bucket{x=~\"b|c}\", y!=\"\"}[5m])) > 2e9",
        &[("a_bucket", &["x", "y"])],
    );
    check("time() - a > 60 unless on (job) b_c > 0", &[("a", &[]), ("b_c", &[])]);
    check("0.8 * a / b and b < 1e9", &[("a", &[]), ("b", &[]), ("b", &[])]);
    check("predict_linear(a[30m], 6 * 3600)", &[("a", &[])]);
}
